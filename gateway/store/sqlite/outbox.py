"""Role `Deliveries` on SQLite: the outbox with leases. Used through `SqliteStore`.

`ready_ms` says when a row may be claimed: its due time while queued, the end of the lease while leased,
NULL once finished. So "queued and due, or leased with an expired lease" is one comparison on one index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from gateway.model.deliveries import Attempt, Delivery, DeliveryState
from gateway.store.poison import poison
from gateway.store.push_roles import Lane
from gateway.store.sqlite import damage, rows
from gateway.store.sqlite.database import Damaged, Readers, is_damage
from gateway.store.sqlite.writer import Writer

T = TypeVar("T")

_COLUMNS = f"{rows.DELIVERY_COLUMNS}, ready_ms"
INSERT = f"INSERT INTO delivery ({_COLUMNS}) VALUES ({rows.marks(_COLUMNS.split(','))})"
_SELECT = f"SELECT {rows.DELIVERY_COLUMNS} FROM delivery"
# The order rule of `push_roles.Deliveries.claim`; parameters: now, now. Two look-ups in two small indexes:
# nothing is in flight, and nothing that does not yield stands before.
_IS_NEXT = (
    "NOT EXISTS (SELECT 1 FROM delivery AS flying"
    " WHERE flying.chat_id = mine.chat_id AND flying.device_id = mine.device_id"
    " AND flying.owner IS NOT NULL AND flying.ready_ms > ?)"
    " AND NOT EXISTS (SELECT 1 FROM delivery AS other"
    " WHERE other.chat_id = mine.chat_id AND other.device_id = mine.device_id"
    " AND other.ready_ms IS NOT NULL AND (other.position, other.seq) < (mine.position, mine.seq)"
    " AND (other.yields_ms IS NULL OR other.yields_ms > ?))"
)
_ORDER = "ORDER BY ready_ms, seq LIMIT ?"
_CLAIMABLE = f"{_SELECT} AS mine WHERE ready_ms <= ? AND {_IS_NEXT} {_ORDER}"
_LANE = "ifnull(provider, '') = ? AND debug = ?"
_CLAIMABLE_OF_LANE = f"{_SELECT} AS mine WHERE {_LANE} AND ready_ms <= ? AND {_IS_NEXT} {_ORDER}"
# The next lane and the time of its first row: one step of the index `delivery_lane` each.
_NEXT_LANE = (
    "SELECT ifnull(provider, ''), debug, ready_ms FROM delivery WHERE ready_ms IS NOT NULL"
    " AND (ifnull(provider, ''), debug) > (?, ?) ORDER BY ifnull(provider, ''), debug, ready_ms LIMIT 1"
)
_LEASE = "UPDATE delivery SET state='leased', owner=?, ready_ms=? WHERE id=?"
_FINISH = (
    "UPDATE delivery SET state=?, owner=NULL, ready_ms=iif(?, ifnull(?, due_ms), NULL), attempts=attempts+?,"
    " yields_ms=ifnull(yields_ms, ?) WHERE id=? AND owner=?"
)
_FAIL = "UPDATE delivery SET state='failed', owner=NULL, ready_ms=NULL, attempts=attempts+1 WHERE id=?"
DEAD_LETTERS_COUNT = (
    "SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_dead_count"
    " WHERE state IN ('failed', 'exhausted') AND debug = 0 LIMIT 10000)"
)
INSERT_ATTEMPT = f"INSERT INTO attempt ({rows.ATTEMPT_COLUMNS}) VALUES (?,?,?,?,?,?,?)"
_ANY_DUE = "SELECT 1 FROM delivery WHERE ready_ms <= ? LIMIT 1"
_CHAT_ID, _KIND, _DEVICE_ID, _MESSAGE, _ATTEMPTS = 1, 4, 6, 11, 13  # places in DELIVERY_COLUMNS


def inserted(delivery: Delivery) -> rows.Row:
    """Parameters of INSERT."""
    ready_ms = delivery.due_ms if delivery.state in (DeliveryState.QUEUED, DeliveryState.LEASED) else None
    return (*rows.delivery_row(delivery), ready_ms)


class SqliteDeliveries:
    """See `push_roles.Deliveries` for the contracts."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    def due_lanes(self, *, now_ms: int) -> Sequence[Lane]:
        return self._despite_damage(lambda: self._lanes(now_ms))

    def _despite_damage(self, read: Callable[[], T]) -> T:
        """What `read` returns; rows that make it fail are buried first."""
        try:
            return read()
        except Damaged:
            self._writer.run(damage.bury)
            return read()

    def _lanes(self, now_ms: int) -> Sequence[Lane]:
        found: list[Lane] = []
        place: tuple[str, int] = ("", -1)
        while row := self._readers.one(_NEXT_LANE, place):
            place = (row[0], row[1])
            if row[2] <= now_ms:
                found.append((row[0] or None, bool(row[1])))
        return tuple(found)

    def claim(
        self,
        owner: str,
        *,
        now_ms: int,
        lease_ms: int,
        limit: int,
        lanes: Mapping[Lane, int] | None = None,
    ) -> Sequence[Delivery]:
        # An idle dispatcher asks often: no transaction when nothing is due.
        if lanes is None and not self._readers.one(_ANY_DUE, (now_ms,)):
            return ()
        until_ms = now_ms + lease_ms

        def work(connection: sqlite3.Connection) -> tuple[Delivery, ...]:
            try:
                due = _due(connection, lanes, now_ms=now_ms, limit=max(0, limit))
            except sqlite3.Error as error:
                if is_damage(error):
                    raise Damaged(str(error)) from error
                raise
            claimed: list[Delivery] = []
            lines: set[tuple[str, str]] = set()
            for row in due:
                line = (row[_CHAT_ID], row[_DEVICE_ID])
                if line in lines:  # a row that was passed over is claimed along with this one
                    continue
                if one := _lease(connection, row, owner, until_ms, now_ms):
                    lines.add(line)
                    claimed.append(one)
            return tuple(claimed)

        return self._despite_damage(lambda: self._writer.run(work))

    def finish(
        self,
        delivery_id: str,
        owner: str,
        *,
        state: DeliveryState,
        attempt: Attempt | None,
        retry_at_ms: int | None = None,
        yields_ms: int | None = None,
    ) -> bool:
        again = state in (DeliveryState.QUEUED, DeliveryState.LEASED)
        made = int(attempt is not None)
        values = (state.value, again, retry_at_ms, made, yields_ms, delivery_id, owner)

        def work(connection: sqlite3.Connection) -> bool:
            if connection.execute(_FINISH, values).rowcount == 0:
                return False
            if attempt is not None:
                connection.execute(INSERT_ATTEMPT, rows.attempt_row(attempt))
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
        return int(self._readers.all(DEAD_LETTERS_COUNT)[0][0])


def _due(
    connection: sqlite3.Connection, lanes: Mapping[Lane, int] | None, *, now_ms: int, limit: int
) -> list[rows.Row]:
    """The rows that may be claimed."""
    if lanes is None:
        return connection.execute(_CLAIMABLE, (now_ms, now_ms, now_ms, limit)).fetchall()
    found: list[rows.Row] = []
    for (provider, debug), most in lanes.items():
        at_most = min(max(0, most), limit - len(found))
        of_lane = (provider or "", debug, now_ms, now_ms, now_ms, at_most)
        found += connection.execute(_CLAIMABLE_OF_LANE, of_lane).fetchall()
    return found


def _lease(
    connection: sqlite3.Connection, row: rows.Row, owner: str, until_ms: int, now_ms: int
) -> Delivery | None:
    """Lease one claimable row; a poison row fails instead, with the reason as its attempt."""
    error = poison(row[_KIND], row[_MESSAGE])
    if error is not None:
        connection.execute(_FAIL, (row[0],))
        attempt = Attempt(row[0], row[_ATTEMPTS] + 1, now_ms, 0, error=error)
        connection.execute(INSERT_ATTEMPT, rows.attempt_row(attempt))
        return None
    connection.execute(_LEASE, (owner, until_ms, row[0]))
    return replace(rows.delivery(row), state=DeliveryState.LEASED)
