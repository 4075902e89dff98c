"""Opening database files: fresh, known, newer, contested, damaged."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from store.values import NOW, delivery, following, message, opened

from gateway.errors import Unavailable
from gateway.model.change import Change
from gateway.model.deliveries import DeliveryState
from gateway.model.inspection import ReplayRecord
from gateway.store import sqlite as sqlite_package
from gateway.store.sqlite import SqliteStore
from gateway.store.sqlite.migrate import SchemaTooNew, migrate
from gateway.store.sqlite.rows import profile_body

MIGRATIONS = Path(sqlite_package.__file__).parent / "migrations"
NEWEST = len(list(MIGRATIONS.glob("*.sql")))


def version(path: Path) -> int:
    """PRAGMA user_version of a file."""
    with sqlite3.connect(path) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def test_fresh_file_gets_the_newest_schema(tmp_path: Path) -> None:
    """A new file is private to its owner, in WAL mode and at the newest version."""
    path = tmp_path / "gateway.db"
    SqliteStore(path).close()
    assert 0o600 == path.stat().st_mode & 0o777
    assert NEWEST == version(path)
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


def test_events_from_before_idle_control_are_read(tmp_path: Path) -> None:
    """A row from before 0006 has no seconds of idle control; newer ones have."""
    path = tmp_path / "gateway.db"
    earlier = [script for script in sorted(MIGRATIONS.glob("*.sql")) if script.name < "0006"]
    with sqlite3.connect(path) as connection:
        for script in earlier:
            connection.executescript(script.read_text())
        connection.execute(f"PRAGMA user_version={len(earlier)}")
        connection.execute("INSERT INTO chat VALUES (1,'chat-1',1,'waiting',2,0,0)")
        connection.execute("INSERT INTO profile VALUES (1, ?)", (profile_body(opened().profile),))
        connection.execute(
            "INSERT INTO event (chat, idx, type, author, utc_ms, visibility, ends_chat, wire)"
            " VALUES (1,1,'Message',1,?,'all',0,?)",
            (message(1).utc_ms, message(1).wire),
        )
    store = SqliteStore(path)
    later = message(2, idle_expire=30)
    store.commit(Change(following(opened(), events=1), (later,)))
    assert (message(1), later) == tuple(store.events("chat-1", 0, limit=10))
    store.close()


def test_rows_of_the_first_release_are_kept(tmp_path: Path) -> None:
    """A database of schema 1 is brought to the newest: its deliveries are there and were never replayed."""
    path = tmp_path / "gateway.db"
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.executescript((MIGRATIONS / "0001_initial.sql").read_text())
        connection.execute("PRAGMA user_version=1")
        connection.execute(
            "INSERT INTO delivery (id, chat_id, user_id, position, kind, event_type, device_id, created_ms,"
            " due_ms, debug, message, state, attempts)"
            " VALUES ('d1', 'chat-1', 'U-chat-1', 1, 'payload', 'Message', 'device-1', ?, ?, 0, ?,"
            " 'failed', 1)",
            (NOW, NOW, b'{"text":"hello"}'),
        )
    store = SqliteStore(path)
    assert delivery("d1", state=DeliveryState.FAILED, attempts=1) == store.delivery("d1")
    assert 1 == store.dead_letter_count()
    assert [] == list(store.replay_records("d1"))
    store.requeue(["d1"], now_ms=NOW, by="Olga")
    assert [ReplayRecord(2, NOW, "Olga")] == list(store.replay_records("d1"))
    assert NEWEST == version(path)
    store.close()


def test_newer_schema_is_refused_untouched(tmp_path: Path) -> None:
    """A file of a newer release is refused with both versions in the message, and not changed."""
    path = tmp_path / "gateway.db"
    SqliteStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(SchemaTooNew, match=f"99.*{NEWEST}"):
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
