"""The demo page as a newcomer uses it: a chat with the bot, and beside it what the HTTP server received."""

from __future__ import annotations

import os

import pytest
from browser.widget_stand import Widget
from playwright.sync_api import Page, expect
from support.browser import Watch
from support.gateway import ROOT, RunningGateway

pytestmark = pytest.mark.browser

SCREENSHOT = ROOT / "docs" / "screenshots" / "demo.png"
SAME = "same object"
GREETING = "Hello, 你好 <b>😀</b>"


def start_chat(page: Page, gateway: RunningGateway, transport: str) -> Widget:
    """Open the page, choose a transport, start."""
    page.goto(f"{gateway.url}/demo/")
    page.locator(f"input[name=transport][value={transport}]").check()
    widget = Widget(page)
    widget.start("Guest")
    expect(page.locator("#state")).to_have_text("connected")
    widget.uses(transport)
    return widget


@pytest.mark.parametrize("transport", ["rest", "websocket", "long-polling"])
def test_chat_with_the_bot(page: Page, watch: Watch, demo_gateway: RunningGateway, transport: str) -> None:
    """A whole chat over each transport, without an error, a policy violation or a foreign host."""
    widget = start_chat(page, demo_gateway, transport)
    widget.say(GREETING)
    widget.sees(f"echo: {GREETING}")
    widget.say("again")
    widget.sees("echo: again")
    widget.say("agent-bye")
    expect(page.locator("#state")).to_have_text("ended")
    said = widget.log.locator(".own .bubble").all_inner_texts()
    assert said == ["Hello, 你好 <b>😀</b>", "again", "agent-bye"]
    assert not watch.errors
    assert watch.hosts == {f"127.0.0.1:{demo_gateway.port}"}


@pytest.mark.parametrize("transport", ["websocket", "long-polling"])
def test_receiver_gets_the_same_object(page: Page, demo_gateway: RunningGateway, transport: str) -> None:
    """What the operator's server received for a live frame is marked as equal to the frame of this page."""
    widget = start_chat(page, demo_gateway, transport)
    widget.say("hello")
    widget.sees("echo: hello")
    posted = page.locator("#received .post").filter(has_text='"text": "echo: hello"')
    expect(posted).to_have_count(1)
    expect(posted.get_by_text(SAME)).to_be_visible()


def test_receiver_shows_notifications_of_a_rest_chat(page: Page, demo_gateway: RunningGateway) -> None:
    """A chat over REST has no frames to compare with, but its notifications appear all the same."""
    widget = start_chat(page, demo_gateway, "rest")
    widget.say("hello")
    widget.sees("echo: hello")
    expect(page.locator("#received .post").filter(has_text='"text": "echo: hello"')).to_have_count(1)


def test_screenshot(page: Page, demo_gateway: RunningGateway) -> None:
    """The picture of the README; written when UPDATE_SCREENSHOTS=1."""
    widget = start_chat(page, demo_gateway, "websocket")
    for text in ("Good morning!", "Do you deliver on Saturdays?"):
        widget.say(text)
        widget.sees(f"echo: {text}")
    expect(page.locator("#received .post").filter(has_text="echo: Do you deliver")).to_have_count(1)
    if os.environ.get("UPDATE_SCREENSHOTS") == "1":
        SCREENSHOT.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOT)
