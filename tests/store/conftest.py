"""Every backend that the conformance suite runs over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.store.memory import MemoryStore
from gateway.store.roles import Store
from gateway.store.sqlite import SqliteStore

OpenStore = Callable[[Path], Store]

BACKENDS: dict[str, OpenStore] = {
    "memory": lambda directory: MemoryStore(),
    "sqlite": lambda directory: SqliteStore(directory / "gateway.db"),
}


@pytest.fixture(params=sorted(BACKENDS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each backend in turn."""
    opened = BACKENDS[request.param](tmp_path)
    yield opened
    opened.close()
