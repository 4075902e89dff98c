"""Parking asynchronous chats and bringing finished ones back, as agents call it (spec/push.md 8)."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import pytest
from agent_stand import Stand, make_stand


@pytest.fixture
def stand() -> Stand:
    return make_stand("[settings]\nsession-restore-extend-by=agent\n")


def taken(stand: Stand, agent, **user_data: str) -> str:
    """A chat that this agent has."""
    chat_id = stand.start_chat(**user_data).session.id
    assert 200 == agent.post(f"/chats/{chat_id}/accept").status_code
    return chat_id


def listed(agent, state: str) -> list[str]:
    return [item["chatId"] for item in agent.get(f"/chats?state={state}").json["items"]]


def test_park(stand):
    """The answer holds the agent's leaving; the chat sleeps outside the waiting list until it is accepted."""
    anna = stand.caller("agent", "Anna")
    chat_id = taken(stand, anna, GCTI_Chat_AsyncMode="true")
    answer = anna.post(f"/chats/{chat_id}/park")
    assert (200, ["ParticipantLeft"]) == (answer.status_code, [one["type"] for one in answer.json["items"]])
    item = anna.get(f"/chats/{chat_id}").json
    assert (True, True, None) == (item["asynchronous"], item["parked"], item["waitingSeconds"])
    assert ([], [chat_id]) == (listed(anna, "waiting"), listed(anna, "parked"))
    assert anna.post(f"/chats/{chat_id}/accept").json["parked"] is False


def test_park_is_for_asynchronous_chats(stand):
    """409 as a problem for an ordinary chat, 403 for a stranger."""
    anna, bert = stand.caller("agent", "Anna"), stand.caller("agent", "Bert")
    chat_id = taken(stand, anna)
    for agent, status in ((anna, 409), (bert, 403)):
        answer = agent.post(f"/chats/{chat_id}/park")
        assert (status, "application/problem+json") == (answer.status_code, answer.content_type)


def test_restore(stand):
    """The answer is the chat, active again with the caller in it; repeating it changes nothing."""
    anna = stand.caller("agent", "Anna")
    chat_id = taken(stand, anna)
    anna.post(f"/chats/{chat_id}/close")
    first = anna.post(f"/chats/{chat_id}/restore")
    assert (200, "active", 3) == (first.status_code, first.json["state"], first.json["me"])
    assert first.json == anna.post(f"/chats/{chat_id}/restore").json
    assert 200 == anna.post(f"/chats/{chat_id}/messages", {"text": "welcome back"}).status_code


@pytest.mark.parametrize(("role", "status"), [("agent", 403), ("bot", 403), ("supervisor", 409)])
def test_restore_refused(stand, role, status):
    """Strangers and bots 403; a second person 409 with the name of the first."""
    anna, other = stand.caller("agent", "Anna"), stand.caller(role, "Bert")
    chat_id = taken(stand, anna)
    anna.post(f"/chats/{chat_id}/close")
    anna.post(f"/chats/{chat_id}/restore")
    answer = other.post(f"/chats/{chat_id}/restore")
    assert (status, "application/problem+json") == (answer.status_code, answer.content_type)
    assert (status == 409) == (answer.json.get("by") == "Anna")


def test_restore_is_off_by_default():
    """session-restore-extend-by is none: 403, and the chat stays ended."""
    stand = make_stand()
    anna = stand.caller("agent", "Anna")
    chat_id = taken(stand, anna)
    anna.post(f"/chats/{chat_id}/close")
    assert 403 == anna.post(f"/chats/{chat_id}/restore").status_code
    assert "ended" == anna.get(f"/chats/{chat_id}").json["state"]
