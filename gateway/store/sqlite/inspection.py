"""Role `DeliveryLog` on SQLite. Used through `SqliteStore`.

A listing walks one index in the order of time, looks at SCAN_ROWS rows at most and says where it stopped, so
it holds up the event loop for some ten milliseconds however large the table is and whatever is asked for. The
index is named (INDEXED BY): a plan that SQLite chose otherwise would be an error, not a slow gateway.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from gateway.model.deliveries import DEAD_LETTERS, Attempt, DeliveryState
from gateway.model.inspection import (
    Cancel,
    Cursor,
    DeliveryFilter,
    DeliveryPage,
    LoggedDelivery,
    Replay,
    ReplayRecord,
)
from gateway.store.sqlite import rows
from gateway.store.sqlite.database import Readers
from gateway.store.sqlite.writer import Writer

# 2-3 us a row: 10-15 ms.
SCAN_ROWS = 5_000
_LATEST = 2**62  # after every time, in milliseconds

# Messages stay in the table: a page of them would be megabytes.
_LISTED = rows.DELIVERY_COLUMNS.replace("message", "NULL")
_LAST_ATTEMPTS = (
    f"SELECT {rows.ATTEMPT_COLUMNS.replace('response_head', 'zeroblob(0)')} FROM attempt WHERE seq IN"
    " (SELECT max(seq) FROM attempt WHERE delivery_id IN ({}) GROUP BY delivery_id)"
)
_STATE = "SELECT state, ready_ms, attempts FROM delivery WHERE id=?"
_REQUEUE = "UPDATE delivery SET state='queued', owner=NULL, ready_ms=?, replays=replays+1 WHERE id=?"
_RECORD = "INSERT INTO replay (delivery_id, attempt, at_ms, asked_by) VALUES (?,?,?,?)"
_RECORDS = "SELECT attempt, at_ms, asked_by FROM replay WHERE delivery_id=? ORDER BY seq"
# Of the attempt made last: two steps down an index for each row walked over. Without an attempt none fits.
_ANSWERED = (
    "(SELECT ifnull(status, 0) / 100 FROM attempt WHERE delivery_id = delivery.id ORDER BY seq DESC LIMIT 1)"
)
_CANCEL = "UPDATE delivery SET state='skipped', owner=NULL, ready_ms=NULL WHERE id=?"


class SqliteDeliveryLog:
    """See `push_roles.DeliveryLog` for the contracts."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    def find_deliveries(
        self, wanted: DeliveryFilter, *, after: Cursor | None, limit: int, oldest_first: bool = False
    ) -> DeliveryPage:
        walk = _Walk(wanted, after, oldest_first=oldest_first)
        end = self._readers.one(*walk.bound())
        found = self._readers.all(*walk.rows(wanted, end, limit + 1))
        here = found[:limit]
        last = self._last_attempts([row[0] for row in here])
        items = tuple([LoggedDelivery(rows.delivery(row[:-1]), last.get(row[0])) for row in here])
        if len(found) > limit:
            return DeliveryPage(items, (items[-1].delivery.created_ms, here[-1][-1]))
        return DeliveryPage(items, end)

    def _last_attempts(self, delivery_ids: Sequence[str]) -> dict[str, Attempt]:
        found = self._readers.all(_LAST_ATTEMPTS.format(rows.marks(delivery_ids)), delivery_ids)
        return {row[0]: Attempt(*row) for row in found}

    def requeue(
        self,
        delivery_ids: Sequence[str],
        *,
        now_ms: int,
        by: str,
        only: frozenset[DeliveryState] = frozenset(),
    ) -> Sequence[Replay]:
        def work(connection: sqlite3.Connection) -> tuple[Replay, ...]:
            return tuple([_requeue(connection, id_, now_ms=now_ms, by=by, only=only) for id_ in delivery_ids])

        return self._writer.run(work)

    def replay_records(self, delivery_id: str) -> Sequence[ReplayRecord]:
        return tuple([ReplayRecord(*row) for row in self._readers.all(_RECORDS, (delivery_id,))])

    def cancel_delivery(self, delivery_id: str, *, now_ms: int) -> Cancel:
        def work(connection: sqlite3.Connection) -> Cancel:
            row = connection.execute(_STATE, (delivery_id,)).fetchone()
            if row is None:
                return Cancel.UNKNOWN
            state, ready_ms, _ = row
            if ready_ms is None:
                return Cancel.CANCELLED if state == DeliveryState.SKIPPED else Cancel.FINISHED
            if state == DeliveryState.LEASED and ready_ms > now_ms:
                return Cancel.IN_FLIGHT
            connection.execute(_CANCEL, (delivery_id,))
            return Cancel.CANCELLED

        return self._writer.run(work)


class _Walk:
    """The part of a listing that an index answers: its conditions, its order, and where it stops.

    The bounds of `created_ms` are kept as tight as the cursors allow: SQLite enters and leaves the index by
    them, and by the comparison with (created_ms, seq) only tells rows of one millisecond apart.
    """

    def __init__(self, wanted: DeliveryFilter, after: Cursor | None, *, oldest_first: bool) -> None:
        self._index, self._conditions, self._parameters = _index_for(wanted)
        self._oldest_first = oldest_first
        self._first_ms = wanted.since_ms or 0
        self._last_ms = _LATEST if wanted.until_ms is None else wanted.until_ms - 1
        if after is not None:
            self._cut(after, ">" if oldest_first else "<", from_below=oldest_first)
        direction = "ASC" if oldest_first else "DESC"
        self._order = f"ORDER BY created_ms {direction}, seq {direction}"

    def bound(self) -> tuple[str, Sequence[Any]]:
        """The statement that finds the last row to look at; no row when the walk ends before."""
        limit = f"LIMIT 1 OFFSET {SCAN_ROWS - 1}"
        return self._select("created_ms, seq", limit)

    def rows(self, wanted: DeliveryFilter, end: Cursor | None, limit: int) -> tuple[str, Sequence[Any]]:
        """The statement that reads at most `limit` rows down to `end`: listed columns, then `seq`."""
        if end is not None:
            self._cut(end, "<=" if self._oldest_first else ">=", from_below=not self._oldest_first)
        self._filter(wanted)
        return self._select(f"{_LISTED}, seq", f"LIMIT {limit}")

    def _cut(self, place: Cursor, comparison: str, *, from_below: bool) -> None:
        self._where(f"(created_ms, seq) {comparison} (?,?)", *place)
        if from_below:
            self._first_ms = max(self._first_ms, place[0])
        else:
            self._last_ms = min(self._last_ms, place[0])

    def _filter(self, wanted: DeliveryFilter) -> None:
        """What no index answers; it is looked up in the rows walked over."""
        if wanted.states:
            states = sorted(wanted.states)
            self._where(f"state IN ({rows.marks(states)})", *[state.value for state in states])
        if wanted.device_id is not None:
            self._where("device_id=?", wanted.device_id)
        if wanted.provider is not None:
            self._where("ifnull(provider, '')=?", wanted.provider)
        if wanted.debug is not None:
            self._where("debug=?", wanted.debug)
        if wanted.kind is not None:
            self._where("kind=?", wanted.kind.value)
        if wanted.answers:
            classes = sorted(answer.hundreds for answer in wanted.answers)
            self._where(f"{_ANSWERED} IN ({rows.marks(classes)})", *classes)

    def _where(self, condition: str, *parameters: Any) -> None:
        self._conditions.append(condition)
        self._parameters.extend(parameters)

    def _select(self, columns: str, limit: str) -> tuple[str, Sequence[Any]]:
        conditions = " AND ".join(["created_ms BETWEEN ? AND ?", *self._conditions])
        source = f"delivery INDEXED BY {self._index}"
        sql = f"SELECT {columns} FROM {source} WHERE {conditions} {self._order} {limit}"
        return sql, (self._first_ms, self._last_ms, *self._parameters)


def _index_for(wanted: DeliveryFilter) -> tuple[str, list[str], list[Any]]:
    """The index that fits best, with the conditions on its other columns and their parameters."""
    if wanted.chat_id is not None:
        return "delivery_chat_time", ["chat_id=?"], [wanted.chat_id]
    if wanted.states and wanted.states <= DEAD_LETTERS:
        return "delivery_dead", ["state IN ('failed', 'exhausted')"], []
    return "delivery_time", [], []


def _requeue(
    connection: sqlite3.Connection,
    delivery_id: str,
    *,
    now_ms: int,
    by: str,
    only: frozenset[DeliveryState],
) -> Replay:
    row = connection.execute(_STATE, (delivery_id,)).fetchone()
    if row is None:
        return Replay.UNKNOWN
    state, ready_ms, attempts = row
    if only and state not in only:
        return Replay.OTHER_STATE
    if ready_ms is not None and ready_ms <= now_ms:
        return Replay.WAITING
    if state == DeliveryState.LEASED:
        return Replay.IN_FLIGHT
    connection.execute(_REQUEUE, (now_ms, delivery_id))
    connection.execute(_RECORD, (delivery_id, attempts + 1, now_ms, by))
    return Replay.QUEUED
