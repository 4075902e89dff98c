"""Fixtures of the push tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from unit.push.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A running receiver on loopback."""
    with Receiver() as running:
        yield running
