"""Fixtures of the browser tests: one Chromium for all, a fresh context and page for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="the Python package playwright is not installed")

from browser.widget_stand import Desk, HostSite, Widget, host_site  # noqa: E402
from playwright.sync_api import Browser, Page  # noqa: E402
from support.browser import Watch, launched  # noqa: E402
from support.gateway import QUIET, RunningGateway  # noqa: E402

# Milliseconds until an expectation must hold; the bot may need some seconds to notice its first chat.
PATIENCE = 15_000


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser."""
    with launched() as chromium:
        yield chromium


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of a visitor without history."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, locale="en-GB")
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture
def watch(page: Page) -> Watch:
    """What goes wrong in the page."""
    return Watch(page)


@pytest.fixture(scope="session")
def site() -> Iterator[HostSite]:
    """A web site that embeds the widget."""
    with host_site() as running:
        yield running


@pytest.fixture(scope="module")
def desk(gateway: RunningGateway) -> Desk:
    """An agent."""
    return Desk(gateway)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway without a bot; short holds, so that a dead connection is noticed within seconds."""
    # The widget's tests answer for files themselves (`allow_files`).
    ini = f"{QUIET}[cometd]\ntimeout=2000\n[client-file-transfer]\nupload-max-files=0\n"
    with RunningGateway(tmp_path_factory.mktemp("gateway"), ini) as running:
        yield running


@pytest.fixture
def widget(page: Page) -> Widget:
    """The widget of the page."""
    return Widget(page)
