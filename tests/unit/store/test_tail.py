"""The ephemeral tail: its bounds and its merge."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from store.values import NOW, message, typing

from gateway.store import tail as tail_module
from gateway.store.tail import EVENTS_PER_CHAT, TAIL_MS, Tail


def test_keeps_the_newest_events_of_a_chat() -> None:
    """A flood of typing leaves only the newest EVENTS_PER_CHAT events."""
    tail = Tail()
    for index in range(EVENTS_PER_CHAT + 5):
        tail.add("chat", [typing(index)])
    kept = [event.index for event in tail.since("chat", 0, now_ms=NOW)]
    assert list(range(5, EVENTS_PER_CHAT + 5)) == kept


def test_chats_that_stopped_typing_are_dropped(monkeypatch) -> None:
    """Memory follows the chats that type now: expired chats and the oldest beyond the bound go."""
    monkeypatch.setattr(tail_module, "CHATS", 2)
    tail = Tail()
    tail.add("expired", [typing(1, utc_ms=NOW)])
    for chat_id in ("first", "second", "third"):
        tail.add(chat_id, [typing(1, utc_ms=NOW + TAIL_MS)])
    alive = [bool(tail.since(chat_id, 0, now_ms=NOW)) for chat_id in ("expired", "first", "second", "third")]
    assert [False, False, True, True] == alive


def test_merge_is_by_index_and_cut() -> None:
    """Stored and typing events are one ascending sequence of at most `limit`."""
    tail = Tail()
    tail.add("chat", [typing(2), typing(5)])
    merged = tail.merge([message(1), message(3), message(4)], "chat", 1, limit=4, now_ms=NOW)
    assert [1, 2, 3, 4] == [event.index for event in merged]


def test_no_events_leave_no_trace() -> None:
    """Adding nothing to an unknown chat remembers nothing."""
    tail = Tail()
    tail.add("chat", [])
    assert () == tail.since("chat", 0, now_ms=NOW)
    tail.forget("chat")
