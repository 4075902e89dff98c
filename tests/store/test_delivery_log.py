"""Conformance of role DeliveryLog: listing by filter and cursor, replay, cancellation; for every backend."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from dataclasses import replace

import pytest
from store.values import NOW, attempt, delivery, outbox

from gateway.model.deliveries import Delivery, DeliveryKind, DeliveryState
from gateway.model.inspection import Cancel, Cursor, DeliveryFilter, Replay, ReplayRecord, StatusClass
from gateway.store.roles import Store

LEASE = 30_000
EVERYTHING = DeliveryFilter()
DEAD = DeliveryState.FAILED, DeliveryState.EXHAUSTED
FINISHED = sorted(set(DeliveryState) - {DeliveryState.QUEUED, DeliveryState.LEASED})


def ids(store: Store, wanted: DeliveryFilter = EVERYTHING, *, oldest_first: bool = False) -> list[str]:
    """Everything that a filter finds, read page by page, two rows each."""
    found: list[str] = []
    after: Cursor | None = None
    while True:
        page = store.find_deliveries(wanted, after=after, limit=2, oldest_first=oldest_first)
        found += [item.delivery.id for item in page.items]
        if page.next is None:
            return found
        after = page.next


def filled(store: Store) -> None:
    """Five rows of two chats, no two alike; `b1` and `a3` are of one millisecond."""
    store.commit(
        outbox(
            delivery("a1", created_ms=NOW + 1, state=DeliveryState.FAILED),
            delivery("a2", created_ms=NOW + 2, kind=DeliveryKind.TEXT, message=None, provider="acme"),
            delivery("a3", created_ms=NOW + 3, state=DeliveryState.EXHAUSTED, device_id="tablet"),
        )
    )
    store.commit(
        outbox(
            delivery("b1", chat_id="chat-2", created_ms=NOW + 3, state=DeliveryState.DELIVERED),
            delivery(
                "b0",
                chat_id="chat-2",
                created_ms=NOW,
                state=DeliveryState.FAILED,
                provider="acme",
                debug=True,
            ),
            chat_id="chat-2",
        )
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (EVERYTHING, "b1 a3 a2 a1 b0"),
        (DeliveryFilter(states=frozenset({DeliveryState.FAILED})), "a1 b0"),
        (DeliveryFilter(states=frozenset(DEAD)), "a3 a1 b0"),
        (DeliveryFilter(states=frozenset({DeliveryState.QUEUED, DeliveryState.EXHAUSTED})), "a3 a2"),
        (DeliveryFilter(chat_id="chat-1"), "a3 a2 a1"),
        (DeliveryFilter(chat_id="chat-2", states=frozenset(DEAD)), "b0"),
        (DeliveryFilter(chat_id="unknown"), ""),
        (DeliveryFilter(device_id="tablet"), "a3"),
        (DeliveryFilter(provider="acme"), "a2 b0"),
        (DeliveryFilter(provider=""), "b1 a3 a1"),
        (DeliveryFilter(debug=True), "b0"),
        (DeliveryFilter(debug=False, states=frozenset(DEAD)), "a3 a1"),
        (DeliveryFilter(kind=DeliveryKind.TEXT), "a2"),
        (DeliveryFilter(since_ms=NOW + 2), "b1 a3 a2"),
        (DeliveryFilter(until_ms=NOW + 2), "a1 b0"),
        (DeliveryFilter(chat_id="chat-1", since_ms=NOW + 2, until_ms=NOW + 3), "a2"),
        (DeliveryFilter(states=frozenset(DEAD), since_ms=NOW + 1, until_ms=NOW + 3), "a1"),
    ],
)
def test_filters(store: Store, wanted: DeliveryFilter, expected: str) -> None:
    """Each filter finds its rows in the order of time, newest or oldest first, over any number of pages."""
    filled(store)
    assert expected.split() == ids(store, wanted)
    assert expected.split()[::-1] == ids(store, wanted, oldest_first=True)


def test_a_page_is_bounded_and_leads_on(store: Store) -> None:
    """`limit` cuts; `next` is None exactly when nothing follows; rows added meanwhile do not shift a page."""
    filled(store)
    first = store.find_deliveries(EVERYTHING, after=None, limit=2)
    assert ["b1", "a3"] == [item.delivery.id for item in first.items]
    store.commit(outbox(delivery("c1", chat_id="chat-3", created_ms=NOW + 9), chat_id="chat-3"))
    second = store.find_deliveries(EVERYTHING, after=first.next, limit=3)
    assert ["a2", "a1", "b0"] == [item.delivery.id for item in second.items]
    assert second.next is None


def test_listed_rows_have_the_last_attempt_and_no_message(store: Store) -> None:
    """A listed row is the stored one without its message, with the attempt made last, without its answer."""
    store.commit(outbox(delivery("d1"), delivery("d2", device_id="other")))
    for owner, number in (("n1", 1), ("n2", 2)):
        store.claim(owner, now_ms=NOW, lease_ms=LEASE, limit=10)
        store.finish("d1", owner, state=DeliveryState.QUEUED, attempt=attempt("d1", number))
    page = store.find_deliveries(EVERYTHING, after=None, limit=10)
    by_id = {item.delivery.id: item for item in page.items}
    assert delivery("d1", message=None, attempts=2) == by_id["d1"].delivery
    assert replace(attempt("d1", 2), response_head=b"") == by_id["d1"].last
    assert by_id["d2"].last is None


def stored(store: Store, id_: str) -> Delivery:
    """A row that exists."""
    row = store.delivery(id_)
    assert row is not None
    return row


@pytest.mark.parametrize("state", FINISHED)
def test_a_finished_row_is_sent_again(store: Store, state: DeliveryState) -> None:
    """Whatever its end was: queued and due at once, with the same id and message, one replay more."""
    store.commit(outbox(delivery("d1", state=state, attempts=3)))
    assert [Replay.QUEUED] == list(store.requeue(["d1"], now_ms=NOW + 5, by="Olga"))
    assert delivery("d1", attempts=3, replays=1) == stored(store, "d1")
    assert [] == list(store.claim("n1", now_ms=NOW + 4, lease_ms=LEASE, limit=10))
    (claimed,) = store.claim("n1", now_ms=NOW + 5, lease_ms=LEASE, limit=10)
    assert delivery("d1", attempts=3, replays=1, state=DeliveryState.LEASED) == claimed


def test_two_replays_at_once_are_one(store: Store) -> None:
    """A row that is due already is left as it is, however often it is replayed."""
    store.commit(outbox(delivery("d1", state=DeliveryState.FAILED)))
    assert [Replay.QUEUED, Replay.WAITING] == list(store.requeue(["d1", "d1"], now_ms=NOW, by="Olga"))
    assert [Replay.WAITING] == list(store.requeue(["d1"], now_ms=NOW + 1, by="Olga"))
    assert 1 == stored(store, "d1").replays


def test_who_replayed_is_kept_with_the_row(store: Store) -> None:
    """Each replay that took place, with the attempt it led to; none of those that changed nothing."""
    store.commit(outbox(delivery("d1", state=DeliveryState.FAILED, attempts=3), delivery("d2")))
    store.requeue(["d1", "d1", "d2", "gone"], now_ms=NOW, by="Olga")
    store.claim("n1", now_ms=NOW, lease_ms=LEASE, limit=10)
    store.requeue(["d1"], now_ms=NOW + 1, by="Eve")
    store.finish("d1", "n1", state=DeliveryState.FAILED, attempt=attempt("d1", 4))
    store.requeue(["d1"], now_ms=NOW + 2, by="Eve", only=frozenset({DeliveryState.EXHAUSTED}))
    store.requeue(["d1"], now_ms=NOW + 3, by="Ann")
    assert [ReplayRecord(4, NOW, "Olga"), ReplayRecord(5, NOW + 3, "Ann")] == list(store.replay_records("d1"))
    assert [] == list(store.replay_records("d2")) == list(store.replay_records("gone"))


@pytest.mark.parametrize("how", ["chat", "retention"])
def test_the_records_of_replays_go_with_their_row(store: Store, how: str) -> None:
    """Neither a purged chat nor the end of the retention leaves one."""
    store.commit(outbox(delivery("d1", state=DeliveryState.FAILED)))
    store.requeue(["d1"], now_ms=NOW, by="Olga")
    store.claim("n1", now_ms=NOW, lease_ms=LEASE, limit=10)
    store.finish("d1", "n1", state=DeliveryState.FAILED, attempt=attempt("d1", 1))
    if how == "chat":
        store.purge("chat-1")
    else:
        assert (1, None) == store.purge_deliveries(NOW * 2, after=None, limit=10)
    assert [] == list(store.replay_records("d1"))


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("2xx", "ok"),
        ("3xx", "moved"),
        ("4xx", "gone"),
        ("5xx", "busy"),
        ("none", "silent"),
        ("4xx 5xx none", "silent gone busy"),
    ],
)
def test_rows_are_found_by_their_last_answer(store: Store, answers: str, expected: str) -> None:
    """The class of the attempt made last decides, whatever came before; without an attempt none fits."""
    statuses = {"ok": 204, "moved": 302, "gone": 410, "busy": 503, "silent": None}
    named = [delivery(id_, device_id=id_, created_ms=NOW + n) for n, id_ in enumerate(("busy", "gone"))]
    named += [delivery(id_, device_id=id_, created_ms=NOW + 5) for id_ in ("silent", "moved", "ok")]
    store.commit(outbox(*named, delivery("never", device_id="never", due_ms=NOW + 99)))
    for status in (500, None):
        store.claim("n1", now_ms=NOW, lease_ms=LEASE, limit=10)
        for number, (id_, last) in enumerate(statuses.items(), start=1):
            made = replace(attempt(id_, number), status=status or last, error=None)
            store.finish(id_, "n1", state=DeliveryState.QUEUED, attempt=made)
    wanted = DeliveryFilter(answers=frozenset(map(StatusClass, answers.split())))
    assert expected.split() == ids(store, wanted)


def test_a_row_that_waits_for_its_time_is_sent_now(store: Store) -> None:
    """The replay does not wait for the time of the automatic attempt, and does not change it."""
    store.commit(outbox(delivery("d1", due_ms=NOW + 99)))
    assert [Replay.QUEUED] == list(store.requeue(["d1"], now_ms=NOW, by="Olga"))
    assert delivery("d1", due_ms=NOW + 99, replays=1) == stored(store, "d1")
    assert ["d1"] == [row.id for row in store.claim("n1", now_ms=NOW, lease_ms=LEASE, limit=10)]


def test_a_row_in_flight_is_left_alone(store: Store) -> None:
    """While its lease lasts it is neither replayed nor cancelled, and its owner finishes it."""
    store.commit(outbox(delivery("d1")))
    store.claim("n1", now_ms=NOW, lease_ms=LEASE, limit=10)
    assert [Replay.IN_FLIGHT] == list(store.requeue(["d1"], now_ms=NOW + LEASE - 1, by="Olga"))
    assert Cancel.IN_FLIGHT is store.cancel_delivery("d1", now_ms=NOW + LEASE - 1)
    assert delivery("d1", state=DeliveryState.LEASED) == stored(store, "d1")
    assert store.finish("d1", "n1", state=DeliveryState.DELIVERED, attempt=attempt("d1"))


def test_a_row_whose_lease_ran_out_counts_as_waiting(store: Store) -> None:
    """A replay has nothing to do; a cancellation takes it from its former owner."""
    store.commit(outbox(delivery("d1")))
    store.claim("n1", now_ms=NOW, lease_ms=LEASE, limit=10)
    assert [Replay.WAITING] == list(store.requeue(["d1"], now_ms=NOW + LEASE, by="Olga"))
    assert Cancel.CANCELLED is store.cancel_delivery("d1", now_ms=NOW + LEASE)
    assert not store.finish("d1", "n1", state=DeliveryState.DELIVERED, attempt=attempt("d1"))
    assert delivery("d1", state=DeliveryState.SKIPPED) == stored(store, "d1")


def test_only_rows_in_the_named_states_are_replayed(store: Store) -> None:
    """A row that has left those states since it was listed is not touched; unknown ids are told."""
    store.commit(
        outbox(
            delivery("dead", state=DeliveryState.EXHAUSTED), delivery("sent", state=DeliveryState.DELIVERED)
        )
    )
    outcome = store.requeue(["dead", "sent", "gone"], now_ms=NOW, by="Olga", only=frozenset(DEAD))
    assert [Replay.QUEUED, Replay.OTHER_STATE, Replay.UNKNOWN] == list(outcome)
    assert DeliveryState.DELIVERED is stored(store, "sent").state


def test_cancel(store: Store) -> None:
    """A queued row is skipped and never claimed; its follower goes on; repeating it is harmless."""
    store.commit(outbox(delivery("first"), delivery("next", position=2)))
    assert Cancel.CANCELLED is store.cancel_delivery("first", now_ms=NOW)
    assert Cancel.CANCELLED is store.cancel_delivery("first", now_ms=NOW)
    assert Cancel.UNKNOWN is store.cancel_delivery("gone", now_ms=NOW)
    assert ["next"] == [row.id for row in store.claim("n1", now_ms=NOW, lease_ms=LEASE, limit=10)]


@pytest.mark.parametrize("state", sorted(set(FINISHED) - {DeliveryState.SKIPPED}))
def test_a_finished_row_cannot_be_cancelled(store: Store, state: DeliveryState) -> None:
    """What is over stays as it is."""
    store.commit(outbox(delivery("d1", state=state)))
    assert Cancel.FINISHED is store.cancel_delivery("d1", now_ms=NOW)
    assert state is stored(store, "d1").state


def test_rows_of_a_purged_chat_are_gone(store: Store) -> None:
    """They are neither listed nor replayed nor cancelled."""
    store.commit(outbox(delivery("d1", state=DeliveryState.FAILED)))
    store.purge("chat-1")
    assert [] == ids(store)
    assert [Replay.UNKNOWN] == list(store.requeue(["d1"], now_ms=NOW, by="Olga"))
    assert Cancel.UNKNOWN is store.cancel_delivery("d1", now_ms=NOW)
    assert 0 == store.dead_letter_count()


def test_dead_letters_are_counted(store: Store) -> None:
    """Failed and exhausted rows, no debug ones; a replay takes its row out."""
    filled(store)
    assert 2 == store.dead_letter_count()
    store.requeue(["a1"], now_ms=NOW, by="Olga")
    assert 1 == store.dead_letter_count()
