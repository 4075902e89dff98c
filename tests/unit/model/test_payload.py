"""The one renderer: event objects, live frames, pushes and answers (chat-api-v2.md 4, push.md 3 and 6)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.routing.chats import AGENT, BOT, CUSTOMER, NOW_MS, SYSTEM, event

from gateway.model import payload
from gateway.model.events import PUSH_ONLY_REASONS, Draft, Event, EventType, QuitReason

TEXT = st.text(st.characters(codec="utf-8"))


def _left(reason: QuitReason, **changes: Any) -> Event:
    changes.setdefault("text", None)
    return event(EventType.PARTICIPANT_LEFT, CUSTOMER, index=5, reason=reason, ends_chat=True, **changes)


def _only(envelope: bytes) -> dict[str, Any]:
    (message,) = orjson.loads(envelope)["messages"]
    return message


def test_documented_payload() -> None:
    """The sample of spec/push.md 3.3, member by member and type by type."""
    expected = {
        "chatId": "deprecated",
        "nextPosition": 6,
        "messages": [
            {
                "from": {"nickname": "Ann", "participantId": 2, "type": "Agent"},
                "index": 5,
                "text": "Hello",
                "type": "Message",
                "utcTime": 1568662361000,
            }
        ],
        "alias": "0",
        "chatEnded": False,
        "userId": "deprecated",
        "statusCode": 0,
        "monitored": False,
    }
    assert expected == orjson.loads(payload.push(event(index=5)))


@given(text=TEXT, user_data=st.dictionaries(TEXT, TEXT), index=st.integers(1, 10**9))
def test_live_and_push_are_the_same_bytes(text: str, user_data: dict[str, str], index: int) -> None:
    """Decision 2: one event, one encoding, whatever its content."""
    what = event(index=index, text=text, user_data=user_data)
    assert payload.live(what) == payload.push(what)
    assert (text, user_data) == (_only(payload.push(what))["text"], _only(payload.push(what))["userData"])


@pytest.mark.parametrize("kind", list(EventType))
def test_every_type_is_the_same_on_both_channels(kind: EventType) -> None:
    """All 13 types are rendered once; without a push-only reason nothing differs."""
    assert payload.live(event(kind)) == payload.push(event(kind))


@pytest.mark.parametrize("reason", sorted(PUSH_ONLY_REASONS))
def test_reasons_0_and_3_are_for_customhttp_only(reason: QuitReason) -> None:
    """The table of spec/push.md 6: codes 0 and 3 are in the push and in no other output."""
    what = _left(reason)
    assert b"quit-reason-code" not in payload.live(what)
    answer = payload.answer(payload.DEPRECATED, [what], next_position=6, chat_ended=True)
    assert b"quit-reason-code" not in answer
    expected = {"GCTI_SYSTEM": {"quit-reason-code": reason.value}}
    assert expected == _only(payload.push(what))["eventAttributes"]


@pytest.mark.parametrize("reason", sorted(set(QuitReason) - PUSH_ONLY_REASONS))
def test_other_reasons_are_everywhere(reason: QuitReason) -> None:
    """Codes 4, 5, 7 and 8 are in all outputs, with the same bytes."""
    what = _left(reason)
    assert payload.live(what) == payload.push(what)
    assert {"quit-reason-code": reason.value} == _only(payload.live(what))["eventAttributes"]["GCTI_SYSTEM"]


@pytest.mark.parametrize("reason", sorted(PUSH_ONLY_REASONS))
def test_added_reason_changes_nothing_else(reason: QuitReason) -> None:
    """Apart from the code the push of such an event equals its live frame, other attributes included."""
    what = _left(reason, event_attributes={"custom": {"a": 1}}, text="bye \U0001f44b")
    pushed = orjson.loads(payload.push(what))
    del pushed["messages"][0]["eventAttributes"]["GCTI_SYSTEM"]
    assert orjson.loads(payload.live(what)) == pushed


def test_bot_keeps_its_style_beside_the_reason() -> None:
    """The two members of GCTI_SYSTEM do not push each other out."""
    what = event(EventType.PARTICIPANT_LEFT, BOT, text=None, reason=QuitReason.LOGOUT)
    assert _only(payload.live(what))["eventAttributes"]["GCTI_SYSTEM"] == {"party-info.style": "BOT"}
    assert (_only(payload.push(what))["eventAttributes"]["GCTI_SYSTEM"]) == {
        "party-info.style": "BOT",
        "quit-reason-code": "0",
    }


@pytest.mark.parametrize("reason", [None, QuitReason.LOGOUT, QuitReason.REMOVED])
def test_client_cannot_speak_as_the_system(reason: QuitReason | None) -> None:
    """A forged GCTI_SYSTEM never passes, and the client's own attributes do."""
    forged = {"GCTI_SYSTEM": {"quit-reason-code": "7"}, "mine": True}
    shown = _only(payload.push(event(event_attributes=forged, reason=reason)))["eventAttributes"]
    expected = {"GCTI_SYSTEM": {"quit-reason-code": reason.value}} if reason else {}
    assert {"mine": True, **expected} == shown


def test_draft_attributes_are_not_changed() -> None:
    """Rendering works on a copy: the caller's mapping stays as it was."""
    attributes = {"GCTI_SYSTEM": {"a": "b"}}
    payload.encode_event(Draft(type=EventType.MESSAGE, author=BOT, event_attributes=attributes), 1, NOW_MS)
    assert attributes == {"GCTI_SYSTEM": {"a": "b"}}


def test_absent_members_are_absent() -> None:
    """What an event does not have is left out, not null."""
    members = orjson.loads(event(EventType.PARTICIPANT_JOINED, text=None).wire)
    assert {"from", "index", "type", "utcTime"} == set(members)


def test_empty_text_is_present() -> None:
    """An empty text is a text."""
    assert orjson.loads(event(text="").wire)["text"] == ""


def test_system_author() -> None:
    """System events come from participant 0."""
    expected = {"nickname": "system", "participantId": 0, "type": "External"}
    assert expected == orjson.loads(event(author=SYSTEM).wire)["from"]


@pytest.mark.parametrize("ends", [False, True])
def test_chat_ended_is_on_the_event_that_ends_it(ends: bool) -> None:
    """chatEnded of a live frame and its push tell whether this very event is the end (6)."""
    what = event(ends_chat=ends)
    assert [ends, ends] == [
        orjson.loads(rendered)["chatEnded"] for rendered in (payload.live(what), payload.push(what))
    ]


def test_next_position_follows_the_event() -> None:
    """In live frames and pushes nextPosition is the event's index plus one."""
    assert orjson.loads(payload.live(event(index=40)))["nextPosition"] == 41


def test_key_only_where_it_is_given() -> None:
    """Live frames have no secureKey member; an answer has the one that is passed in (decision 2)."""
    assert "secureKey" not in orjson.loads(payload.live(event()))
    identity = payload.Identity("chat", "user", "0", secure_key="key")
    answer = payload.answer(identity, [], next_position=1, chat_ended=False)
    assert orjson.loads(answer)["secureKey"] == "key"


def test_answer_holds_events_as_stored() -> None:
    """An answer concatenates the stored bytes in order and adds extra members."""
    first, second = event(index=1, text="a"), event(index=2, author=AGENT, text='b"}')
    answer = payload.answer(
        payload.DEPRECATED, [first, second], next_position=3, chat_ended=False, extra={"queue": 2}
    )
    assert b"[%b,%b]" % (first.wire, second.wire) in answer
    assert (
        orjson.loads(answer)["nextPosition"],
        len(orjson.loads(answer)["messages"]),
        orjson.loads(answer)["queue"],
    ) == (3, 2, 2)


@pytest.mark.parametrize("code", [None, 249])
def test_failure(code: int | None) -> None:
    """An error names no user and no key; `errors` is there only with a code (spec/chat-api-v2.md 9.1)."""
    expected: dict[str, Any] = {
        "statusCode": 2,
        "alias": "0",
        "chatId": "chat",
        "chatEnded": False,
        "monitored": False,
        "messages": [],
    }
    if code is not None:
        expected["errors"] = [{"code": code, "advice": "gone"}]
    assert expected == orjson.loads(payload.failure(code, "gone", status_code=2, chat_id="chat"))
