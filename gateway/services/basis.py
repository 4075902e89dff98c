"""What every part of a node is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.clock import Clock
from gateway.cluster.bus import Bus
from gateway.config import SettingsSource
from gateway.ids import Ids, KeyRing
from gateway.observe.metrics import Metrics
from gateway.rates import Rates
from gateway.store.roles import Store


@dataclass(frozen=True, slots=True)
class Basis:
    """The node's store, time, randomness, settings and measures; `keys` derives the keys of chats."""

    settings: SettingsSource
    store: Store
    clock: Clock
    ids: Ids
    metrics: Metrics
    bus: Bus
    rates: Rates
    keys: KeyRing

    @property
    def timed(self) -> dict[str, Any]:
        """The two that nearly all take, as keyword arguments."""
        return {"settings_source": self.settings, "clock": self.clock}
