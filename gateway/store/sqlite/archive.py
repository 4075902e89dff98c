"""Role `Archive` on SQLite: full-text search with FTS5, paging through all chats. Used through `SqliteStore`.

The index is filled by `index_some`, never with a message: an FTS5 row in the transaction of a message makes a
lone commit 20 % slower (385 us against 465 us, measured), and nobody searches for what was said a second ago.
Row `chat * 2^20 + idx` is one event; index 0, which no event has, is the chat's people.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import Any

import orjson

from gateway.model.session import ChatSession, ChatState
from gateway.store.roles import ArchiveQuery, Place
from gateway.store.sqlite import rows
from gateway.store.sqlite.database import Readers
from gateway.store.sqlite.writer import Writer
from gateway.store.words import people_of, query_words

# Chats and events of one transaction of the index: at 20 us an event it keeps the event loop a few ms.
_CHATS_AT_ONCE = 16
_EVENTS_AT_ONCE = 200
# Events of one chat that can be found; the rest of a longer one is not indexed.
_MAX_INDEX = (1 << 20) - 1

_SESSION = "id, version, state, next_index, last_utc_ms, body"
_FROM = "FROM chat JOIN profile ON profile.chat = chat.seq"
_ENDED = (
    f"SELECT chat.seq, indexed, {_SESSION} {_FROM} WHERE state = 'ended' AND indexed < next_index"
    " ORDER BY chat.seq LIMIT ?"
)
_QUIET = (
    f"SELECT chat.seq, indexed, {_SESSION} {_FROM} WHERE state <> 'ended' AND indexed < next_index"
    " AND last_utc_ms < ? LIMIT ?"
)
_UNINDEXED_EVENTS = "SELECT idx, wire FROM event WHERE chat = ? AND idx >= ? ORDER BY idx LIMIT ?"
_PUT_TEXT = "INSERT OR REPLACE INTO transcript (rowid, text) VALUES (?,?)"
_PUT_PEOPLE = "INSERT OR REPLACE INTO transcript (rowid, customer, agent) VALUES (?,?,?)"
# Few are open, however many have ended: they are read from their own index.
_OPEN = "chat.seq IN (SELECT seq FROM chat INDEXED BY chat_open WHERE state <> 'ended')"
_MATCHING = "chat.seq IN (SELECT rowid >> 20 FROM transcript WHERE transcript MATCH ?)"


class SqliteArchive:
    """See `roles.Archive` for the contracts."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    def search(
        self, query: ArchiveQuery, *, before: Place | None, limit: int
    ) -> Sequence[tuple[Place, ChatSession]]:
        conditions, values = _conditions(query)
        if conditions is None:
            return ()
        if before is not None:
            conditions.append("chat.seq < ?")
            values.append(before)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        sql = f"SELECT chat.seq, {_SESSION} {_FROM}{where} ORDER BY chat.seq DESC LIMIT ?"
        return _placed(self._readers.all(sql, (*values, limit)))

    def chats_after(
        self, place: Place, *, limit: int, ended_before_ms: int | None = None
    ) -> Sequence[tuple[Place, ChatSession]]:
        ended = "" if ended_before_ms is None else " AND state = 'ended' AND last_utc_ms < ?"
        values = (place,) if ended_before_ms is None else (place, ended_before_ms)
        sql = f"SELECT chat.seq, {_SESSION} {_FROM} WHERE chat.seq > ?{ended} ORDER BY chat.seq LIMIT ?"
        return _placed(self._readers.all(sql, (*values, limit)))

    def index_some(self, *, quiet_before_ms: int) -> int:
        # Asked of a reader first, so that an idle gateway writes nothing.
        pending = self._readers.all(_ENDED, (1,)) or self._readers.all(_QUIET, (quiet_before_ms, 1))
        if not pending:
            return 0
        return self._writer.run(partial(_index, quiet_before_ms=quiet_before_ms))


def _placed(found: Sequence[tuple[Any, ...]]) -> tuple[tuple[Place, ChatSession], ...]:
    return tuple([(row[0], rows.session(row[1:])) for row in found])


def _conditions(query: ArchiveQuery) -> tuple[list[str] | None, list[Any]]:
    """SQL conditions and their values; None when the query cannot match (text without a word)."""
    conditions: list[str] = []
    values: list[Any] = []
    for column, text in (("text", query.text), ("customer", query.customer), ("agent", query.agent)):
        if not text:
            continue
        found = query_words(text)
        if not found:
            return None, []
        conditions.append(_MATCHING)
        # Words are letters and digits only, so quoting them is all that FTS5's syntax needs.
        prefixes = " AND ".join([f'"{word}"*' for word in found])
        values.append(f"{column} : ({prefixes})")
    if query.service:
        conditions.append("json_extract(CAST(body AS TEXT), '$.service') = ?")
        values.append(query.service)
    if query.states:
        conditions.append(f"state IN ({rows.marks(query.states)})")
        values += [state.value for state in query.states]
        if ChatState.ENDED not in query.states:
            conditions.append(_OPEN)
    if query.from_ms is not None:
        conditions.append("created_ms >= ?")
        values.append(query.from_ms)
    if query.until_ms is not None:
        conditions.append("created_ms < ?")
        values.append(query.until_ms)
    return conditions, values


def _index(connection: sqlite3.Connection, *, quiet_before_ms: int) -> int:
    """Index some chats in one transaction; how many events were looked at, at least 1."""
    chats = connection.execute(_ENDED, (_CHATS_AT_ONCE,)).fetchall()
    chats = chats or connection.execute(_QUIET, (quiet_before_ms, _CHATS_AT_ONCE)).fetchall()
    looked_at = 0
    for seq, indexed, *row in chats:
        if looked_at >= _EVENTS_AT_ONCE:
            break
        looked_at += _index_chat(connection, seq, indexed, rows.session(tuple(row)))
    return looked_at


def _index_chat(connection: sqlite3.Connection, seq: int, indexed: int, session: ChatSession) -> int:
    events = connection.execute(_UNINDEXED_EVENTS, (seq, indexed, _EVENTS_AT_ONCE)).fetchall()
    base = seq << 20
    texts = [(base + idx, _text(wire)) for idx, wire in events if idx <= _MAX_INDEX]
    connection.executemany(_PUT_TEXT, [row for row in texts if row[1]])
    connection.execute(_PUT_PEOPLE, (base, *people_of(session)))
    done = events[-1][0] + 1 if len(events) == _EVENTS_AT_ONCE else session.next_index
    connection.execute("UPDATE chat SET indexed = ? WHERE seq = ?", (done, seq))
    return max(1, len(events))


def _text(wire: bytes) -> str:
    """The text of an event; empty for one without, and for a damaged row."""
    try:
        value = orjson.loads(wire)
    except orjson.JSONDecodeError:
        return ""
    text = value.get("text") if isinstance(value, dict) else None
    return text if isinstance(text, str) else ""
