"""The operator page: its views, what they show, and to administrators only (design/ui.md 3.3 and 9)."""

from __future__ import annotations

import re

import pytest
import requests
from browser.operator.operator_stand import PATIENCE, VIEWS, OperatorStand, row
from playwright.sync_api import Page, expect
from support.browser import Watch
from support.clients import Rest

pytestmark = pytest.mark.browser


def test_every_view_shows_data_of_its_own_gateway_only(
    page: Page, watch: Watch, stand: OperatorStand
) -> None:
    """All views load without an error, a policy violation, or a request to a foreign host."""
    stand.visit(page, "#/overview", "Overview")
    for heading in reversed(VIEWS.values()):
        page.get_by_role("navigation", name="Views").get_by_role("link", name=heading).click()
        expect(page.get_by_role("heading", level=1, name=heading)).to_be_focused()
        expect(page.locator(".freshness")).to_contain_text("Updated")
        expect(page.get_by_role("link", name=heading, exact=True)).to_have_attribute("aria-current", "page")
    assert not watch.errors
    assert watch.hosts == {f"127.0.0.1:{stand.gateway.port}"}


def test_sessions_show_state_service_agent_and_transport(page: Page, stand: OperatorStand) -> None:
    """A chat has its state, service, agent, transport, age and last index; CometD sessions their cursors."""
    stand.visit(page, "#/sessions", "Sessions")
    chats = page.get_by_role("table", name="Chats")
    ann = chats.locator("tr").filter(has_text="Ann")
    for text in ("active", "support", "Eve", "REST", "customhttp"):
        expect(ann).to_contain_text(text)
    expect(ann.locator("td[data-label=Age]")).to_have_text(re.compile(r"^\d+ (s|min)$"))
    expect(ann.locator("td[data-label='Last index']")).to_have_text("3")  # came, was joined, was greeted
    expect(chats.locator("tr").filter(has_text="Lee")).to_contain_text("waiting")
    expect(chats.locator("tr").filter(has_text="Wanda")).to_contain_text("websocket")
    expect(chats.locator("tr").filter(has_text="Paul")).to_contain_text("long-polling")
    sessions = page.get_by_role("table", name="CometD sessions")
    expect(sessions.locator("tbody tr")).to_have_count(2)


def test_chats_are_searched(page: Page, stand: OperatorStand) -> None:
    """Filters narrow the chats, the address holds them, and an ended chat is found by its state."""
    gone = Rest(stand.gateway.url, service="billing", nickname="Gustav")
    gone.call("disconnect")
    stand.visit(page, "#/sessions", "Sessions")
    chats = page.get_by_role("table", name="Chats")
    expect(chats.locator("tr").filter(has_text="Ann")).to_be_visible()
    expect(chats.locator("tr").filter(has_text="Gustav")).to_have_count(0)
    page.get_by_label("State").select_option("ended")
    expect(chats.locator("tr").filter(has_text="Gustav")).to_contain_text("ended")
    expect(chats.locator("tr").filter(has_text="Ann")).to_have_count(0)
    page.get_by_label("Service").fill("support")
    page.get_by_label("Service").press("Enter")
    expect(page.get_by_text("No chat fits the filters")).to_be_visible()
    assert page.url.endswith("#/sessions?state=ended&service=support")
    page.reload()
    expect(page.get_by_label("Service")).to_have_value("support")
    page.get_by_role("button", name="Clear filters").click()
    expect(chats.locator("tr").filter(has_text="Ann")).to_be_visible()


def test_overview_shows_health_and_figures(page: Page, stand: OperatorStand) -> None:
    """Six chats are open, the checks pass, the disabled destination is named, a line has words."""
    stand.visit(page, "#/overview", "Overview")
    tile = page.locator(".tiles li").filter(has_text="Live chats")
    open_chats = stand.get("/chats?state=open&limit=100")["items"]
    expect(tile.locator(".figure")).to_have_text(str(len(open_chats)))  # type: ignore[arg-type]
    expect(page.get_by_text("ready for traffic")).to_be_visible()
    expect(page.get_by_role("table", name="Destinations in trouble")).to_contain_text("disabled")
    line = page.get_by_role("img", name="Live chats: between")
    expect(line).to_be_visible(timeout=PATIENCE)
    assert len((line.locator("polyline").get_attribute("points") or "").split()) >= 2


def test_health_is_what_the_probes_are_told(page: Page, stand: OperatorStand) -> None:
    """The checks are those of /readyz; its refusal is shown with its reasons."""
    checks = requests.get(f"{stand.gateway.url}/readyz", timeout=10).json()["checks"]
    stand.visit(page, "#/overview", "Overview")
    expect(page.get_by_text(f"Checks passed: {', '.join(checks)}.")).to_be_visible()
    refusal = {"status": 503, "detail": "not ready", "reasons": ["store: the disk is full"]}
    page.route("**/readyz", lambda route: route.fulfill(status=503, json=refusal))
    expect(page.locator(".pill").filter(has_text="not ready")).to_be_visible()
    expect(page.get_by_text("store: the disk is full")).to_be_visible()


def test_nodes(page: Page, stand: OperatorStand) -> None:
    """The one node with its address, version, load, heartbeat and role; a node that drains says so."""
    (node,) = stand.get("/nodes")["items"]  # type: ignore[misc]
    stand.visit(page, "#/nodes", "Nodes")
    shown = row(page, node["id"])
    for text in ("running", node["address"], node["version"], "leader"):
        expect(shown).to_contain_text(text)
    expect(shown.locator("td[data-label=Heartbeat]")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    draining = node | {"state": "draining", "sessions": 12, "websockets": 7, "heldPolls": 4}
    page.route("**/admin/v1/nodes", lambda route: route.fulfill(json={"items": [draining]}))
    expect(shown).to_contain_text("draining")
    expect(shown.locator("td[data-label=Sessions]")).to_have_text("12")
    expect(shown.locator("td[data-label=Connections]")).to_have_text("7 ws, 4 polls")


def test_config_origin(page: Page, stand: OperatorStand) -> None:
    """Default, file and environment are told apart, a service has its own value, an edit shows by itself."""
    stand.visit(page, "#/config", "Configuration")
    channels = page.get_by_role("table", name="Channels")
    enabled = channels.locator("tr").filter(has_text="pushEnabled")
    expect(enabled).to_contain_text("comet,customhttp")
    expect(enabled).to_contain_text("gateway.ini:")
    expect(channels.locator("tr").filter(has_text="include_payload, billing")).to_contain_text("false")
    expect(channels.locator("tr").filter(has_text="retry")).to_contain_text("default")
    message = (
        page.get_by_role("table", name="Options").locator("tr").filter(has_text="Said by the environment")
    )
    expect(message.first).to_contain_text("env GATEWAY__PUSH__CUSTOMHTTP_MESSAGE")
    expect(page.locator("main")).not_to_contain_text("operators-secret")
    page.get_by_label("Search options").fill("max_message_length")
    option = page.get_by_role("table", name="Options").locator("tbody tr").first
    expect(option).to_contain_text("default")
    before = stand.gateway.config.read_text()
    stand.gateway.config.write_text(before.replace("[chat]\n", "[chat]\nmax_message_length=4321\n"))
    try:
        expect(option).to_contain_text("4321")
        expect(option).to_contain_text("gateway.ini:")
    finally:
        stand.gateway.config.write_text(before)
    page.get_by_label("Search options").fill("no such option")
    expect(page.get_by_text("No option fits")).to_be_visible()


def test_enable_and_test_a_destination(page: Page, stand: OperatorStand) -> None:
    """A test shows the receiver's answer; a destination that 410 switched off is enabled after a question."""
    stand.visit(page, "#/destinations", "Destinations")
    page.get_by_label("Provider").select_option("gone")
    page.get_by_role("button", name="Send test notification").click()
    expect(page.locator(".test-result")).to_contain_text("HTTP 410")
    expect(page.locator(".test-result")).to_contain_text("gone for good")
    gone = row(page, "gone@http")
    expect(gone).to_contain_text("disabled")
    gone.get_by_role("button", name="Enable").click()
    page.get_by_role("dialog").get_by_role("button", name="Enable").click()
    expect(gone).to_contain_text("sending")
    expect(page.get_by_text("is enabled.")).to_be_visible()


def test_only_administrators(page: Page, stand: OperatorStand) -> None:
    """An agent's token is refused with words, nothing is shown, and the token is in no address."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    agents = stand.gateway.token("agent", "Curious")
    stand.sign_in(page, "#/deliveries", token=agents)
    expect(page.get_by_role("alert")).to_contain_text("needs an admin token")
    expect(page.locator("#view")).to_be_empty()
    expect(page.locator("#bar")).to_be_hidden()
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0
    assert not [url for url in asked if agents in url]


def test_revoked_token_leads_back_to_the_view(page: Page, stand: OperatorStand) -> None:
    """A token that is revoked while a view is open leads to the form; the next one to the same view."""
    own = stand.gateway.token("admin", "Temp")
    stand.sign_in(page, "#/deliveries?state=dead", token=own)
    expect(page.get_by_label("State")).to_have_value("dead")
    (listed,) = [line for line in stand.gateway.cli("token", "list").splitlines() if "Temp" in line]
    stand.gateway.cli("token", "revoke", listed.split()[0])
    expect(page.get_by_role("alert").filter(has_text="revoked")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#view")).to_be_empty()
    page.get_by_label("Admin token").fill(stand.token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("State")).to_have_value("dead")
