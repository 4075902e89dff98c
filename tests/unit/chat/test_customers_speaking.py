"""What customers do in their chat: messages, typing, data, read positions, leaving, reading."""

from __future__ import annotations

import contextlib

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.chat.engine import ALICE, ROBOT, Engine

from gateway.chat.customers import Party, TypingState
from gateway.chat.transcripts import TranscriptReader
from gateway.errors import ChatGone, Rejected, Unavailable
from gateway.model.events import EventType, Visibility
from gateway.model.session import ChatState


def types(events) -> list[str]:
    return [event.type.value for event in events]


def wires(events) -> list[dict]:
    return [orjson.loads(event.wire) for event in events]


# -- start -------------------------------------------------------------------------------------------------


def test_send_numbers_and_echoes(engine):
    """A message takes the next index and carries type and attributes as given (6.2)."""
    party = engine.start()
    attributes = {"general-properties": {"related-event-id": "12"}}
    committed = engine.customers.send(party, "hi", message_type="text", event_attributes=attributes)
    (wire,) = wires(committed.events)
    assert (2, "hi", "text", attributes) == (
        wire["index"],
        wire["text"],
        wire["messageType"],
        wire["eventAttributes"],
    )


def test_a_customer_cannot_speak_as_the_system(engine):
    """GCTI_SYSTEM in a customer's attributes never reaches the wire."""
    party = engine.start()
    forged = {"GCTI_SYSTEM": {"party-info.style": "BOT"}, "x": {"y": "z"}}
    (wire,) = wires(engine.customers.send(party, "hi", event_attributes=forged).events)
    assert wire["eventAttributes"] == {"x": {"y": "z"}}


@pytest.mark.parametrize(
    ("code", "text", "attributes"),
    [
        (101, "", None),
        (101, "\x00\x07", None),
        (204, "x" * 10_001, None),
        (101, "hi", {"a": "x" * 17_000}),
        (101, "hi", {"a": object()}),
    ],
)
def test_send_refuses(engine, code, text, attributes):
    """Empty is 101, too long is 204, oversized or unencodable attributes are 101 (6.2, 8.6)."""
    party = engine.start()
    with pytest.raises(Rejected) as error:
        engine.customers.send(party, text, event_attributes=attributes)
    assert code == error.value.code


def test_attributes_deeper_than_32_levels_are_refused(engine):
    """Decision 14: JSON depth 32."""
    party = engine.start()
    nested: dict = {}
    for _ in range(31):
        nested = {"a": nested}
    engine.customers.send(party, "fits", event_attributes=nested)
    with pytest.raises(Rejected):
        engine.customers.send(party, "too deep", event_attributes={"a": nested})


def test_control_characters_are_dropped_and_line_breaks_stay(engine):
    """A stray control character costs nobody a message (reliability 4.3)."""
    party = engine.start()
    (wire,) = wires(engine.customers.send(party, "a\x00b\x1b[1m\r\n\tc\ud800").events)
    assert wire["text"] == "ab[1m\r\n\tc"


@settings(deadline=None)
@given(st.text(min_size=1))
def test_any_text_is_accepted_or_refused_but_never_breaks(text):
    """Whatever the text, send commits it or raises Rejected, and the chat goes on."""
    engine = Engine()
    party = engine.start()
    with contextlib.suppress(Rejected):
        engine.customers.send(party, text)
    assert engine.customers.send(party, "next").events


def test_times_never_run_backwards(engine):
    """When the wall clock jumps back, later events keep the last time (R21)."""
    party = engine.start()
    first = engine.customers.send(party, "one").events[0].utc_ms
    engine.clock.jump_wall(-86_400)
    assert first == engine.customers.send(party, "two").events[0].utc_ms


def test_a_store_failure_is_unavailable_and_changes_nothing(engine):
    """Temporary trouble is told as such; afterwards the same index is used."""
    party = engine.start()
    engine.store.down = True
    with pytest.raises(Unavailable):
        engine.customers.send(party, "lost")
    engine.store.down = False
    assert engine.customers.send(party, "kept").events[0].index == 2


# -- typing ------------------------------------------------------------------------------------------------


def test_typing_takes_an_index_and_is_not_stored(engine):
    """Typing counts in the same sequence, is published, and leaves a gap in the stored transcript (5)."""
    party = engine.start()
    assert engine.customers.typing(party, TypingState.STARTED, "he").events[0].index == 2
    assert engine.customers.send(party, "hello").events[0].index == 3
    assert [e.index for e in engine.customers.transcript(party, None).events] == [1, 3]
    assert "TypingStarted" in [event.type.value for done in engine.published for event in done.events]


def test_own_typing_is_not_echoed_but_the_agents_is(engine):
    """Decision 9: refresh carries the agent's typing for 20 s and never the customer's own."""
    party = engine.start()
    engine.agents.accept(ALICE, party.session.id)
    engine.customers.typing(party, TypingState.STARTED, None)
    engine.agents.typing(ALICE, party.session.id, TypingState.STARTED)
    found = engine.customers.transcript(party, 2)
    assert [(e.index, e.type.value) for e in found.events] == [(2, "ParticipantJoined"), (4, "TypingStarted")]
    assert found.next_position == 5
    engine.clock.advance(21)
    assert types(engine.customers.transcript(party, 2).events) == ["ParticipantJoined"]


def test_a_preview_is_forwarded_once_per_change(engine):
    """refresh's `message`: at most one TypingStarted per change, none for empty (6.3)."""
    party = engine.start()
    for text in ("", "h", "h", "he", "he", ""):
        engine.customers.preview(party, text)
    events = [event for done in engine.published for event in done.events]
    typed = [event for event in events if event.type is EventType.TYPING_STARTED]
    assert [wire["text"] for wire in wires(typed)] == ["h", "he"]


def test_a_preview_never_fails(engine):
    """A too long preview is cut, a store failure or an ended chat drops it (6.3)."""
    party = engine.start()
    engine.customers.preview(party, "x" * 20_000)
    assert len(wires(engine.published[-1].events)[0]["text"]) == 10_000
    engine.store.down = True
    engine.customers.preview(party, "y")
    engine.store.down = False
    engine.customers.leave(party)
    engine.customers.preview(party, "z")


# -- other operations --------------------------------------------------------------------------------------


def test_push_url_is_checked(engine):
    """Only absolute http(s) URLs without user info, at most 2,048 characters (6.6)."""
    party = engine.start()
    (wire,) = wires(engine.customers.push_url(party, "https://a.example/x?y=1").events)
    assert (wire["type"], wire["text"]) == ("PushUrl", "https://a.example/x?y=1")
    bad = ["", "javascript:alert(1)", "/relative", "http://", "http://u:p@a.example/", "http://a.example/ b"]
    for url in [*bad, "http://a.example/" + "x" * 2048, "http://a.example/\r\nX: y", "http://[::1"]:
        with pytest.raises(Rejected) as error:
            engine.customers.push_url(party, url)
        assert (error.value.code, error.value.advice) == (101, "pushUrl")


def test_rename_is_seen_in_its_event_and_later_ones(engine):
    """NicknameUpdated carries the new name in `text` and `from`, and so do later events (6.7)."""
    party = engine.start()
    (wire,) = wires(engine.customers.rename(party, "Annie").events)
    assert (wire["type"], wire["text"], wire["from"]["nickname"]) == ("NicknameUpdated", "Annie", "Annie")
    (later,) = wires(engine.customers.send(party, "hi").events)
    assert later["from"]["nickname"] == "Annie"


def test_update_data_merges_without_an_event(engine):
    """Last writer wins per key, empty values are stored, nothing enters the transcript (6.8)."""
    party = engine.start(user_data={"a": "1", "b": "2"})
    committed = engine.customers.update_data(party, {"b": "", "c": "3"}, "rest")
    assert committed.session.profile.user_data == {"a": "1", "b": "", "c": "3"}
    assert committed.events == ()
    with pytest.raises(Rejected):
        engine.customers.update_data(party, {}, "rest")


def test_the_total_of_attached_data_is_limited(engine):
    """64 KiB hold for the merged data, not for one update only (8.6)."""
    party = engine.start()
    for number in range(7):
        engine.customers.update_data(party, {f"k{number}": "v" * 8192}, "rest")
    with pytest.raises(Rejected):
        engine.customers.update_data(party, {"k8": "v" * 8192, "k9": "v"}, "rest")


def test_notice_needs_text_or_attributes(engine):
    """A custom notice may carry attributes without text, but not nothing (6.9)."""
    party = engine.start()
    (wire,) = wires(
        engine.customers.notice(
            party, "note", event_attributes=None, message_type="m", user_data={"k": "v"}
        ).events
    )
    assert (
        wire["type"],
        wire["text"],
        wire["messageType"],
        wire["userData"],
    ) == ("CustomNotice", "note", "m", {"k": "v"})
    for text in (None, ""):
        with pytest.raises(Rejected):
            engine.customers.notice(party, text, event_attributes=None, message_type=None)


def test_cancel_idle_timer_makes_no_event(engine):
    """The Widget's wake notice is activity without a visible event (6.9)."""
    party = engine.start()
    attributes = {"purpose": "cancel-idle-timer"}
    committed = engine.customers.notice(party, None, event_attributes=attributes, message_type=None)
    assert (committed.events, committed.session.next_index) == ((), 2)


def test_read_positions_grow_and_are_clipped(engine):
    """readReceipt: max(old, N), at most the last index, no index allocated (6.11)."""
    party = engine.start()
    engine.customers.send(party, "one")
    for position, expected in ((1, 1), (99, 2), (1, 2), (-5, 2)):
        committed = engine.customers.read(party, position)
        assert ({1: expected}, 3, ()) == (
            committed.session.profile.read_positions,
            committed.session.next_index,
            committed.events,
        )


# -- the end -----------------------------------------------------------------------------------------------


def test_leave_ends_the_chat_and_is_idempotent(engine):
    """ParticipantLeft with reason 0 (push only) and chatEnded; a second call changes nothing (6.5)."""
    party = engine.start()
    (event,) = engine.customers.leave(party).events
    assert (event.type, event.reason.value, event.ends_chat) == (EventType.PARTICIPANT_LEFT, "0", True)
    assert b"quit-reason-code" not in event.wire
    again = engine.customers.leave(party)
    assert (again.events, again.session.ended_for_customer) == ((), True)
    assert ChatState.ENDED is again.session.state


def test_with_an_agent_present_the_chat_goes_to_wrap_up(engine):
    """Q-12: the agent may wrap up; what follows is for agents only and the customer sees nothing of it."""
    party = engine.start()
    chat_id = party.session.id
    engine.agents.accept(ROBOT, chat_id)
    engine.agents.accept(ALICE, chat_id)
    committed = engine.customers.leave(party)
    assert ChatState.WRAP_UP is committed.session.state
    authors = [event.author for event in committed.events]
    assert authors == [2, 1], "bots leave before the customer, in the same change"
    ended = engine.agents.leave(ALICE, chat_id)
    assert (
        ended.session.state,
        [e.visibility for e in ended.events],
    ) == (ChatState.ENDED, [Visibility.AGENTS])
    seen = engine.customers.transcript(party, None)
    assert (seen.chat_ended, seen.events[-1].author) == (True, 1)


def test_nothing_is_possible_after_the_end_but_reading(engine):
    """R22: every operation of an ended chat is ChatGone; refresh still works (6.3)."""
    party = engine.start()
    engine.customers.leave(party)
    customers = engine.customers
    attempts = [
        lambda: customers.send(party, "late"),
        lambda: customers.typing(party, TypingState.STARTED, None),
        lambda: customers.push_url(party, "http://a.example/"),
        lambda: customers.rename(party, "Late"),
        lambda: customers.update_data(party, {"a": "b"}, "rest"),
        lambda: customers.notice(party, "late", event_attributes=None, message_type=None),
        lambda: customers.notice(
            party, None, event_attributes={"purpose": "cancel-idle-timer"}, message_type=None
        ),
    ]
    for attempt in attempts:
        with pytest.raises(ChatGone):
            attempt()
    found = customers.transcript(party, 1)
    assert (
        types(found.events),
        found.chat_ended,
        found.next_position,
    ) == (["ParticipantJoined", "ParticipantLeft"], True, 3)


# -- transcripts -------------------------------------------------------------------------------------------


@pytest.fixture
def talk(engine) -> Party:
    """A chat with events 1 to 6."""
    party = engine.start()
    for number in range(2, 7):
        engine.customers.send(party, str(number))
    return party


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (None, [1, 2, 3, 4, 5, 6]),
        (0, [1, 2, 3, 4, 5, 6]),
        (1, [1, 2, 3, 4, 5, 6]),
        (4, [4, 5, 6]),
        (6, [6]),
        (7, []),
        (99, []),
        (-1, [6]),
        (-3, [4, 5, 6]),
        (-99, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_positions(engine, talk, position, expected):
    """Transcript positions as in section 5; nextPosition is always the next index."""
    found = engine.customers.transcript(talk, position)
    assert (expected, 7) == ([event.index for event in found.events], found.next_position)


def test_a_capped_answer_says_where_to_go_on(engine, talk):
    """nextPosition moves to the end of the answer only when the answer was cut (5)."""
    reader = TranscriptReader(engine.store, engine.clock, max_events=4)
    found = reader.for_customer(talk.session.id, 1, reader=1)
    assert ([event.index for event in found.events], found.next_position) == ([1, 2, 3, 4], 5)
