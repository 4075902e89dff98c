"""A chat engine of real parts for tests: memory store, manual clock, repeatable ids, settings from text."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gateway.chat.accounts import Account, Accounts
from gateway.chat.agent_files import AgentFiles
from gateway.chat.agents import Agents
from gateway.chat.customers import Customers, Party, StartRequest
from gateway.chat.file_scans import FileScans
from gateway.chat.files import Files
from gateway.chat.idle_control import IdleControl
from gateway.chat.ledger import Ledger
from gateway.chat.presence import Presence
from gateway.chat.reliable import Reliable
from gateway.chat.retrieval import Retrievals
from gateway.chat.timeouts import Timeouts
from gateway.clock import ManualClock
from gateway.cluster.bus import Bus
from gateway.config import SettingsSource
from gateway.errors import Conflict, Unavailable
from gateway.files.directory import FileDirectory
from gateway.ids import Ids, KeyRing
from gateway.model.change import Change, Committed
from gateway.observe.metrics import Metrics
from gateway.store.memory import MemoryStore

SERVICE = "customer-support"
ALICE = Account("Alice", "agent")
BOB = Account("Bob", "agent")
ROBOT = Account("Robot", "bot")
SARA = Account("Sara", "supervisor")
PUSH_KEYS = {
    "GCTI_Chat_PushSubscribe": "true",
    "GCTI_GMS_NodeGroup": "gms-cluster",
    "GCTI_GMS_PushDeviceId": "device-1",
    "GCTI_GMS_PushDeviceType": "customhttp",
}


class FlakyStore(MemoryStore):
    """A store whose writes can be made to fail: `down` for all of them, `conflicts` for the next few."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.conflicts = 0
        self.commits: list[Change] = []

    def commit(self, change: Change) -> None:
        if self.down:
            raise Unavailable("disk full")
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict(change.session.id)
        super().commit(change)
        self.commits.append(change)


class Engine:
    """Everything of `gateway.chat` wired together; `ini` is the configuration, changed by `configure`."""

    def __init__(self, ini: str = "") -> None:
        self._ini = ini
        self.settings = SettingsSource("gateway.ini", {}, read_file=lambda _: self._ini.encode())
        self.ids = Ids(random.Random(7).randbytes)
        self.clock = ManualClock()
        self.store = FlakyStore()
        self.metrics = Metrics()
        self.bus = Bus()
        self.published: list[Committed] = []
        self.bus.subscribe(self.published.append)
        self.keys = KeyRing(b"a secret of the installation")
        self._temporary = TemporaryDirectory(prefix="gateway-files-")
        self.root = Path(self._temporary.name)
        self.build()

    def build(self) -> None:
        """Make the parts that live in memory; a second call is a restart over the same store."""
        shared: dict[str, Any] = {"settings_source": self.settings, "clock": self.clock}
        self.presence = Presence(self.clock)
        self.retrievals = Retrievals(self.store)
        self.reliable = Reliable(self.store, self.retrievals, keys=self.keys, **shared)
        self.ledger = Ledger(
            self.store,
            self.bus,
            presence=self.presence,
            reliable=self.reliable,
            metrics=self.metrics,
            **shared,
        )
        self.customers = Customers(
            self.ledger,
            self.store,
            keys=self.keys,
            ids=self.ids,
            presence=self.presence,
            retrievals=self.retrievals,
            metrics=self.metrics,
            **shared,
        )
        self.agents = Agents(self.ledger, self.store, ids=self.ids, metrics=self.metrics, **shared)
        self.accounts = Accounts(self.store, self.ids, self.clock)
        self.timeouts = Timeouts(self.ledger, self.store, bus=self.bus, presence=self.presence, **shared)
        self.idle = IdleControl(self.ledger, self.store, bus=self.bus, metrics=self.metrics, **shared)
        self._build_files(shared)

    def _build_files(self, shared: dict[str, Any]) -> None:
        counted = {"settings_source": self.settings, "metrics": self.metrics}
        self.directory = FileDirectory(self.root)
        self.directory.open()
        self.scans = FileScans(self.ledger, self.store, directory=self.directory, **counted)
        self.files = Files(
            self.ledger,
            self.store,
            directory=self.directory,
            scans=self.scans,
            ids=self.ids,
            metrics=self.metrics,
            **shared,
        )
        self.agent_files = AgentFiles(self.files, self.agents, self.store, **counted)

    def configure(self, ini: str) -> None:
        """Replace the configuration as a reload does."""
        self._ini = ini
        assert self.settings.poll(), self.settings.last_error

    def start(self, **fields: Any) -> Party:
        """A chat of Ann Lee."""
        request = {"service": SERVICE, "origin": "rest", "first_name": "Ann", "last_name": "Lee", **fields}
        return self.customers.start(StartRequest(**request)).party

    def sample(self, name: str, **labels: str) -> float:
        """The value of a metric; 0 when it was never touched."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0
