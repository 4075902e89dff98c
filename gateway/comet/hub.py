"""The hub: all Bayeux sessions of this node, which chats they receive, and the delivery to them.

Theory of operation. The protocol's decisions are the machine's (`bayeux/`), the truth of a chat is the
store's; the hub connects the two. `publish` is a bus observer: it offers each committed event to the
attachments of its chat and wakes their sessions. A session can take events when it has an open websocket or
a held poll; otherwise they wait behind its cursors. While a batch of a session is processed (`busy`) wake-ups
are deferred to `settle`, so an answer is always written before the events that follow it.

One lock guards the machine, the attachments and every session. No code under it blocks or switches
greenlets: commits and waiting happen outside, reads of the store are inline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import structlog

from gateway.bayeux import Delivery, Held, Machine, Session
from gateway.chat.presence import Presence
from gateway.chat.retrieval import Retrievals
from gateway.clock import Clock
from gateway.comet import frames
from gateway.comet.attachment import Attachment
from gateway.comet.attachments import Attachments, attachments_of
from gateway.config import SettingsSource
from gateway.model.change import Committed
from gateway.model.events import Event
from gateway.observe.metrics import Metrics
from gateway.routing.decision import comet_open
from gateway.store.roles import Chats

log = structlog.get_logger(__name__)


class Hub(Attachments):
    """Sessions and attachments of one node."""

    def __init__(
        self,
        machine: Machine,
        store: Chats,
        *,
        presence: Presence,
        retrievals: Retrievals,
        settings_source: SettingsSource,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        super().__init__(
            store, presence=presence, retrievals=retrievals, settings_source=settings_source, clock=clock
        )
        self.machine = machine
        self._metrics = metrics
        self._on_drop: list[Callable[[Session], None]] = []
        # False once the node is stopping: connects are answered at once.
        self.holding = True

    def on_drop(self, observer: Callable[[Session], None]) -> None:
        """Call `observer` with each session that is about to be taken away, while it still has its chats."""
        self._on_drop.append(observer)

    # --- events -----------------------------------------------------------------------------------------

    def publish(self, committed: Committed) -> None:
        """Offer committed events to the chat's attachments (bus observer)."""
        attachments = self._by_chat.get(committed.session.id)
        if not attachments or not committed.events:
            if committed.session.ended_for_customer:
                self._resume.pop(committed.session.id, None)
            return
        open_channel = comet_open(self._settings_source.current.push.enabled)
        with self.lock:
            for event in committed.events:
                if open_channel:
                    self._offer(event, attachments)
                else:
                    # The comet channel is closed: its clients learn of events from their own requests only.
                    for attachment in attachments:
                        attachment.skip(event)
            if committed.session.ended_for_customer:
                self._drop_done(committed.session.id)

    def _offer(self, event: Event, attachments: list[Attachment]) -> None:
        shared: dict[tuple[str, str], bytes] = {}
        for attachment in list(attachments):
            session = attachment.session
            channel = session.channel
            if session.busy:
                attachment.offer(event)  # the end of its batch delivers it
                continue
            straight = channel is not None and channel.clear and attachment.live
            if not straight or session.ack or session.outbox:
                attachment.offer(event)
                self.wake(session)
                continue
            # Straight through: one encoded websocket frame for every listener of the channel (W1, W2).
            if event.index <= attachment.cursor:
                continue  # a pull found it in the store between its commit and this wake-up
            if not attachment.shows(event):
                attachment.cursor = event.index
                continue
            key = (attachment.channel, attachment.identity.chat_id)
            frame = shared.get(key)
            if frame is None:
                frame = shared[key] = frames.ws_text(b"[%b]" % attachment.frame(event))
            attachment.follow_end(event)
            if channel.put(frame):
                attachment.cursor = event.index
                self._note(attachment, event.index)
            else:
                attachment.offer(event)

    def send(self, session: Session, message: bytes) -> None:
        """Queue an encoded message that exists nowhere else (broadcast, agent feed) and wake the session."""
        options = self.machine.options
        with self.lock:
            if session.closed:
                return
            session.enqueue(message)
            if session.overflow(options.max_queue, options.max_queue_bytes):
                log.info("session_overflow", session=session.id[:6], frames=len(session.outbox))
                self.drop(session, "outbox")
                return
            self.wake(session)

    def answer(self, session: Session, messages: Sequence[bytes]) -> None:
        """Queue the answer to an operation for a session that gets everything with its connect replies.

        One answer may exceed the bounds (decision 14); who orders another before it has fetched that is cut
        off.
        """
        options = self.machine.options
        with self.lock:
            if session.closed or not messages:
                return
            if session.overflow(options.max_queue, options.max_queue_bytes):
                log.info("session_overflow", session=session.id[:6], frames=len(session.outbox))
                self.drop(session, "outbox")
                return
            for message in messages:
                session.enqueue(message)

    def broadcast(self, recipients: Sequence[Session], message: bytes) -> None:
        """Send one encoded message to many sessions; open websockets share one encoded frame."""
        frame = frames.ws_text(b"[%b]" % message)
        with self.lock:
            for session in recipients:
                channel = session.channel
                # What a socket does not take at once waits in the session's outbox, which outlives it.
                straight = channel is not None and channel.clear and not session.pending
                if session.busy or session.ack or not straight or not channel.put(frame):
                    self.send(session, message)

    def wake(self, session: Session) -> None:
        """Deliver now if the session can take something; otherwise it waits for its next connect."""
        if session.busy or not session.pending:
            return
        held = session.held
        if held is not None and held.waiter is not None:
            held.waiter.release()
        elif session.channel is not None and (held is not None or not session.ack):
            self.flush(session)

    # --- websocket delivery -------------------------------------------------------------------------------

    def flush(self, session: Session) -> None:
        """Write what is due to the session's websocket, joined into one frame.

        A socket with a backlog gets nothing more until its peer has read it (`drained`): what is missed is
        safe behind the cursors. With the ack extension events leave only together with the connect reply
        that numbers them, in one frame, so that a dying socket cannot separate them (spec/bayeux.md 10).
        """
        while session.pending and session.channel is not None and session.channel.clear:
            if session.ack:
                if session.held is None:
                    return
                self.complete_on_socket(session, session.held)
                continue
            delivery = session.collect(self.machine.options.max_queue_bytes)
            if delivery.frames and not session.channel.put(frames.ws_text(frames.array(delivery.frames))):
                session.undo(delivery)
                return
            self.given(session, delivery)

    def drained(self, session: Session, channel: Any) -> None:
        """The socket's backlog is written: go on."""
        with self.lock:
            if session.channel is channel:
                self.wake(session)

    def complete_on_socket(self, session: Session, held: Held) -> None:
        """Answer a connect on the session's websocket, with everything that is due in the same frame."""
        channel = session.channel
        if channel is None:
            return
        delivery, reply = self.finish(session, held)
        if channel.put(frames.ws_text(frames.array([*delivery.frames, reply]))):
            self.given(session, delivery)
            self.machine.replied(session, self._clock.monotonic())
        else:
            session.undo(delivery)

    def finish(self, session: Session, held: Held) -> tuple[Delivery, bytes]:
        """Take what is due and make the connect reply that goes behind it."""
        delivery = session.collect(self.machine.options.max_queue_bytes)
        if session.channel is not None and not session.ack:
            batch = session.hand_out(session.written_through())
        else:
            batch = session.hand_out(delivery)
        if session.ack and delivery.marks:
            self._dirty[session.id] = session  # a restart must know what is on its way
        reply = self.machine.finish_connect(session, held, batch=batch, now=self._clock.monotonic())
        return delivery, frames.encode(reply)

    # --- batches ------------------------------------------------------------------------------------------

    def settle(self, session: Session, *, wake: bool = True) -> None:
        """End of a batch: activate what it attached and, with `wake`, deliver what came meanwhile."""
        with self.lock:
            session.busy -= 1
            if session.busy == 0:
                for source in session.sources:
                    source.active = True
                if wake:
                    self.wake(session)

    def take(self, session: Session) -> Delivery | None:
        """What a websocket session can be given now, or None (nothing due, or only with a connect reply)."""
        if session.busy or session.ack or session.channel is None:
            return None
        delivery = session.collect(self.machine.options.max_queue_bytes)
        return delivery if delivery.frames or delivery.marks else None

    # --- life of sessions -----------------------------------------------------------------------------------

    def bind(self, session: Session, channel: Any) -> None:
        """The session now speaks through this websocket; an earlier one is cut off."""
        with self.lock:
            old, session.channel = session.channel, channel
            if old is not None and old is not channel:
                session.held = None
                if not session.ack:
                    session.rewind_all()
                old.close(1000, "replaced")

    def unbind(self, session: Session, channel: Any) -> None:
        """The websocket is gone: go back to what was confirmed and give the client time to return."""
        with self.lock:
            if session.channel is not channel:
                return
            session.channel = None
            session.held = None
            if not session.ack:
                session.rewind_all()
            self.machine.replied(session, self._clock.monotonic())

    def release(self, held: Held | None, verdict: str) -> None:
        """End a held connect of an HTTP request: "superseded" or "closed"."""
        if held is not None:
            self.machine.uncount(held)
            if held.waiter is not None:
                held.waiter.finish(verdict)

    def closed(self, session: Session) -> None:
        """The session is over (disconnect, expiry, drop): its attachments go with it."""
        for attachment in attachments_of(session):
            self._detach(attachment)
        self._dirty.pop(session.id, None)

    def drop(self, session: Session, reason: str) -> None:
        """Take a session away from a client that may still be there: it gets 402 at its next message.

        A held connect is answered, and a websocket closed, at once (decision 5).
        """
        with self.lock:
            if session.closed:
                return
            log.info("session_dropped", session=session.id[:6], reason=reason)
            held, session.held = session.held, None
            for observer in self._on_drop:
                observer(session)
            self.machine.remove(session)
            self.closed(session)
            self.release(held, "dropped")
            if session.channel is not None:
                session.channel.close(1008, reason)
                session.channel = None

    def stop_holding(self) -> None:
        """Graceful stop: answer every held poll and hold none any more."""
        with self.lock:
            self.holding = False
            for session in list(self.machine.sessions.values()):
                if session.held is not None and session.held.waiter is not None:
                    session.held.waiter.release()

    def dropped_reply(self, held: Held) -> dict[str, Any]:
        """What a held connect of a dropped session is told: 402 and a new handshake (decision 5)."""
        return {
            **held.reply,
            "successful": False,
            "error": self.machine.options.unknown_client,
            "advice": {"reconnect": "handshake", "interval": 0},
        }
