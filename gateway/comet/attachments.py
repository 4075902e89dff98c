"""Which session receives which chat, and from where a lost one goes on (the registry half of the hub).

Invariants: an attachment is in its session's `sources` exactly as long as it is in `_by_chat`; presence
counts what is in `_by_chat`; a session whose attachments or cursors changed is dirty until it is stored.
Everything is called under the hub's lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, cast

from gateway.bayeux import Delivery, Session
from gateway.chat.presence import Presence
from gateway.chat.retrieval import Retrievals
from gateway.clock import Clock
from gateway.comet.attachment import PULL_LIMIT, Attachment
from gateway.config import SettingsSource
from gateway.errors import Unavailable
from gateway.model.payload import DEPRECATED, Identity
from gateway.model.session import ChatSession
from gateway.native import native_rlock
from gateway.store.roles import Chats

# A session that only polls is stored again this often, so that its record does not look abandoned.
SAVE_AT_LEAST_S = 60.0


def attachments_of(session: Session) -> list[Attachment]:
    """A copy of the session's sources; in this package every source is an attachment."""
    return cast("list[Attachment]", list(session.sources))


class Attachments:
    """The attachments of one node, by chat."""

    def __init__(
        self,
        store: Chats,
        *,
        presence: Presence,
        retrievals: Retrievals,
        settings_source: SettingsSource,
        clock: Clock,
    ) -> None:
        self.lock: AbstractContextManager[Any] = native_rlock()
        self._store = store
        self._presence = presence
        self._retrievals = retrievals
        self._settings_source = settings_source
        self._clock = clock
        self._by_chat: dict[str, list[Attachment]] = {}
        self._dirty: dict[str, Session] = {}
        # chat id -> highest index known to have arrived at a session that is gone (spec 7.6 c).
        self._resume: dict[str, int] = {}

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
            if self._is_newest(chat.id, cursor):
                attachment.up_to_date()
            if self._settings_source.current.for_service(chat.profile.service).single_attachment:
                for other in list(self._by_chat.get(chat.id, ())):
                    self._detach(other)
            session.sources.append(attachment)
            session.memo["unsaved"] = True
            self._by_chat.setdefault(chat.id, []).append(attachment)
            self._dirty[session.id] = session
            self._resume.pop(chat.id, None)
            self._presence.attached(chat.id)

    def sessions_of(self, chat_id: str) -> list[Session]:
        """The sessions that receive this chat."""
        with self.lock:
            return [attachment.session for attachment in self._by_chat.get(chat_id, ())]

    def _is_newest(self, chat_id: str, cursor: int) -> bool:
        """Whether nothing is committed beyond the cursor (if that cannot be read, it is not known)."""
        with suppress(Unavailable):
            current = self._store.session(chat_id)
            return current is not None and current.next_index == cursor + 1
        return False

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
        return session in [attachment.session for attachment in self._by_chat.get(chat_id, ())]

    def attachments_to(self, chat_id: str) -> list[Attachment]:
        """A copy of the chat's attachments that may be given something."""
        with self.lock:
            return [attachment for attachment in self._by_chat.get(chat_id, ()) if attachment.active]

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
            self._arrived(session)

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
        if confirmed:
            self._arrived(session)
        for attachment in attachments_of(session):
            attachment.retry()
            if attachment.done:
                self._detach(attachment)

    def given(self, session: Session, delivery: Delivery) -> None:
        """A delivery was written: without the ack extension that counts as retrieved (spec/push.md 4.3)."""
        if not session.ack:
            for source, _, after in delivery.marks:
                self._note(source, after)

    def _arrived(self, session: Session) -> None:
        for attachment in attachments_of(session):
            self._note(attachment, attachment.confirmed)

    def _note(self, attachment: Attachment, index: int) -> None:
        """The client has everything up to `index` from here."""
        if attachment.gapless:
            self._retrievals.note(attachment.chat_id, index + 1)

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
