"""Fixtures of the chat engine's tests."""

import pytest
from unit.chat.engine import Engine


@pytest.fixture
def engine() -> Engine:
    """An engine with the default settings."""
    return Engine()
