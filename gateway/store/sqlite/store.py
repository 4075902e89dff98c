"""`SqliteStore`: all roles on one SQLite file. Made by `services`, after a fork, never before it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gateway.errors import Unavailable
from gateway.observe.metrics import Metrics
from gateway.store.sqlite.archive import SqliteArchive
from gateway.store.sqlite.chats import SqliteChats
from gateway.store.sqlite.comet import SqliteCometSessions
from gateway.store.sqlite.database import Readers, connect_writer, create
from gateway.store.sqlite.destinations import SqliteDestinations
from gateway.store.sqlite.files import SqliteFiles
from gateway.store.sqlite.inspection import SqliteDeliveryLog
from gateway.store.sqlite.migrate import migrate
from gateway.store.sqlite.outbox import SqliteDeliveries
from gateway.store.sqlite.pendings import SqlitePendings
from gateway.store.sqlite.personnel import SqlitePersonnel
from gateway.store.sqlite.threads import native_threads
from gateway.store.sqlite.tokens import SqliteTokens
from gateway.store.sqlite.upkeep import SqliteUpkeep
from gateway.store.sqlite.writer import Writer

# Several workers may share the file; five seconds of waiting for their commits is longer than any of them
# takes on a working disk, and shorter than a client's patience.
BUSY_TIMEOUT_MS = 5_000
# A probe is a write: /readyz may be asked often, a broken disk need not be.
PROBE_INTERVAL_S = 1.0


class SqliteStore(
    SqliteChats,
    SqliteArchive,
    SqliteFiles,
    SqliteDeliveries,
    SqliteDeliveryLog,
    SqliteDestinations,
    SqlitePendings,
    SqlitePersonnel,
    SqliteTokens,
    SqliteUpkeep,
    SqliteCometSessions,
):
    """See `roles.Store` for the contracts.

    Raises on opening: Unavailable (no such directory, locked, not writable), `migrate.SchemaTooNew`.
    `busy_timeout_ms`: how long a write waits for another process. `monotonic` (seconds) spaces the probes of
    `check` and measures for the metrics `store_*`, which are kept in `metrics`.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
        monotonic: Callable[[], float] = time.monotonic,
        metrics: Metrics | None = None,
    ) -> None:
        path = Path(path)
        threads = native_threads()
        create(path)
        self._monotonic = monotonic
        self._next_probe = 0.0

        def connect() -> sqlite3.Connection:
            connection = connect_writer(path, busy_timeout_ms=busy_timeout_ms)
            try:
                migrate(connection)
                # From now on the writer waits for locks itself, off the event loop.
                connection.execute("PRAGMA busy_timeout=0")
            except BaseException:
                connection.close()
                raise
            return connection

        try:
            writer = Writer(
                connect,
                threads,
                busy_timeout_ms=busy_timeout_ms,
                on_foreign_write=self.forget_cached,
                metrics=metrics,
                monotonic=monotonic,
            )
        except sqlite3.Error as error:
            raise Unavailable(f"cannot open {path}: {error}") from error
        readers = Readers(path, busy_timeout_ms=busy_timeout_ms)
        SqliteChats.__init__(self, writer, readers, threads)
        SqliteArchive.__init__(self, writer, readers)
        SqliteFiles.__init__(self, writer, readers)
        SqliteDeliveries.__init__(self, writer, readers)
        SqliteDestinations.__init__(self, writer, readers)
        SqlitePendings.__init__(self, writer, readers)
        SqliteDeliveryLog.__init__(self, writer, readers)
        SqliteTokens.__init__(self, writer, readers)
        SqliteUpkeep.__init__(self, writer, readers)
        SqliteCometSessions.__init__(self, writer, readers, threads)
        SqlitePersonnel.__init__(self, writer, readers)

    def check(self) -> None:
        # Free of I/O while writes succeed; after a failure one tiny write a second asks whether it is over.
        if self._writer.closed:
            raise Unavailable("the store is closed")
        if self._writer.failure is None:
            return
        now = self._monotonic()
        if now < self._next_probe:
            raise Unavailable(f"cannot write: {self._writer.failure}")
        self._next_probe = now + PROBE_INTERVAL_S
        self._writer.run(_probe)

    def close(self) -> None:
        if self._unsaved:
            with suppress(Unavailable):  # the last attempt; what is lost here costs duplicates only
                self.flush()
        # Readers first, so that the writer is the last to close and empties the log into the database.
        self._readers.close()
        self._writer.close()
        self.forget_cached()  # so that reads are refused, too


def _probe(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE probe SET count = count + 1")
