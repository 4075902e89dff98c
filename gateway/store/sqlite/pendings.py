"""Role `Pendings` on SQLite. Used through `SqliteStore`; `chats` and `advance` write the same steps.

Nothing is cached: only chats with a reliable subscription ever ask, and the row decides every race.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial

from gateway.model.deliveries import DeliveryState
from gateway.model.pending import Pending, PendingStep
from gateway.store.sqlite import outbox, rows
from gateway.store.sqlite.database import Readers
from gateway.store.sqlite.writer import Writer

_SELECT = f"SELECT {rows.PENDING_COLUMNS} FROM pending"
_VERSION = "SELECT version FROM pending WHERE chat_id=?"
_PUT = f"INSERT OR REPLACE INTO pending ({rows.PENDING_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
_ARMED = f"{_SELECT} WHERE next_ms IS NOT NULL ORDER BY next_ms, chat_id"
_DUE = (
    f"SELECT {', '.join(f'p.{name}' for name in rows.PENDING_COLUMNS.split(', '))}, d.state FROM pending AS p"
    " LEFT JOIN delivery AS d ON d.id = p.delivery_id"
    " WHERE p.next_ms <= ? AND d.ready_ms IS NULL ORDER BY p.next_ms, p.chat_id LIMIT ?"
)


def fits(connection: sqlite3.Connection, step: PendingStep) -> bool:
    """Whether nobody has changed the record since `step.before` was read."""
    row = connection.execute(_VERSION, (step.before.chat_id,)).fetchone()
    return (row[0] if row else 0) == step.before.version


def write(connection: sqlite3.Connection, step: PendingStep) -> None:
    """Write a step that fits."""
    connection.execute(_PUT, rows.pending_row(step.after))
    if step.delivery is not None:
        connection.execute(outbox.INSERT, outbox.inserted(step.delivery))
    if step.attempt is not None:
        connection.execute(outbox.INSERT_ATTEMPT, rows.attempt_row(step.attempt))


class SqlitePendings:
    """See `push_roles.Pendings` for the contracts."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    def pending(self, chat_id: str) -> Pending | None:
        row = self._readers.one(f"{_SELECT} WHERE chat_id=?", (chat_id,))
        return rows.pending(row) if row else None

    def due_pendings(self, *, now_ms: int, limit: int) -> Sequence[tuple[Pending, DeliveryState | None]]:
        found = self._readers.all(_DUE, (now_ms, limit))
        return tuple([(rows.pending(row[:-1]), DeliveryState(row[-1]) if row[-1] else None) for row in found])

    def armed_pendings(self) -> Sequence[Pending]:
        return tuple([rows.pending(row) for row in self._readers.all(_ARMED)])

    def armed_count(self) -> int:
        return int(self._readers.all("SELECT count(*) FROM pending WHERE next_ms IS NOT NULL")[0][0])

    def advance(self, steps: Sequence[PendingStep]) -> Sequence[bool]:
        return self._writer.run(partial(_advance, steps=steps)) if steps else ()


def _advance(connection: sqlite3.Connection, *, steps: Sequence[PendingStep]) -> tuple[bool, ...]:
    written = []
    for step in steps:
        written.append(fits(connection, step))
        if written[-1]:
            write(connection, step)
    return tuple(written)
