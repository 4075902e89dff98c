"""The worker's upkeep: leases of dead processes, the bound of the queue, and the retention of the log."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from unit.push.receiver import NOW_MS, Receiver, until
from unit.push.rig import Rig, row

from gateway.config import SettingsSource
from gateway.errors import Unavailable
from gateway.model.deliveries import DeliveryKind, DeliveryState
from gateway.push.retention import Retention
from gateway.store.memory import MemoryStore

DAY_MS = 86_400_000


@pytest.fixture
def rig(receiver: Receiver) -> Iterator[Rig]:
    """A rig whose workers end with the test."""
    rig = Rig(receiver)
    yield rig
    rig.stop()


def test_what_a_dead_process_had_in_flight_goes_out_at_once(rig: Rig) -> None:
    """At the start, long before the lease ends, under the same id; what a living one sends is left alone."""
    rig.add(row(1), row(1, chat="other"))
    rig.store.claim("dead", now_ms=NOW_MS, lease_ms=30_000, limit=1)
    rig.store.claim("alive", now_ms=NOW_MS, lease_ms=30_000, limit=1)
    node = rig.node(dead=lambda owner: owner == "dead")
    node.worker.start()
    until(lambda: node.state(row(1)) is DeliveryState.DELIVERED)
    assert [row(1).id] == [post.headers["webhook-id"] for post in rig.receiver.requests]
    assert DeliveryState.LEASED is node.state(row(1, chat="other"))


def test_without_the_proof_of_death_the_lease_is_waited_for(rig: Rig) -> None:
    """Negative control: nobody is known to be dead, so nothing is sent before the lease has run out."""
    rig.add(row(1))
    rig.store.claim("dead", now_ms=NOW_MS, lease_ms=30_000, limit=1)
    node = rig.node(dead=lambda owner: False)
    assert (0, 0) == (node.worker.release_dead(), node.worker.claim())
    rig.clock.advance(30)
    node.run()
    assert 1 == len(rig.receiver.requests)


def test_beyond_the_bound_texts_of_a_chat_become_one_until_the_queue_is_shorter(rig: Rig) -> None:
    """The worker notices at most once a second; payloads are never dropped; each chat keeps a text."""
    node = rig.node(queue_rows=2)
    text = {"kind": DeliveryKind.TEXT, "message": None}
    rig.add(row(1, **text), row(2, **text))
    node.worker.watch_queue()
    rig.add(row(3, **text), row(4, kind=DeliveryKind.PAYLOAD, message=b"{}"), row(1, chat="b", **text))
    states = [node.state(one) for one in (row(3), row(4), row(1, chat="b"))]
    assert [DeliveryState.SKIPPED, DeliveryState.QUEUED, DeliveryState.QUEUED] == states
    for _ in range(4):
        node.settle()
    node.worker.watch_queue()  # too early: nothing changes
    rig.add(row(5, **text), row(6, **text))
    assert DeliveryState.SKIPPED is node.state(row(6))
    rig.clock.advance(1)
    node.run()
    node.worker.watch_queue()
    rig.clock.advance(1)
    node.worker.watch_queue()
    rig.add(row(7, **text), row(8, **text))
    assert DeliveryState.QUEUED is node.state(row(8))


def retention(rig: Rig, ini: str = "") -> Retention:
    """A purge on the rig's store and clock."""
    source = SettingsSource("gateway.ini", {}, read_file=lambda _path: ini.encode())
    return Retention(rig.store, source, rig.clock)


def test_the_log_forgets_after_seven_days(rig: Rig) -> None:
    """A finished notification goes with its attempts after seven days, not before; one that waits stays."""
    rig.add(row(1, provider="good"), row(1, chat="waits", due_ms=NOW_MS + 30 * DAY_MS))
    node = rig.node()
    node.worker.claim()
    until(lambda: node.state(row(1)) is DeliveryState.DELIVERED)
    rig.clock.advance(7 * 86_400)
    assert 0 == retention(rig).purge()
    rig.clock.advance(1)
    assert 1 == retention(rig).purge()
    assert (None, ()) == (rig.store.delivery(row(1).id), tuple(rig.store.attempts(row(1).id)))
    assert DeliveryState.QUEUED is node.state(row(1, chat="waits"))


def test_the_retention_is_an_option(rig: Rig) -> None:
    """A day instead of seven; dead letters are kept as long, and many rows go in small rounds."""
    rig.add(*[row(number, state=DeliveryState.FAILED) for number in range(1, 500)])
    rig.clock.advance(86_401)
    assert 0 == retention(rig).purge()
    assert 499 == retention(rig, "[push]\nlog_retention=86400\n").purge()


def test_a_store_that_cannot_write_does_not_end_the_purge(rig: Rig) -> None:
    """The round is given up, and the thread lives until it is told to stop."""
    stop = threading.Event()

    class Broken(MemoryStore):
        def purge_deliveries(self, *_: object, **__: object) -> tuple[int, None]:
            stop.set()
            raise Unavailable("disk full")

    source = SettingsSource("gateway.ini", {}, read_file=lambda _path: b"")
    Retention(Broken(), source, rig.clock).run(stop)
    assert stop.is_set()
