"""Outbox rows whose text is not UTF-8 (a damaged file, a foreign hand): found and made dead letters.

Python's `sqlite3` refuses to read such text, so one damaged row would fail every claim
(targets/reliability.md R23). Called by `outbox` when a read of unfinished rows failed for that
reason, so it costs nothing otherwise.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress

from gateway.model.deliveries import Attempt
from gateway.store.sqlite import rows

UNREADABLE = "unreadable text"
_TEXTS = ("id", "chat_id", "user_id", "kind", "event_type", "device_id", "provider", "idempotency_key")
_JUDGED = ", ".join((*_TEXTS, "state", "owner"))
_UNFINISHED = f"SELECT seq, attempts, created_ms, {_JUDGED} FROM delivery WHERE ready_ms IS NOT NULL"
_BURY = (
    f"UPDATE delivery SET {', '.join(f'{name}=?' for name in _TEXTS)}, state='failed', owner=NULL,"
    " ready_ms=NULL, attempts=attempts+1 WHERE seq=?"
)
_FORGET = "DELETE FROM {} WHERE delivery_id = (SELECT id FROM delivery WHERE seq=?)"
_ATTEMPT = f"INSERT INTO attempt ({rows.ATTEMPT_COLUMNS}) VALUES (?,?,?,?,?,?,?)"


def bury(connection: sqlite3.Connection) -> int:
    """Make dead letters of all damaged rows, readable from now on; returns how many."""
    connection.text_factory = bytes
    try:
        found = connection.execute(_UNFINISHED).fetchall()
    finally:
        connection.text_factory = str
    damaged = [row for row in found if not all(map(_is_readable, row[3:]))]
    for seq, attempts, created_ms, *texts in damaged:
        readable = [_readable(text) for text in texts[: len(_TEXTS)]]
        id_ = readable[0] if _is_readable(texts[0]) else f"{readable[0]}-{seq}"
        if id_ != readable[0]:  # its attempts and replays name it by what cannot be read
            for table in ("attempt", "replay"):
                connection.execute(_FORGET.format(table), (seq,))
        connection.execute(_BURY, (id_, *readable[1:], seq))
        attempt = Attempt(id_, attempts + 1, created_ms, 0, error=UNREADABLE)
        connection.execute(_ATTEMPT, rows.attempt_row(attempt))
    return len(damaged)


def _is_readable(text: object) -> bool:
    with suppress(UnicodeDecodeError):
        if isinstance(text, bytes):
            text.decode()
        return True
    return False


def _readable(text: object) -> object:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text
