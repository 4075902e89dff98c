"""Role `Destinations` on SQLite. Used through `SqliteStore`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

from gateway.store.push_roles import StoredDestination
from gateway.store.sqlite.database import Readers
from gateway.store.sqlite.writer import Writer

_COLUMNS = "key, fingerprint, failing_since_ms, disabled_ms, reason"
_SAVE = f"INSERT OR REPLACE INTO destination ({_COLUMNS}) VALUES (?,?,?,?,?)"


class SqliteDestinations:
    """See `push_roles.Destinations` for the contracts."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    def save_destination(self, destination: StoredDestination) -> None:
        self._writer.run(lambda connection: connection.execute(_SAVE, astuple(destination)).rowcount)

    def destinations(self) -> Sequence[StoredDestination]:
        found = self._readers.all(f"SELECT {_COLUMNS} FROM destination ORDER BY key")
        return tuple([StoredDestination(*row) for row in found])

    def forget_destination(self, key: str) -> None:
        sql = "DELETE FROM destination WHERE key=?"
        self._writer.run(lambda connection: connection.execute(sql, (key,)).rowcount)
