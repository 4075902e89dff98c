"""The API documentation page."""

from __future__ import annotations

import pytest
import requests
from playwright.sync_api import Page, expect
from support.browser import Watch
from support.gateway import RunningGateway

pytestmark = pytest.mark.browser


def test_docs_page_shows_every_operation(page: Page, watch: Watch, demo_gateway: RunningGateway) -> None:
    """Every path of openapi.json is on the page, which loads nothing from elsewhere and breaks no policy."""
    page.goto(f"{demo_gateway.url}/docs")
    expect(page.locator("#contents")).to_be_visible()
    text = page.locator("main").inner_text()
    document = requests.get(f"{demo_gateway.url}/openapi.json", timeout=5).json()
    assert document["paths"]
    assert not [path for path in document["paths"] if path not in text]
    assert not watch.errors
    assert watch.hosts == {f"127.0.0.1:{demo_gateway.port}"}
