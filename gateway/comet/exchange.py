"""One batch of Bayeux messages: handed to the machine one by one, their outcomes carried out in order.

Called by every transport with decoded messages. What comes back (`Result`) is everything that belongs into
the reply, the sessions whose deferred wake-ups must be settled once it is written, and, for a lone
/meta/connect over HTTP, the connect to park.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.bayeux import (
    BroadcastPublish,
    Connect,
    Delivery,
    Held,
    Machine,
    Peer,
    Reply,
    ServicePublish,
    Session,
)
from gateway.bayeux.errors import MALFORMED, PUBLISH_FAILED
from gateway.bayeux.extensions import member
from gateway.bayeux.machine import HANDSHAKE
from gateway.bayeux.messages import beside_handshake, too_many_handshakes
from gateway.bayeux.options import WEBSOCKET
from gateway.chat.accounts import Accounts
from gateway.clock import Clock
from gateway.comet import fields, frames
from gateway.comet.hub import Hub
from gateway.comet.policy import service_of
from gateway.comet.resume import Resume
from gateway.comet.service import ChatService
from gateway.comet.waiting import Waiter
from gateway.errors import Forbidden, RateLimited, Rejected, Unavailable
from gateway.observe.metrics import Metrics
from gateway.rates import Rates

# Answers to one batch, beyond which its further operations are refused: a request of some kilobytes must not
# order a thousand whole transcripts.
MAX_ANSWERS_BYTES = 4 * 1024 * 1024

Met = Callable[[Session], None]


@dataclass(slots=True)
class Parked:
    """A connect that an HTTP transport must hold."""

    session: Session
    held: Held
    seconds: float


@dataclass(slots=True)
class Result:
    """What one batch leads to; `written` or `failed` of the exchange must follow."""

    messages: list[bytes] = field(default_factory=list)
    deliveries: list[tuple[Session, Delivery]] = field(default_factory=list)
    entered: list[Session] = field(default_factory=list)
    parked: Parked | None = None
    opened: Session | None = None
    closed: Session | None = None
    session: Session | None = None
    answers_bytes: int = 0


def _nobody(_session: Session) -> None:
    """For transports without a connection that sessions are bound to."""


def _last_seen(message: dict[str, Any]) -> int | None:
    """`ext.transcriptPosition` of a disconnect: the app goes to the background (spec/chat-api-v2.md 7.6)."""
    try:
        return fields.position({"transcriptPosition": member(message, "transcriptPosition")})
    except Rejected:
        return None


class Exchange:
    """Carries out batches; one per node, shared by the transports."""

    def __init__(
        self,
        machine: Machine,
        hub: Hub,
        service: ChatService,
        *,
        resume: Resume,
        accounts: Accounts,
        clock: Clock,
        metrics: Metrics,
        on_agent: Callable[[Session], None],
        rates: Rates | None = None,
    ) -> None:
        self._rates = rates
        self._machine = machine
        self._hub = hub
        self._service = service
        self._resume = resume
        self._accounts = accounts
        self._clock = clock
        self._metrics = metrics
        self._on_agent = on_agent

    def process(self, batch: Sequence[dict[str, Any]], peer: Peer, *, met: Met = _nobody) -> Result:
        """Process the messages strictly in order; each is finished before the next begins.

        `met` is told of the session of each message before its outcome is carried out (under the hub's lock).
        """
        result = Result()
        peer.alone = len(batch) == 1
        if not peer.alone and any(message.get("channel") == HANDSHAKE for message in batch):
            # Nothing that shares a batch with a handshake has an effect (spec/bayeux.md 2).
            result.messages = [frames.encode(beside_handshake(message)) for message in batch]
            return result
        try:
            for message in batch:
                self._one(message, peer, result, met)
        except BaseException:
            self._settle(result)
            raise
        return result

    def _one(self, message: dict[str, Any], peer: Peer, result: Result, met: Met) -> None:
        if message.get("channel") == HANDSHAKE:
            if not self._may_handshake(message, peer, result):
                return
            self._authenticate(message, peer)
        else:
            self._resume.revive(message.get("clientId"))
        with self._hub.lock:
            outcome = self._machine.receive(
                message, peer, now=self._clock.monotonic(), wall_ms=self._clock.wall_ms()
            )
            session = outcome.session
            if session is not None:
                result.session = session
                if not isinstance(outcome, Connect) and session not in result.entered:
                    session.busy += 1
                    result.entered.append(session)
                met(session)
            if isinstance(outcome, Reply):
                if outcome.closed and session is not None:
                    self._hub.background(session, _last_seen(message))
                self._replied(outcome, peer, result)
                return
            if isinstance(outcome, Connect):
                self._connected(outcome, peer, result)
                return
        if isinstance(outcome, ServicePublish):
            self._publish_service(outcome, result, peer.address)
        else:
            self._publish_broadcast(outcome, result)

    def _may_handshake(self, message: dict[str, Any], peer: Peer, result: Result) -> bool:
        """Count a handshake; above the limit it is answered here, and the client comes again later."""
        try:
            if self._rates is not None:
                self._rates.handshake(peer.address)
        except RateLimited as error:
            result.messages.append(frames.encode(too_many_handshakes(message, error.retry_after_s * 1000)))
            return False
        return True

    def _authenticate(self, message: dict[str, Any], peer: Peer) -> None:
        """An agent's handshake carries `ext.agent.token` (decision 12)."""
        agent = member(message, "agent")
        peer.principal, peer.denied = None, False
        if agent is None:
            return
        token = agent.get("token") if isinstance(agent, dict) else None
        try:
            peer.principal = self._accounts.authenticate(
                token if isinstance(token, str) else "", address=peer.address
            )
        except (Forbidden, Unavailable):
            peer.denied = True

    def _replied(self, outcome: Reply, peer: Peer, result: Result) -> None:
        result.messages.append(frames.encode(outcome.reply))
        session = outcome.session
        if session is None:
            if str(outcome.reply.get("error", "")).startswith("402:"):
                self._metrics.bayeux_unknown_client_total.inc()
            return
        if outcome.opened:
            result.opened = session
            self._metrics.bound("bayeux_handshakes_total", peer.transport).inc()
            self._resume.opened(session)
            if session.principal is not None:
                self._on_agent(session)
        if outcome.closed:
            result.closed = session
            if session.channel is not None and peer.bound is not session:
                # Ended over another connection: a bound websocket has no read timeout of its own.
                session.channel.close(1000, "disconnected")
            self._disconnected(session, outcome.released, result)

    def _disconnected(self, session: Session, released: Held | None, result: Result) -> None:
        self._resume.forget(session)
        self._hub.closed(session)
        if released is None:
            return
        if released.waiter is not None:
            self._hub.release(released, "closed")
        else:
            # Over a websocket the client waits for this reply before it closes (spec/bayeux.md 0.13).
            reply = self._machine.finish_connect(session, released, batch=0, now=self._clock.monotonic())
            result.messages.append(frames.encode(reply))

    def _connected(self, outcome: Connect, peer: Peer, result: Result) -> None:
        session, held = outcome.session, outcome.held
        self._supersede(outcome, result)
        self._hub.heard(session, confirmed=session.memo.pop("confirmed", False))
        if session.connects == 2:
            self._resume.second_connect(session)
        hold = outcome.hold_s > 0 and self._hub.holding
        if peer.transport == WEBSOCKET:
            if hold and not (session.ack and session.pending):
                self._machine.hold(session, held)
                return
        else:
            if session.channel is not None:
                session.channel.close(1000, "switched to polling")
                self._hub.unbind(session, session.channel)
            if hold and not session.pending:
                held.waiter = Waiter()
                self._machine.hold(session, held)
                result.parked = Parked(session, held, outcome.hold_s)
                return
        self.finish(session, held, result)

    def _supersede(self, outcome: Connect, result: Result) -> None:
        """A second connect ends the first at once: one winner (spec/bayeux.md 3)."""
        old = outcome.superseded
        if old is None:
            return
        if old.waiter is not None:
            self._hub.release(old, "superseded")
        elif outcome.held.transport == WEBSOCKET:
            result.messages.append(frames.encode(old.reply))

    def finish(self, session: Session, held: Held, result: Result) -> None:
        """End a connect now: what is due and the reply go into the result."""
        delivery, reply = self._hub.finish(session, held)
        delivery.written = False
        result.messages.extend(delivery.frames)
        result.messages.append(reply)
        result.deliveries.append((session, delivery))
        result.session = session

    def _publish_service(self, outcome: ServicePublish, result: Result, address: str) -> None:
        session, channel = outcome.session, outcome.channel
        if result.answers_bytes > MAX_ANSWERS_BYTES:
            outcome.ack.update(successful=False, error=PUBLISH_FAILED)
            result.messages.append(frames.encode(outcome.ack))
            return
        answer = self._service.call(
            session, channel, service_of(channel) or "", data=outcome.data, address=address
        )
        if not answer.done:
            outcome.ack.update(successful=False, error=PUBLISH_FAILED)
        result.messages.append(frames.encode(outcome.ack))
        result.answers_bytes += sum(map(len, answer.messages))
        if session.ack:
            self._hub.answer(session, answer.messages)
        else:
            result.messages.extend(answer.messages)

    def _publish_broadcast(self, outcome: BroadcastPublish, result: Result) -> None:
        try:
            event = frames.encode(outcome.event)
        except TypeError:  # nested deeper than the encoder goes
            outcome.ack.update(successful=False, error=MALFORMED)
        else:
            self._hub.broadcast(outcome.recipients, event)
        result.messages.append(frames.encode(outcome.ack))

    # --- after the reply --------------------------------------------------------------------------------

    def written(self, result: Result) -> None:
        """The reply is on its way to the client."""
        now = self._clock.monotonic()
        for session, delivery in result.deliveries:
            with self._hub.lock:
                delivery.written = True
                self._hub.given(session, delivery)
                self._machine.replied(session, now)
        self._settle(result)

    def failed(self, result: Result) -> None:
        """The reply could not be written: give back what was taken, in reverse order."""
        now = self._clock.monotonic()
        for session, delivery in reversed(result.deliveries):
            with self._hub.lock:
                session.undo(delivery)
                self._machine.replied(session, now)
                self._hub.wake(session)  # a newer connect may be held already (cometd #595)
        self._settle(result)

    def join(self, result: Result, session: Session | None) -> list[bytes]:
        """Over a websocket: what is due behind the replies of a batch, to leave in the same frame.

        Called under the hub's lock right before the frame is written. The system call is the largest single
        cost of a chat message; the sender's own event shares the one of its acknowledgement.
        """
        self._settle(result, wake=False)
        delivery = None if session is None else self._hub.take(session)
        if session is None or delivery is None:
            return []
        result.deliveries.append((session, delivery))
        return delivery.frames

    def _settle(self, result: Result, *, wake: bool = True) -> None:
        if not result.entered:
            return
        for session in result.entered:
            self._hub.settle(session, wake=wake)
            self._resume.attached(session)
        result.entered.clear()
