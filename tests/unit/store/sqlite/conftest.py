"""A store on a file, its clock, and another process's store on the same file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.clock import ManualClock
from gateway.store.sqlite import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "gateway.db"


@pytest.fixture
def clock() -> ManualClock:
    """The clock of probes."""
    return ManualClock()


@pytest.fixture
def store(path: Path, clock: ManualClock) -> Iterator[SqliteStore]:
    """The store of this process; it does not wait for locks."""
    made = SqliteStore(path, busy_timeout_ms=0, monotonic=clock.monotonic)
    yield made
    made.close()


@pytest.fixture
def neighbour(store: SqliteStore, path: Path) -> Iterator[SqliteStore]:
    """A second store on the same file, with a cache of its own, as another process has it."""
    made = SqliteStore(path)
    yield made
    made.close()
