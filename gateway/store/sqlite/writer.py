"""Group commit: one background writer writes everything that is pending in one transaction.

Theory of operation. A caller hands in *work*, a function of the connection, and waits. The writer takes
all work that has piled up during the last flush, runs it in one transaction, commits (one disk flush, off the
event loop) and wakes all callers with their own outcome. So the number of flushes follows the disk, not the
load. Before each batch it notices whether another process has written the file (`on_foreign_write`).

What must follow a write in memory (a cache, say) is passed as `after`: the writer calls it between the commit
and the next batch, so it happens in the order of the commits, and also when the caller was killed meanwhile.

Outcomes of one batch:
* Work may refuse with a GatewayError (Conflict) before its first write; the others are not affected.
* A database error (disk full, I/O, locked) rolls everything back: every caller gets Unavailable. The
  writer goes on; the next batch is tried on its own merits, so it heals when space is back.
* Any other exception is a mistake in one piece of work: the batch is rolled back and run once more with a
  savepoint around each piece, so that only the guilty one fails.
* When the writer itself is killed, nobody is left waiting: everything handed in becomes Unavailable, and the
  store counts as closed. Only then an Unavailable batch may have been written, as after a crash.

Work must therefore be repeatable: it may run twice, and only the last run counts. Its result must not hold
a cursor: closing one in the caller's thread would wait there for the flush of the next batch.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty
from typing import Any, TypeVar

from gateway.errors import GatewayError, Unavailable
from gateway.observe.metrics import Metrics
from gateway.store.sqlite.threads import Threads, Waiter

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
After = Callable[[bool], None]
Connect = Callable[[], sqlite3.Connection]

# A batch costs 0.3 ms of the processor whatever its size, so before each one whoever can still hand something
# in may do so. Where everybody waits already, nothing is lost (see `Threads.gather`); this bounds what a
# saturated loop adds to the time of an answer, and there 3 ms cost 5 % of the throughput.
GATHER_S = 0.01
# Bounds how long a batch keeps the event loop (about 10 us a change), and what one failure can roll back.
MAX_BATCH = 256
# Mistakes of one piece of work, not trouble of the database.
_MISTAKES = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)


class _Job:
    """One piece of work with its outcome; a waiter waits for it or `after` is told. No work: the end."""

    __slots__ = ("after", "error", "result", "waiter", "work")

    def __init__(self, work: Work | None, waiter: Waiter | None, after: After | None = None) -> None:
        self.work = work
        self.waiter = waiter
        self.after = after
        self.result: Any = None
        self.error: BaseException | None = None


class Writer:
    """Owns the writing connection. Made by the store; `run` and `post` may be called from any thread, under
    gevent from any greenlet of the hub that the store was made in.

    `connect` gives a connection that does not wait for locks (busy_timeout 0): the writer waits itself, off
    the event loop, for `busy_timeout_ms`. `monotonic` (seconds) only measures for the metrics. Raises
    whatever `connect` raises, and has started nothing then.
    """

    def __init__(
        self,
        connect: Connect,
        threads: Threads,
        *,
        busy_timeout_ms: int,
        on_foreign_write: Callable[[], None] = lambda: None,
        metrics: Metrics | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._busy_timeout_ms = busy_timeout_ms
        self._on_foreign_write = on_foreign_write
        self._metrics = metrics or Metrics()
        self._monotonic = monotonic
        self._data_version: int | None = None
        self._connection: sqlite3.Connection | None = connect()
        self._threads = threads
        self._queue = threads.queue()
        self._gate = threads.lock()  # guards closed together with the queue: nothing enters after the end
        self.closed = False
        self.failure: str | None = None  # why a batch was rolled back; None since something was written
        threads.start(self._loop)

    def run(self, work: Callable[[sqlite3.Connection], T], after: After | None = None) -> T:
        """Run `work` in the next batch and wait until it is durable; its result, or its error raised here.

        `after` as for `post`; it is over when this returns. A caller that is killed while it waits does not
        take its work back.
        """
        waiter = self._threads.waiter()
        job = _Job(work, waiter, after)
        self._put(job)
        waiter.wait()
        if job.error is not None:
            raise job.error
        result: T = job.result
        return result

    def post(self, work: Work, after: After) -> None:
        """Run `work` in the next batch and return at once.

        `after(written)` is called by the writer when the batch is over (`written` is False also when the work
        refused); it must not wait or fail.
        """
        self._put(_Job(work, None, after))

    def close(self) -> None:
        """Finish everything that was handed in and close the connection; later calls raise Unavailable."""
        waiter = self._threads.waiter()
        with self._gate:
            if self.closed:
                return
            self.closed = True
            self._queue.put(_Job(None, waiter))
        waiter.wait()

    def _put(self, job: _Job) -> None:
        with self._gate:
            if self.closed:
                raise Unavailable("the store is closed")
            self._queue.put(job)

    # --- In the background --------------------------------------------------------------------------------

    def _loop(self) -> None:
        """Batch after batch, until the job without work; whatever ends it, nobody waits for ever."""
        batch: list[_Job] = []
        open_ = True
        try:
            while open_:
                self._take(batch)
                jobs = [job for job in batch if job.work is not None]
                open_ = len(jobs) == len(batch)
                if jobs:
                    self._write(jobs)
                if not open_:
                    self._disconnect()
                for job in jobs:
                    if job.after is not None:
                        job.after(job.error is None)
                self._wake(batch)
                batch = []
        finally:
            self._abandon(batch)
            self._threads.stop()

    def _wake(self, batch: list[_Job]) -> None:
        self._threads.wake([job.waiter for job in batch if job.waiter is not None])

    def _abandon(self, batch: list[_Job]) -> None:
        """Refuse what is still here; that is nothing unless the loop was killed."""
        with self._gate:
            self.closed = True
        with suppress(Empty):
            while True:
                batch.append(self._queue.get_nowait())
        for job in batch:
            job.error = Unavailable("the writer was ended")
        self._wake(batch)

    def _disconnect(self) -> None:
        """Close the connection, which copies the log into the database: that may take a while."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._threads.off_loop(self._connection.close)

    def _take(self, batch: list[_Job]) -> None:
        """Add everything that is pending, at least one job; under load also what arrives within a moment."""
        batch.append(self._queue.get())
        self._threads.gather(GATHER_S)
        with suppress(Empty):
            while len(batch) < MAX_BATCH:
                batch.append(self._queue.get_nowait())

    def _write(self, jobs: list[_Job]) -> None:
        """Write one batch and note the outcomes in its jobs."""
        begun = self._monotonic()
        error = self._transact(jobs, _run)
        if error is not None and not _is_trouble(error):
            error = self._transact(jobs, _run_isolated)
        if error is None:
            self._metrics.store_commits_total.inc()
            self._metrics.store_commit_seconds.observe(self._monotonic() - begun)
            self._metrics.store_batch_size.observe(len(jobs))
            return
        self.failure = str(error)
        self._metrics.store_failures_total.inc()
        for job in jobs:
            job.error = Unavailable(f"cannot write: {error}")
            job.error.__cause__ = error

    def _transact(
        self, jobs: list[_Job], run: Callable[[_Job, sqlite3.Connection], None]
    ) -> Exception | None:
        """Run all jobs in one transaction; the error that rolled it back, or None."""
        try:
            if self._connection is None:
                self._connection = self._threads.off_loop(self._connect)
                self._data_version = None
            connection = self._connection
            self._begin(connection)
            changes = connection.total_changes
            for job in jobs:
                run(job, connection)
            self._threads.off_loop(connection.commit)
            if connection.total_changes != changes:  # a commit of nothing does not ask the disk
                self.failure = None
        except Exception as error:  # noqa: BLE001 - becomes the outcome of every job
            self._roll_back()
            return error
        return None

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Take the write lock; whoever else has it (the command line, a worker that is leaving) is brief."""
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not _is_locked(error):
                raise
            self._threads.off_loop(partial(_begin_patiently, connection, self._busy_timeout_ms))
        # Changes only when another connection wrote: of this process nobody else does.
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._data_version:
            self._data_version = version
            self._on_foreign_write()

    def _roll_back(self) -> None:
        """Back to a usable connection, whatever state an error left it in."""
        connection = self._connection
        if connection is None:
            return
        try:
            connection.rollback()
        except sqlite3.Error:
            self._connection = None
            with suppress(sqlite3.Error):
                connection.close()


def _is_locked(error: sqlite3.OperationalError) -> bool:
    """Whether another connection is in the way. The code is extended: its low byte says it, also for
    SQLITE_BUSY_RECOVERY (another process repairs the log)."""
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _begin_patiently(connection: sqlite3.Connection, patience_ms: int) -> None:
    """BEGIN that waits for the lock inside SQLite; blocks, so it runs off the loop."""
    connection.execute(f"PRAGMA busy_timeout={patience_ms}")
    try:
        connection.execute("BEGIN IMMEDIATE")
    finally:
        connection.execute("PRAGMA busy_timeout=0")


def _is_trouble(error: Exception) -> bool:
    """Whether the database cannot write now (everybody is affected), not a mistake in one piece of work."""
    return isinstance(error, (sqlite3.Error, GatewayError)) and not isinstance(error, _MISTAKES)


def _run(job: _Job, connection: sqlite3.Connection) -> None:
    """Run work that keeps the rule: a refusal comes before the first write."""
    job.error = None
    try:
        job.result = job.work(connection)  # type: ignore[misc]
    except GatewayError as error:
        job.error = error


def _run_isolated(job: _Job, connection: sqlite3.Connection) -> None:
    """Run work that may fail anywhere, undoing what it wrote."""
    job.error = None
    connection.execute("SAVEPOINT job")
    try:
        job.result = job.work(connection)  # type: ignore[misc]
    except Exception as error:  # noqa: BLE001 - the caller gets it
        if isinstance(error, sqlite3.Error) and _is_trouble(error):
            raise
        connection.execute("ROLLBACK TO job")
        job.error = ValueError(str(error)) if isinstance(error, sqlite3.Error) else error
    connection.execute("RELEASE job")
