"""A real Chromium for tests: finding it, starting it, and watching what a page does.

Nothing is downloaded: the browser of the machine is used, or the tests are skipped.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, sync_playwright

from support.waiting import eventually

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Seconds until something must be true in a page.
PATIENCE = 15
# Parts of Chromium's own window that start two renderers for each new context, and a spare renderer: half of
# what a context costs. Chromium heeds only the last such list, so Playwright's is replaced by this one.
NOT_NEEDED = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "SpareRendererForSitePerProcess",
    "HttpsUpgrades",
    "MediaRouter",
    "OptimizationHints",
    "PaintHolding",
)
# Violations are console errors in Chromium anyway; this names the directive and what was blocked.
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP ${event.effectiveDirective} ${event.blockedURI}`));
"""


def executable(playwright: Playwright) -> str:
    """The browser to use: GATEWAY_TEST_BROWSER, Playwright's own, or one on PATH; otherwise skip."""
    candidates = [os.environ.get("GATEWAY_TEST_BROWSER"), playwright.chromium.executable_path]
    candidates += [shutil.which(name) for name in NAMES]
    for candidate in candidates:
        if candidate and Path(candidate).exists():
            return candidate
    pytest.skip("no Chromium: set GATEWAY_TEST_BROWSER or install the system's chromium")


@contextmanager
def launched() -> Iterator[Browser]:
    """A headless browser."""
    with sync_playwright() as playwright:
        # Containers run as root without user namespaces; the pages are our own.
        args = ["--no-sandbox", f"--disable-features={','.join(NOT_NEEDED)}"]
        browser = playwright.chromium.launch(executable_path=executable(playwright), args=args)
        yield browser
        browser.close()


def until(page: Page, expression: str, arg: object = None) -> None:
    """Wait until a function, which may be async, gives something true in the page.

    `Page.wait_for_function` does not: it takes any promise for true, whatever becomes of it, and evaluates an
    expression that is not true at once again, which a page's policy may forbid.
    """
    eventually(lambda: page.evaluate(expression, arg), timeout=PATIENCE, every=0.05, what=expression)


class Watch:
    """What went wrong in a page, and which hosts it talked to."""

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        page.add_init_script(REPORT_VIOLATIONS)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._host(request.url))
        page.on("websocket", lambda socket: self._host(socket.url))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    def _host(self, url: str) -> None:
        if urlsplit(url).netloc:
            self.hosts.add(urlsplit(url).netloc)
