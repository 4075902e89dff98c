"""The demo page as a newcomer uses it: a chat with the bot, and beside it what the HTTP server received."""

from __future__ import annotations

import os
import re

import pytest
from playwright.sync_api import Page, expect
from support.browser import Watch
from support.gateway import ROOT, RunningGateway

pytestmark = pytest.mark.browser

SCREENSHOT = ROOT / "docs" / "screenshots" / "demo.png"
SAME = "same object"
GREETING = "Hello, 你好 <b>😀</b>"
# Milliseconds for what the bot does; see conftest.py.
PATIENCE = 15_000


def start_chat(page: Page, gateway: RunningGateway, transport: str) -> None:
    """Open the page, choose a transport, start."""
    page.goto(f"{gateway.url}/demo/")
    page.locator(f"input[name=transport][value={transport}]").check()
    page.get_by_role("button", name="Start chat").click()
    expect(page.locator("#state")).to_have_text("connected")


def say(page: Page, text: str) -> None:
    """Send a message with the composer."""
    page.get_by_label("Message").fill(text)
    page.get_by_role("button", name="Send").click()


def hear(page: Page, text: str) -> None:
    """Wait for a message of the bot; it must be there exactly once."""
    heard = page.locator("#log .other .bubble").filter(has_text=re.compile(f"^{re.escape(text)}$"))
    expect(heard).to_have_count(1, timeout=PATIENCE)


@pytest.mark.parametrize("transport", ["rest", "websocket", "long-polling"])
def test_chat_with_the_bot(page: Page, watch: Watch, demo_gateway: RunningGateway, transport: str) -> None:
    """A whole chat over each transport, without an error, a policy violation or a foreign host."""
    start_chat(page, demo_gateway, transport)
    say(page, GREETING)
    hear(page, f"echo: {GREETING}")
    say(page, "again")
    hear(page, "echo: again")
    say(page, "agent-bye")
    expect(page.locator("#state")).to_have_text("ended")
    assert page.locator("#log .own .bubble").all_inner_texts() == [
        "Hello, 你好 <b>😀</b>",
        "again",
        "agent-bye",
    ]
    assert not watch.errors
    assert watch.hosts == {f"127.0.0.1:{demo_gateway.port}"}


@pytest.mark.parametrize("transport", ["websocket", "long-polling"])
def test_receiver_gets_the_same_object(page: Page, demo_gateway: RunningGateway, transport: str) -> None:
    """Each notification that the operator's server received is marked as equal to a frame of this page."""
    start_chat(page, demo_gateway, transport)
    say(page, "hello")
    hear(page, "echo: hello")
    posted = page.locator("#received .post").filter(has_text='"text": "echo: hello"')
    expect(posted).to_have_count(1)
    expect(posted.get_by_text(SAME)).to_be_visible()
    expect(page.locator("#received .post")).to_have_count(page.get_by_text(SAME).filter(visible=True).count())


def test_receiver_shows_notifications_of_a_rest_chat(page: Page, demo_gateway: RunningGateway) -> None:
    """A chat over REST has no frames to compare with, but its notifications appear all the same."""
    start_chat(page, demo_gateway, "rest")
    say(page, "hello")
    hear(page, "echo: hello")
    expect(page.locator("#received .post").filter(has_text='"text": "echo: hello"')).to_have_count(1)


def test_screenshot(page: Page, demo_gateway: RunningGateway) -> None:
    """The picture of the README; written when UPDATE_SCREENSHOTS=1."""
    start_chat(page, demo_gateway, "websocket")
    for text in ("Good morning!", "Do you deliver on Saturdays?"):
        say(page, text)
        hear(page, f"echo: {text}")
    expect(page.locator("#received .post").filter(has_text="echo: Do you deliver")).to_have_count(1)
    expect(page.locator("#typing")).to_have_text("")
    if os.environ.get("UPDATE_SCREENSHOTS") == "1":
        SCREENSHOT.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOT)
