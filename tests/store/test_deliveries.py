"""Conformance of role Deliveries: leases, the order rule, poison; for every backend."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from dataclasses import replace

import pytest
from store.values import NOW, attempt, delivery, opened, outbox

from gateway.model.change import Change
from gateway.model.deliveries import Attempt, DeliveryState
from gateway.store.poison import MAX_MESSAGE_BYTES
from gateway.store.push_roles import StoredDestination
from gateway.store.roles import Store

LEASE = 30_000
ALL: frozenset[DeliveryState] = frozenset()


def claim(store: Store, owner: str = "n1", *, now_ms: int = NOW, limit: int = 10) -> list[str]:
    """Ids of what `owner` can claim."""
    return [row.id for row in store.claim(owner, now_ms=now_ms, lease_ms=LEASE, limit=limit)]


def finish(store: Store, id_: str, owner: str = "n1", state: DeliveryState = DeliveryState.DELIVERED) -> bool:
    """Finish a row with one attempt."""
    return store.finish(id_, owner, state=state, attempt=attempt(id_))


def test_rows_read_back_equal(store: Store) -> None:
    """A row comes back with every field; an unknown id is None."""
    rows = [
        delivery("d1", provider="acme", debug=True),
        delivery("d2", message=None, state=DeliveryState.SKIPPED, attempts=2, device_id="other"),
    ]
    store.commit(outbox(*rows))
    assert rows == [store.delivery("d1"), store.delivery("d2")]
    assert store.delivery("d3") is None


def test_claimed_row_is_leased(store: Store) -> None:
    """A claim answers the rows in state LEASED and stores that; the next claim gets nothing."""
    store.commit(outbox(delivery("d1")))
    claimed = store.claim("n1", now_ms=NOW, lease_ms=LEASE, limit=10)
    assert [delivery("d1", state=DeliveryState.LEASED)] == list(claimed)
    assert delivery("d1", state=DeliveryState.LEASED) == store.delivery("d1")
    assert [] == claim(store, "n2")


def test_only_due_rows_in_order_of_readiness(store: Store) -> None:
    """Rows that are not due stay; those due for longest come first; `limit` cuts."""
    due = {"late": NOW, "later": NOW + 1, "early": NOW - 5}
    store.commit(outbox(*[delivery(id_, device_id=id_, due_ms=due_ms) for id_, due_ms in due.items()]))
    assert ["early"] == claim(store, limit=1)
    assert ["late"] == claim(store)
    assert ["later"] == claim(store, now_ms=NOW + 1)


def test_order_rule_within_chat_and_device(store: Store) -> None:
    """Per device and chat a row waits until every row with a lower position is finished."""
    store.commit(outbox(delivery("second", position=2), delivery("first", position=1)))
    store.commit(outbox(delivery("other chat", chat_id="chat-2", position=9), chat_id="chat-2"))
    assert {"first", "other chat"} == set(claim(store))
    assert [] == claim(store)
    assert finish(store, "first", state=DeliveryState.EXHAUSTED)
    assert ["second"] == claim(store)


def test_order_rule_holds_back_rows_behind_one_not_due(store: Store) -> None:
    """A first row that is not due yet holds back the due rows behind it."""
    store.commit(outbox(delivery("first", position=1, due_ms=NOW + 9), delivery("second", position=2)))
    assert [] == claim(store)
    assert ["first"] == claim(store, now_ms=NOW + 9)


def test_equal_positions_leave_in_order_of_insertion(store: Store) -> None:
    """Two rows of one position are claimed one after the other, the one inserted first first."""
    store.commit(outbox(delivery("z"), delivery("a")))
    assert ["z"] == claim(store)
    assert finish(store, "z")
    assert ["a"] == claim(store)


def test_lease_expires(store: Store) -> None:
    """At the end of the lease another owner may claim the row, not before."""
    store.commit(outbox(delivery("d1")))
    assert ["d1"] == claim(store, "n1")
    assert [] == claim(store, "n2", now_ms=NOW + LEASE - 1)
    assert ["d1"] == claim(store, "n2", now_ms=NOW + LEASE)


def test_finish_after_a_lost_lease_writes_nothing(store: Store) -> None:
    """The former owner gets False and leaves no attempt; the new owner finishes."""
    store.commit(outbox(delivery("d1")))
    claim(store, "n1")
    claim(store, "n2", now_ms=NOW + LEASE)
    assert finish(store, "d1", "n1") is False
    assert [] == list(store.attempts("d1"))
    assert finish(store, "d1", "n2") is True
    assert finish(store, "d1", "n2") is False
    assert finish(store, "unknown") is False


def test_finish_records_attempt_and_state(store: Store) -> None:
    """State, count and attempt are stored together; without an attempt only the state changes."""
    store.commit(outbox(delivery("d1"), delivery("d2", position=2)))
    claim(store)
    assert finish(store, "d1")
    assert delivery("d1", state=DeliveryState.DELIVERED, attempts=1) == store.delivery("d1")
    assert [attempt("d1")] == list(store.attempts("d1"))
    claim(store)
    assert store.finish("d2", "n1", state=DeliveryState.SKIPPED, attempt=None)
    assert delivery("d2", position=2, state=DeliveryState.SKIPPED) == store.delivery("d2")
    assert [] == list(store.attempts("d2"))


def test_row_given_back_is_claimable_at_once(store: Store) -> None:
    """Finishing with QUEUED gives the row back and keeps counting its attempts."""
    store.commit(outbox(delivery("d1")))
    claim(store, "n1")
    assert finish(store, "d1", "n1", DeliveryState.QUEUED)
    assert ["d1"] == claim(store, "n2")
    assert store.finish("d1", "n2", state=DeliveryState.DELIVERED, attempt=attempt("d1", 2))
    assert [1, 2] == [made.number for made in store.attempts("d1")]
    assert 2 == store.delivery("d1").attempts


def retry(store: Store, id_: str, *, at_ms: int, yields_ms: int | None = None) -> bool:
    """Give a leased row back for a later attempt."""
    return store.finish(
        id_,
        "n1",
        state=DeliveryState.QUEUED,
        attempt=attempt(id_),
        retry_at_ms=at_ms,
        yields_ms=yields_ms,
    )


def test_row_given_back_for_later(store: Store) -> None:
    """With `retry_at_ms` the row is claimable from then on, with its attempt recorded; its chat waits."""
    store.commit(outbox(delivery("d1"), delivery("d2", position=2)))
    claim(store)
    assert retry(store, "d1", at_ms=NOW + 5000)
    assert delivery("d1", attempts=1) == store.delivery("d1")
    assert [attempt("d1")] == list(store.attempts("d1"))
    assert [] == claim(store, now_ms=NOW + 4999)
    assert ["d1"] == claim(store, now_ms=NOW + 5000)


def test_row_that_yields_lets_others_pass(store: Store) -> None:
    """From `yields_ms` on later rows pass, one in flight at a time; the first such time stays."""
    store.commit(outbox(delivery("d1"), delivery("d2", position=2), delivery("d3", position=3)))
    claim(store)
    retry(store, "d1", at_ms=NOW + 100, yields_ms=NOW + 200)
    assert ["d1"] == claim(store, now_ms=NOW + 100)
    retry(store, "d1", at_ms=NOW + 9000, yields_ms=NOW + 8000)
    assert [] == claim(store, now_ms=NOW + 199)
    assert ["d2"] == claim(store, now_ms=NOW + 200)
    assert [] == claim(store, now_ms=NOW + 9000), "d2 is in flight"
    assert finish(store, "d2")
    assert ["d3"] == claim(store, now_ms=NOW + 9000), "not together with d1, which became ready later"
    assert finish(store, "d3")
    assert ["d1"] == claim(store, now_ms=NOW + 9000)


def test_claim_by_destination(store: Store) -> None:
    """Due rows are told by destination and claimed for those that are asked for, so many of each."""
    places = {"a1": (None, False), "a2": (None, False), "b": ("acme", False), "c": ("acme", True)}
    store.commit(
        outbox(
            *[
                delivery(id_, device_id=id_, provider=provider, debug=debug)
                for id_, (provider, debug) in places.items()
            ],
            delivery("later", device_id="later", provider="zeta", due_ms=NOW + 1),
        )
    )
    assert [(None, False), ("acme", False), ("acme", True)] == list(store.due_lanes(now_ms=NOW))
    assert (("zeta", False) in store.due_lanes(now_ms=NOW + 1)) is True

    def ids(lanes: dict[tuple[str | None, bool], int], limit: int = 10) -> list[str]:
        claimed = store.claim("n1", now_ms=NOW, lease_ms=LEASE, limit=limit, lanes=lanes)
        return [row.id for row in claimed]

    assert [] == ids({})
    assert [] == ids({("zeta", False): 9, ("unknown", False): 9})
    assert ["a1", "c"] == ids({(None, False): 1, ("acme", True): 9})
    assert ["a2"] == ids({(None, False): 9, ("acme", False): 9}, limit=1)
    assert ["b"] == ids({(None, False): 9, ("acme", False): 9})


def test_destinations_are_remembered(store: Store) -> None:
    """A record is replaced by key, listed by key, and forgotten."""
    off = StoredDestination("b@http://x:80", "f1", NOW, NOW + 5, "HTTP 410")
    for record in (off, StoredDestination("a@http://x:80", "f1", NOW), replace(off, fingerprint="f2")):
        store.save_destination(record)
    assert [StoredDestination("a@http://x:80", "f1", NOW), replace(off, fingerprint="f2")] == list(
        store.destinations()
    )
    store.forget_destination("a@http://x:80")
    store.forget_destination("unknown")
    assert [off.key] == [record.key for record in store.destinations()]


def test_list_filters_newest_first(store: Store) -> None:
    """The list is newest first and filters by chat and by state; no states means all."""
    store.commit(outbox(delivery("a"), delivery("b", device_id="x", state=DeliveryState.FAILED)))
    store.commit(outbox(delivery("c", chat_id="chat-2"), chat_id="chat-2"))

    def ids(chat_id: str | None, states: frozenset[DeliveryState] = ALL, limit: int = 10) -> list[str]:
        return [row.id for row in store.list_deliveries(chat_id=chat_id, states=states, limit=limit)]

    assert ["c", "b", "a"] == ids(None)
    assert ["c", "b"] == ids(None, limit=2)
    assert ["b", "a"] == ids("chat-1")
    assert ["c", "a"] == ids(None, frozenset({DeliveryState.QUEUED}))
    assert ["b"] == ids("chat-1", frozenset({DeliveryState.FAILED, DeliveryState.EXHAUSTED}))


def test_pending_counts_queued_and_leased(store: Store) -> None:
    """Finished rows are not pending."""
    assert 0 == store.pending_count()
    store.commit(outbox(delivery("a"), delivery("b", position=2), delivery("c", state=DeliveryState.FAILED)))
    assert 2 == store.pending_count()
    claim(store)
    assert 2 == store.pending_count()
    finish(store, "a")
    assert 1 == store.pending_count()


def test_poison_row_fails_and_others_go_on(store: Store) -> None:
    """A row whose message is not JSON becomes FAILED with the reason; its follower is claimed next (R23)."""
    store.commit(outbox(delivery("bad", message=b'{"x":'), delivery("next", position=2)))
    store.commit(Change(opened("chat-2"), deliveries=(delivery("good", chat_id="chat-2"),)))
    assert ["good"] == claim(store)
    assert DeliveryState.FAILED is store.delivery("bad").state
    assert [Attempt("bad", 1, NOW, 0, error="unreadable message")] == list(store.attempts("bad"))
    assert ["next"] == claim(store)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "unreadable message"),
        (b"\xff\xfe", "unreadable message"),
        (b"[" * 5000 + b"]" * 5000, "unreadable message"),
        (b'"%b"' % (b"x" * MAX_MESSAGE_BYTES), "message too long"),
    ],
    ids=["empty", "not text", "too deep", "too long"],
)
def test_what_is_poison(store: Store, message: bytes, reason: str) -> None:
    """Each way to be unsendable ends as a dead letter at the first claim, and is counted as one (R23)."""
    store.commit(outbox(delivery("bad", message=message), delivery("good", position=2)))
    assert ([], ["good"]) == (claim(store), claim(store))
    assert [reason] == [made.error for made in store.attempts("bad")]
    assert 1 == store.dead_letter_count()


def test_purge_forgets_attempts(store: Store) -> None:
    """A purged chat leaves no attempts behind."""
    store.commit(outbox(delivery("d1")))
    claim(store)
    finish(store, "d1")
    store.purge("chat-1")
    assert [] == list(store.attempts("d1"))
    assert [] == list(store.list_deliveries(chat_id=None, states=ALL, limit=10))
