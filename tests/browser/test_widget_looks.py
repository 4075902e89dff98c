"""The chat widget as people meet it: states, themes, languages, keyboard, telephone."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from browser.widget_stand import PATIENCE, SERVICE, Desk, HostSite, Widget, as_json
from playwright.sync_api import Browser, Error, Page, Request, Response, Route, expect
from support import npm
from support.gateway import ROOT, RunningGateway

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
PICTURES = ROOT / "docs" / "screenshots"
STATIC = ROOT / "static"
# Bytes on the wire of all files of the widget.
SIZE_BUDGET = 35 * 1024
LIMITS = {
    "upload-max-files": "5",
    "used-upload-max-files": "0",
    "upload-max-file-size": "20",
    "upload-file-types": "txt:pdf",
    "upload-need-agent": "false",
}
HOSTILE_STYLE = "* { all: revert !important; font-size: 40px !important; color: red !important; float: left }"
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


def visit(page: Page, site: HostSite, gateway: RunningGateway, **data: str) -> None:
    """Open a page that embeds the widget."""
    page.goto(site.page(gateway, **{"service": SERVICE, **data}))


def own_answers(page: Page, operation: str, change: Callable[[dict], None]) -> None:
    """Let the gateway's answers to this operation be changed on their way."""

    def handle(route: Route) -> None:
        with suppress(Error):  # the page may be gone by now
            response = route.fetch()
            body = response.json()
            change(body)
            route.fulfill(response=response, json=body)

    page.route(re.compile(rf"/2/chat/.*{operation}$"), handle)


def allow_files(page: Page) -> None:
    """Limits of a gateway that takes files."""
    notice = {"type": "Notice", "text": "file-client-cfg-get", "userData": LIMITS, "from": {"type": "Client"}}
    own_answers(page, "file/limits", lambda body: body.update(messages=[notice]))


def picture(page: Page, name: str) -> None:
    """A picture for docs/widget.md; written when UPDATE_SCREENSHOTS=1."""
    if os.environ.get("UPDATE_SCREENSHOTS") == "1":
        page.wait_for_timeout(300)  # the panel fades in
        page.screenshot(path=PICTURES / f"widget-{name}.png")


class Stage:
    """Leads a widget through its states, one method each."""

    def __init__(
        self, page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
    ) -> None:
        self.page, self.widget, self.site, self.gateway, self.desk = page, widget, site, gateway, desk
        self.name = f"Jan {os.urandom(4).hex()}"
        self.chat_id = ""

    def launcher(self) -> None:
        visit(self.page, self.site, self.gateway)
        expect(self.widget.launcher).to_be_visible()

    def form(self) -> None:
        self.launcher()
        self.widget.open()
        expect(self.widget.panel.get_by_label("Your name")).to_be_visible()

    def form_fault(self) -> None:
        self.form()
        self.widget.panel.get_by_label("Email").fill("nobody")
        self.widget.panel.get_by_role("button", name="Start chat").click()
        expect(self.widget.panel.get_by_text("This is not an email address.")).to_be_visible()

    def refused(self) -> None:
        self.page.route("**/2/chat/*", lambda route: route.fulfill(status=503, body="<html>"))
        self.form()
        self.widget.panel.get_by_label("Your name").fill(self.name)
        self.widget.panel.get_by_role("button", name="Start chat").click()
        expect(self.widget.panel.get_by_role("alert").filter(has_text="could not be started")).to_be_visible()

    def queued(self) -> None:
        queue = {"position": 3, "estimatedWaitSeconds": 240}
        own_answers(self.page, SERVICE, lambda body: body.update(queue=queue))
        self.launcher()
        self.widget.start(self.name)
        expect(self.widget.panel.get_by_text("You are number 3 in the queue. About 4 minutes")).to_be_visible(
            timeout=PATIENCE
        )

    def chat(self) -> None:
        allow_files(self.page)
        self.launcher()
        self.widget.start(self.name)
        self.widget.uses("websocket")
        self.chat_id = self.desk.accept(self.name)
        self.desk.say(self.chat_id, "Hello! How can I help you today?")
        self.widget.sees("Hello! How can I help you today?")
        self.widget.say("My order 4711 has not arrived. Can you check where it is?")
        self.desk.say(self.chat_id, "Of course. Here is the shipment status:")
        self.desk.push(self.chat_id, "https://shop.example/track/4711")
        expect(self.widget.panel.get_by_role("link", name="shop.example/track/4711")).to_be_visible()

    def typing(self) -> None:
        self.chat()
        self.desk.typing(self.chat_id, "started")
        expect(self.widget.panel.get_by_text("Anna is typing")).to_be_visible()

    def menu(self) -> None:
        self.chat()
        self.widget.panel.get_by_role("button", name="More").click()
        expect(self.widget.panel.get_by_role("button", name="Save conversation as text")).to_be_visible()

    def asked_to_end(self) -> None:
        self.chat()
        self.widget.panel.get_by_role("button", name="Close").click()
        expect(self.widget.panel.get_by_text("End this chat?")).to_be_visible()

    def file_refused(self) -> None:
        self.chat()
        file = {"name": "photo.exe", "mimeType": "application/octet-stream", "buffer": b"MZ"}
        self.widget.panel.locator("input[type=file]").set_input_files([file])
        expect(self.widget.panel.get_by_text("This kind of file cannot be sent")).to_be_visible()

    def cut_off(self) -> None:
        self.chat()
        self.page.route("**/send", lambda route: route.abort())
        self.widget.composer.fill("One more thing")
        self.widget.composer.press("Enter")
        expect(self.widget.panel.get_by_text("Connection lost")).to_be_visible(timeout=PATIENCE)

    def idle(self) -> None:
        alert = {
            "index": 90,
            "type": "IdleAlert",
            "text": "",
            "utcTime": 1_800_000_000_000,
            "from": {"nickname": "system", "participantId": 9, "type": "External"},
            "userData": {"next-idle-timer-type": "CLOSE", "next-idle-timer-secs": "45"},
        }
        self.chat()
        own_answers(self.page, "/send", lambda body: body["messages"].append(alert))
        self.widget.say("hm")
        expect(self.widget.panel.get_by_role("alertdialog", name="Are you still there?")).to_be_visible()

    def ended(self) -> None:
        self.chat()
        self.desk.close(self.chat_id)
        expect(self.widget.panel.get_by_role("button", name="Start a new chat")).to_be_visible()

    def expired(self) -> None:
        self.chat()
        address = self.page.url
        self.page.goto("about:blank")
        self.desk.close(self.chat_id)
        self.page.goto(address)
        self.widget.open()
        expect(self.widget.panel.get_by_text("Your earlier chat has ended")).to_be_visible()


STATES = [name for name in vars(Stage) if not name.startswith("_")]
SHOWN = {"form", "queued", "typing", "cut_off", "file_refused", "ended"}


@pytest.mark.npm
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(
    browser: Browser, site: HostSite, gateway: RunningGateway, desk: Desk, state: str
) -> None:
    """No state of the widget has an accessibility violation that axe can find, in either theme."""
    axe = (npm.packages(ROOT / "tests" / "js") / "node_modules" / "axe-core" / "axe.min.js").read_text()
    # The page's policy would forbid to inject the check; without motion nothing is half faded in.
    context = browser.new_context(
        locale="en-GB", reduced_motion="reduce", bypass_csp=True, viewport={"width": 500, "height": 720}
    )
    page = context.new_page()
    getattr(Stage(page, Widget(page), site, gateway, desk), state)()
    page.evaluate(axe)
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        result = page.evaluate("axe.run('chat-widget')")
        assert result["passes"], "axe has seen nothing"
        found += [(theme, one["id"], [node["html"] for node in one["nodes"]]) for one in result["violations"]]
        if state in SHOWN:
            picture(page, f"{state}-{theme}")
    context.close()
    assert not found


def test_styles_do_not_leak(page: Page, widget: Widget, site: HostSite, gateway: RunningGateway) -> None:
    """A hostile style sheet of the page does not reach the widget, nor the widget's the page."""
    page.goto(site.page(gateway, service=SERVICE, style="body { font-size: 13px }"))
    expect(widget.launcher).to_be_visible()
    assert page.locator("main p").evaluate("(node) => getComputedStyle(node).fontSize") == "13px"
    page.goto(site.page(gateway, service=SERVICE, style=HOSTILE_STYLE))
    widget.open()
    title = widget.panel.get_by_role("heading")
    expect(title).to_have_css("color", "rgb(255, 255, 255)")
    expect(widget.panel).to_have_css("font-size", "14px")
    expect(widget.panel).to_have_css("width", "360px")
    box = widget.launcher.bounding_box()
    assert box is not None
    assert page.viewport_size is not None
    assert round(box["x"] + box["width"]) == page.viewport_size["width"] - 16


def test_hostile_texts_stay_texts(
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


def test_a_pushed_link_needs_a_click(
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


def test_form_faults_are_linked_and_focused(
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


def test_typing_is_told_both_ways(
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


def test_read_is_said_only_when_the_gateway_says_it(
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


def test_unread_badge_and_title(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """What arrives while minimised is counted on the launcher and in the title, and cleared by opening."""
    visit(page, site, gateway)
    widget.start("Sven")
    chat_id = desk.accept("Sven")
    widget.composer.press("Escape")
    expect(widget.launcher).to_be_focused()
    desk.say(chat_id, "one")
    desk.say(chat_id, "two")
    expect(widget.launcher).to_have_accessible_name("Chat with us, 2 new messages")
    expect(page).to_have_title("(2 new messages) A shop")
    expect(widget.announcer).to_have_text(re.compile("Anna said: one.*|Anna said: two"))
    widget.open()
    expect(page).to_have_title("A shop")


def test_languages_have_the_same_keys() -> None:
    """Every language has exactly the texts of English, with the same places to fill in."""
    english = (STATIC / "lib" / "i18n.js").read_text()
    keys = re.findall(
        r'^  "?([\w-]+)"?: ["{]', english.partition("ENGLISH")[2].partition("\n};")[0], re.MULTILINE
    )
    assert len(keys) > 80
    for path in (STATIC / "widget" / "i18n").glob("*.json"):
        assert sorted(keys) == sorted(json.loads(path.read_text())), path.name


def test_language_of_the_page_and_a_missing_text(
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


def test_right_to_left(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """In Arabic the widget is mirrored: on the other side, own bubbles on the left, no sideways scrolling."""
    visit(page, site, gateway, lang="ar")
    widget.open()
    widget.panel.get_by_label("اسمك").fill("ليلى")
    widget.panel.get_by_role("button", name="بدء المحادثة").click()
    chat_id = desk.accept("ليلى")
    desk.say(chat_id, "مرحبا! كيف يمكنني المساعدة؟")
    widget.sees("مرحبا! كيف يمكنني المساعدة؟")
    field = widget.panel.get_by_role("textbox", name="اكتب رسالة")
    field.fill("أين طلبي رقم 4711؟")
    field.press("Enter")
    widget.sees("أين طلبي رقم 4711؟")
    panel, own = widget.panel.bounding_box(), widget.log.locator("li.own .bubble").bounding_box()
    assert panel is not None
    assert own is not None
    assert panel["x"] == 16
    assert own["x"] - panel["x"] < 30
    assert widget.log.evaluate("(node) => node.scrollWidth <= node.clientWidth")
    picture(page, "arabic")


@pytest.mark.parametrize(
    ("scheme", "surface"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(23, 28, 38)")]
)
def test_theme_follows_the_system_and_the_page(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, scheme: str, surface: str
) -> None:
    """The system's theme is followed; the page's accent colour is used with a readable colour on it."""
    page.emulate_media(color_scheme=scheme)
    page.goto(site.page(gateway, service=SERVICE, style="chat-widget { --chat-accent: rgb(255, 204, 0) }"))
    widget.open()
    expect(widget.panel).to_have_css("background-color", surface)
    start = widget.panel.get_by_role("button", name="Start chat")
    expect(start).to_have_css("background-color", "rgb(255, 204, 0)")
    expect(start).to_have_css("color", "rgb(0, 0, 0)")


def test_full_screen_on_a_telephone(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """On a telephone the panel covers the page and keeps the focus; the composer is in view; Back closes."""
    page.set_viewport_size(PHONE)
    visit(page, site, gateway)
    widget.start("Theo")
    desk.say(desk.accept("Theo"), "Hello!")
    widget.sees("Hello!")
    assert widget.panel.bounding_box() == {"x": 0, "y": 0, **PHONE}
    assert page.evaluate("getComputedStyle(document.documentElement).overflow") == "hidden"
    expect(widget.panel).to_have_attribute("aria-modal", "true")
    picture(page, "phone")
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.localName") == "chat-widget"
    page.set_viewport_size({"width": 390, "height": 420})  # a keyboard is shown
    expect(widget.composer).to_be_in_viewport(ratio=1)
    page.go_back()
    expect(widget.panel).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.documentElement).overflow") == "visible"


@pytest.mark.parametrize("size", [{"width": 320, "height": 480}, {"width": 640, "height": 360}])
def test_small_windows_need_no_sideways_scrolling(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, size: dict[str, int]
) -> None:
    """320 pixels, and a desktop at 200 per cent, show everything without scrolling in two directions."""
    page.set_viewport_size(size)
    visit(page, site, gateway)
    widget.start("Uwe")
    widget.say("w" * 200)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert widget.log.evaluate("(node) => node.scrollWidth <= node.clientWidth")
    expect(widget.composer).to_be_in_viewport(ratio=1)
    expect(widget.panel.get_by_role("button", name="Close")).to_be_in_viewport(ratio=1)


def test_a_chat_without_a_mouse(
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


def test_files_are_checked_sent_cancelled_and_tried_again(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Too big or wrong type is refused before sending; a failed one can be tried again."""
    allow_files(page)
    visit(page, site, gateway)
    widget.start("Willi")
    desk.accept("Willi")
    chooser = widget.panel.locator("input[type=file]")
    expect(widget.panel.get_by_role("button", name="Attach a file")).to_be_visible()
    for name, content, told in [
        ("big.txt", b"x" * 21, "The file is too large. At most 20 byte can be sent."),
        ("a.exe", b"x", "Possible are: txt, pdf."),
    ]:
        chooser.set_input_files([{"name": name, "mimeType": "text/plain", "buffer": content}])
        expect(widget.panel.get_by_text(told)).to_be_visible()
        widget.panel.get_by_role("button", name="Discard").click()
    uploads: list[str] = []

    def upload(route: Route) -> None:
        uploads.append(route.request.url)
        if len(uploads) == 1:
            return route.abort()
        answer = {"statusCode": 0, "chatEnded": False, "messages": [], "userData": {"file-id": "f1"}}
        return route.fulfill(json=answer, headers={"Access-Control-Allow-Origin": site.url})

    page.route("**/file", upload)
    chooser.set_input_files([{"name": "ok.txt", "mimeType": "text/plain", "buffer": b"fine"}])
    widget.panel.get_by_role("button", name="Try again").click()
    expect(widget.log.get_by_text("ok.txt")).to_have_count(0)
    assert len(uploads) == 2


def test_without_permission_nothing_about_files_is_shown(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway
) -> None:
    """A gateway that takes no files has no button for them, and sendFile is refused with its code."""
    visit(page, site, gateway)
    widget.start("Xaver")
    expect(widget.panel.get_by_role("button", name="Attach a file")).to_be_hidden()
    code = page.evaluate("ChatWidget.sendFile(new File(['x'], 'a.txt')).catch((error) => error.code)")
    assert code == "205"


def test_transcript_is_saved(
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
