"""Role `CometSessions` on SQLite: written behind, the newest value per client wins (`SqliteStore`).

A cursor is saved with every confirmed delivery; waiting for the disk there would delay every poll. So saves
stay in `_unsaved` until the writer's next batch takes them all together; reads look there first. An entry
leaves `_unsaved` when the batch that wrote it is done; after a failed one it stays for the next save, or for
`flush`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from gateway.store.roles import StoredCometSession
from gateway.store.sqlite import rows
from gateway.store.sqlite.database import Readers
from gateway.store.sqlite.threads import Threads
from gateway.store.sqlite.writer import After, Work, Writer

_SELECT = f"SELECT {rows.COMET_COLUMNS} FROM comet_session"
_PUT = f"INSERT OR REPLACE INTO comet_session ({rows.COMET_COLUMNS}) VALUES (?,?,?,?,?,?)"
_DELETE = "DELETE FROM comet_session WHERE client_id=?"


class SqliteCometSessions:
    """See `roles.CometSessions` for the contracts."""

    def __init__(self, writer: Writer, readers: Readers, threads: Threads) -> None:
        self._writer = writer
        self._readers = readers
        self._lock = threads.lock()  # guards _unsaved and _posted; native, because the writer takes it too
        self._unsaved: dict[str, StoredCometSession | None] = {}  # None: to be deleted
        self._posted = False  # whether a flush that will see all of _unsaved is on its way

    def save_comet(self, session: StoredCometSession) -> None:
        self._write_behind(session.client_id, session)

    def forget_comet(self, client_id: str) -> None:
        self._write_behind(client_id, None)

    def comet(self, client_id: str) -> StoredCometSession | None:
        with self._lock:
            if client_id in self._unsaved:
                return self._unsaved[client_id]
        row = self._readers.one(f"{_SELECT} WHERE client_id=?", (client_id,))
        return rows.comet(row) if row else None

    def comet_by_browser(self, browser: str, origin: str) -> Sequence[StoredCometSession]:
        with self._lock:
            unsaved = dict(self._unsaved)
        stored = self._readers.all(f"{_SELECT} WHERE browser=? AND origin=?", (browser, origin))
        current = {row[0]: rows.comet(row) for row in stored} | unsaved
        found = [one for one in current.values() if one and (one.browser, one.origin) == (browser, origin)]
        return tuple(sorted(found, key=lambda one: (-one.updated_ms, one.client_id)))

    def purge_comet(self, before_ms: int) -> int:
        self._writer.post(*self._saving())  # the queue keeps the order: what is to be purged is in the table
        sql = "DELETE FROM comet_session WHERE updated_ms < ?"
        return self._writer.run(lambda connection: connection.execute(sql, (before_ms,)).rowcount)

    def _write_behind(self, client_id: str, session: StoredCometSession | None) -> None:
        with self._lock:
            self._unsaved[client_id] = session
            post, self._posted = not self._posted, True
        if post:
            self._writer.post(*self._saving())

    def flush(self) -> None:
        # Not only what is on its way: what a failed batch left behind, too.
        self._writer.run(*self._saving())

    def _saving(self) -> tuple[Work, After]:
        """The work that writes all of `_unsaved` of its moment, and what follows it."""
        taken: dict[str, StoredCometSession | None] = {}

        def work(connection: sqlite3.Connection) -> None:
            with self._lock:
                self._posted = False
                taken.clear()
                taken.update(self._unsaved)
            connection.executemany(_DELETE, [(client_id,) for client_id, one in taken.items() if one is None])
            connection.executemany(_PUT, [rows.comet_row(one) for one in taken.values() if one is not None])

        def after(written: bool) -> None:
            with self._lock:
                self._posted = self._posted and written
                for client_id in list(taken) if written else ():
                    if self._unsaved.get(client_id) is taken[client_id]:
                        self._unsaved.pop(client_id, None)

        return work, after
