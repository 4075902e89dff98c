"""Connections to one database file: how they are opened, and the readers that callers share.

`Readers` serves reads at once on the calling thread. Under gevent no greenlet switches inside an SQLite
call, so one connection serves a whole hub; with native threads there are as many as reads at one moment.
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gateway.errors import Unavailable

# All statements of this package fit, so each is compiled once per connection.
_STATEMENTS = 128
# 16 MiB of log before it is copied into the database: four times fewer flushes of the main file than by
# default, and still a restart reads it in well under a second.
_CHECKPOINT_PAGES = 4000


def create(path: Path) -> None:
    """Make the file if it is missing, readable by its owner only (it holds transcripts)."""
    try:
        # Only a new one: POSIX locks belong to a process, and closing a file that SQLite has open drops them.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise Unavailable(f"cannot open {path}: {error.strerror}") from error


def connect(path: Path, *, busy_timeout_ms: int) -> sqlite3.Connection:
    """A connection for any thread (one at a time); transactions are explicit.

    Raises sqlite3.Error. `busy_timeout_ms` is how long to wait for a lock of another process.
    """
    connection = sqlite3.connect(
        path,
        timeout=busy_timeout_ms / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS,
    )
    connection.execute("PRAGMA foreign_keys=ON")
    # Rollback journals of statements and sorting must not need a second, unwatched disk.
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


def connect_writer(path: Path, *, busy_timeout_ms: int) -> sqlite3.Connection:
    """The connection that writes: WAL, and every commit is flushed to the disk. Raises sqlite3.Error."""
    connection = connect(path, busy_timeout_ms=busy_timeout_ms)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    return connection


class Damaged(Unavailable):
    """A row holds text that is not UTF-8; `damage.bury` helps with those of the outbox."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether a statement failed because of text that is not UTF-8."""
    return "decode to UTF-8" in str(error)


class Readers:
    """A pool of read-only connections that grows to the number of simultaneous reads."""

    def __init__(self, path: Path, *, busy_timeout_ms: int) -> None:
        self._path = path
        self._busy_timeout_ms = busy_timeout_ms
        self._idle: deque[sqlite3.Connection] = deque()  # deque: append and pop are atomic
        self._closed = False

    def all(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one SELECT. Raises Unavailable when the file cannot be read or the pool is closed."""
        if self._closed:
            raise Unavailable("the store is closed")
        try:
            connection = self._take()
        except sqlite3.Error as error:
            raise Unavailable(f"cannot read: {error}") from error
        try:
            return connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise (Damaged if is_damage(error) else Unavailable)(f"cannot read: {error}") from error
        finally:
            self._put(connection)

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row or None; errors like `all`."""
        rows = self.all(sql, parameters)
        return rows[0] if rows else None

    def close(self) -> None:
        """Close idle connections now and busy ones when they come back."""
        self._closed = True
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _take(self) -> sqlite3.Connection:
        with suppress(IndexError):
            return self._idle.pop()
        connection = connect(self._path, busy_timeout_ms=self._busy_timeout_ms)
        connection.execute("PRAGMA query_only=ON")
        return connection

    def _put(self, connection: sqlite3.Connection) -> None:
        self._idle.append(connection)
        if self._closed:
            self.close()
