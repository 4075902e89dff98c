"""A chat whose start has no answer yet: the page is reloaded, or the answer is lost. There is one chat."""

from __future__ import annotations

import re

import pytest
from browser.widget_stand import PATIENCE, Desk, HostSite, Widget, visit
from playwright.sync_api import Page, Route, expect
from support.browser import until
from support.gateway import RunningGateway
from support.waiting import eventually

pytestmark = pytest.mark.browser

START = re.compile("/2/chat/customer-support$")
# Request Chat over CometD, in a page that keeps the name of its start as the widget does.
REQUEST_CHAT = """async ([url, nickname]) => {
  const { BayeuxClient } = await import("/static/lib/bayeux.js");
  const startKey = (sessionStorage.startKey ??= crypto.randomUUID());
  const channel = "/service/chatV2/customer-support";
  window.heard = [];
  const client = new BayeuxClient({
    url, kind: "long-polling", headers: {}, openTimeout: 3000,
    onSession: () => {
      client.publish(channel, { operation: "requestChat", nickname, startKey }).catch(() => {});
    },
    onMessage: (message) => heard.push(...(message.data?.messages ?? [])),
    onState: () => {},
  });
  void client.run();
}"""


def ask(widget: Widget, nickname: str) -> None:
    """Fill the form and start; nothing is waited for."""
    widget.panel.get_by_label("Your name").fill(nickname)
    widget.panel.get_by_role("button", name="Start chat").click()


class Line:
    """The way of starts to the gateway.

    `way`: "open"; "cut", where a start fails; "stuck", where it goes nowhere; "deaf", where the gateway gets
    it and its answer never reaches the page (`made` are those chats). The route stays for the whole test:
    without it, what is stuck would go on.
    """

    def __init__(self, page: Page, way: str = "deaf", *, named: bool = True) -> None:
        self._page = page
        self._named = named
        self.way = way
        self.asked = 0
        self.made: list[str] = []
        page.route(START, self._take)

    def _take(self, route: Route) -> None:
        self.asked += 1
        body = route.request.post_data or ""
        if not self._named:
            body = re.sub("&?startKey=[^&]*", "", body)
        if self.way == "open":
            route.continue_(post_data=body)
        elif self.way == "cut":
            route.abort()
        elif self.way == "deaf":
            self.made.append(route.fetch(post_data=body).json()["chatId"])

    def wait(self) -> None:
        """Until the first start is where it gets to."""

        def arrived() -> bool:
            self._page.title()  # lets the browser's events in
            return bool(self.made if self.way == "deaf" else self.asked)

        eventually(arrived, timeout=10, what="a start")


@pytest.mark.parametrize("transport", ["websocket", "long-polling", "rest"])
def test_a_reload_before_the_answer_takes_up_the_chat(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk, transport: str
) -> None:
    """The gateway has made the chat, the page does not know it: after the reload it has the same one."""
    nickname = f"Kim {transport}"
    line = Line(page)
    visit(page, site, gateway, transport=transport)
    widget.open()
    ask(widget, nickname)
    line.wait()
    expect(widget.composer).to_be_hidden()
    line.way = "open"
    page.reload()
    expect(widget.composer).to_be_visible(timeout=PATIENCE)
    assert (line.made, 2) == (desk.waiting(nickname), line.asked)
    chat_id = desk.accept(nickname)
    widget.uses(transport)
    desk.say(chat_id, "hello Kim")
    widget.sees("hello Kim")
    widget.say("here I am")
    assert desk.texts(chat_id) == ["hello Kim", "here I am"]
    # With the answer the name is gone.
    assert not page.evaluate("Object.keys(sessionStorage).some((key) => key.endsWith(':asked'))")


def test_without_a_name_the_chat_is_an_orphan(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """What the name is for: a gateway that does not get it makes a second chat."""
    line = Line(page, named=False)
    visit(page, site, gateway)
    widget.open()
    ask(widget, "Otto")
    line.wait()
    line.way = "open"
    page.reload()
    expect(widget.composer).to_be_visible(timeout=PATIENCE)
    assert 2 == len(desk.waiting("Otto"))


def test_a_reload_before_the_gateway_heard_of_it(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """A start that never arrived is made after the reload, in the panel that was open."""
    line = Line(page, "stuck")
    visit(page, site, gateway)
    widget.open()
    ask(widget, "Nora")
    line.wait()
    assert [] == desk.waiting("Nora")
    line.way = "open"
    page.reload()
    expect(widget.composer).to_be_visible(timeout=PATIENCE)
    assert 1 == len(desk.waiting("Nora"))


def test_a_reload_without_a_network(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """The customer is told, and has the chat when the gateway is reached again."""
    line = Line(page)
    visit(page, site, gateway)
    widget.open()
    ask(widget, "Nele")
    line.wait()
    line.way = "cut"
    page.reload()
    retry = widget.panel.get_by_role("button", name="Try now")
    expect(retry).to_be_visible(timeout=PATIENCE)
    line.way = "open"
    retry.click()
    expect(widget.composer).to_be_visible(timeout=PATIENCE)
    assert line.made == desk.waiting("Nele")


def test_a_lost_answer_and_another_try_are_one_chat(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Without a reload as well: who presses the button again gets the chat of the first time."""
    lost: list[str] = []

    def lose(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch().json()["chatId"])
            route.abort()

    page.route(START, lose)
    visit(page, site, gateway)
    widget.open()
    ask(widget, "Paul")
    button = widget.panel.get_by_role("button", name="Start chat")
    expect(widget.panel.get_by_role("alert")).to_be_visible(timeout=PATIENCE)
    expect(button).to_be_enabled()
    button.click()
    expect(widget.composer).to_be_visible(timeout=PATIENCE)
    assert lost == desk.waiting("Paul")


def test_a_reload_before_the_answer_over_cometd(page: Page, gateway: RunningGateway, desk: Desk) -> None:
    """The same over CometD: requestChat under the name of the first time takes up the chat."""
    held: list[str] = []

    def hold(route: Route) -> None:
        if not held and "requestChat" in (route.request.post_data or ""):
            held.append(route.fetch().text())
        else:
            route.continue_()

    page.route("**/cometd*", hold)
    page.goto(f"{gateway.url}/static/lib/bayeux.js")
    page.evaluate(REQUEST_CHAT, [f"{gateway.url}/genesys/cometd", "Rosa"])
    eventually(lambda: page.evaluate("1") and held, timeout=10, what="requestChat")
    chats = desk.waiting("Rosa")
    assert 1 == len(chats)
    page.reload()
    page.evaluate(REQUEST_CHAT, [f"{gateway.url}/genesys/cometd", "Rosa"])
    until(page, "() => heard.some((event) => event.type === 'ParticipantJoined')", None)
    assert chats == desk.waiting("Rosa")
    desk.say(desk.accept("Rosa"), "hello Rosa")
    until(page, "() => heard.some((event) => event.text === 'hello Rosa')", None)
