"""How the operator page looks: every state in both themes without faults, keyboard, phones, pictures."""

from __future__ import annotations

import os

import pytest
from browser.operator.operator_stand import PATIENCE, VIEWS, OperatorStand, pill, refuse, renew
from playwright.sync_api import Browser, Page, expect
from support import npm
from support.gateway import ROOT
from support.waiting import eventually

pytestmark = pytest.mark.browser

JS = ROOT / "tests" / "js"
SCREENSHOTS = ROOT / "docs" / "screenshots"
AXE = "axe-core/axe.min.js"
WIDE, PHONE, HEIGHT = 1280, 390, 860
RUN_AXE = """() => axe.run(document, {resultTypes: ["violations"]}).then(({violations}) =>
  violations.map(({id, nodes}) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`))"""


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    return (npm.packages(JS) / "node_modules" / AXE).read_text(encoding="utf-8")


@pytest.mark.npm
def test_axe_finds_nothing(browser: Browser, stand: OperatorStand, axe: str) -> None:
    """No violation in the form, any view and state, a notification and an open dialog, in any appearance."""
    context = browser.new_context(viewport={"width": WIDE, "height": HEIGHT}, bypass_csp=True)
    page = context.new_page()
    page.goto(stand.url)
    expect(page.get_by_label("Admin token")).to_be_visible()
    audit(page, axe)
    page.goto("about:blank")
    stand.visit(page, "#/overview", "Overview")
    for fragment, heading in VIEWS.items():
        page.goto(stand.url + fragment)
        expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
        expect(page.locator(".freshness")).to_contain_text("Updated")
        audit(page, axe)
    page.goto(f"{stand.url}#/deliveries")
    page.locator("tbody tr a").first.click()
    expect(pill(page)).to_be_visible()
    audit(page, axe)
    page.get_by_role("link", name="← Deliveries").click()
    page.get_by_role("button", name="Replay a window").click()
    audit(page, axe)
    page.keyboard.press("Escape")
    audit_states(page, stand, axe)
    context.close()


def audit_states(page: Page, stand: OperatorStand, axe: str) -> None:
    """Empty, stale, error and loading."""
    page.goto(f"{stand.url}#/deliveries?chatId=nothing")
    expect(page.get_by_text("No notification fits the filters")).to_be_visible()
    audit(page, axe)
    page.route("**/admin/v1/**", refuse)
    expect(page.locator(".freshness")).to_contain_text("Stale:")
    audit(page, axe)
    page.goto(f"{stand.url}#/nodes")
    expect(page.get_by_text("Nodes could not be loaded")).to_be_visible()
    audit(page, axe)
    page.unroute("**/admin/v1/**")
    page.route("**/admin/v1/config", lambda route: None)
    page.goto(f"{stand.url}#/config")
    expect(page.get_by_text("Loading …")).to_be_visible()
    audit(page, axe)


def audit(page: Page, axe: str) -> None:
    """What is shown has no violation in either theme nor on a telephone, where nothing is wider than it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    for theme, width in (("light", WIDE), ("dark", WIDE), ("dark", PHONE)):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": HEIGHT})
        assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is (theme == "dark")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} is too wide"
        assert page.evaluate(RUN_AXE) == [], f"{page.url}: {theme}, {width}"
    page.set_viewport_size({"width": WIDE, "height": HEIGHT})


def test_keyboard_only(page: Page, stand: OperatorStand) -> None:
    """From the form to a replayed notification without a mouse; a refresh does not take the focus away."""
    customer = stand.chat("Keys", provider="acme")
    eventually(stand.finished)
    page.clock.install()
    page.goto(f"{stand.url}#/deliveries?chatId={customer.chat_id}")
    expect(page.get_by_label("Admin token")).to_be_focused()
    page.keyboard.insert_text(stand.token)
    page.keyboard.press("Enter")
    first = page.locator("tbody tr a").first
    expect(page.get_by_role("heading", level=1, name="Deliveries")).to_be_focused()
    expect(first).to_be_visible()
    for _ in range(40):  # a field for a time has several stops
        page.keyboard.press("Tab")
        if first.evaluate("(link) => link === document.activeElement"):
            break
    expect(first).to_be_focused()
    before = page.locator("tbody tr").count()
    stand.agent.send(customer.chat_id, "a row more")
    focused = first.get_attribute("data-focus")
    renew(page)
    expect(page.locator("tbody tr")).to_have_count(before + 1)
    expect(page.locator(f"[data-focus='{focused}']")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Delivery")).to_be_focused()
    expect(page.get_by_role("button", name="Replay", exact=True)).to_be_enabled()
    page.get_by_role("button", name="Replay", exact=True).focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("It is sent again")).to_be_visible()


def test_320_pixels(page: Page, stand: OperatorStand) -> None:
    """At 320 pixels no view scrolls sideways."""
    page.set_viewport_size({"width": 320, "height": 700})
    stand.visit(page, "#/overview", "Overview")
    wide = []
    for fragment, heading in VIEWS.items():
        page.goto(stand.url + fragment)
        expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
        expect(page.locator(".freshness")).to_contain_text("Updated")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(fragment)
    assert not wide


def test_screenshots(browser: Browser, stand: OperatorStand) -> None:
    """The pictures of docs/operator.md; written when UPDATE_SCREENSHOTS=1."""
    if os.environ.get("UPDATE_SCREENSHOTS") != "1":
        return
    for theme, width, name in (("light", 1280, ""), ("dark", 1280, "-dark"), ("dark", 390, "-mobile")):
        size = {"width": width, "height": 600 if width > 1000 else 780}
        context = browser.new_context(viewport=size, color_scheme=theme, locale="en-GB")  # type: ignore[arg-type, typeddict-item]
        page = context.new_page()
        stand.visit(page, "#/overview", "Overview")
        if name == "":
            for times in (3, 9, 5):
                for n in range(times):
                    stand.agent.send(stand.customers[n % 3].chat_id, "Hello")
                page.wait_for_timeout(5000)
            expect(page.get_by_role("img", name="Events per second")).to_be_visible(timeout=PATIENCE)
            page.screenshot(path=SCREENSHOTS / "operator-overview.png")
        page.goto(f"{stand.url}#/deliveries")
        expect(page.locator("tbody tr").first).to_be_visible()
        if name == "":
            page.screenshot(path=SCREENSHOTS / "operator-deliveries.png")
        elif name == "-dark":
            page.goto(f"{stand.url}#/deliveries?chatId={stand.customers[0].chat_id}")
            page.locator("tbody tr a").nth(1).click()
            page.get_by_role("button", name="Replay", exact=True).click()
            expect(page.get_by_role("table", name="Attempts").locator("tbody tr")).to_have_count(2)
            page.screenshot(path=SCREENSHOTS / "operator-delivery-dark.png")
        else:
            page.get_by_role("button", name="Replay a window").click()
            page.get_by_role("button", name="Count").click()
            expect(page.get_by_text("would be sent again")).to_be_visible()
            page.screenshot(path=SCREENSHOTS / "operator-replay-mobile.png")
        context.close()
