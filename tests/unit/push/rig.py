"""A delivery worker with a store, a clock and a receiver that tests control."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from unit.push.receiver import NOW_MS, SECRET, Receiver, delivery, until
from unit.routing import chats

from gateway.clock import ManualClock
from gateway.config import SettingsSource
from gateway.model.change import Change, Committed
from gateway.model.deliveries import Delivery, DeliveryState
from gateway.observe.metrics import Metrics
from gateway.push.worker import PushWorker
from gateway.store.memory import MemoryStore

UNFINISHED = frozenset({DeliveryState.QUEUED, DeliveryState.LEASED})


def push_threads() -> list[threading.Thread]:
    """The threads of lanes that are at work."""
    return [thread for thread in threading.enumerate() if thread.name == "push"]


class Node:
    """One worker on a store, with its own clock, settings and metrics; `stop` is called by the fixture."""

    def __init__(self, store: MemoryStore, clock: ManualClock, config: str, **options: Any) -> None:
        self.store, self.clock = store, clock
        self.config = config
        self.source = SettingsSource("gateway.ini", {}, read_file=lambda _path: self.config.encode())
        self.metrics = Metrics()
        self.worker = PushWorker(
            store,
            self.source,
            clock,
            self.metrics,
            options.pop("name", "node-a"),
            installation_key=SECRET,
            **options,
        )

    def state(self, row: Delivery) -> DeliveryState:
        """The stored state of a row."""
        stored = self.store.delivery(row.id)
        assert stored is not None
        return stored.state

    def run(self) -> None:
        """Claim and wait until nothing is unfinished and every lane has said and counted so."""
        self.worker.claim()
        until(lambda: not self.store.list_deliveries(chat_id=None, states=UNFINISHED, limit=1), "finish")
        until(lambda: not push_threads(), "idle lanes")

    def settle(self, times: int = 4) -> None:
        """Claim and send what may be sent now, a few rows of each chat at most."""
        for _ in range(times):
            if not self.worker.claim():
                return
            until(lambda: not push_threads(), "idle lanes")

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait for a condition while the worker is kept awake."""
        until(lambda: (self.worker.wake(), condition())[1], "condition")

    def count(self, name: str, **labels: str) -> float:
        """The value of a metric, 0 when it was never touched."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


class Rig:
    """Makes nodes that share a store, a clock and receivers' URLs."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.store = MemoryStore()
        self.clock = ManualClock(NOW_MS)
        self.nodes: list[Node] = []

    def config(self) -> str:
        """[push], debug and two providers, each on a path of its own."""
        url = self.receiver.url
        return (
            "[push]\npushEnabled=comet,customhttp\nallow_client_debug=true\n"
            f"customhttp.url={url('/push')}\ncustomhttp.message=dummy message\n"
            f"debug.customhttp.url={url('/debug')}\n"
            f"[push.provider.slow]\ncustomhttp.url={url('/slow')}\n"
            f"[push.provider.good]\ncustomhttp.url={url('/good')}\n"
        )

    def node(self, *, config: str | None = None, store: Any = None, **options: Any) -> Node:
        """A node; the first one is what most tests need."""
        node = Node(store or self.store, self.clock, config or self.config(), **options)
        self.nodes.append(node)
        return node

    def add(self, *rows: Delivery) -> Committed:
        """Commit rows as the ledger does, each chat's in one change; returns the last one."""
        committed = None
        for chat_id in dict.fromkeys(row.chat_id for row in rows):
            session = chats.session(chats.subscription())
            stored = self.store.session(chat_id)
            version = 1 if stored is None else stored.version + 1
            session = type(session)(chat_id, version, session.state, 1, NOW_MS, session.profile)
            mine = tuple(row for row in rows if row.chat_id == chat_id)
            self.store.commit(Change(session=session, deliveries=mine))
            committed = Committed(session, ())
        assert committed is not None
        return committed

    def stop(self) -> None:
        """End all workers."""
        self.receiver.released.set()
        for node in self.nodes:
            node.worker.stop()


def row(number: int = 16, chat: str = "chat", **changes: Any) -> Delivery:
    """A notification about event `number` of a chat."""
    return delivery(id=f"msg_{chat}_c1_{number}", chat_id=chat, position=number, **changes)
