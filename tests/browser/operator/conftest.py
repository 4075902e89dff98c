"""Fixtures of the operator page's tests: one gateway for each file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="the Python package playwright is not installed")

from browser.operator.operator_stand import PATIENCE, OperatorStand, operator_stand, populated  # noqa: E402
from playwright.sync_api import expect  # noqa: E402


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorStand]:
    """A gateway with chats, connected customers, and notifications that arrived and that failed."""
    with operator_stand(tmp_path_factory.mktemp("operator")) as running, populated(running):
        yield running


@pytest.fixture(autouse=True, scope="module")
def patience() -> Iterator[None]:
    """Views renew themselves every five seconds; what is expected of one may come with the next renewal."""
    expect.set_options(timeout=PATIENCE)
    yield
    expect.set_options(timeout=5000)
