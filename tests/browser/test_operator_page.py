"""The operator page: what it shows, what it changes, and what it keeps from whom (design/ui.md 9)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.operator_stand import BARE, PATIENCE, OperatorStand, operator_stand, populated
from playwright.sync_api import Browser, Locator, Page, Route, expect
from support import npm
from support.browser import Watch
from support.clients import Rest
from support.gateway import ROOT
from support.waiting import eventually
from unit.push.receiver import answer

pytestmark = pytest.mark.browser

JS = ROOT / "tests" / "js"
SCREENSHOTS = ROOT / "docs" / "screenshots"
AXE = "axe-core/axe.min.js"
VIEWS = {
    "#/overview": "Overview",
    "#/sessions": "Sessions",
    "#/deliveries": "Deliveries",
    "#/destinations": "Destinations",
    "#/nodes": "Nodes",
    "#/config": "Configuration",
}


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorStand]:
    """A gateway with chats, connected customers, and notifications that arrived and that failed."""
    with operator_stand(tmp_path_factory.mktemp("operator")) as running, populated(running):
        yield running


@pytest.fixture(autouse=True, scope="module")
def patience() -> Iterator[None]:
    """Views renew themselves every five seconds; what is expected of one may come with the next renewal."""
    expect.set_options(timeout=PATIENCE)
    yield
    expect.set_options(timeout=5000)


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    return (npm.packages(JS) / "node_modules" / AXE).read_text(encoding="utf-8")


def row(page: Page, text: str) -> Locator:
    """The table row that holds this text."""
    return page.locator("tbody tr").filter(has_text=text)


def pill(page: Page, label: str = "Status") -> Locator:
    """The value beside a name."""
    return page.locator(".facts > div").filter(has=page.locator("dt", has_text=label)).locator(".pill").first


def renew(page: Page) -> None:
    """Let the page's clock jump to the next renewal of its view; the clock must have been installed."""
    page.clock.fast_forward(5000)


def open_delivery(page: Page, stand: OperatorStand, chat_id: str, heading: str = "Delivery") -> str:
    """Open the newest notification of a chat from the list; its id."""
    stand.visit(page, f"#/deliveries?chatId={chat_id}", "Deliveries")
    page.locator("tbody tr a").first.click()
    expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
    expect(pill(page)).to_be_visible()
    return page.url.rpartition("/")[2].partition("?")[0]


# --- what is shown ------------------------------------------------------------------------------


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
    """A chat has its state, service, agent, transport and last index; CometD sessions their cursors."""
    stand.visit(page, "#/sessions", "Sessions")
    chats = page.get_by_role("table", name="Chats")
    ann = chats.locator("tr").filter(has_text="Ann")
    for text in ("active", "support", "Eve", "REST", "customhttp"):
        expect(ann).to_contain_text(text)
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


def test_nodes(page: Page, stand: OperatorStand) -> None:
    """The one node with its version and state."""
    (node,) = stand.get("/nodes")["items"]  # type: ignore[misc]
    stand.visit(page, "#/nodes", "Nodes")
    expect(row(page, str(node["id"]))).to_contain_text("running")
    expect(row(page, str(node["id"]))).to_contain_text(str(node["version"]))


def test_config_origin(page: Page, stand: OperatorStand) -> None:
    """Default and file are told apart, the service's own value stands beside, and an edit shows by itself."""
    stand.visit(page, "#/config", "Configuration")
    channels = page.get_by_role("table", name="Channels")
    enabled = channels.locator("tr").filter(has_text="pushEnabled")
    expect(enabled).to_contain_text("comet,customhttp")
    expect(enabled).to_contain_text("gateway.ini:")
    expect(channels.locator("tr").filter(has_text="include_payload, billing")).to_contain_text("false")
    expect(channels.locator("tr").filter(has_text="retry")).to_contain_text("default")
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


# --- notifications ------------------------------------------------------------------------------


def test_filters_are_in_the_address(page: Page, stand: OperatorStand) -> None:
    """Choosing a filter changes the address; the address alone shows the same list to somebody else."""
    stand.visit(page, "#/deliveries", "Deliveries")
    page.get_by_label("State").select_option("dead letters")
    expect(page).to_have_url(f"{stand.url}#/deliveries?state=dead")
    expect(page.locator("tbody tr").first).to_contain_text("failed")
    expect(page.locator("tbody .pill.good")).to_have_count(0)
    page.get_by_label("Provider").fill("acme")
    page.get_by_label("Provider").press("Enter")
    expect(page.get_by_text("No notification fits the filters")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Provider")).to_have_value("acme")
    expect(page.get_by_label("State")).to_have_value("dead")
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator("tbody .pill.good").first).to_be_visible()


def test_filter_by_the_last_answer(page: Page, stand: OperatorStand) -> None:
    """Those whose last attempt was answered with 4xx, or with 2xx; the address holds the choice."""
    sent = stand.chat("Answered", provider="acme")
    eventually(stand.finished)
    stand.visit(page, f"#/deliveries?chatId={sent.chat_id}", "Deliveries")
    page.get_by_label("Last answer").select_option("2xx")
    expect(page.locator("tbody .pill.good").first).to_be_visible()
    assert "statusClass=2xx" in page.url
    page.get_by_label("Last answer").select_option("no answer")
    expect(page.get_by_text("No notification fits the filters")).to_be_visible()
    page.goto(f"{stand.url}#/deliveries?statusClass=4xx")
    expect(page.get_by_label("Last answer")).to_have_value("4xx")
    expect(page.locator("tbody tr").first).to_be_visible()
    expect(page.locator("tbody .pill.good")).to_have_count(0)


def test_live_tail_and_pages(page: Page, stand: OperatorStand) -> None:
    """With the tail on, a new notification appears by itself."""
    customer = stand.chat("Tail", provider="acme")
    stand.visit(page, f"#/deliveries?chatId={customer.chat_id}", "Deliveries")
    page.get_by_role("button", name="Live tail").click()
    expect(page.get_by_role("button", name="Live tail")).to_have_attribute("aria-pressed", "true")
    before = page.locator("tbody tr").count()
    stand.agent.send(customer.chat_id, "news")
    expect(page.locator("tbody tr")).to_have_count(before + 1)


def test_delivery_detail_replay(page: Page, stand: OperatorStand) -> None:
    """Attempts grow with each replay, secrets are masked, and a replay that arrives is marked as manual."""
    customer = stand.chat("Replay")
    eventually(stand.finished)
    id_ = open_delivery(page, stand, customer.chat_id)
    attempts = page.get_by_role("table", name="Attempts").locator("tbody tr")
    expect(attempts).to_have_count(1)
    expect(pill(page)).to_contain_text("failed 404")
    expect(page.locator("pre[aria-label=Body]")).to_contain_text('"deviceId": "device-of-Replay"')
    expect(page.locator(".headers")).to_contain_text("webhook-signature")
    assert "operators-secret" not in page.content()
    replay = page.get_by_role("button", name="Replay", exact=True)
    replay.click()
    expect(page.get_by_text("It is sent again")).to_be_visible()
    expect(attempts).to_have_count(2)
    stand.receiver.behaviours["/push"] = answer(200, b"thanks")
    replay.click()
    expect(attempts).to_have_count(3)
    expect(pill(page)).to_contain_text("delivered 200")
    expect(page.get_by_text("2 asked for manually")).to_be_visible()
    expect(attempts.nth(0)).to_contain_text("schedule")
    for replayed in (1, 2):
        expect(attempts.nth(replayed)).to_contain_text("manual, Olga")
    posted = [one for one in stand.receiver.got("/push") if one.headers["webhook-id"] == id_]
    assert len(posted) == 3


def test_replay_window(page: Page, stand: OperatorStand) -> None:
    """The count is exact, a double click sends each once, and what arrived before is not sent again."""
    customer = stand.chat("Window")
    stand.receiver.behaviours["/push"] = answer(404, b"not yet")
    for text in ("one", "two", "three"):
        stand.agent.send(customer.chat_id, text)
    path = f"/deliveries?chatId={customer.chat_id}&state=failed"
    eventually(stand.finished)
    failed = len(stand.get(path)["items"])  # type: ignore[arg-type]
    assert failed == 4  # the agent's joining and the messages
    stand.receiver.behaviours["/push"] = answer(200)
    before = len(stand.receiver.got("/push"))
    stand.visit(page, f"#/deliveries?chatId={customer.chat_id}", "Deliveries")
    page.get_by_role("button", name="Replay a window").click()
    dialog = page.get_by_role("dialog", name="Replay a window")
    expect(dialog.get_by_role("button", name="Replay", exact=True)).to_be_disabled()
    dialog.get_by_role("button", name="Count").click()
    expect(dialog.get_by_text(f"{failed} notifications would be sent again.")).to_be_visible()
    dialog.get_by_role("button", name=f"Replay {failed}").dblclick()
    expect(dialog.get_by_text(f"{failed} notifications will be sent again.")).to_be_visible()
    eventually(stand.finished)
    assert len(stand.receiver.got("/push")) == before + failed
    dialog.get_by_role("button", name="Count").click()
    expect(dialog.get_by_text("No notification fits")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Replay a window")).to_be_focused()


def test_cancel(page: Page, stand: OperatorStand) -> None:
    """A notification that waits behind one that hangs is cancelled after a question, and never sent."""
    customer = stand.chat("Cancel", provider="acme")
    eventually(stand.finished)
    stand.receiver.behaviours["/acme"] = stand.receiver.hang
    try:
        stand.agent.send(customer.chat_id, "hangs")
        stand.agent.send(customer.chat_id, "waits")
        open_delivery(page, stand, customer.chat_id)
        expect(pill(page)).to_contain_text("waiting")
        page.get_by_role("button", name="Cancel delivery").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel delivery").click()
        expect(page.get_by_text("It is cancelled.")).to_be_visible()
        expect(pill(page)).to_contain_text("skipped")
    finally:
        stand.receiver.behaviours["/acme"] = answer(200)
        stand.receiver.released.set()
    eventually(stand.finished)
    assert not [one for one in stand.receiver.got("/acme") if b"waits" in one.body]


# --- destinations -------------------------------------------------------------------------------


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


# --- who may, and what is said when it does not work --------------------------------------------


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


def test_loading_error_and_stale(page: Page, stand: OperatorStand) -> None:
    """Slow data is announced as loading, a failure has its reason and a way on, old data says its age."""
    answers: list[str] = ["hold"]
    held: list[Route] = []

    def play(route: Route) -> None:
        if answers[0] == "hold":
            held.append(route)
        elif answers[0] == "fail":
            route.fulfill(status=503, content_type="application/json", body='{"detail": "the store is full"}')
        else:
            route.continue_()

    page.route("**/admin/v1/destinations", play)
    page.clock.install()
    stand.sign_in(page, "#/destinations")
    expect(page.get_by_text("Loading …")).to_be_visible()
    answers[0] = "fail"
    held.pop().fulfill(status=503, content_type="application/json", body='{"detail": "the store is full"}')
    failed = page.get_by_role("alert").filter(has_text="Destinations could not be loaded")
    expect(failed).to_contain_text("Reason: the store is full.")
    answers[0] = "on"
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("table", name="Destinations")).to_be_visible()
    answers[0] = "fail"
    renew(page)
    expect(page.locator(".freshness")).to_contain_text("Stale:")
    expect(page.get_by_role("table", name="Destinations")).to_be_visible()
    answers[0] = "on"
    renew(page)
    expect(page.locator(".freshness")).to_contain_text("Updated")


@pytest.mark.parametrize(("fragment", "heading"), VIEWS.items())
def test_every_view_says_that_it_loads_fails_or_is_stale(
    page: Page, stand: OperatorStand, fragment: str, heading: str
) -> None:
    """Each view: loading in words, a failure with its reason and a way on, old data with its age."""
    answers, held = ["on"], []

    def play(route: Route) -> None:
        if answers[0] == "hold":
            held.append(route)
        elif answers[0] == "fail":
            refuse(route)
        else:
            route.continue_()

    page.route("**/admin/v1/**", play)
    page.route("**/readyz", play)
    page.clock.install()
    elsewhere = "#/nodes" if heading == "Configuration" else "#/config"
    stand.visit(page, elsewhere, VIEWS[elsewhere])
    answers[0] = "hold"
    page.goto(stand.url + fragment)
    page.clock.fast_forward(400)
    expect(page.get_by_text("Loading …")).to_be_visible()
    answers[0] = "fail"
    for route in held:
        refuse(route)
    failed = page.get_by_role("alert").filter(has_text=f"{heading} could not be loaded")
    expect(failed).to_contain_text("Reason: the store is full.")
    answers[0] = "on"
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".freshness")).to_contain_text("Updated")
    answers[0] = "fail"
    renew(page)
    expect(page.locator(".freshness")).to_contain_text("Stale:")
    expect(page.locator(".freshness")).to_contain_text("old, the store is full")
    expect(page.get_by_text("could not be loaded")).to_have_count(0)


def refuse(route: Route) -> None:
    """The answer of a gateway whose store does not write."""
    route.fulfill(status=503, content_type="application/json", body='{"detail": "the store is full"}')


def test_empty_views(page: Page, tmp_path: Path) -> None:
    """On a gateway where nothing has happened, each list says what would appear there."""
    with operator_stand(tmp_path, template=BARE) as empty:
        for fragment, words in {
            "#/sessions": "No chat is open",
            "#/deliveries": "Nothing was to be sent yet",
            "#/overview": "fails or is switched off",
            "#/destinations": "Nothing was sent yet",
            "#/sessions?state=ended": "Nobody is connected by CometD",
        }.items():
            page.goto("about:blank")
            page.goto(empty.url + fragment)
            if page.get_by_label("Admin token").is_visible():
                page.get_by_label("Admin token").fill(empty.token)
                page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_text(words)).to_be_visible()


def test_hostile_texts_stay_texts(page: Page, watch: Watch, stand: OperatorStand) -> None:
    """Markup in a nickname, a device id and a receiver's answer is shown as it is and makes no element."""
    markup = '<img src=x onerror="document.title=1">'
    stand.receiver.behaviours["/push"] = answer(404, f"<script>{markup}</script>".encode())
    customer = stand.chat(markup)
    eventually(stand.finished)
    open_delivery(page, stand, customer.chat_id)
    expect(page.locator("main")).to_contain_text(f"device-of-{markup}")
    expect(page.locator("main")).to_contain_text("<script>")
    page.get_by_role("link", name="Sessions").click()
    expect(row(page, markup)).to_be_visible()
    assert page.locator("main img, main script").count() == 0
    assert not watch.errors


# --- everybody can use it -----------------------------------------------------------------------


@pytest.mark.npm
@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1280), ("dark", 390)])
def test_axe_finds_nothing(browser: Browser, stand: OperatorStand, axe: str, theme: str, width: int) -> None:
    """No violation in the form, any view, a notification and an open dialog, in both themes."""
    context = browser.new_context(
        viewport={"width": width, "height": 860},
        color_scheme=theme,
        bypass_csp=True,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.goto(stand.url)
    expect(page.get_by_label("Admin token")).to_be_visible()
    found = {"sign-in": violations(page, axe)}
    page.goto("about:blank")
    stand.visit(page, "#/overview", "Overview")
    for fragment, heading in VIEWS.items():
        page.goto(stand.url + fragment)
        expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
        expect(page.locator(".freshness")).to_contain_text("Updated")
        found[fragment] = violations(page, axe)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{fragment} is too wide"
    page.goto(f"{stand.url}#/deliveries")
    page.locator("tbody tr a").first.click()
    expect(pill(page)).to_be_visible()
    found["delivery"] = violations(page, axe)
    page.get_by_role("link", name="← Deliveries").click()
    page.get_by_role("button", name="Replay a window").click()
    found["dialog"] = violations(page, axe)
    page.keyboard.press("Escape")
    page.goto(f"{stand.url}#/deliveries?chatId=nothing")
    expect(page.get_by_text("No notification fits the filters")).to_be_visible()
    found["empty"] = violations(page, axe)
    page.route("**/admin/v1/**", refuse)
    expect(page.locator(".freshness")).to_contain_text("Stale:")
    found["stale"] = violations(page, axe)
    page.goto(f"{stand.url}#/nodes")
    expect(page.get_by_text("Nodes could not be loaded")).to_be_visible()
    found["error"] = violations(page, axe)
    page.unroute("**/admin/v1/**")
    page.route("**/admin/v1/config", lambda route: None)
    page.goto(f"{stand.url}#/config")
    expect(page.get_by_text("Loading …")).to_be_visible()
    found["loading"] = violations(page, axe)
    context.close()
    assert not {name: broken for name, broken in found.items() if broken}


def violations(page: Page, axe: str) -> list[str]:
    """What axe finds: rule and elements."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    result = page.evaluate("axe.run()")
    return [
        f"{found['id']}: {node['html'][:120]}" for found in result["violations"] for node in found["nodes"]
    ]


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


@pytest.mark.npm
def test_types_and_rules() -> None:
    """The page's modules pass TypeScript's strict check and the lint rules."""
    modules = npm.packages(JS)
    for command in (
        ["tsc", "-p", "tests/js/operator.tsconfig.json"],
        ["eslint", "--config", "tests/js/eslint.config.js", "static/operator"],
        ["prettier", "--check", "static/operator/*.js"],
    ):
        program = str(modules / "node_modules" / ".bin" / command[0])
        done = subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


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
                for _ in range(times):
                    stand.agent.send(stand.customers[-1].chat_id, "Hello")
                page.wait_for_timeout(5000)
            expect(page.get_by_role("img", name="Events per second")).to_be_visible(timeout=PATIENCE)
            page.screenshot(path=SCREENSHOTS / "operator-overview.png")
        page.goto(f"{stand.url}#/deliveries")
        expect(page.locator("tbody tr").first).to_be_visible()
        if name == "":
            page.screenshot(path=SCREENSHOTS / "operator-deliveries.png")
        elif name == "-dark":
            page.locator("tbody tr a").nth(1).click()
            expect(pill(page)).to_be_visible()
            page.screenshot(path=SCREENSHOTS / "operator-delivery-dark.png")
        else:
            page.get_by_role("button", name="Replay a window").click()
            page.get_by_role("button", name="Count").click()
            expect(page.get_by_text("would be sent again")).to_be_visible()
            page.screenshot(path=SCREENSHOTS / "operator-replay-mobile.png")
        context.close()
