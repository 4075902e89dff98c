"""The demo page as a newcomer uses it: customer, agent and the notified server side by side."""

from __future__ import annotations

import os
import re

import pytest
from browser.console.console_stand import ConsoleStand
from browser.widget_stand import PATIENCE, Widget
from playwright.sync_api import Browser, FrameLocator, Page, expect
from support import npm
from support.browser import Watch
from support.gateway import ROOT, RunningGateway

pytestmark = pytest.mark.browser

SCREENSHOTS = ROOT / "docs" / "screenshots"
WIDE = {"width": 1600, "height": 900}
PHONE = {"width": 390, "height": 844}
SAME = "same object"
GREETING = "Hello, 你好 <b>😀</b>"


@pytest.fixture(scope="module")
def people(demo_gateway: RunningGateway) -> ConsoleStand:
    """The people of the demo."""
    return ConsoleStand(demo_gateway, demo_gateway.token("admin", "Olga"))


@pytest.fixture
def gateway(people: ConsoleStand) -> RunningGateway:
    """The demo without open chats."""
    people.clear()
    return people.gateway


def open_demo(page: Page, gateway: RunningGateway, **size: int) -> Widget:
    """The page and the widget of its shop."""
    page.set_viewport_size({**WIDE, **size})
    page.goto(f"{gateway.url}/demo/")
    shop = page.frame("shop")
    assert shop is not None
    shop.wait_for_load_state()
    return Widget(shop)


def start_chat(page: Page, gateway: RunningGateway, transport: str = "websocket") -> Widget:
    """Choose a transport and start a chat in the shop."""
    widget = open_demo(page, gateway)
    page.get_by_label("Events over").select_option(transport)
    widget.start("Guest")
    expect(page.locator("#state")).to_contain_text("connected")
    widget.uses(transport)
    return widget


def sign_in(page: Page) -> FrameLocator:
    """One click to the console."""
    page.get_by_role("button", name="Sign in as the demo agent").click()
    console = page.frame_locator("#console")
    expect(console.locator(".duty")).to_be_visible(timeout=PATIENCE)
    return console


@pytest.mark.parametrize("transport", ["rest", "websocket", "long-polling"])
def test_chat_with_the_bot(page: Page, watch: Watch, gateway: RunningGateway, transport: str) -> None:
    """A whole chat over each transport, without an error, a policy violation or a foreign host."""
    widget = start_chat(page, gateway, transport)
    widget.say(GREETING)
    widget.sees(f"echo: {GREETING}")
    widget.say("again")
    widget.sees("echo: again")
    widget.say("agent-bye")
    expect(page.locator("#state")).to_have_text("ended")
    said = widget.log.locator(".own .bubble").all_inner_texts()
    assert said == [GREETING, "again", "agent-bye"]
    assert not watch.errors
    assert watch.hosts == {f"127.0.0.1:{gateway.port}"}


@pytest.mark.parametrize("transport", ["websocket", "long-polling"])
def test_receiver_gets_the_same_object(page: Page, gateway: RunningGateway, transport: str) -> None:
    """What the operator's server received for a live frame is marked as equal to the frame of this page."""
    widget = start_chat(page, gateway, transport)
    widget.say("hello")
    widget.sees("echo: hello")
    posted = page.locator("#received .post").filter(has_text='"text": "echo: hello"')
    expect(posted).to_have_count(1)
    expect(posted.get_by_text(SAME)).to_be_visible()


def test_receiver_shows_notifications_of_a_rest_chat(page: Page, gateway: RunningGateway) -> None:
    """A chat over REST has no frames to compare with, but its notifications appear all the same."""
    widget = start_chat(page, gateway, "rest")
    widget.say("hello")
    widget.sees("echo: hello")
    expect(page.locator("#received .post").filter(has_text='"text": "echo: hello"')).to_have_count(1)


def test_one_person_is_customer_and_agent(page: Page, watch: Watch, gateway: RunningGateway) -> None:
    """With one click a newcomer is the agent, takes the chat from the bot and answers; the server is told."""
    widget = start_chat(page, gateway)
    widget.say("hello")
    widget.sees("echo: hello")
    console = sign_in(page)
    console.get_by_role("button", name="Accept Guest").first.click()
    console.locator("#composer").fill("A person is here.")
    console.locator("#composer").press("Enter")
    widget.sees("A person is here.")
    expect(widget.panel.get_by_text("Demo agent is here")).to_be_visible()
    widget.say("no echo any more")
    expect(console.get_by_role("log").get_by_text("no echo any more")).to_be_visible()
    expect(page.locator("#received .post").filter(has_text="A person is here.").first).to_be_visible()
    assert "echo: no echo any more" not in widget.texts()
    console.locator("#composer").fill("Goodbye!")
    console.locator("#composer").press("Enter")
    widget.sees("Goodbye!")
    assert not watch.errors
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in as the demo agent")).to_be_focused()


def test_the_bot_stays_away_when_a_person_is_wanted(
    page: Page, browser: Browser, gateway: RunningGateway
) -> None:
    """A chat that is meant for the console gets no bot, while another one gets it."""
    widget = open_demo(page, gateway)
    page.get_by_label("Answered by").select_option("person")
    widget.start("Quiet")
    widget.say("nobody answers")
    visitor = browser.new_context()
    noisy = start_chat(visitor.new_page(), gateway)
    noisy.say("hello")
    noisy.sees("echo: hello")
    visitor.close()
    assert widget.texts() == ["nobody answers"]
    console = sign_in(page)
    console.get_by_role("button", name="Accept Quiet").click()
    console.locator("#composer").fill("I do.")
    console.locator("#composer").press("Enter")
    widget.sees("I do.")
    assert widget.texts() == ["nobody answers", "I do."]


def test_sign_in_that_fails_says_so(page: Page, gateway: RunningGateway) -> None:
    """A gateway that cannot be asked leaves the button and a reason."""
    open_demo(page, gateway)
    page.route("**/demo/agent", lambda route: route.fulfill(status=503))
    page.get_by_role("button", name="Sign in as the demo agent").click()
    expect(page.get_by_role("alert").get_by_text("the gateway answered 503")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in as the demo agent")).to_be_enabled()


def test_one_side_at_a_time_on_a_telephone(page: Page, gateway: RunningGateway) -> None:
    """On a telephone the sides are tabs, which keys can choose; news of the server is counted on its tab."""
    widget = open_demo(page, gateway, **PHONE)
    expect(page.get_by_role("tab")).to_have_count(3)
    expect(page.locator("#agent")).to_be_hidden()
    widget.start("Phone")
    widget.say("hello")
    widget.sees("echo: hello")
    expect(page.get_by_role("tab", name="Server")).to_have_text(re.compile(r"\d"))
    picture(page, "demo-phone")
    page.get_by_role("tab", name="Customer").press("ArrowRight")
    expect(page.get_by_role("tab", name="Agent")).to_be_focused()
    expect(page.get_by_role("button", name="Sign in as the demo agent")).to_be_visible()
    page.get_by_role("tab", name="Agent").press("ArrowRight")
    expect(page.locator("#received .post").first).to_be_visible()
    expect(page.locator("#count")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.npm
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing(page: Page, gateway: RunningGateway, size: dict[str, int]) -> None:
    """The page has no accessibility violation in either theme; shop and console are in it."""
    axe = (npm.packages(ROOT / "tests" / "js") / "node_modules" / "axe-core" / "axe.min.js").read_text()
    widget = open_demo(page, gateway, **size)
    widget.start("Axel")
    widget.say("hello")
    widget.sees("echo: hello")
    shop = page.frame("shop")
    assert shop is not None
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for frame in (page.main_frame, shop):
            found = frame.evaluate(
                f"async () => {{ {axe}; return axe.run(document, {{ iframes: false }}); }}"
            )
            assert found["passes"]
            assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []


def picture(page: Page, name: str) -> None:
    """A picture for the documents; written when UPDATE_SCREENSHOTS=1."""
    if os.environ.get("UPDATE_SCREENSHOTS") == "1":
        page.wait_for_timeout(400)  # what has just come fades in
        page.screenshot(path=SCREENSHOTS / f"{name}.png")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_screenshot(page: Page, gateway: RunningGateway, theme: str) -> None:
    """The picture of the README; written when UPDATE_SCREENSHOTS=1."""
    page.emulate_media(color_scheme=theme)
    widget = start_chat(page, gateway)
    widget.say("Good morning! Where is my order 4711?")
    widget.sees("echo: Good morning! Where is my order 4711?")
    console = sign_in(page)
    console.get_by_role("button", name="Accept Guest").first.click()
    answer = "Good morning! It leaves our workshop today and is with you on Saturday."
    console.locator("#composer").fill(answer)
    console.locator("#composer").press("Enter")
    widget.sees(answer)
    widget.say("Wonderful, thank you!")
    expect(console.get_by_role("log").get_by_text("Wonderful, thank you!")).to_be_visible()
    posted = page.locator("#received .post").filter(has_text=answer)
    expect(posted.get_by_text(SAME)).to_be_visible()
    console.locator("#composer").click()  # the agent looks
    expect(widget.log.locator("li.own").last).to_contain_text("Read", timeout=PATIENCE)
    picture(page, "demo" if theme == "light" else "demo-dark")
