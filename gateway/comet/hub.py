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
from typing import Any, cast

import structlog

from gateway.bayeux import Delivery, Held, Machine, Session
from gateway.chat.presence import Presence
from gateway.clock import Clock
from gateway.comet import frames
from gateway.comet.attachment import PULL_LIMIT, Attachment
from gateway.native import native_rlock
from gateway.config import SettingsSource
from gateway.model.change import Committed
from gateway.model.events import Event
from gateway.model.payload import DEPRECATED, Identity
from gateway.model.session import ChatSession
from gateway.observe.metrics import Metrics
from gateway.routing.decision import comet_open
from gateway.store.roles import Chats

# A session that only polls is stored again this often, so that its record does not look abandoned.
SAVE_AT_LEAST_S = 60.0

log = structlog.get_logger(__name__)


def attachments_of(session: Session) -> list[Attachment]:
    """A copy of the session's sources; in this package every source is an attachment."""
    return cast("list[Attachment]", list(session.sources))


class Hub:
    """Sessions and attachments of one node."""

    def __init__(
        self,
        machine: Machine,
        store: Chats,
        *,
        presence: Presence,
        settings_source: SettingsSource,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self.machine = machine
        self.lock = native_rlock()
        self._store = store
        self._presence = presence
        self._settings_source = settings_source
        self._clock = clock
        self._metrics = metrics
        self._by_chat: dict[str, list[Attachment]] = {}
        self._dirty: dict[str, Session] = {}
        # chat id -> highest index known to have arrived at a session that is gone (spec 7.6 c).
        self._resume: dict[str, int] = {}
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
            if channel is None or session.busy or session.ack or session.outbox or not attachment.live:
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
            if event.ends_chat:
                attachment.ending = event.index
            if channel.put(frame):
                attachment.cursor = event.index
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

    def broadcast(self, recipients: Sequence[Session], message: bytes) -> None:
        """Send one encoded message to many sessions; open websockets share one encoded frame."""
        frame = frames.ws_text(b"[%b]" % message)
        with self.lock:
            for session in recipients:
                channel = session.channel
                if channel is None or session.busy or session.ack or session.pending:
                    self.send(session, message)
                else:
                    channel.put(frame)

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

        With the ack extension events leave only together with the connect reply that numbers them, in one
        frame, so that a dying socket cannot separate them (spec/bayeux.md 10).
        """
        while session.pending and session.channel is not None:
            if session.ack:
                if session.held is None:
                    return
                self.complete_on_socket(session, session.held)
                continue
            delivery = session.collect(self.machine.options.max_queue_bytes)
            if delivery.frames and not session.channel.put(frames.ws_text(frames.array(delivery.frames))):
                session.undo(delivery)
                return

    def complete_on_socket(self, session: Session, held: Held) -> None:
        """Answer a connect on the session's websocket, with everything that is due in the same frame."""
        channel = session.channel
        if channel is None:
            return
        delivery, reply = self.finish(session, held)
        if channel.put(frames.ws_text(frames.array([*delivery.frames, reply]))):
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
        reply = self.machine.finish_connect(session, held, batch=batch, now=self._clock.monotonic())
        return delivery, frames.encode(reply)

    # --- batches ------------------------------------------------------------------------------------------

    def settle(self, session: Session) -> None:
        """End of a batch: activate what it attached and deliver what came meanwhile."""
        with self.lock:
            session.busy -= 1
            if session.busy == 0:
                for attachment in attachments_of(session):
                    attachment.active = True
                self.wake(session)

    # --- attachments ----------------------------------------------------------------------------------------

    def attach(self, session: Session, chat: ChatSession, channel: str, *, cursor: int) -> None:
        """Let the session receive the chat beyond `cursor`; attaching again only moves the cursor on.

        A session that ended while its operation ran is left alone: nobody would ever detach it.
        """
        with self.lock:
            if session.closed:
                return
            for attachment in self._by_chat.get(chat.id, ()):
                if attachment.session is session:
                    attachment.jump(cursor)
                    self._dirty[session.id] = session
                    return
            attachment = self._new_attachment(session, chat, channel, cursor)
            attachment.active = session.busy == 0
            if self._settings_source.current.for_service(chat.profile.service).single_attachment:
                for other in list(self._by_chat.get(chat.id, ())):
                    self._detach(other)
            session.sources.append(attachment)
            self._by_chat.setdefault(chat.id, []).append(attachment)
            self._dirty[session.id] = session
            self._resume.pop(chat.id, None)
            self._presence.attached(chat.id)

    def _new_attachment(self, session: Session, chat: ChatSession, channel: str, cursor: int) -> Attachment:
        customer = chat.customer
        settings = self._settings_source.current.for_service(chat.profile.service)
        identity = DEPRECATED
        if settings.comet_expose_chat_id:
            identity = Identity(chat_id=chat.id, user_id=customer.user_id, alias="0")
        return Attachment(
            session,
            self._read,
            chat_id=chat.id,
            user_id=customer.user_id,
            participant=customer.id,
            channel=channel,
            cursor=cursor,
            identity=identity,
        )

    def _read(self, chat_id: str, start: int) -> Any:
        return self._store.recent(chat_id, start, limit=PULL_LIMIT, now_ms=self._clock.wall_ms())

    def is_attached(self, session: Session, chat_id: str) -> bool:
        """Whether this session receives the chat."""
        return any(attachment.session is session for attachment in self._by_chat.get(chat_id, ()))

    def attached_count(self, chat_id: str) -> int:
        """How many sessions receive the chat."""
        return len(self._by_chat.get(chat_id, ()))

    def resume_point(self, chat_id: str) -> int:
        """Where an implicit attachment goes on: what a lost session had confirmed, else the start."""
        return self._resume.get(chat_id, 0)

    def confirmed_index(self, chat_id: str) -> int:
        """The highest index of the chat that is known to have arrived at a comet client."""
        arrived = [attachment.confirmed for attachment in self._by_chat.get(chat_id, ())]
        return max([*arrived, self._resume.get(chat_id, 0)])

    def background(self, session: Session, position: int | None) -> None:
        """The client goes to the background and says what it has: everything below `position`."""
        if position is not None and position > 0:
            for source in session.sources:
                source.confirmed = max(source.confirmed, min(position - 1, source.cursor))

    def _detach(self, attachment: Attachment) -> None:
        attachments = self._by_chat.get(attachment.chat_id, [])
        if attachment not in attachments:
            return
        # A new list: `publish` may be iterating over the old one.
        remaining = [other for other in attachments if other is not attachment]
        if remaining:
            self._by_chat[attachment.chat_id] = remaining
        else:
            del self._by_chat[attachment.chat_id]
            if attachment.ending is None:
                self._resume[attachment.chat_id] = attachment.confirmed
        attachment.session.sources = [
            source for source in attachment.session.sources if source is not attachment
        ]
        self._dirty[attachment.session.id] = attachment.session
        self._presence.detached(attachment.chat_id)

    def _drop_done(self, chat_id: str) -> None:
        """Attachments of an ended chat go once their client has seen the end."""
        for attachment in list(self._by_chat.get(chat_id, ())):
            if attachment.done:
                self._detach(attachment)

    def heard(self, session: Session, *, confirmed: bool) -> None:
        """A connect arrived; `confirmed`: it proved deliveries: cursors moved and finished chats can go."""
        now = self._clock.monotonic()
        if confirmed or now - session.memo.get("marked", 0.0) > SAVE_AT_LEAST_S:
            session.memo["marked"] = now
            self._dirty[session.id] = session
        for attachment in attachments_of(session):
            attachment.retry()
            if attachment.done:
                self._detach(attachment)

    def take_dirty(self) -> list[Session]:
        """Sessions whose stored form is out of date; the sweeper saves them."""
        with self.lock:
            dirty, self._dirty = self._dirty, {}
            return list(dirty.values())

    def keep_dirty(self, sessions: Sequence[Session]) -> None:
        """These could not be saved; the next `take_dirty` returns them again."""
        with self.lock:
            for session in sessions:
                if not session.closed:
                    self._dirty[session.id] = session

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
