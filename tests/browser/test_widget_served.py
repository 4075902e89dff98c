"""What the chat widget costs the network."""

from __future__ import annotations

import pytest
from browser.widget_stand import Desk, HostSite, Widget, visit
from playwright.sync_api import Browser, Page, Request, Response, expect
from support.gateway import RunningGateway

pytestmark = pytest.mark.browser

# Bytes on the wire of all files of the widget.
SIZE_BUDGET = 35 * 1024


def test_33_size_budget(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Everything of the widget that crosses the network for a whole chat in English, gzip, is below 35 KB."""
    finished: list[Request] = []
    page.on("requestfinished", lambda request: finished.append(request))
    visit(page, site, gateway)
    widget.start("Zoe")
    chat_id = desk.accept("Zoe")
    desk.say(chat_id, "hello")
    widget.sees("hello")
    widget.say("good morning")
    page.evaluate("ChatWidget.end()")
    expect(widget.panel.get_by_role("button", name="Start a new chat")).to_be_visible()
    files = {request.url: request for request in finished if f"{gateway.url}/static/" in request.url}
    assert [url.rpartition("/")[2] for url in files] == ["embed.js", "widget.js"]
    answers = [request.response() for request in files.values()]
    assert {answer.headers["content-encoding"] for answer in answers if answer} == {"gzip"}
    assert sum(request.sizes()["responseBodySize"] for request in files.values()) <= SIZE_BUDGET


def test_second_visit_asks_for_one_file(browser: Browser, site: HostSite, gateway: RunningGateway) -> None:
    """On the next page the entry script is a 304, and the widget comes from the browser's cache."""
    context = browser.new_context()
    page = context.new_page()
    visit(page, site, gateway)
    expect(Widget(page).launcher).to_be_visible()
    answers: list[tuple[str, int, bool]] = []

    def answered(response: Response) -> None:
        if f"{gateway.url}/static/" in response.url:
            size = response.request.sizes()["responseBodySize"]
            answers.append((response.url.rpartition("/")[2], response.status, size > 0))

    page.on("requestfinished", lambda request: answered(request.response()))
    visit(page, site, gateway)
    expect(Widget(page).launcher).to_be_visible()
    context.close()
    assert answers == [("embed.js", 304, False), ("widget.js", 200, False)]
