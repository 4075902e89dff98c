"""Role `Upkeep` on SQLite. Used through `SqliteStore`; `collapse` also by the commits of `chats`."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from gateway.model.deliveries import Attempt, Delivery, is_repeatable_text
from gateway.model.inspection import Cursor
from gateway.store.sqlite import rows
from gateway.store.sqlite.database import Readers
from gateway.store.sqlite.outbox import INSERT_ATTEMPT
from gateway.store.sqlite.writer import Writer
from gateway.store.upkeep import COLLAPSED

_OWNERS = "SELECT DISTINCT owner FROM delivery INDEXED BY delivery_in_flight WHERE owner IS NOT NULL"
_RELEASE = (
    "UPDATE delivery INDEXED BY delivery_in_flight SET state='queued', owner=NULL, ready_ms=due_ms"
    " WHERE owner IS NOT NULL AND owner=?"
)
# `deliveries.is_repeatable_text` and "the same chat, device and destination" in SQL.
_COLLAPSE = (
    "UPDATE delivery AS mine SET state='skipped', ready_ms=NULL, attempts=1 WHERE id=? AND EXISTS"
    " (SELECT 1 FROM delivery AS kept WHERE kept.chat_id = mine.chat_id AND kept.device_id = mine.device_id"
    " AND kept.ready_ms IS NOT NULL AND kept.position < mine.position"
    " AND kept.kind='text' AND kept.state='queued' AND kept.attempts=0 AND kept.replays=0"
    " AND kept.due_ms <= kept.created_ms"
    " AND kept.provider IS mine.provider AND kept.debug = mine.debug)"
)
_OLDEST = (
    "SELECT created_ms, seq, ready_ms IS NULL, id FROM delivery INDEXED BY delivery_time"
    " WHERE created_ms BETWEEN ? AND ? AND (created_ms, seq) > (?, ?) ORDER BY created_ms, seq LIMIT ?"
)
_DELETE = (
    "DELETE FROM delivery WHERE seq=? AND ready_ms IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM attempt WHERE delivery_id=? AND started_ms >= ?)"
)


def collapse(connection: sqlite3.Connection, delivery: Delivery) -> None:
    """Skip a row just inserted if an equal text waits before it."""
    if not is_repeatable_text(delivery):
        return
    if connection.execute(_COLLAPSE, (delivery.id,)).rowcount:
        attempt = Attempt(delivery.id, 1, delivery.created_ms, 0, error=COLLAPSED)
        connection.execute(INSERT_ATTEMPT, rows.attempt_row(attempt))


class SqliteUpkeep:
    """See `upkeep.Upkeep` for the contracts."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers
        self._crowded = False

    def lease_owners(self) -> Sequence[str]:
        return tuple(sorted([row[0] for row in self._readers.all(_OWNERS)]))

    def release_leases(self, owner: str) -> int:
        return self._writer.run(lambda connection: connection.execute(_RELEASE, (owner,)).rowcount)

    def set_crowded(self, *, crowded: bool) -> None:
        self._crowded = crowded

    def purge_deliveries(
        self, before_ms: int, *, after: Cursor | None, limit: int
    ) -> tuple[int, Cursor | None]:
        start = after or (0, 0)
        # Read outside the transaction, which asks again whether a row is finished: it may be replayed now.
        found = self._readers.all(_OLDEST, (start[0], before_ms - 1, *start, limit))
        finished = [(seq, id_) for _, seq, done, id_ in found if done]

        def work(connection: sqlite3.Connection) -> int:
            doomed = [(seq, id_, before_ms) for seq, id_ in finished]
            return connection.executemany(_DELETE, doomed).rowcount

        deleted = self._writer.run(work) if finished else 0
        return deleted, (found[-1][0], found[-1][1]) if len(found) == limit else None
