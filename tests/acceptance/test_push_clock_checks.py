"""Acceptance check 12 of spec/push.md 11: protocol inactivity and idle control are two clocks, end to end.

A real gateway whose seconds stand for the minutes and days of the defaults, and a real receiver.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.clients import Agent, Message, Rest
from support.gateway import RunningGateway
from support.waiting import eventually
from unit.push.receiver import Receiver

KEYS = {
    "GCTI_Chat_PushSubscribe": "true",
    "GCTI_GMS_NodeGroup": "gms-cluster-X",
    "GCTI_GMS_PushDeviceId": "a1a23456789123456789",
    "GCTI_GMS_PushDeviceType": "customhttp",
}
ASYNC = {"GCTI_Chat_AsyncMode": "true"}
INI = """[limits]
enabled=false
[chat]
push_notification_include_payload=true
[push]
pushEnabled=comet,customhttp
customhttp.url={url}
[settings]
flex-disconnect-timeout=3
flex-push-timeout=600
async-idle-alert={alert}
async-idle-close=2
session-restore-extend-by=agent
session-restore-push-send=true
"""


def start(url: str, **keys: str) -> Rest:
    return Rest(url, **{f"userData[{key}]": value for key, value in keys.items()})


def started(directory: Path, receiver: Receiver, *, alert: int) -> RunningGateway:
    return RunningGateway(directory, INI.format(url=receiver.url(""), alert=alert))


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[RunningGateway]:
    with started(tmp_path_factory.mktemp("clocks"), receiver, alert=5) as running:
        yield running


def told(receiver: Receiver, chat: Rest) -> list[Message]:
    """The payloads that arrived about a chat."""
    mine = [one for one in list(receiver.requests) if one.headers["x-chat-id"] == chat.chat_id]
    return [json.loads(one.body)["message"] for one in mine]


def types(items: list[Any]) -> list[str]:
    return [event["type"] for item in items for event in item.get("messages", [item])]


def test_push_check_12_silence(gateway: RunningGateway):
    """Beyond flex-disconnect-timeout who is subscribed or refreshes stays, others are removed, code 3."""
    agent = Agent(gateway.url, gateway.token("supervisor", "Sara"))
    subscribed, other, polling = start(gateway.url, **KEYS), start(gateway.url), start(gateway.url)

    def removed() -> bool:
        polling.events()
        return "ended" == agent.get(f"/chats/{other.chat_id}").json()["state"]

    eventually(removed, what="the removal")
    left = other.events()[-1]
    assert ("ParticipantLeft", 1) == (left["type"], left["from"]["participantId"])
    # Code 3 is for customhttp only (spec/chat-api-v2.md 4.5).
    assert "eventAttributes" not in left
    for stays in (subscribed, polling):
        assert "waiting" == agent.get(f"/chats/{stays.chat_id}").json()["state"]


def test_push_check_12_asynchronous_chats(gateway: RunningGateway, receiver: Receiver):
    """Refreshing all the time does not keep idle control waiting; alert and close are pushed."""
    chat = start(gateway.url, **ASYNC, **KEYS)
    eventually(lambda: "IdleClose" in types(told(receiver, chat)) or not chat.events(), what="the close")
    eventually(lambda: 3 == len(told(receiver, chat)), what="three notifications")

    alert, close, left = told(receiver, chat)
    assert ["IdleAlert", "IdleClose", "ParticipantLeft"] == types([alert, close, left])
    assert 2 == alert["idleTimerExpire"]
    assert [False, False, True] == [item["chatEnded"] for item in (alert, close, left)]
    assert {"quit-reason-code": "7"} == left["messages"][0]["eventAttributes"]["GCTI_SYSTEM"]


def test_a_closed_chat_is_brought_back_with_its_push(gateway: RunningGateway, receiver: Receiver):
    """The agent restores what idle control closed; joining and message reach the device."""
    agent = Agent(gateway.url, gateway.token("agent", "Alice"))
    chat = start(gateway.url, **ASYNC, **KEYS)
    agent.accept(chat.chat_id)
    eventually(lambda: agent.get(f"/chats/{chat.chat_id}").json()["state"] == "ended", what="the end")
    assert 249 == chat.call("send", message="late")["errors"][0]["code"]
    answer = agent.post(f"/chats/{chat.chat_id}/restore")
    assert (200, "active") == (answer.status_code, answer.json()["state"])
    agent.send(chat.chat_id, "welcome back")
    eventually(lambda: "Message" in types(told(receiver, chat)), what="the push")

    assert ["ParticipantJoined", "Message"] == types(told(receiver, chat))[-2:]
    assert chat.send("thank you")["chatEnded"] is False


def test_a_long_transcript_is_paged(gateway: RunningGateway):
    """History of a restored client: lower positions again and again, nothing lost, nothing twice (8.5)."""
    chat = start(gateway.url, **KEYS)
    for number in range(120):
        chat.send(str(number))
    newest = chat.events(-1)
    assert [121] == [event["index"] for event in newest]
    seen: dict[int, str] = {}
    position = newest[0]["index"]
    while position > 1:
        position = max(1, position - 20)
        page = chat.events(position)
        assert list(range(position, 122)) == [event["index"] for event in page]
        seen.update({event["index"]: event.get("text", "") for event in page})
    assert ["", *map(str, range(120))] == [seen[index] for index in sorted(seen)]


def test_a_parked_chat_survives_a_kill(gateway: RunningGateway):
    """It sleeps through the restart, and its customer's message puts it into the waiting list."""
    agent = Agent(gateway.url, gateway.token("agent", "Bob"))
    chat = start(gateway.url, **ASYNC)
    agent.accept(chat.chat_id)
    assert 200 == agent.post(f"/chats/{chat.chat_id}/park").status_code
    gateway.restart()
    assert chat.chat_id not in [item["chatId"] for item in agent.waiting()]
    chat.send("hello?")
    assert chat.chat_id in [item["chatId"] for item in agent.waiting()]
