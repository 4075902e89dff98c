"""Conformance of role Pendings: written with the event, changed by compare-and-set; for every backend."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from store.values import NOW, delivery, following, message, opened

from gateway.errors import Conflict
from gateway.model.change import Change
from gateway.model.deliveries import Attempt, DeliveryState
from gateway.model.pending import Pending, PendingStep
from gateway.store.roles import Store


def pending(chat_id: str = "chat-1", **changes: Any) -> Pending:
    """An armed record, not stored yet, due at NOW."""
    values: dict[str, Any] = {
        "retrieved_next": 2,
        "last_pos": 3,
        "event_type": "Message",
        "sent": 1,
        "first_sent_ms": NOW - 9,
        "last_sent_ms": NOW - 8,
        "next_ms": NOW,
        "removal": True,
        "delivery_id": None,
    }
    return Pending(chat_id, f"U-{chat_id}", **(values | changes))


def stored(store: Store, chat_id: str = "chat-1", **changes: Any) -> Pending:
    """A chat with this record."""
    step = PendingStep.of(Pending(chat_id, f"U-{chat_id}"), pending(chat_id, **changes))
    store.commit(Change(opened(chat_id), pending=step))
    return step.after


def test_written_with_the_event_and_read_back_equal(store: Store) -> None:
    """Event, record and pointer are there together, with every field; another chat has none."""
    row = delivery("d1", idempotency_key="chat-1:1:2")
    step = PendingStep.of(Pending("chat-1", "U-chat-1"), pending(delivery_id="d1"))
    store.commit(Change(opened(), (message(1),), pending=replace(step, delivery=row)))
    assert (step.after, row) == (store.pending("chat-1"), store.delivery("d1"))
    assert 1 == step.after.version
    assert None is store.pending("chat-2")


def test_commit_with_an_outdated_record_writes_nothing(store: Store) -> None:
    """A timer or a retrieval that came first makes the event's commit a Conflict, with nothing written."""
    first = stored(store)
    (done,) = store.advance([PendingStep.of(first, replace(first, sent=2))])
    change = Change(
        following(opened(), events=1),
        (message(1),),
        pending=replace(PendingStep.of(first, replace(first, last_pos=4)), delivery=delivery("d1")),
    )
    with pytest.raises(Conflict):
        store.commit(change)
    assert (True, opened(), ()) == (done, store.session("chat-1"), tuple(store.events("chat-1", 0, limit=9)))
    assert (2, None) == (store.pending("chat-1").sent, store.delivery("d1"))


def test_commit_of_an_outdated_chat_leaves_the_record(store: Store) -> None:
    """A Conflict of the chat's own version does not touch the record."""
    first = stored(store)
    with pytest.raises(Conflict):
        store.commit(Change(opened(), pending=PendingStep.of(first, replace(first, sent=9))))
    assert first == store.pending("chat-1")


def test_advance_writes_the_row_with_the_record(store: Store) -> None:
    """A pointer and its record are one step; a finished row brings its attempt."""
    first = stored(store)
    told = replace(PendingStep.of(first, replace(first, delivery_id="d1")), delivery=delivery("d1"))
    ended = replace(
        PendingStep.of(told.after, replace(told.after, next_ms=None)),
        delivery=delivery("d2", state=DeliveryState.EXHAUSTED, attempts=1),
        attempt=Attempt("d2", 1, NOW, 0, error="resend_exhausted"),
    )
    assert [True, True] == list(store.advance([told, ended]))
    assert ended.after == store.pending("chat-1")
    assert DeliveryState.EXHAUSTED is store.delivery("d2").state
    assert ["resend_exhausted"] == [made.error for made in store.attempts("d2")]
    assert ["d1"] == [row.id for row in store.claim("n1", now_ms=NOW, lease_ms=9, limit=9)]


def test_of_two_changes_of_one_version_one_wins(store: Store) -> None:
    """Compare-and-set: the second changes nothing, inserts nothing, and does not disturb other steps."""
    first, other = stored(store), stored(store, "chat-2")
    steps = [
        PendingStep.of(first, replace(first, sent=2)),
        replace(PendingStep.of(first, replace(first, sent=7)), delivery=delivery("d1")),
        PendingStep.of(other, replace(other, sent=3)),
    ]
    assert [True, False, True] == list(store.advance(steps))
    assert (2, 3) == (store.pending("chat-1").sent, store.pending("chat-2").sent)
    assert None is store.delivery("d1")
    assert [] == list(store.advance([]))


def test_due_are_the_armed_whose_time_has_come(store: Store) -> None:
    """Longest due first, cut by the limit; what is idle or later is not due."""
    for chat_id, next_ms in {"a": NOW, "b": NOW - 5, "c": NOW + 1, "d": None}.items():
        stored(store, chat_id, next_ms=next_ms)

    def due(limit: int = 9) -> list[str]:
        return [found.chat_id for found, _ in store.due_pendings(now_ms=NOW, limit=limit)]

    assert (["b", "a"], ["b"]) == (due(), due(1))
    assert ["b", "a", "c"] == [found.chat_id for found in store.armed_pendings()]
    assert 3 == store.armed_count()


def test_a_pointer_on_its_way_is_not_followed_by_another(store: Store) -> None:
    """Queued or leased: not due; finished: due, with the outcome."""
    first = stored(store)
    told = replace(PendingStep.of(first, replace(first, delivery_id="d1")), delivery=delivery("d1"))
    store.advance([told])
    assert [] == list(store.due_pendings(now_ms=NOW + 99, limit=9))
    store.claim("n1", now_ms=NOW, lease_ms=9, limit=9)
    assert [] == list(store.due_pendings(now_ms=NOW + 99, limit=9))
    store.finish("d1", "n1", state=DeliveryState.DELIVERED, attempt=None)
    assert [(told.after, DeliveryState.DELIVERED)] == list(store.due_pendings(now_ms=NOW, limit=9))


def test_purge_forgets_the_record(store: Store) -> None:
    """A purged chat is not due any more."""
    stored(store)
    store.purge("chat-1")
    assert None is store.pending("chat-1")
    assert [] == list(store.due_pendings(now_ms=NOW, limit=9))
