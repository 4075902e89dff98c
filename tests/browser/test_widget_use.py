"""What people do with the chat widget, and what they must be safe from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from browser.widget_stand import Desk, HostSite, Widget, as_json, visit
from playwright.sync_api import Page, expect
from support.gateway import ROOT, RunningGateway

pytestmark = pytest.mark.browser

STATIC = ROOT / "static"
XSS = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</textarea><svg onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "javascript:alert(1)",
    "[x](javascript:alert(1))",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "<a href=javascript:alert(1)>x</a>",
    '" onfocus=alert(1) autofocus="',
    "&lt;b&gt;",
    'https://evil.example/"onmouseover=alert(1)',
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "\u202etxt.exe",
    "<chat-widget onclick=alert(1)>",
]


def test_22_hostile_texts_stay_texts(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Markup and script addresses in messages, names and links are shown as text and do nothing."""
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    visit(page, site, gateway)
    name = "<img src=x onerror=alert(2)>"
    widget.start(name)
    chat_id = desk.accept(name)
    for text in XSS:
        desk.say(chat_id, text)
    widget.sees(XSS[-1])
    assert widget.texts() == XSS
    assert (
        page.evaluate(
            "document.querySelector('chat-widget').shadowRoot.querySelectorAll('img,script,iframe,math').length"
        )
        == 0
    )
    links = widget.log.get_by_role("link").evaluate_all("(all) => all.map((one) => one.href)")
    assert [link for link in links if not link.startswith("https://evil.example/")] == []
    assert not dialogs


def test_21_a_pushed_link_needs_a_click(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """A pushed address opens nothing by itself; clicked, it opens a tab without a hold on the page."""
    visit(page, site, gateway)
    widget.start("Nina")
    chat_id = desk.accept("Nina")
    desk.push(chat_id, f"{site.url}/pushed")
    link = widget.log.get_by_role("link", name="opens localhost")
    expect(link).to_be_visible()
    assert len(page.context.pages) == 1
    assert link.get_attribute("rel") == "noopener noreferrer nofollow"
    with page.context.expect_page() as opened:
        link.click()
    assert opened.value.evaluate("window.opener") is None


def test_17_form_faults_are_linked_and_focused(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Faults of a form are described at their fields, the first has the focus; answers reach the agent."""
    form = [
        {"name": "nickname", "label": "Name", "required": True},
        {"name": "order", "label": "Order number", "required": True},
        {"name": "topic", "label": "Topic", "type": "select", "options": ["Parcel", "Bill"]},
        {"name": "consent", "label": "I agree", "type": "checkbox", "required": True},
    ]
    visit(page, site, gateway, form=as_json(form))
    widget.open()
    widget.panel.get_by_label("Name", exact=True).fill("Olga")
    widget.panel.get_by_role("button", name="Start chat").click()
    order = widget.panel.get_by_label("Order number")
    expect(order).to_be_focused()
    expect(order).to_have_accessible_description("Order number is needed.")
    expect(widget.panel.get_by_label("I agree")).to_have_accessible_description("I agree is needed.")
    order.fill("4711")
    widget.panel.get_by_label("Topic").select_option("Bill")
    widget.panel.get_by_label("I agree").check()
    widget.panel.get_by_role("button", name="Start chat").click()
    expect(widget.composer).to_be_focused()
    told = desk.chat(desk.accept("Olga"))["userData"]
    assert {"order": "4711", "topic": "Bill", "consent": "true"}.items() <= told.items()


def test_18_typing_is_told_both_ways(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """The agent's typing is shown until it stops; the customer's goes out once in 3 s with its preview."""
    sent: list[str] = []
    page.on(
        "request", lambda request: sent.append(request.post_data or "") if "Typing" in request.url else None
    )
    visit(page, site, gateway)
    widget.start("Paul")
    chat_id = desk.accept("Paul")
    desk.typing(chat_id, "started")
    expect(widget.panel.get_by_text("Anna is typing…")).to_be_visible()
    desk.typing(chat_id, "stopped")
    expect(widget.panel.get_by_text("Anna is typing…")).to_be_hidden()
    widget.composer.press_sequentially("so the parcel was")
    assert len(sent) == 1
    assert "message=s" in sent[0]


def test_24_languages_have_the_same_keys() -> None:
    """Every language has exactly the texts of English, with the same places to fill in."""
    english = (STATIC / "lib" / "i18n.js").read_text()
    keys = re.findall(
        r'^  "?([\w-]+)"?: ["{]', english.partition("ENGLISH")[2].partition("\n};")[0], re.MULTILINE
    )
    assert len(keys) > 80
    for path in (STATIC / "widget" / "i18n").glob("*.json"):
        assert sorted(keys) == sorted(json.loads(path.read_text())), path.name


def test_24_language_of_the_page_and_a_missing_text(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway
) -> None:
    """data-lang chooses the language; a text that it lacks is English; configure switches it while open."""
    pack = json.loads((STATIC / "widget" / "i18n" / "de.json").read_text())
    del pack["formStart"]
    page.route(
        "**/i18n/de.json",
        lambda route: route.fulfill(json=pack, headers={"Access-Control-Allow-Origin": "*"}),
    )
    visit(page, site, gateway, lang="de")
    widget.open()
    expect(widget.panel.get_by_role("heading", name="Kundenservice")).to_be_visible()
    expect(widget.panel.get_by_role("button", name="Start chat")).to_be_visible()
    page.evaluate("ChatWidget.configure({lang: 'fr'})")
    expect(widget.panel.get_by_role("heading", name="Service client")).to_be_visible()


def test_29_a_chat_without_a_mouse(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Open, fill in, chat and end with the keyboard alone; the focus is never lost."""
    visit(page, site, gateway)
    expect(widget.launcher).to_be_visible()
    press = page.keyboard.press
    press("Tab")
    press("Enter")
    expect(widget.panel.get_by_label("Your name")).to_be_focused()
    page.keyboard.type("Vera")
    press("Enter")
    expect(widget.composer).to_be_focused()
    page.keyboard.type("line one")
    press("Shift+Enter")
    page.keyboard.type("line two")
    press("Enter")
    chat_id = desk.accept("Vera")
    widget.sees("line one\nline two")
    desk.say(chat_id, "an answer does not move the focus")
    widget.sees("an answer does not move the focus")
    expect(widget.composer).to_be_focused()
    press("Escape")
    expect(widget.launcher).to_be_focused()
    press("Enter")
    expect(widget.composer).to_be_focused()
    for _ in range(3):
        press("Shift+Tab")
    expect(widget.panel.get_by_role("button", name="Minimise")).to_be_focused()
    press("Tab")
    press("Enter")
    expect(widget.panel.get_by_role("button", name="Keep chatting")).to_be_focused()
    press("Tab")
    press("Enter")
    expect(widget.panel.get_by_role("button", name="Start a new chat")).to_be_focused()
    assert desk.texts(chat_id) == ["line one\nline two", "an answer does not move the focus"]


def test_32_transcript_is_saved(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """The saved JSON is the gateway's transcript."""
    visit(page, site, gateway)
    widget.start("Yann")
    chat_id = desk.accept("Yann")
    widget.say("hello")
    widget.panel.get_by_role("button", name="More").click()
    with page.expect_download() as download:
        widget.panel.get_by_role("button", name="Save conversation as JSON").click()
    saved = json.loads(Path(download.value.path()).read_text())
    assert saved == desk.events(chat_id)
