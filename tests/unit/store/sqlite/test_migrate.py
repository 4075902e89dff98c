"""Opening database files: fresh, known, newer, contested, damaged."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from store.values import message, opened

from gateway.errors import Unavailable
from gateway.model.change import Change
from gateway.store.sqlite import SqliteStore
from gateway.store.sqlite.migrate import SchemaTooNew, migrate


def version(path: Path) -> int:
    """PRAGMA user_version of a file."""
    with sqlite3.connect(path) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def test_fresh_file_gets_the_newest_schema(tmp_path: Path) -> None:
    """A new file is private to its owner, in WAL mode and at the newest version."""
    path = tmp_path / "gateway.db"
    SqliteStore(path).close()
    assert 0o600 == path.stat().st_mode & 0o777
    assert 3 == version(path)
    with sqlite3.connect(path) as connection:
        assert "wal" == connection.execute("PRAGMA journal_mode").fetchone()[0]


def test_reopened_file_keeps_its_content(tmp_path: Path) -> None:
    """What was committed is there after closing and opening again."""
    path = tmp_path / "gateway.db"
    store = SqliteStore(path)
    store.commit(Change(opened(), (message(1),)))
    store.close()
    store = SqliteStore(path)
    assert opened() == store.session("chat-1")
    assert (message(1),) == tuple(store.events("chat-1", 0, limit=10))
    store.close()


def test_newer_schema_is_refused_untouched(tmp_path: Path) -> None:
    """A file of a newer release is refused with both versions in the message, and not changed."""
    path = tmp_path / "gateway.db"
    SqliteStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(SchemaTooNew, match="99.*3"):
        SqliteStore(path)
    assert 99 == version(path)


def test_failed_migration_leaves_nothing(tmp_path: Path) -> None:
    """A migration that fails half-way leaves the schema and the version as they were."""
    connection = sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)
    connection.execute("CREATE TABLE token (mine)")  # collides in the middle of 0001
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection)
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
    assert ["token"] == tables
    assert 0 == connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()


def test_processes_may_open_a_fresh_file_together(tmp_path: Path) -> None:
    """Workers that start at the same moment all get a usable store."""
    code = "import sys; from gateway.store.sqlite import SqliteStore; SqliteStore(sys.argv[1]).close()"
    command = [sys.executable, "-c", code, str(tmp_path / "gateway.db")]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    errors = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert [""] * 4 == errors


@pytest.mark.parametrize("content", [b"not a database, only text" * 100])
def test_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that is not a database is Unavailable, not a crash, and is not overwritten."""
    path = tmp_path / "gateway.db"
    path.write_bytes(content)
    with pytest.raises(Unavailable):
        SqliteStore(path)
    assert content == path.read_bytes()


def test_missing_directory_is_unavailable(tmp_path: Path) -> None:
    """A path in a directory that does not exist says so."""
    with pytest.raises(Unavailable, match="No such file"):
        SqliteStore(tmp_path / "missing" / "gateway.db")
