"""How the customer of the chat widget learns that something was read or said."""

from __future__ import annotations

import json

import pytest
from browser.widget_stand import PATIENCE, Desk, HostSite, Widget, visit
from browser.widget_states import own_answers
from playwright.sync_api import Page, expect
from support.browser import until
from support.gateway import RunningGateway

pytestmark = pytest.mark.browser


def test_19_read_is_said_only_when_the_gateway_says_it(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """A message is "Sent" with its place in the transcript, "Read" when the read position has reached it."""
    read = {"position": 0}
    own_answers(page, "refresh", lambda body: body.update(readPosition=read["position"]))
    visit(page, site, gateway, transport="rest")
    widget.start("Rita")
    desk.accept("Rita")
    widget.say("hello")
    expect(widget.log.locator("li.own")).to_contain_text("Sent")
    read["position"] = max(widget.indexes())
    expect(widget.log.locator("li.own")).to_contain_text("Read", timeout=PATIENCE)


def test_23_unread_badge_and_title(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """What arrives while minimised is counted on the launcher and in the title, and cleared by opening."""
    visit(page, site, gateway)
    widget.start("Sven")
    chat_id = desk.accept("Sven")
    widget.composer.press("Escape")
    expect(widget.launcher).to_be_focused()
    desk.say(chat_id, "one")
    expect(widget.launcher).to_have_accessible_name("Chat with us, 1 new message")
    desk.say(chat_id, "two")
    expect(widget.launcher).to_have_accessible_name("Chat with us, 2 new messages")
    expect(page).to_have_title("(2 new messages) A shop")
    widget.open()
    expect(page).to_have_title("A shop")
    expect(widget.launcher).to_have_accessible_name("Chat with us")


# Counts audio contexts, starts a chat without anybody's hand on the page, and reports each message.
SILENT_PAGE = """
  window.made = 0;
  window.AudioContext = class extends AudioContext { constructor() { super(); window.made += 1; } };
  window.ChatWidget = [["start", {form: {nickname: "%s"}}]];
  document.addEventListener("chat:message", ({detail}) => {
    const {event, own} = detail;
    const report = [event.text, made, navigator.userActivation.hasBeenActive];
    if (event.type === "Message" && !own) console.log(JSON.stringify(report));
  });
"""


def test_23_sound_only_after_a_gesture_and_only_when_wanted(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """No audio before the visitor has done anything; a tone afterwards; none once it was switched off."""
    name = "Sven Silent"

    def hear(chat_id: str, text: str) -> list[object]:
        """What the page reports about this message; nothing is evaluated, as that would be a gesture."""
        with page.expect_console_message(lambda message: message.text.startswith("[")) as reported:
            desk.say(chat_id, text)
        return list(json.loads(reported.value.text))

    visit(page, site, gateway, script=SILENT_PAGE % name)
    chat_id = desk.accept(name)
    assert hear(chat_id, "before") == ["before", 0, False]
    page.mouse.click(5, 5)
    assert hear(chat_id, "after") == ["after", 1, True]
    widget.launcher.click()
    widget.panel.get_by_role("button", name="More").click()
    widget.panel.get_by_role("button", name="Turn sound off").click()
    widget.panel.get_by_role("button", name="Minimise").click()
    page.reload()
    page.mouse.click(5, 5)
    expect(widget.launcher).to_be_visible()
    widget.uses("websocket")
    assert hear(chat_id, "off") == ["off", 0, True]


def test_30_each_new_message_is_announced_once(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """The live region in the light document is there from the beginning and tells each message once."""
    visit(page, site, gateway)
    expect(widget.announcer).to_have_count(1)
    page.evaluate("""() => { window.told = [];
      const region = document.querySelector("chat-widget > [aria-live]");
      new MutationObserver(() => told.push(region.textContent)).observe(region, { childList: true }); }""")
    widget.start("Tara")
    chat_id = desk.accept("Tara")
    texts = [f"message {number}." for number in range(1, 8)]
    for text in texts:
        desk.say(chat_id, text)
    widget.sees(texts[-1])
    widget.say("mine is not told")
    until(page, "() => told.join(' ').includes('message 7.')")
    assert " ".join(page.evaluate("told")) == " ".join(f"Anna said: {text}" for text in texts)
    expect(widget.log).to_have_attribute("aria-live", "off")
