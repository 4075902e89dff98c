"""How the chat widget looks: states, themes, directions, sizes of the window."""

from __future__ import annotations

import pytest
from browser.widget_stand import SERVICE, Desk, HostSite, Widget, visit
from browser.widget_states import STATES, Stage, picture
from playwright.sync_api import Browser, Page, expect
from support import npm
from support.gateway import ROOT, RunningGateway

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
# States with a picture in docs/widget.md.
SHOWN = {"form", "queued", "typing", "cut_off", "file_refused", "ended"}
HOSTILE_STYLE = "* { all: revert !important; font-size: 40px !important; color: red !important; float: left }"


@pytest.mark.npm
@pytest.mark.parametrize("state", STATES)
def test_28_axe_finds_nothing(
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


def test_side_layer_and_launcher_are_attributes(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway
) -> None:
    """`position`, `zindex` and `launcher`; without a round button the page opens the panel itself."""
    visit(page, site, gateway, position="start", zindex="77")
    box = widget.launcher.bounding_box()
    assert box is not None
    assert round(box["x"]) == 16
    root = widget.launcher.locator("xpath=..")
    expect(root).to_have_css("z-index", "77")
    visit(page, site, gateway, launcher="none")
    page.evaluate("ChatWidget.open()")
    expect(widget.panel).to_be_visible()
    expect(widget.launcher).to_be_hidden()


def test_04_styles_do_not_leak(page: Page, widget: Widget, site: HostSite, gateway: RunningGateway) -> None:
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


def test_25_right_to_left(
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


def test_26_theme_variables(page: Page, widget: Widget, site: HostSite, gateway: RunningGateway) -> None:
    """Every documented property and part of the page's style sheet has its effect."""
    style = """
      chat-widget { --chat-accent: rgb(122, 31, 162); --chat-on-accent: rgb(255, 250, 205);
        --chat-surface: rgb(255, 253, 240); --chat-text: rgb(40, 20, 10); --chat-muted: rgb(90, 60, 50);
        --chat-border: rgb(200, 190, 180); --chat-radius: 4px; --chat-font: Georgia, serif; --chat-size: 18px;
        --chat-z: 77; }
      chat-widget::part(header) { border-bottom-width: 5px; }
      chat-widget::part(launcher) { border-radius: 9px; }
      chat-widget::part(composer) { padding-left: 31px; } chat-widget::part(log) { padding-top: 33px; }
      chat-widget::part(bubble) { border-top-left-radius: 1px; } chat-widget::part(panel) { opacity: 0.99; }
    """
    page.goto(site.page(gateway, service=SERVICE, style=style))
    widget.open()
    button = widget.panel.get_by_role("button", name="Start chat")
    intro = widget.panel.get_by_text("Tell us who you are")
    root = page.locator("chat-widget .root")
    header = widget.panel.locator(".header")
    for node, name, value in [
        (button, "background-color", "rgb(122, 31, 162)"),
        (button, "color", "rgb(255, 250, 205)"),
        (widget.launcher, "background-color", "rgb(122, 31, 162)"),
        (widget.panel, "background-color", "rgb(255, 253, 240)"),
        (widget.panel, "color", "rgb(40, 20, 10)"),
        (widget.panel, "border-top-color", "rgb(200, 190, 180)"),
        (widget.panel, "border-top-left-radius", "4px"),
        (widget.panel, "font-family", "Georgia, serif"),
        (widget.panel, "font-size", "18px"),
        (intro, "color", "rgb(90, 60, 50)"),
        (root, "z-index", "77"),
        (header, "border-bottom-width", "5px"),
        (widget.launcher, "border-radius", "9px"),
        (widget.panel, "opacity", "0.99"),
    ]:
        expect(node).to_have_css(name, value)
    widget.panel.get_by_label("Your name").fill("Thea")
    button.click()
    widget.say("hello")
    expect(widget.bubbles).to_have_css("border-top-left-radius", "1px")
    expect(widget.log).to_have_css("padding-top", "33px")
    expect(widget.panel.locator("form.composer")).to_have_css("padding-left", "31px")


def test_26_accent_colour_stays_readable(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway
) -> None:
    """An accent colour alone, of the page or of the tag, gets black or white on it, whichever is readable."""
    page.goto(site.page(gateway, service=SERVICE, style="chat-widget { --chat-accent: rgb(255, 204, 0) }"))
    widget.open()
    start = widget.panel.get_by_role("button", name="Start chat")
    expect(start).to_have_css("color", "rgb(0, 0, 0)")
    visit(page, site, gateway, color="rgb(20, 60, 20)")
    widget.open()
    expect(start).to_have_css("background-color", "rgb(20, 60, 20)")
    expect(start).to_have_css("color", "rgb(255, 255, 255)")


def test_26_dark_auto(page: Page, widget: Widget, site: HostSite, gateway: RunningGateway) -> None:
    """`auto` follows the system, also while it is open; `dark` and `light` do not."""
    light, dark = "rgb(255, 255, 255)", "rgb(23, 28, 38)"
    page.emulate_media(color_scheme="dark")
    visit(page, site, gateway)
    widget.open()
    expect(widget.panel).to_have_css("background-color", dark)
    for scheme, surface in (("light", light), ("dark", dark)):
        page.emulate_media(color_scheme=scheme)
        expect(widget.panel).to_have_css("background-color", surface)
    visit(page, site, gateway, theme="light")
    widget.open()
    expect(widget.panel).to_have_css("background-color", light)
    page.evaluate("ChatWidget.configure({theme: 'dark'})")
    expect(widget.panel).to_have_css("background-color", dark)
    page.emulate_media(color_scheme="light")
    expect(widget.panel).to_have_css("background-color", dark)


def test_27_full_screen_on_a_telephone(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """A telephone's panel covers the page and keeps the focus; the composer is in view; Back closes it."""
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
    page.reload()
    expect(widget.composer).to_be_visible()
    page.go_back()
    expect(widget.panel).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.documentElement).overflow") == "visible"
    page.go_back()
    assert page.url == "about:blank"


@pytest.mark.parametrize("size", [{"width": 320, "height": 480}, {"width": 640, "height": 360}])
def test_31_small_windows_need_no_sideways_scrolling(
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
