"""Role `Chats` on SQLite: sessions, transcripts, the key index. Used through `SqliteStore`."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from gateway.errors import Conflict
from gateway.model.change import Change, MessageId
from gateway.model.events import Event
from gateway.model.session import Age, ChatSession, ChatState
from gateway.store.roles import OpenChats
from gateway.store.sqlite import files, outbox, pendings, rows, upkeep
from gateway.store.sqlite.database import Readers
from gateway.store.sqlite.threads import Threads
from gateway.store.sqlite.writer import Writer
from gateway.store.tail import Tail

# Decoded sessions kept for the next operation of their chat: more than one node has active chats.
_CACHED_SESSIONS = 4096

_CHAT = "(SELECT seq FROM chat WHERE id=?)"
_INSERT_CHAT = (
    "INSERT OR IGNORE INTO chat (version, state, next_index, last_utc_ms, id, created_ms)"
    " VALUES (?,?,?,?,?,?)"
)
# By `seq`, which is a third of a look-up by `id`; `id` is compared all the same, since a purged chat's number
# may be given to another.
_UPDATE_CHAT = (
    "UPDATE chat SET version=?, state=?, next_index=?, last_utc_ms=? WHERE seq=? AND id=? AND version=?"
)
_PUT_PROFILE = "INSERT OR REPLACE INTO profile (chat, body) VALUES (?,?)"
_INSERT_EVENT = f"INSERT INTO event (chat, {rows.EVENT_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)"
_INSERT_MESSAGE_ID = "INSERT INTO message_id (chat, sender, id, idx) VALUES (?,?,?,?)"
_MESSAGE_INDEX = f"SELECT idx FROM message_id WHERE chat={_CHAT} AND sender=? AND id=?"
_DROP_KEYS = "DELETE FROM party_key WHERE chat_id=?"
_PUT_KEY = "INSERT INTO party_key (chat_id, key_hash, user_id) VALUES (?,?,?)"
_SESSIONS = (
    "SELECT id, version, state, next_index, last_utc_ms, body FROM chat JOIN profile ON profile.chat=chat.seq"
)
# The oldest of one list, from its part of the index of `listed`, which triggers keep up (migration 0011).
_LISTED = (
    "SELECT * FROM (SELECT created_ms, id, chat FROM listed WHERE list=? AND (created_ms, id) > (?,?)"
    " ORDER BY created_ms, id LIMIT ?)"
)
_SESSION_COLUMNS = "chat.id, version, state, next_index, last_utc_ms, body"
_EVENTS = f"SELECT {rows.EVENT_COLUMNS} FROM event WHERE chat={_CHAT}"
_PURGE = (
    f"DELETE FROM event WHERE chat={_CHAT}",
    f"DELETE FROM profile WHERE chat={_CHAT}",
    f"DELETE FROM message_id WHERE chat={_CHAT}",
    "DELETE FROM transcript WHERE rowid >= (SELECT seq << 20 FROM chat WHERE id=?1)"
    " AND rowid < (SELECT (seq + 1) << 20 FROM chat WHERE id=?1)",
    _DROP_KEYS,
    "DELETE FROM delivery WHERE chat_id=?",
    "DELETE FROM pending WHERE chat_id=?",
    "DELETE FROM file WHERE chat_id=?",
    "DELETE FROM chat WHERE id=?",
)


class SqliteChats:
    """See `roles.Chats` for the contracts."""

    _crowded = False  # set by `upkeep.SqliteUpkeep`

    def __init__(self, writer: Writer, readers: Readers, threads: Threads) -> None:
        self._writer = writer
        self._readers = readers
        self._cache = _SessionCache(threads.lock())
        self._tail = Tail()

    def commit(self, change: Change) -> None:
        def after(written: bool) -> None:
            if not written:  # a Conflict says that the cache is behind the file
                self._cache.forget(change.session.id)
                return
            self._cache.committed(change)
            if change.ephemeral:
                self._tail.add(change.session.id, change.ephemeral)

        self._writer.run(_writing(change, self._cache.seqs, crowded=self._crowded), after)

    def session(self, chat_id: str) -> ChatSession | None:
        # Trusted without asking the file: this process is the only writer, and what another one writes (a
        # worker that is being replaced) empties the cache with the next batch or shows up as a Conflict.
        cached = self._cache.get(chat_id)
        if cached is not None:
            return cached
        epoch = self._cache.epoch
        found = self._readers.one(_SESSIONS + " WHERE id=?", (chat_id,))
        if found is None:
            return None
        session = rows.session(found)
        self._cache.read(session, epoch=epoch)
        return session

    def find_party(self, key_hash: str) -> tuple[str, str] | None:
        party = self._cache.party(key_hash)
        if party is not None:
            return party
        row = self._readers.one("SELECT chat_id, user_id FROM party_key WHERE key_hash=?", (key_hash,))
        return (row[0], row[1]) if row else None

    def forget_cached(self) -> None:
        """Empty the cache: another process wrote the file, or the store is closed."""
        self._cache.clear()

    def events(self, chat_id: str, start: int, *, limit: int) -> Sequence[Event]:
        found = self._readers.all(_EVENTS + " AND idx>=? ORDER BY idx LIMIT ?", (chat_id, start, limit))
        return tuple([rows.event(row) for row in found])

    def recent(self, chat_id: str, start: int, *, limit: int, now_ms: int) -> Sequence[Event]:
        stored = self.events(chat_id, start, limit=limit)
        return self._tail.merge(stored, chat_id, start, limit=limit, now_ms=now_ms)

    def last_events(self, chat_id: str, count: int) -> Sequence[Event]:
        sql = _EVENTS + " AND visibility='all' ORDER BY idx DESC LIMIT ?"
        return tuple([rows.event(row) for row in reversed(self._readers.all(sql, (chat_id, count)))])

    def message_index(self, chat_id: str, message_id: MessageId) -> int | None:
        row = self._readers.one(_MESSAGE_INDEX, (chat_id, *message_id))
        return row[0] if row else None

    def sessions_in(self, states: frozenset[ChatState]) -> Sequence[ChatSession]:
        # The literal condition lets the partial index of open chats be used.
        only_open = "" if ChatState.ENDED in states else " AND state <> 'ended'"
        sql = f"{_SESSIONS} WHERE state IN ({rows.marks(states)}){only_open} ORDER BY created_ms, seq"
        return tuple([rows.session(row) for row in self._readers.all(sql, [state.value for state in states])])

    def open_chats(self, wanted: OpenChats, *, after: Age | None, limit: int) -> Sequence[ChatSession]:
        lists = ["waiting"] * wanted.waiting + ["parked"] * wanted.parked
        if wanted.account is not None:
            lists.append(f"of:{wanted.account}")
        if not lists:
            return ()
        start = after or (-1, "")
        page = " UNION ".join([_LISTED] * len(lists)) + " ORDER BY created_ms, id LIMIT ?"
        sql = (
            f"SELECT {_SESSION_COLUMNS} FROM ({page}) AS page JOIN chat ON chat.seq=page.chat"
            " JOIN profile ON profile.chat=page.chat ORDER BY page.created_ms, page.id"
        )
        values = [value for each in lists for value in (each, *start, limit)]
        return tuple([rows.session(row) for row in self._readers.all(sql, [*values, limit])])

    def purge(self, chat_id: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            for statement in _PURGE:
                connection.execute(statement, (chat_id,))

        def after(_written: bool) -> None:
            self._cache.forget(chat_id)
            self._tail.forget(chat_id)

        self._writer.run(work, after)


def _writing(change: Change, seqs: dict[str, int], *, crowded: bool) -> Callable[[sqlite3.Connection], None]:
    """The work that writes a change; everything is encoded here, in the caller. `crowded`: see Upkeep.

    `seqs`: the numbers of chats. Looked at only inside the transaction, when what another process wrote has
    been forgotten; what is missing is added.
    """
    session = change.session
    chat_id, version = session.id, session.version
    counters = (version, str(session.state), session.next_index, session.last_utc_ms)
    profile = session.profile
    body = rows.profile_body(profile) if change.profile_changed or version == 1 else None
    events = [rows.event_row(event) for event in change.events]
    # A message has none of these, and each empty list would cost a call.
    keys = _keys(session) if body is not None else ()
    deliveries = [outbox.inserted(delivery) for delivery in change.deliveries] if change.deliveries else ()
    file_rows = [files.file_row(file) for file in change.files] if change.files else ()
    message_id = (*change.message_id, change.events[0].index) if change.message_id else None

    def work(connection: sqlite3.Connection) -> None:
        if change.pending is not None and not pendings.fits(connection, change.pending):
            raise Conflict(chat_id)
        # The version decides first, so that a conflict leaves nothing to undo in a shared transaction.
        if version == 1:
            cursor = connection.execute(_INSERT_CHAT, (*counters, chat_id, profile.created_ms))
            seq = cursor.lastrowid
        else:
            seq = seqs.get(chat_id) or _seq(connection, chat_id)
            cursor = connection.execute(_UPDATE_CHAT, (*counters, seq, chat_id, version - 1))
        if cursor.rowcount != 1 or seq is None:
            raise Conflict(chat_id)
        seqs[chat_id] = seq
        if body is not None:
            connection.execute(_PUT_PROFILE, (seq, body))
            connection.execute(_DROP_KEYS, (chat_id,))
            connection.executemany(_PUT_KEY, keys)
        for event in events:
            connection.execute(_INSERT_EVENT, (seq, *event))
        if message_id is not None:
            connection.execute(_INSERT_MESSAGE_ID, (seq, *message_id))
        if deliveries:
            connection.executemany(outbox.INSERT, deliveries)
            if crowded:
                for delivery in change.deliveries:
                    upkeep.collapse(connection, delivery)
        if change.pending is not None:
            pendings.write(connection, change.pending)
        if file_rows:
            connection.executemany(files.PUT, file_rows)

    return work


def _seq(connection: sqlite3.Connection, chat_id: str) -> int | None:
    row = connection.execute("SELECT seq FROM chat WHERE id=?", (chat_id,)).fetchone()
    return row[0] if row else None


def _keys(session: ChatSession) -> list[rows.Row]:
    parties = session.profile.participants
    return [(session.id, party.key_hash, party.user_id) for party in parties if party.key_hash]


class _SessionCache:
    """Decoded sessions by chat and by their keys, those not written for the longest time dropped.

    The writer calls `committed`, `forget` and `clear`, in the order of the commits; anybody calls `read`.
    `epoch` changes whenever something is dropped: what was read in an earlier epoch may be older than what
    was dropped, and is not remembered.
    """

    def __init__(self, lock: AbstractContextManager[Any]) -> None:
        self._lock = lock  # guards _sessions, _parties and epoch
        self._sessions: OrderedDict[str, ChatSession] = OrderedDict()
        self._parties: dict[str, tuple[str, str]] = {}
        # chat.seq of what is here; only the writer asks and adds, in the middle of a transaction.
        self.seqs: dict[str, int] = {}
        self.epoch = 0

    def get(self, chat_id: str) -> ChatSession | None:
        """The session if it is here."""
        return self._sessions.get(chat_id)

    def party(self, key_hash: str) -> tuple[str, str] | None:
        """The party of a cached session."""
        return self._parties.get(key_hash)

    def read(self, session: ChatSession, *, epoch: int) -> None:
        """Remember a session that was read from the file; `epoch` is that of before the reading."""
        with self._lock:
            known = self._sessions.get(session.id)
            if epoch == self.epoch and (known is None or known.version < session.version):
                self._put(session)

    def committed(self, change: Change) -> None:
        """Remember what was written; not a profile that was told to be unchanged and never seen before."""
        session = change.session
        with self._lock:
            known = self._sessions.get(session.id)
            if known is not None and known.version >= session.version:
                return
            if change.profile_changed or (known is not None and known.profile is session.profile):
                self._put(session)
            else:
                self._drop(session.id)

    def forget(self, chat_id: str) -> None:
        """Drop one chat."""
        with self._lock:
            self._drop(chat_id)

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self.epoch += 1
            self._sessions.clear()
            self._parties.clear()
            self.seqs.clear()

    def _put(self, session: ChatSession) -> None:
        known = self._sessions.get(session.id)
        if known is not None and known.profile is session.profile:
            self._sessions[session.id] = session
            self._sessions.move_to_end(session.id)
            return
        self._unlink(session.id)
        self._sessions[session.id] = session
        for party in session.profile.participants:
            if party.key_hash:
                self._parties[party.key_hash] = (session.id, party.user_id)
        if len(self._sessions) > _CACHED_SESSIONS:
            self._drop(next(iter(self._sessions)))

    def _drop(self, chat_id: str) -> None:
        self.seqs.pop(chat_id, None)
        self._unlink(chat_id)

    def _unlink(self, chat_id: str) -> None:
        self.epoch += 1
        session = self._sessions.pop(chat_id, None)
        for party in session.profile.participants if session is not None else ():
            if party.key_hash:
                self._parties.pop(party.key_hash, None)
