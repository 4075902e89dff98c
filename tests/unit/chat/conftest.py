"""Fixtures of the chat engine's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_stand import Customer, DeskStand
from unit.chat.engine import Engine


@pytest.fixture
def engine() -> Engine:
    """An engine with the default settings."""
    return Engine()


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[DeskStand]:
    """A gateway in this process with its desk, for the tests that go through the agents' API."""
    stand = DeskStand(tmp_path)
    yield stand
    stand.gateway.close()


@pytest.fixture
def customer(stand: DeskStand) -> Customer:
    """A customer whom Anna serves."""
    customer = stand.customer()
    stand.person("Anna").done(f"/chats/{customer.chat_id}/accept")
    return customer
