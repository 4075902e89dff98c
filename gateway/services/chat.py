"""The chats of a node: the ledger, the use cases of customers and agents upon it, timeouts, idle control."""

from __future__ import annotations

from gateway.chat.agents import Agents
from gateway.chat.customers import Customers
from gateway.chat.idle_control import IdleControl
from gateway.chat.ledger import Ledger
from gateway.chat.presence import Presence
from gateway.chat.reliable import Reliable
from gateway.chat.retrieval import Retrievals
from gateway.chat.timeouts import Timeouts
from gateway.services.basis import Basis


class ChatPart:
    """Made once by `node`; the attributes are for the other parts and the edges."""

    def __init__(self, basis: Basis) -> None:
        store, metrics, timed = basis.store, basis.metrics, basis.timed
        self.presence = Presence(basis.clock)
        self.retrievals = Retrievals(store)
        self.ledger = Ledger(
            store,
            basis.bus,
            presence=self.presence,
            reliable=Reliable(store, self.retrievals, keys=basis.keys, **timed),
            metrics=metrics,
            **timed,
        )
        self.customers = Customers(
            self.ledger,
            store,
            keys=basis.keys,
            ids=basis.ids,
            presence=self.presence,
            retrievals=self.retrievals,
            metrics=metrics,
            rates=basis.rates,
            **timed,
        )
        self.agents = Agents(self.ledger, store, ids=basis.ids, metrics=metrics, rates=basis.rates, **timed)
        self.timeouts = Timeouts(self.ledger, store, bus=basis.bus, presence=self.presence, **timed)
        self.idle = IdleControl(self.ledger, store, bus=basis.bus, metrics=metrics, **timed)
