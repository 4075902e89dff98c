"""The protocol engine with a policy and a clock that tests decide about, and a client that speaks to it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from gateway.bayeux import Connect, Machine, Options, Outcome, Peer, Session
from gateway.bayeux.options import LONG_POLLING, WEBSOCKET

TYPES = ["websocket", "long-polling", "callback-polling"]
WALL_MS = 1_568_662_361_000


@dataclass
class Rules:
    """A policy: the channels in the two sets may be used; handshakes are accepted while `open`."""

    open: bool = True
    subscribable: set[str] = field(default_factory=lambda: {"/news", "/news/*", "/news/**", "/service/x"})
    publishable: set[str] = field(default_factory=lambda: {"/news", "/news/a", "/service/x"})

    def can_handshake(self, peer: Peer) -> bool:
        return self.open

    def can_subscribe(self, session: Session, channel: str) -> bool:
        return channel in self.subscribable

    def can_publish(self, session: Session, channel: str) -> bool:
        return channel in self.publishable


class Server:
    """A `Machine` at a time of the test's choosing."""

    def __init__(self, **options: Any) -> None:
        self.rules = Rules()
        counter = itertools.count(1)
        self.machine = Machine(Options(**options), self.rules, new_id=lambda: f"client{next(counter)}")
        self.now = 1000.0

    def say(self, message: dict[str, Any], peer: Peer | None = None) -> Outcome:
        """Hand one message to the engine."""
        peer = peer or Peer(LONG_POLLING)
        return self.machine.receive(message, peer, now=self.now, wall_ms=WALL_MS)

    def reply(self, message: dict[str, Any], peer: Peer | None = None) -> dict[str, Any]:
        """The reply to a message that is answered at once."""
        return self.say(message, peer).reply  # type: ignore[union-attr]

    def client(self, peer: Peer | None = None, **members: Any) -> Client:
        """Shake hands."""
        peer = peer or Peer(LONG_POLLING)
        hello = {"id": "1", "channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": TYPES}
        outcome = self.say({**hello, **members}, peer)
        assert outcome.reply["successful"], outcome.reply  # type: ignore[union-attr]
        return Client(self, outcome.session, peer)  # type: ignore[arg-type]


@dataclass
class Client:
    """One session and the connection that it is used from."""

    server: Server
    session: Session
    peer: Peer

    def message(self, channel: str, **members: Any) -> dict[str, Any]:
        return {"id": "7", "channel": channel, "clientId": self.session.id, **members}

    def say(self, channel: str, **members: Any) -> Outcome:
        return self.server.say(self.message(channel, **members), self.peer)

    def reply(self, channel: str, **members: Any) -> dict[str, Any]:
        return self.server.reply(self.message(channel, **members), self.peer)

    def connect(self, **members: Any) -> Connect:
        """Send /meta/connect; the caller finishes it."""
        outcome = self.say("/meta/connect", connectionType=self.peer.transport, **members)
        assert isinstance(outcome, Connect), outcome
        return outcome

    def finish(self, outcome: Connect) -> tuple[list[bytes], dict[str, Any]]:
        """End a connect as a transport does: what is due, and the reply behind it."""
        delivery = self.session.collect(1 << 20)
        batch = self.session.hand_out(delivery)
        machine = self.server.machine
        reply = machine.finish_connect(self.session, outcome.held, batch=batch, now=self.server.now)
        machine.replied(self.session, self.server.now)
        return delivery.frames, reply

    def poll(self, **members: Any) -> tuple[list[bytes], dict[str, Any]]:
        """A connect that is finished at once."""
        return self.finish(self.connect(**members))

    def hold(self, **members: Any) -> Connect:
        """A connect that is parked."""
        if self.session.connects == 0:
            self.poll()
        outcome = self.connect(**members)
        assert outcome.hold_s > 0
        self.server.machine.hold(self.session, outcome.held)
        return outcome


def socket_peer(session: Session | None = None) -> Peer:
    """A websocket, perhaps already bound to a session."""
    return Peer(WEBSOCKET, bound=session)
