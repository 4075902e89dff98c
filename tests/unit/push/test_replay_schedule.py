"""A manual replay does not consume the automatic schedule (spec/push.md 10.2.4)."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from dataclasses import replace

from unit.push.receiver import NOW_MS, Receiver, answer, delivery, until
from unit.routing import chats

from gateway.clock import ManualClock
from gateway.config import SettingsSource
from gateway.model.change import Change
from gateway.model.deliveries import DeliveryState
from gateway.observe.metrics import Metrics
from gateway.push.inspection import Inspection
from gateway.push.worker import PushWorker
from gateway.store.memory import MemoryStore

KEY = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"


def test_a_replay_uses_up_nothing_of_the_schedule(receiver: Receiver) -> None:
    """The row that waits for its second attempt (5 s) still waits for it when replays in between failed."""
    store, clock = MemoryStore(), ManualClock(NOW_MS)
    config = f"[push]\npushEnabled=customhttp\ncustomhttp.url={receiver.url('/push')}\nretry=standard\n"
    source = SettingsSource("gateway.ini", {}, read_file=lambda _path: config.encode())
    worker = PushWorker(
        store,
        source,
        clock,
        Metrics(),
        "node",
        installation_key=KEY,
        random_bytes=lambda count: b"\x80" * count,
    )
    receiver.behaviours["/push"] = answer(500)
    session = replace(chats.session(chats.subscription()), id="chat", version=1, next_index=1)
    store.commit(Change(session, deliveries=(delivery(id="d1", chat_id="chat"),)))

    def attempt(number: int) -> None:
        worker.claim()
        until(lambda: len(store.attempts("d1")) == number and store.delivery("d1").state == "queued")

    attempt(1)
    for number in (2, 3):
        Inspection(store, source, clock).replay("d1", by="Olga")
        attempt(number)
    clock.advance(4.9)
    assert 0 == worker.claim()
    clock.advance(0.2)
    attempt(4)
    assert (4, 2, DeliveryState.QUEUED) == (
        store.delivery("d1").attempts,
        store.delivery("d1").replays,
        store.delivery("d1").state,
    )
    worker.stop()
