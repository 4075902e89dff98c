"""A chat engine with the resend timer, and a receiver that answers as the test says; time is the test's."""

from __future__ import annotations

import random
from typing import Any

import orjson
from unit.chat.engine import ALICE, PUSH_KEYS, Engine

from gateway.chat.customers import Party
from gateway.config import SettingsSource
from gateway.model.deliveries import DeliveryState
from gateway.model.pending import Pending
from gateway.push.resend import Resender

INI = "[push]\npushEnabled=comet,customhttp\ncustomhttp.url=http://127.0.0.1:1/\n"
KEYS = PUSH_KEYS | {"GCTI_GMS_PushResend": "true"}
# (notify-attempt, notify-position, nextPosition)
Told = tuple[str, str, int]


class ReliableEngine(Engine):
    """`sent` is the receiver: it takes what is queued, in order, and answers; `tick` is the timer."""

    def __init__(self, ini: str = "") -> None:
        super().__init__(INI + ini)

    def build(self) -> None:
        super().build()
        self.retrievals.load()
        self.resender = Resender(
            self.store,
            self.settings,
            self.clock,
            self.metrics,
            keys=self.keys,
            wake=lambda: None,
            settle=self.retrievals.settle_noted,
            forget=self.retrievals.forget,
            random=random.Random(1),
        )

    def restart(self, ini: str) -> None:
        """A new process over the same store, with another configuration."""
        self._ini = ini
        self.settings = SettingsSource("gateway.ini", {}, read_file=lambda _: self._ini.encode())
        self.build()

    def chat(self, **keys: str) -> Party:
        """A chat with a reliable subscription that an agent has accepted long ago; he was heard of."""
        party = self.start(user_data=KEYS | keys)
        self.agents.accept(ALICE, party.session.id)
        self.sent()
        self.customers.transcript(party, 1)
        self.pass_time(2)
        return party

    def say(self, party: Party, text: str = "hello") -> int:
        """The agent's message; its index."""
        return self.agents.send(ALICE, party.session.id, text).events[0].index

    def pass_time(self, seconds: float) -> None:
        """Time passes, then the timer looks."""
        self.clock.advance(seconds)
        self.resender.tick()

    def bodies(self, *, state: DeliveryState = DeliveryState.DELIVERED) -> list[dict[str, Any]]:
        """What arrives now, each answered so that its row gets `state`."""
        found = []
        while rows := self.store.claim("w", now_ms=self.clock.wall_ms(), lease_ms=30_000, limit=9):
            for row in rows:
                found.append(orjson.loads(row.message or b"null"))
                self.store.finish(row.id, "w", state=state, attempt=None)
        return found

    def sent(self, *, state: DeliveryState = DeliveryState.DELIVERED) -> list[Told]:
        """The pointers that arrive now."""
        return [told(body) for body in self.bodies(state=state)]

    def after(self, seconds: float, **how: Any) -> list[Told]:
        """What has arrived so many seconds later."""
        self.pass_time(seconds)
        return self.sent(**how)

    def pending(self, party: Party) -> Pending:
        """The stored record."""
        found = self.store.pending(party.session.id)
        assert found is not None
        return found


def told(body: dict[str, Any]) -> Told:
    """What a pointer says."""
    user_data = body["messages"][0]["userData"]
    return user_data["notify-attempt"], user_data["notify-position"], body["nextPosition"]
