"""Group commit: one transaction for many, own outcome for each, and what survives an error."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Conflict, Unavailable
from gateway.store.sqlite.threads import PlainThreads
from gateway.store.sqlite.writer import Writer

# In a process of its own, whose files must not grow while the limit is set.
FULL_AT_COMMIT = """
import json, os, resource, sqlite3, sys
from gateway.errors import Unavailable
from gateway.store.sqlite.threads import PlainThreads
from gateway.store.sqlite.writer import Writer
path, statements = sys.argv[1], []
def connect():
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (x)")
    connection.set_trace_callback(statements.append)
    return connection
writer = Writer(connect, PlainThreads(), busy_timeout_ms=0)
first = writer._connection
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
def insert(value):
    writer.run(lambda connection: connection.execute(f"INSERT INTO t VALUES ({value})") and None)
limit(os.path.getsize(path + "-wal"))
try:
    insert(1)
    refused = None
except Unavailable as error:
    refused = str(error)
until_refused = [text for text in statements if text != "ROLLBACK"]
limit(resource.RLIM_INFINITY)
insert(2)
rows = [row[0] for row in first.execute("SELECT x FROM t")]
same = writer._connection is first
writer.close()
print(json.dumps({"statements": until_refused, "refused": refused, "rows": rows, "same connection": same}))
"""


class Bench:
    """A writer on a one-table database; `batch` hands in work that is written as one batch."""

    def __init__(self, path: Path) -> None:
        self.statements: list[str] = []
        self.broken = False  # whether connecting fails
        self.foreign_writes = 0
        self._path = path
        self.writer = Writer(
            self.connect, PlainThreads(), busy_timeout_ms=0, on_foreign_write=self._count_foreign_write
        )
        self.writer.run(lambda connection: connection.execute("CREATE TABLE t (x UNIQUE)") and None)

    def connect(self) -> sqlite3.Connection:
        if self.broken:
            raise sqlite3.OperationalError("disk I/O error")
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=0)
        connection.set_trace_callback(self.statements.append)
        return connection

    def _count_foreign_write(self) -> None:
        self.foreign_writes += 1

    def batch(self, *works: Callable[[sqlite3.Connection], Any]) -> list[Any]:
        """The outcomes of works that pile up while the writer is busy."""
        held, running = threading.Event(), threading.Event()

        def hold(_connection: sqlite3.Connection) -> None:
            running.set()
            held.wait(30)

        outcomes: dict[int, Any] = {}

        def call(place: int) -> None:
            try:
                outcomes[place] = self.writer.run(works[place])
            except Exception as error:
                outcomes[place] = error

        self.writer.post(hold, lambda written: None)
        assert running.wait(30)
        self.statements.clear()
        threads = [threading.Thread(target=call, args=(place,)) for place in range(len(works))]
        for place, thread in enumerate(threads):
            thread.start()
            wait_until(lambda place=place: self.writer._queue.qsize() == place + 1)
        held.set()
        for thread in threads:
            thread.join(30)
        return [outcomes[place] for place in range(len(works))]

    def rows(self) -> list[Any]:
        with sqlite3.connect(self._path) as connection:
            return [row[0] for row in connection.execute("SELECT x FROM t ORDER BY rowid")]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, at most 30 s."""
    pause = threading.Event()
    for _ in range(30_000):
        if condition():
            return
        pause.wait(0.001)
    raise AssertionError("condition not reached in 30 s")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A writer with an empty table."""
    made = Bench(tmp_path / "test.db")
    yield made
    made.writer.close()


def insert(value: Any) -> Callable[[sqlite3.Connection], Any]:
    """Work that inserts one row and returns its value."""

    def work(connection: sqlite3.Connection) -> Any:
        connection.execute("INSERT INTO t VALUES (?)", (value,))
        return value

    return work


def refuse(_connection: sqlite3.Connection) -> None:
    """Work that meets a conflict."""
    raise Conflict("chat")


def test_pending_work_shares_one_commit(bench: Bench) -> None:
    """Work that piled up is one transaction, in order, and each caller gets its own result."""
    assert [0, 1, 2] == bench.batch(insert(0), insert(1), insert(2))
    assert [0, 1, 2] == bench.rows()
    commits = [text for text in bench.statements if text == "COMMIT"]
    assert 2 == len(commits)  # that of the work which held the writer, and one for the three


def test_conflict_leaves_the_batch_alone(bench: Bench) -> None:
    """A refusal is the outcome of one caller; the batch is not even repeated."""
    first, second, third = bench.batch(insert(0), refuse, insert(2))
    assert (0, 2) == (first, third)
    assert isinstance(second, Conflict)
    assert [0, 2] == bench.rows()
    assert "ROLLBACK" not in bench.statements


def test_mistake_fails_only_the_guilty(bench: Bench) -> None:
    """Work that breaks half-way is undone alone, whatever it raises; the others are written once."""

    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES ('half')")
        raise ZeroDivisionError

    outcomes = bench.batch(insert(0), insert(0), broken, insert("\ud800"), insert(4))
    assert (0, 4) == (outcomes[0], outcomes[4])
    assert [ValueError, ZeroDivisionError, UnicodeEncodeError] == [type(error) for error in outcomes[1:4]]
    assert [0, 4] == bench.rows()


def test_trouble_is_everybodys_and_passes(bench: Bench, tmp_path: Path) -> None:
    """While another process holds the lock all callers get Unavailable; afterwards the same writer works."""
    other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        bench.writer.run(insert(0))
    assert "database is locked" == bench.writer.failure
    other.execute("ROLLBACK")
    other.close()
    assert 1 == bench.writer.run(insert(1))
    assert bench.writer.failure is None
    assert [1] == bench.rows()


def test_lost_connection_is_made_again(bench: Bench) -> None:
    """When even the rollback fails, the next batch opens a new connection."""
    with suppress(Unavailable, ValueError):
        bench.writer.run(lambda connection: connection.close())
    assert 1 == bench.writer.run(insert(1))
    assert [1] == bench.rows()


def test_connecting_again_may_fail_for_a_while(bench: Bench) -> None:
    """While a lost connection cannot be replaced callers get Unavailable; later the same writer works."""
    with suppress(Unavailable, ValueError):
        bench.writer.run(lambda connection: connection.close())
    bench.broken = True
    for _ in range(2):
        with pytest.raises(Unavailable, match="disk I/O error"):
            bench.writer.run(insert(0))
    bench.broken = False
    assert 1 == bench.writer.run(insert(1))
    assert [1] == bench.rows()


def test_closing_without_a_connection(bench: Bench) -> None:
    """A writer that has lost its connection can be closed."""
    with suppress(Unavailable, ValueError):
        bench.writer.run(lambda connection: connection.close())
    bench.broken = True
    bench.writer.close()
    with pytest.raises(Unavailable):
        bench.writer.run(insert(1))


def test_failed_commit_leaves_the_connection_usable(tmp_path: Path) -> None:
    """A COMMIT that meets a full disk is undone, and the same connection writes when space is back."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_AT_COMMIT, str(tmp_path / "test.db")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "" == done.stderr
    report = json.loads(done.stdout)
    assert ["INSERT INTO t VALUES (1)", "COMMIT"] == report["statements"][-2:]
    assert report["refused"].startswith("cannot write: ")
    assert [2] == report["rows"]
    assert report["same connection"] is True


def test_foreign_writes_are_noticed(bench: Bench, tmp_path: Path) -> None:
    """`on_foreign_write` is called once after another connection's commit, and not for own ones."""
    bench.writer.run(insert(0))
    before = bench.foreign_writes
    bench.writer.run(insert(1))
    assert before == bench.foreign_writes
    with sqlite3.connect(tmp_path / "test.db") as other:
        other.execute("INSERT INTO t VALUES (2)")
    assert before == bench.foreign_writes
    bench.writer.run(lambda connection: None)
    bench.writer.run(insert(3))
    assert before + 1 == bench.foreign_writes


def test_after_is_over_when_run_returns(bench: Bench) -> None:
    """What follows a write has happened when its caller goes on; a refusal is told as not written."""
    told: list[bool] = []
    bench.writer.run(insert(0), told.append)
    assert [True] == told
    with pytest.raises(Conflict):
        bench.writer.run(refuse, told.append)
    assert [True, False] == told


def test_only_a_write_proves_that_writing_works(bench: Bench, tmp_path: Path) -> None:
    """A batch that changes nothing does not clear `failure`: its commit never asks the disk."""
    other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        bench.writer.run(insert(0))
    other.close()
    bench.writer.run(lambda connection: None)
    assert "database is locked" == bench.writer.failure
    bench.writer.run(insert(1))
    assert bench.writer.failure is None


def test_close_finishes_what_was_handed_in(bench: Bench) -> None:
    """Work posted before close is written; work after it is refused."""
    told: list[bool] = []
    for value in range(100):
        bench.writer.post(insert(value), told.append)
    bench.writer.close()
    assert list(range(100)) == bench.rows()
    assert [True] * 100 == told
    with pytest.raises(Unavailable):
        bench.writer.run(insert(100))


def test_post_tells_about_failure(bench: Bench, tmp_path: Path) -> None:
    """`after` learns that the batch was not written."""
    other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    told: list[bool] = []
    bench.writer.post(insert(0), told.append)
    wait_until(lambda: told == [False])
    other.close()
