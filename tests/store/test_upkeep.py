"""Conformance of role Upkeep: leases of the dead, texts in a full queue, old rows; for every backend."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from typing import Any

import pytest
from store.values import NOW, attempt, delivery, following, opened, outbox

from gateway.model.change import Change
from gateway.model.deliveries import Delivery, DeliveryKind, DeliveryState
from gateway.model.inspection import Cursor
from gateway.store.roles import Store
from gateway.store.upkeep import COLLAPSED

LEASE = 30_000
DAY = 86_400_000


def text(id_: str, position: int, **changes: Any) -> Delivery:
    """A notification without payload."""
    return delivery(id_, position=position, **({"kind": DeliveryKind.TEXT, "message": None} | changes))


def states(store: Store, *ids: str) -> list[DeliveryState]:
    """The states of rows."""
    return [row.state for id_ in ids if (row := store.delivery(id_)) is not None]


def claim(store: Store, owner: str, *, now_ms: int = NOW) -> list[str]:
    return [row.id for row in store.claim(owner, now_ms=now_ms, lease_ms=LEASE, limit=10)]


# --- leases ------------------------------------------------------------------------------------------


def test_released_leases_are_claimed_at_once_and_the_owner_has_lost_them(store: Store) -> None:
    """Only the named owner's rows come back, without an attempt; its late `finish` changes nothing."""
    store.commit(outbox(delivery("d1"), delivery("d2", device_id="tablet")))
    assert ["d1"] == [row.id for row in store.claim("gone", now_ms=NOW, lease_ms=LEASE, limit=1)]
    assert ["d2"] == claim(store, "here")
    assert ("gone", "here") == tuple(store.lease_owners())
    assert 1 == store.release_leases("gone")
    assert ["here"] == list(store.lease_owners())
    assert not store.finish("d1", "gone", state=DeliveryState.DELIVERED, attempt=attempt("d1"))
    assert ["d1"] == claim(store, "next")
    assert [] == list(store.attempts("d1"))
    assert 0 == store.release_leases("nobody")


# --- a full queue -------------------------------------------------------------------------------------


def test_texts_of_a_chat_become_one_while_the_queue_is_full(store: Store) -> None:
    """The first stays; later ones are skipped with the reason; what came before or after is as ever."""
    before = opened()
    store.commit(Change(before, deliveries=(text("d1", 1), text("d2", 2))))
    store.set_crowded(crowded=True)
    full = following(before)
    store.commit(Change(full, deliveries=(text("d3", 3), text("d4", 4))))
    store.set_crowded(crowded=False)
    store.commit(Change(following(full), deliveries=(text("d5", 5),)))
    queued, skipped = DeliveryState.QUEUED, DeliveryState.SKIPPED
    assert [queued, queued, skipped, skipped, queued] == states(store, "d1", "d2", "d3", "d4", "d5")
    assert [COLLAPSED] == [made.error for made in store.attempts("d3")]
    assert 1 == getattr(store.delivery("d3"), "attempts", None)
    assert 3 == store.pending_count()


@pytest.mark.parametrize(
    "new",
    [
        {"kind": DeliveryKind.PAYLOAD, "message": b"{}"},
        {"kind": DeliveryKind.POINTER, "message": b"{}"},
        {"device_id": "tablet"},
        {"provider": "acme"},
        {"debug": True},
        {"due_ms": NOW + 10_000},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_says_more_than_the_row_before_is_never_collapsed(store: Store, new: dict[str, Any]) -> None:
    """A payload, a pointer, another device or destination, and one that waits for comet stay."""
    store.set_crowded(crowded=True)
    store.commit(outbox(text("d1", 1), text("d2", 2, **new)))
    assert [DeliveryState.QUEUED] * 2 == states(store, "d1", "d2")


@pytest.mark.parametrize(
    "waiting",
    [
        {"kind": DeliveryKind.PAYLOAD, "message": b"{}"},
        {"kind": DeliveryKind.POINTER, "message": b"{}"},
        {"due_ms": NOW + 10_000},
        {"attempts": 1},
        {"replays": 1},
        {"state": DeliveryState.DELIVERED},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_text_needs_an_equal_one_that_waits(store: Store, waiting: dict[str, Any]) -> None:
    """It is not collapsed into a payload, a pointer, a row that comet may drop, or one already tried."""
    store.set_crowded(crowded=True)
    store.commit(outbox(text("d1", 1, **waiting), text("d2", 2)))
    assert [DeliveryState.QUEUED] == states(store, "d2")


def test_a_text_in_flight_does_not_stand_for_later_ones(store: Store) -> None:
    """What its receiver is reading now was sent before the new event: the new one is sent, too."""
    before = opened()
    store.commit(Change(before, deliveries=(text("d1", 1),)))
    assert ["d1"] == claim(store, "n1")
    store.set_crowded(crowded=True)
    store.commit(Change(following(before), deliveries=(text("d2", 2),)))
    assert [DeliveryState.LEASED, DeliveryState.QUEUED] == states(store, "d1", "d2")


# --- old rows ------------------------------------------------------------------------------------------


def purge(store: Store, before_ms: int, *, limit: int = 100) -> int:
    """Everything, in rounds of `limit`; how many rows went."""
    deleted, after = 0, None
    while True:
        found: tuple[int, Cursor | None] = store.purge_deliveries(before_ms, after=after, limit=limit)
        deleted, after = deleted + found[0], found[1]
        if after is None:
            return deleted


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_finished_rows_older_than_that_are_deleted_with_their_attempts(store: Store, limit: int) -> None:
    """Whatever their end; what waits, is in flight or is younger stays; each round looks at `limit` rows."""
    finished = sorted(set(DeliveryState) - {DeliveryState.QUEUED, DeliveryState.LEASED})
    old = [delivery(f"old-{state}", device_id=state, state=state) for state in finished]
    waiting = delivery("waiting", device_id="w")
    young = delivery("young", device_id="y", created_ms=NOW + 1, state=DeliveryState.FAILED)
    tried = delivery("tried", device_id="t")
    store.commit(outbox(*old, waiting, tried, young))
    store.claim("n1", now_ms=NOW, lease_ms=LEASE, limit=10)
    store.finish("tried", "n1", state=DeliveryState.FAILED, attempt=attempt("tried"))
    assert len(old) + 1 == purge(store, NOW + 1, limit=limit)
    left = store.list_deliveries(chat_id=None, states=frozenset(), limit=100)
    assert {"waiting", "young"} == {row.id for row in left}
    assert [] == list(store.attempts("tried"))


def test_a_row_that_was_tried_lately_is_kept(store: Store) -> None:
    """The time counts from the last attempt, so that an old notification replayed today can be looked at."""
    store.commit(outbox(delivery("d1", created_ms=NOW - DAY)))
    store.claim("n1", now_ms=NOW, lease_ms=LEASE, limit=10)
    store.finish("d1", "n1", state=DeliveryState.FAILED, attempt=attempt("d1"))
    assert 0 == purge(store, NOW)
    assert 1 == purge(store, NOW + 1)


def test_nothing_old_nothing_deleted(store: Store) -> None:
    """An empty outbox and one without old rows are one look."""
    assert (0, None) == store.purge_deliveries(NOW, after=None, limit=10)
    store.commit(outbox(delivery("d1", state=DeliveryState.DELIVERED)))
    assert (0, None) == store.purge_deliveries(NOW, after=None, limit=10)
