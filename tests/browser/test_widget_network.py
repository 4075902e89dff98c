"""The chat widget while networks and gateways fail."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

import pytest
from browser.widget_stand import PATIENCE, Desk, HostSite, Widget, visit
from playwright.sync_api import Page, Route, WebSocketRoute, expect
from support.browser import until
from support.gateway import RunningGateway

pytestmark = pytest.mark.browser


def test_08_falls_back_when_websockets_are_blocked(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Without websockets the chat is held over long-polling, the page is told so, and the next chat knows."""
    tried: list[str] = []
    page.route_web_socket(re.compile("/cometd"), lambda socket: (tried.append(socket.url), socket.close()))
    visit(page, site, gateway)
    widget.listen("transport")
    widget.start("Cleo")
    widget.uses("long-polling")
    desk.say(desk.accept("Cleo"), "hello")
    widget.sees("hello")
    assert ["transport", {"transport": "long-polling"}] in widget.heard()
    assert tried
    tried.clear()
    page.evaluate("ChatWidget.end()")
    visit(page, site, gateway)
    widget.start("Cleo again")
    widget.uses("long-polling")
    assert [] == tried


def test_09_falls_back_when_comet_is_blocked(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """With nothing but REST left the chat goes on by polling."""
    page.route_web_socket(re.compile("/cometd"), lambda socket: socket.close())
    page.route("**/cometd*", lambda route: route.fulfill(status=503))
    visit(page, site, gateway)
    widget.start("Dora")
    widget.uses("rest")
    desk.say(desk.accept("Dora"), "hello")
    widget.sees("hello")


@pytest.mark.parametrize("transports", [("websocket", "long-polling"), ("long-polling", "rest")])
def test_10_switch_in_the_middle_loses_and_doubles_nothing(
    page: Page,
    widget: Widget,
    site: HostSite,
    gateway: RunningGateway,
    desk: Desk,
    transports: tuple[str, str],
) -> None:
    """A transport that dies between two messages leaves no gap and no double: each index is there once."""
    before, after = transports
    sockets: list[WebSocketRoute] = []
    dead = []

    def socket(route: WebSocketRoute) -> None:
        sockets.append(route)
        if dead:
            route.close()
        else:
            route.connect_to_server()

    def poll(route: Route) -> None:
        if dead and before == "long-polling":
            return route.abort()
        return route.continue_()

    page.route_web_socket(re.compile("/cometd"), socket)
    page.route("**/cometd", poll)
    visit(page, site, gateway, transport=f"{before},{after}")
    widget.start(f"Emil {before}")
    widget.uses(before)
    chat_id = desk.accept(f"Emil {before}")
    for number in range(1, 11):
        if number == 6:
            dead.append(True)
            for one in sockets:
                one.close()
        page.evaluate("(text) => void ChatWidget.send(text)", f"question {number}")
        desk.say(chat_id, f"answer {number}")
    widget.uses(after)
    for side in ("question", "answer"):
        widget.sees(f"{side} 10")
    expect(widget.bubbles).to_have_count(20)
    assert widget.texts() == desk.texts(chat_id)
    # Nobody typed, so the events have every index.
    assert widget.indexes() == list(range(1, 23)) == [event["index"] for event in desk.events(chat_id)]


def test_11_offline_message_is_sent_once_on_return(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """What is written without a network waits under a banner and arrives once when the network is back."""
    visit(page, site, gateway)
    widget.start("Finn")
    widget.uses("websocket")
    chat_id = desk.accept("Finn")
    page.context.set_offline(True)
    banner = widget.panel.get_by_text("Connection lost")
    expect(banner).to_be_visible(timeout=PATIENCE)
    for text in ("are you there?", "hello?"):
        widget.composer.fill(text)
        widget.composer.press("Enter")
    expect(widget.log.get_by_text("Sending")).to_have_count(2)
    assert desk.texts(chat_id) == []
    page.context.set_offline(False)
    expect(widget.log.get_by_text("Sending")).to_have_count(0, timeout=PATIENCE)
    expect(banner).to_be_hidden(timeout=PATIENCE)
    widget.uses("websocket")
    assert desk.texts(chat_id) == widget.texts() == ["are you there?", "hello?"]


def test_commands_do_not_wait_for_a_message_without_a_network(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """`send` waits for the network, what follows does not, but the end comes after the message."""
    visit(page, site, gateway)
    widget.start("Fred")
    chat_id = desk.accept("Fred")
    page.context.set_offline(True)
    page.evaluate("""() => { window.done = [];
      ChatWidget.send("goodbye").then(() => done.push("sent")); }""")
    expect(widget.log.get_by_text("Sending")).to_be_visible()
    assert widget.state()["phase"] == "open"
    page.evaluate("void ChatWidget.end().then(() => done.push('ended'))")
    assert page.evaluate("done") == []
    page.context.set_offline(False)
    until(page, "() => done.length === 2")
    assert page.evaluate("done") == ["sent", "ended"]
    assert desk.texts(chat_id) == ["goodbye"]


def test_an_end_without_a_network_says_so(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway
) -> None:
    """A chat that cannot be ended goes on and says why; put away, the message is gone."""
    visit(page, site, gateway)
    widget.start("Falk")
    page.context.set_offline(True)
    widget.panel.get_by_role("button", name="Close").click()
    widget.panel.get_by_role("button", name="End chat").click()
    fault = widget.panel.get_by_role("alert").filter(has_text="The chat cannot be reached")
    expect(fault).to_be_visible()
    assert widget.state()["phase"] == "open"
    fault.get_by_role("button", name="Close").click()
    expect(fault).to_be_hidden()
    expect(widget.composer).to_be_focused()
    page.context.set_offline(False)
    widget.say("I am back")


@pytest.mark.parametrize("named", [True, False], ids=["with its id", "without (negative control)"])
def test_answer_lost_on_the_way_does_not_double_a_message(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk, named: bool
) -> None:
    """A message whose answer got lost is sent again under its id and is there once; without the id, twice."""
    visit(page, site, gateway, transport="rest")
    widget.start(f"Gerd {named}")
    chat_id = desk.accept(f"Gerd {named}")
    bodies: list[str] = []

    def lose_first(route: Route) -> None:
        body = route.request.post_data or ""
        bodies.append(body)
        sent = body if named else re.sub(r"&messageId=[^&]*", "", body)
        answer = route.fetch(post_data=sent)
        if len(bodies) == 1:
            return route.abort()
        return route.fulfill(response=answer)

    page.route("**/refresh", lambda route: route.abort())  # or the widget learns that it has arrived
    page.route("**/send", lose_first)
    widget.composer.fill("only once?")
    widget.composer.press("Enter")
    expect(widget.log.get_by_text("Sending")).to_have_count(0, timeout=PATIENCE)
    assert len(bodies) == 2
    ids = [parse_qs(body)["messageId"] for body in bodies]
    assert ids[0] == ids[1]
    assert desk.texts(chat_id) == ["only once?"] * (1 if named else 2)


def test_12_gateway_restart_is_survived(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """After kill -9 and a restart the chat goes on by itself, on the best transport again."""
    visit(page, site, gateway)
    widget.start("Hans")
    chat_id = desk.accept("Hans")
    widget.say("before")
    gateway.kill()
    expect(widget.panel.get_by_text("Connection lost")).to_be_visible(timeout=PATIENCE)
    gateway.start()
    desk.say(chat_id, "after")
    widget.sees("after")
    widget.uses("websocket")
    assert widget.texts() == ["before", "after"]
