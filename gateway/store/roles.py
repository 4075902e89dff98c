"""The roles that a storage backend plays, with their contracts.

Who calls: `chat/` uses Chats, Archive, Files and Personnel, `api/` and the command line use Tokens, `comet/`
uses CometSessions; the roles for notifications are in `push_roles.py`. A backend is one object that plays
them all. Common rules:

* A method that writes returns only when the write is durable (it survives SIGKILL and, with
  synchronous=FULL, a power cut), unless its contract says otherwise.
* `Unavailable` (disk full, file locked, store closed) means that nothing was written; reads go on.
* Values handed in and out are immutable and may be shared between threads.
* Times are Unix milliseconds passed in by the caller; a backend has no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.model.accounts import CannedReply, Duty, Login, StoredAccount
from gateway.model.change import Change, MessageId
from gateway.model.events import Event
from gateway.model.files import StoredFile
from gateway.model.session import Age, ChatSession, ChatState
from gateway.store.push_roles import DeliveryLog, Pendings, PushStore


@dataclass(frozen=True, slots=True)
class OpenChats:
    """Which open chats to list; any member will do.

    `waiting`: for an agent. `parked`: for their customer. `account`: those in which this account is present.
    """

    waiting: bool = False
    parked: bool = False
    account: str | None = None


class Chats(Protocol):
    """Sessions and transcripts."""

    def commit(self, change: Change) -> None:
        """Write one Change atomically: counters, profile, events, deliveries, pending, files, keys, tail.

        Raises Conflict when the stored version is not `change.session.version - 1` (for version 1: when the
        chat exists already) or that of the pending is not its `before.version`, Unavailable when the store
        cannot write, ValueError for a mistake of the caller (a delivery or message id used twice). Blocks the
        calling thread or greenlet, never the event loop. Concurrent commits share one disk flush (group
        commit).
        """
        ...

    def session(self, chat_id: str) -> ChatSession | None:
        """The current session, or None."""
        ...

    def find_party(self, key_hash: str) -> tuple[str, str] | None:
        """`(chat_id, user_id)` of the party whose secure key has this fingerprint, or None.

        The index is written by `commit` from the `key_hash` of the profile's participants.
        """
        ...

    def events(self, chat_id: str, start: int, *, limit: int) -> Sequence[Event]:
        """Stored events with `index >= start`, ascending, at most `limit`; never typing events."""
        ...

    def recent(self, chat_id: str, start: int, *, limit: int, now_ms: int) -> Sequence[Event]:
        """Like `events`, merged by index with the typing events of the last 20 s (the ephemeral tail)."""
        ...

    def last_events(self, chat_id: str, count: int) -> Sequence[Event]:
        """The newest `count` stored events that the customer may see, ascending."""
        ...

    def message_index(self, chat_id: str, message_id: MessageId) -> int | None:
        """Index of the first event that was committed under this id, or None. Kept until the purge.

        A caller that reads the session before it asks here, and finds nothing, cannot write the id a second
        time: whoever wrote it meanwhile has advanced the version, which makes the commit a Conflict.
        """
        ...

    def sessions_in(self, states: frozenset[ChatState]) -> Sequence[ChatSession]:
        """All sessions in one of these states, oldest first. Costs time with each: for use at a start."""
        ...

    def open_chats(self, wanted: OpenChats, *, after: Age | None, limit: int) -> Sequence[ChatSession]:
        """A page of a list: the oldest `limit` chats behind `after`, which need not be in it any more.

        One moment of the store, and each chat once. Pages that go on with the last chat's age show every chat
        that is in the list all the while exactly once. Costs what the page holds, however many are open.
        """
        ...

    def purge(self, chat_id: str) -> None:
        """Forget a chat: events, message ids, search index, key index, deliveries, pending and file rows."""
        ...


class Files(Protocol):
    """What is known about the files of chats; rows are written by `Chats.commit` and leave with their chat.

    Of a row that exists, `commit` changes the state and nothing else.
    """

    def file(self, file_id: str) -> StoredFile | None:
        """One file in any state, or None."""
        ...

    def files(self, chat_id: str) -> Sequence[StoredFile]:
        """All files of a chat in any state, in the order of their upload."""
        ...

    def pending_files(self) -> Sequence[StoredFile]:
        """The files of all chats that wait for their scan, in the order of their upload."""
        ...

    def pass_file(self, file_id: str) -> bool:
        """PENDING becomes CLEAN; False when the file is in another state or unknown."""
        ...

    def count_download(self, file_id: str, *, limit: int) -> bool:
        """Count one download of a CLEAN file; False, and nothing counted, when it has `limit` already."""
        ...


# Where a chat stands in the order of creation; a chat created later has a larger one.
Place = int


@dataclass(frozen=True, slots=True)
class ArchiveQuery:
    """What to look for; an empty or absent member matches everything, the given ones must all match.

    `text` is found within one event, `customer` in nickname and e-mail address, `agent` in nickname and
    account of agents, supervisors and bots; for all three see store/words.py. A text without any word
    matches nothing. Any of `states` will do. `from_ms` <= creation < `until_ms`.
    """

    text: str = ""
    customer: str = ""
    agent: str = ""
    service: str = ""
    states: frozenset[ChatState] = frozenset()
    from_ms: int | None = None
    until_ms: int | None = None


class Archive(Protocol):
    """All chats that are stored, ended ones too: for operators and for retention."""

    def search(
        self, query: ArchiveQuery, *, before: Place | None, limit: int
    ) -> Sequence[tuple[Place, ChatSession]]:
        """Chats that match, newest first, those created before `before`. Text and people as last indexed."""
        ...

    def chats_after(
        self, place: Place, *, limit: int, ended_before_ms: int | None = None
    ) -> Sequence[tuple[Place, ChatSession]]:
        """All chats behind a place (0: from the first), oldest first; with `ended_before_ms` only those that
        have ended and not changed since that time.
        """
        ...

    def index_some(self, *, quiet_before_ms: int) -> int:
        """Make some of what was said since searchable, in one short transaction; 0: nothing is left to do.

        Ended chats first, then open ones that have not changed since `quiet_before_ms`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token as stored: its fingerprint, never the token. `role`: admin|supervisor|agent|bot."""

    fingerprint: str
    name: str
    role: str
    created_ms: int
    revoked_ms: int | None = None


class Tokens(Protocol):
    """Bearer tokens of agents, bots and administrators. Another process (the command line) may write them."""

    def add_token(self, token: Token) -> None:
        """Insert; the fingerprint is unique by construction."""
        ...

    def token(self, fingerprint: str) -> Token | None:
        """The token if it exists and is not revoked. Always reads the current stored state."""
        ...

    def tokens(self) -> Sequence[Token]:
        """All tokens, oldest first."""
        ...

    def revoke_token(self, fingerprint: str, *, now_ms: int) -> bool:
        """Mark as revoked; False when unknown."""
        ...


@dataclass(frozen=True, slots=True)
class StoredAttachment:
    """That a Bayeux session receives one chat: on `channel`, everything up to `cursor` is confirmed."""

    chat_id: str
    user_id: str
    channel: str
    cursor: int


@dataclass(frozen=True, slots=True)
class StoredCometSession:
    """A Bayeux session as it survives its process (spec/chat-api-v2.md 7.6; design/architecture.md, idea 1).

    `browser` is the fingerprint of the BAYEUX_BROWSER cookie value, `origin` the Origin of its handshake.
    `state` is opaque JSON of the `comet` package (subscriptions, extension state, flags).
    """

    client_id: str
    browser: str
    origin: str
    updated_ms: int
    attachments: tuple[StoredAttachment, ...]
    state: bytes = b"{}"


class CometSessions(Protocol):
    """Bayeux sessions that are attached to a chat. Losing the newest writes costs duplicates, never data."""

    def save_comet(self, session: StoredCometSession) -> None:
        """Insert or replace. May return before the write is durable; later saves win."""
        ...

    def comet(self, client_id: str) -> StoredCometSession | None:
        """One session, including saves of this process that are not yet on disk."""
        ...

    def comet_by_browser(self, browser: str, origin: str) -> Sequence[StoredCometSession]:
        """Sessions of one browser and origin, newest first."""
        ...

    def forget_comet(self, client_id: str) -> None:
        """Delete; unknown ids are ignored. May return before the delete is durable."""
        ...

    def purge_comet(self, before_ms: int) -> int:
        """Delete sessions not updated since `before_ms`; returns how many."""
        ...


class Personnel(Protocol):
    """Accounts, duties, console logins, canned replies. Another process (the command line) may write them."""

    def add_account(self, account: StoredAccount) -> bool:
        """Insert; False when the name is taken, which changes nothing."""
        ...

    def put_account(self, account: StoredAccount) -> None:
        """Insert or replace."""
        ...

    def account(self, name: str) -> StoredAccount | None:
        """One account, disabled ones too. Always reads the current stored state."""
        ...

    def accounts(self) -> Sequence[StoredAccount]:
        """All accounts by name."""
        ...

    def put_duty(self, duty: Duty) -> None:
        """Insert or replace the duty of its name."""
        ...

    def duties(self) -> Sequence[Duty]:
        """All duties by name."""
        ...

    def put_login(self, login: Login) -> None:
        """Insert or replace a console session."""
        ...

    def seen_login(self, fingerprint: str, *, now_ms: int) -> None:
        """Move `seen_ms` forward; an unknown (dropped) session stays unknown."""
        ...

    def login(self, fingerprint: str) -> Login | None:
        """One console session. Always reads the current stored state."""
        ...

    def drop_login(self, fingerprint: str) -> None:
        """End a console session; unknown ones are ignored."""
        ...

    def drop_logins(self, name: str) -> None:
        """End all console sessions of an account."""
        ...

    def purge_logins(self, before_ms: int) -> int:
        """Delete sessions not seen since `before_ms`; returns how many."""
        ...

    def put_canned(self, reply: CannedReply) -> None:
        """Insert or replace by id."""
        ...

    def canned(self) -> Sequence[CannedReply]:
        """All canned replies by shortcut."""
        ...

    def drop_canned(self, reply_id: str) -> bool:
        """Delete; False when unknown."""
        ...


class Store(
    Chats, Archive, Files, PushStore, Pendings, DeliveryLog, Tokens, CometSessions, Personnel, Protocol
):
    """All roles together, as `services` holds them."""

    def check(self) -> None:
        """Raise Unavailable when a write would fail now (for /readyz)."""
        ...

    def flush(self) -> None:
        """Return when everything that was written behind so far is durable."""
        ...

    def close(self) -> None:
        """Finish pending writes and release files; later calls raise Unavailable."""
        ...
