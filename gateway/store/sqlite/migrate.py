"""Schema changes: numbered SQL files, applied once each; PRAGMA user_version remembers the last one.

Rules for a new file `NNNN_name.sql`: never edit an old one; expand first and contract one release later,
because two releases may share a database during a rolling upgrade.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib.resources import files

from gateway.errors import GatewayError


class SchemaTooNew(GatewayError):
    """The database was written by a newer release; this one must not touch it."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the database to the newest schema, all or nothing.

    Raises SchemaTooNew, or sqlite3.Error when the database cannot be written. Two processes may call this
    at the same time: the second waits for the first and finds nothing to do.
    """
    scripts = _scripts()
    if _version(connection) == len(scripts):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)
        if version > len(scripts):
            raise SchemaTooNew(f"database schema {version} is newer than this release knows ({len(scripts)})")
        for script in scripts[version:]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(scripts)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _scripts() -> list[str]:
    """The texts of all migrations in order; number 1 is first."""
    directory = files(__package__) / "migrations"
    found = sorted(entry.name for entry in directory.iterdir() if entry.name.endswith(".sql"))
    return [(directory / name).read_text("utf-8") for name in found]


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: `executescript` would commit in between."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
