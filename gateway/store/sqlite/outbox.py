"""Role `Deliveries` on SQLite: the outbox with leases. Used through `SqliteStore`.

`ready_ms` says when a row may be claimed: its due time while queued, the end of the lease while leased,
NULL once finished. So "queued and due, or leased with an expired lease" is one comparison on one index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from gateway.model.deliveries import Attempt, Delivery, DeliveryState
from gateway.store.poison import poison
from gateway.store.sqlite import rows
from gateway.store.sqlite.database import Readers
from gateway.store.sqlite.writer import Writer

_COLUMNS = f"{rows.DELIVERY_COLUMNS}, ready_ms"
INSERT = f"INSERT INTO delivery ({_COLUMNS}) VALUES ({rows.marks(_COLUMNS.split(','))})"
_SELECT = f"SELECT {rows.DELIVERY_COLUMNS} FROM delivery"
_CLAIMABLE = (
    f"{_SELECT} AS mine WHERE ready_ms <= ? AND NOT EXISTS ("
    " SELECT 1 FROM delivery AS other WHERE other.chat_id = mine.chat_id AND other.device_id = mine.device_id"
    " AND other.ready_ms IS NOT NULL AND (other.position, other.seq) < (mine.position, mine.seq)"
    ") ORDER BY ready_ms, seq LIMIT ?"
)
_LEASE = "UPDATE delivery SET state='leased', owner=?, ready_ms=? WHERE id=?"
_FINISH = (
    "UPDATE delivery SET state=?, owner=NULL, ready_ms=iif(?, due_ms, NULL), attempts=attempts+?"
    " WHERE id=? AND owner=?"
)
_FAIL = "UPDATE delivery SET state='failed', owner=NULL, ready_ms=NULL, attempts=attempts+1 WHERE id=?"
_DEAD_LETTERS = (
    "SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_dead"
    " WHERE state IN ('failed', 'exhausted') AND debug = 0 LIMIT 10000)"
)
_INSERT_ATTEMPT = f"INSERT INTO attempt ({rows.ATTEMPT_COLUMNS}) VALUES (?,?,?,?,?,?,?)"
_KIND, _MESSAGE, _ATTEMPTS = 4, 11, 13  # places in DELIVERY_COLUMNS


def inserted(delivery: Delivery) -> rows.Row:
    """Parameters of INSERT."""
    ready_ms = delivery.due_ms if delivery.state in (DeliveryState.QUEUED, DeliveryState.LEASED) else None
    return (*rows.delivery_row(delivery), ready_ms)


class SqliteDeliveries:
    """See `roles.Deliveries` for the contracts."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    def claim(self, owner: str, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Delivery]:
        # An idle dispatcher asks often: no transaction when nothing is due.
        if not self._readers.all("SELECT 1 FROM delivery WHERE ready_ms <= ? LIMIT 1", (now_ms,)):
            return ()
        until_ms = now_ms + lease_ms

        def work(connection: sqlite3.Connection) -> tuple[Delivery, ...]:
            due = connection.execute(_CLAIMABLE, (now_ms, max(0, limit))).fetchall()
            return tuple([one for row in due if (one := _lease(connection, row, owner, until_ms, now_ms))])

        return self._writer.run(work)

    def finish(self, delivery_id: str, owner: str, *, state: DeliveryState, attempt: Attempt | None) -> bool:
        again = state in (DeliveryState.QUEUED, DeliveryState.LEASED)

        def work(connection: sqlite3.Connection) -> bool:
            made = int(attempt is not None)
            cursor = connection.execute(_FINISH, (state.value, again, made, delivery_id, owner))
            if cursor.rowcount == 0:
                return False
            if attempt is not None:
                connection.execute(_INSERT_ATTEMPT, rows.attempt_row(attempt))
            return True

        return self._writer.run(work)

    def delivery(self, delivery_id: str) -> Delivery | None:
        row = self._readers.one(f"{_SELECT} WHERE id=?", (delivery_id,))
        return rows.delivery(row) if row else None

    def list_deliveries(
        self, *, chat_id: str | None, states: frozenset[DeliveryState], limit: int
    ) -> Sequence[Delivery]:
        conditions, parameters = ["1"], []
        if chat_id is not None:
            conditions.append("chat_id=?")
            parameters.append(chat_id)
        if states:
            conditions.append(f"state IN ({rows.marks(states)})")
            parameters.extend([state.value for state in states])
        sql = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY seq DESC LIMIT ?"
        return tuple([rows.delivery(row) for row in self._readers.all(sql, (*parameters, limit))])

    def attempts(self, delivery_id: str) -> Sequence[Attempt]:
        sql = f"SELECT {rows.ATTEMPT_COLUMNS} FROM attempt WHERE delivery_id=? ORDER BY seq"
        return tuple([Attempt(*row) for row in self._readers.all(sql, (delivery_id,))])

    def pending_count(self) -> int:
        return int(self._readers.all("SELECT count(*) FROM delivery WHERE ready_ms IS NOT NULL")[0][0])

    def dead_letter_count(self) -> int:
        return int(self._readers.all(_DEAD_LETTERS)[0][0])


def _lease(
    connection: sqlite3.Connection, row: rows.Row, owner: str, until_ms: int, now_ms: int
) -> Delivery | None:
    """Lease one claimable row; a poison row fails instead, with the reason as its attempt."""
    error = poison(row[_KIND], row[_MESSAGE])
    if error is not None:
        connection.execute(_FAIL, (row[0],))
        attempt = Attempt(row[0], row[_ATTEMPTS] + 1, now_ms, 0, error=error)
        connection.execute(_INSERT_ATTEMPT, rows.attempt_row(attempt))
        return None
    connection.execute(_LEASE, (owner, until_ms, row[0]))
    return replace(rows.delivery(row), state=DeliveryState.LEASED)
