"""Nobody is in a chat twice, and who does not belong to it (any more) gets nothing of it."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import pytest
from desk_stand import Customer, DeskStand, Person


def supervisor(stand: DeskStand) -> Person:
    """Sara, of whom the desk has heard."""
    sara = stand.person("Sara", "supervisor")
    sara.get("/me")
    return sara


def places(stand: DeskStand, customer: Customer) -> list[tuple[str, str]]:
    """(name, mode) of everybody of the personnel who is in the chat."""
    session = stand.gateway.store.session(customer.chat_id)
    assert session is not None
    return [(party.nickname, party.mode.value) for party in session.profile.present[1:]]


@pytest.mark.parametrize(("first", "place"), [("monitor", "consult"), ("barge-in", "open")])
def test_a_supervisor_who_came_by_herself_accepts_a_consultation(
    stand: DeskStand, customer: Customer, first: str, place: str
) -> None:
    """Asked for advice, then in the chat on her own, then accepting: one place, and leaving it is leaving."""
    sara, chat = supervisor(stand), f"/chats/{customer.chat_id}"
    stand.person("Anna").done(f"{chat}/consult", {"agent": "Sara"})
    sara.done(f"{chat}/{first}")
    sara.done(f"{chat}/accept")
    assert [("Anna", "open"), ("Sara", place)] == places(stand, customer)
    assert [] == sara.offers()
    sara.done(f"{chat}/leave")
    assert [("Anna", "open")] == places(stand, customer)
    assert 403 == sara.post(f"{chat}/whispers", {"text": "still here?"}).status_code


@pytest.mark.parametrize("offered", [True, False])
def test_a_silent_supervisor_takes_a_waiting_chat(stand: DeskStand, offered: bool) -> None:
    """Accepting ends the silence, whether the chat was offered to her or is taken from the waiting list."""
    sara, customer = supervisor(stand), stand.customer()
    if offered:
        sara.put("/duty", {"ready": True})
        stand.sweep()
    assert [(customer.chat_id, "queue")] * offered == sara.offers()
    sara.done(f"/chats/{customer.chat_id}/monitor")
    assert "active" == sara.done(f"/chats/{customer.chat_id}/accept")["state"]
    assert [("Sara", "open")] == places(stand, customer)
    seen = [(event["type"], event["from"]["nickname"]) for event in customer.transcript()]
    assert [("ParticipantJoined", "Ann"), ("ParticipantJoined", "Sara")] == seen


def test_a_consultant_who_accepts_again_stays_where_he_is(stand: DeskStand, customer: Customer) -> None:
    """Repeating an acceptance is harmless."""
    sara, chat = supervisor(stand), f"/chats/{customer.chat_id}"
    stand.person("Anna").done(f"{chat}/consult", {"agent": "Sara"})
    sara.done(f"{chat}/accept")
    sara.done(f"{chat}/accept")
    assert [("Anna", "open"), ("Sara", "consult")] == places(stand, customer)


def test_a_silent_supervisor_parks_nothing(stand: DeskStand) -> None:
    """A chat that waits for an agent cannot be taken out of the waiting list by somebody who only watches."""
    sara = supervisor(stand)
    customer = stand.customer(**{"userData[GCTI_Chat_AsyncMode]": "true"})
    sara.done(f"/chats/{customer.chat_id}/monitor")
    assert 409 == sara.post(f"/chats/{customer.chat_id}/park").status_code
    shown = stand.person("Anna").get("/chats?state=waiting").json["items"]
    assert [customer.chat_id] == [chat["chatId"] for chat in shown]


def test_who_has_passed_a_chat_on_reads_it_no_more(stand: DeskStand, customer: Customer) -> None:
    """Also not in the answer to a note or a disposition; when the chat is over he may write about it."""
    anna, bert, chat = stand.person("Anna"), stand.person("Bert"), f"/chats/{customer.chat_id}"
    bert.get("/me")
    anna.done(f"{chat}/transfer", {"agent": "Bert"})
    bert.done(f"{chat}/accept")
    bert.done(f"{chat}/notes", {"text": "for Bert and those after him"})
    tried = [anna.get(chat), anna.get(f"{chat}/events"), anna.post(f"{chat}/notes", {"text": "hm"})]
    tried.append(anna.put(f"{chat}/disposition", {"code": "done"}))
    assert [403] * 4 == [answer.status_code for answer in tried]
    bert.done(f"{chat}/close")
    assert 200 == anna.put(f"{chat}/disposition", {"code": "done"}).status_code
