"""Bayeux sessions across restarts and losses (spec/chat-api-v2.md 7.6; design/architecture.md, idea 1).

Three ways back, from best to last resort:

* `revive`: a client id that this process does not know, but the store does, becomes a session again with its
  cursors; the client notices nothing.
* `opened`/`second_connect` (7.6 b): a handshake with the BAYEUX_BROWSER cookie and Origin of a lost session
  whose chat is open and has no other listener gets that chat back at its second connect, unless it spoke
  for itself before.
* the implicit attachment (7.6 c) lives in `service.py` and asks the hub for the resume point.

`save` writes the cursors of sessions that changed; losing the newest writes costs duplicates, never data.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import orjson
import structlog

from gateway.bayeux import Machine, Session, Source
from gateway.bayeux.options import CALLBACK_POLLING
from gateway.clock import Clock
from gateway.comet.attachments import attachments_of
from gateway.comet.hub import Hub
from gateway.config import SettingsSource
from gateway.errors import GatewayError, Unavailable
from gateway.model.session import ChatSession
from gateway.store.roles import Chats, CometSessions, StoredAttachment, StoredCometSession

# How long a lost session can come back ("some minutes", spec/chat-api-v2.md 7.6 a).
KEEP_MS = 15 * 60 * 1000

log = structlog.get_logger(__name__)


class Resume:
    """Stores attached sessions and brings lost ones back."""

    def __init__(
        self,
        machine: Machine,
        hub: Hub,
        chats: Chats,
        *,
        sessions: CometSessions,
        settings_source: SettingsSource,
        clock: Clock,
    ) -> None:
        self._machine = machine
        self._hub = hub
        self._chats = chats
        self._sessions = sessions
        self._settings_source = settings_source
        self._clock = clock
        hub.on_drop(self.lose)

    # --- the same client id again -----------------------------------------------------------------------

    def revive(self, client_id: object) -> None:
        """Make a stored session known again, if this is one and it was not taken away on purpose."""
        if not isinstance(client_id, str) or client_id in self._machine.sessions or not client_id.isalnum():
            return
        try:
            stored = self._sessions.comet(client_id)
        except Unavailable:
            return
        if stored is None or stored.updated_ms < self._clock.wall_ms() - KEEP_MS:
            return
        state = _state(stored)
        if state.get("lost"):
            return
        session = Session(
            id=client_id,
            transport=str(state.get("transport", "")),
            origin=stored.origin,
            browser=stored.browser or None,
            browser_bound=bool(state.get("bound")),
            ack=bool(state.get("ack")),
            created=self._clock.monotonic(),
            gateway_ext=bool(state.get("gateway")),
            connects=1,
        )
        session.memo["stored"] = True
        with self._hub.lock:
            if client_id in self._machine.sessions:
                return
            self._machine.adopt(session, self._clock.monotonic())
            self._machine.subscribe_restored(session, state.get("subscriptions", ()))
        self._attach_all(session, stored)
        self._go_on(session, state)
        log.info("session_revived", session=client_id[:6])

    def _attach_all(self, session: Session, stored: StoredCometSession) -> None:
        for attachment in stored.attachments:
            chat = self._open_chat(attachment.chat_id)
            if chat is not None:
                self._hub.attach(session, chat, attachment.channel, cursor=attachment.cursor)

    def _go_on(self, session: Session, state: dict[str, Any]) -> None:
        """With the ack extension: what was on its way is confirmed by its number, or delivered again."""
        batch, handed = state.get("batch"), state.get("handed")
        if not session.ack:
            return
        marks: list[tuple[Source, int, int]] = []
        with self._hub.lock:
            for attachment in attachments_of(session):
                after = handed.get(attachment.chat_id, 0) if isinstance(handed, dict) else 0
                if isinstance(after, int) and after > attachment.cursor:
                    marks.append((attachment, attachment.cursor, after))
                    attachment.jump(after)
            session.restore(batch if isinstance(batch, int) else 0, marks)

    def _open_chat(self, chat_id: str) -> ChatSession | None:
        try:
            return self._chats.session(chat_id)
        except GatewayError:
            return None

    # --- another client id, the same browser ------------------------------------------------------------

    def opened(self, session: Session) -> None:
        """Remember that a fresh session may inherit a lost one's chats (looked up at its second connect)."""
        if session.browser_bound and session.principal is None and session.transport != CALLBACK_POLLING:
            session.memo["heir"] = True

    def second_connect(self, session: Session) -> None:
        """Give the session the chats that its browser lost, unless the client already spoke for itself."""
        if not session.memo.pop("heir", False) or session.memo.get("spoke") or session.browser is None:
            return
        try:
            lost = self._sessions.comet_by_browser(session.browser, session.origin)
        except Unavailable:
            return
        for stored in lost:
            if stored.client_id != session.id and stored.client_id not in self._machine.sessions:
                self._inherit(session, stored)

    def _inherit(self, session: Session, stored: StoredCometSession) -> None:
        inherited = False
        for attachment in stored.attachments:
            chat = self._open_chat(attachment.chat_id)
            if chat is None or chat.ended_for_customer or self._hub.attached_count(chat.id):
                continue
            if not self._settings_source.current.for_service(chat.profile.service).implicit_attach:
                continue
            self._hub.attach(session, chat, attachment.channel, cursor=attachment.cursor)
            inherited = True
        if inherited:
            log.info("session_inherited", session=session.id[:6], lost=stored.client_id[:6])
            with _tolerant(session):
                self._sessions.forget_comet(stored.client_id)

    # --- writing ----------------------------------------------------------------------------------------

    def save(self) -> None:
        """Store every attached session that changed (called once a second and before a drain ends)."""
        now_ms = self._clock.wall_ms()
        dirty = self._hub.take_dirty()
        while dirty:
            try:
                self._save_one(dirty[-1], now_ms)
            except Unavailable:
                self._hub.keep_dirty(dirty)
                raise
            dirty.pop()

    def _save_one(self, session: Session, now_ms: int) -> None:
        if session.closed or session.principal is not None:
            return
        if session.sources:
            self._sessions.save_comet(self._stored(session, now_ms))
        elif session.memo.get("stored"):
            self._sessions.forget_comet(session.id)

    def attached(self, session: Session) -> None:
        """Store a session right after its first attachment: its process may die the next moment."""
        if session.memo.pop("unsaved", False) and not session.closed and session.principal is None:
            with suppress(Unavailable):  # it stays dirty; the sweeper tries again
                self._sessions.save_comet(self._stored(session, self._clock.wall_ms()))

    def lose(self, session: Session) -> None:
        """The session is being taken away: its id is dead, its chats may be inherited."""
        if session.sources and session.principal is None:
            with _tolerant(session):
                self._sessions.save_comet(self._stored(session, self._clock.wall_ms(), lost=True))

    def keep(self, session: Session) -> None:
        """The session expired: its record stays as it is now, so that the client may still come back."""
        if session.sources and session.principal is None:
            with _tolerant(session):
                self._sessions.save_comet(self._stored(session, self._clock.wall_ms()))

    def forget(self, session: Session) -> None:
        """The client said goodbye: nothing to come back to."""
        if session.sources or session.memo.get("stored"):
            with _tolerant(session):
                self._sessions.forget_comet(session.id)

    def purge(self) -> None:
        """Drop what is too old to come back."""
        self._sessions.purge_comet(self._clock.wall_ms() - KEEP_MS)

    def _stored(self, session: Session, now_ms: int, *, lost: bool = False) -> StoredCometSession:
        session.memo["stored"] = True
        state: dict[str, Any] = {
            "ack": session.ack,
            "batch": session.batch,
            "bound": session.browser_bound,
            "gateway": session.gateway_ext,
            "handed": {chat.chat_id: after for chat, after in session.handed_out().items() if session.ack},
            "lost": lost,
            "subscriptions": sorted(session.subscriptions),
            "transport": session.transport,
        }
        attachments = [
            StoredAttachment(source.chat_id, source.user_id, source.channel, source.confirmed)
            for source in attachments_of(session)
        ]
        return StoredCometSession(
            client_id=session.id,
            browser=session.browser or "",
            origin=session.origin,
            updated_ms=now_ms,
            attachments=tuple(attachments),
            state=orjson.dumps(state),
        )


@contextmanager
def _tolerant(session: Session) -> Iterator[None]:
    """The end of a session goes on although the store cannot note it: that costs a way back, never data."""
    try:
        yield
    except Unavailable as error:
        log.warning("comet_session_not_saved", session=session.id[:6], reason=str(error))


def _state(stored: StoredCometSession) -> dict[str, Any]:
    try:
        value = orjson.loads(stored.state)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
