"""Fixtures of the console's tests: one gateway for each file, consoles in browsers of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="the Python package playwright is not installed")

from browser.console.console_stand import PATIENCE, ConsoleStand, Desks, console_stand  # noqa: E402
from playwright.sync_api import Browser, expect  # noqa: E402


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleStand]:
    """The gateway of a file."""
    with console_stand(tmp_path_factory.mktemp("console")) as stand:
        yield stand


@pytest.fixture
def stand(running: ConsoleStand) -> ConsoleStand:
    """The gateway without open chats and ready agents."""
    running.clear()
    return running


@pytest.fixture
def desks(stand: ConsoleStand, browser: Browser) -> Iterator[Desks]:
    """Opens consoles."""
    opened = Desks(stand, browser)
    yield opened
    opened.close()


@pytest.fixture(autouse=True, scope="module")
def patience() -> Iterator[None]:
    """What is expected may come with the next reading of the lists."""
    expect.set_options(timeout=PATIENCE)
    yield
    expect.set_options(timeout=5000)
