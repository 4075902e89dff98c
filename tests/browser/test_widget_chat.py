"""The chat widget on a page of another origin: embed, chat over each transport, fall back, come back."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

import pytest
from browser.widget_stand import PATIENCE, SERVICE, Desk, HostSite, Widget, as_json
from playwright.sync_api import Page, Route, WebSocketRoute, expect
from support.browser import Watch
from support.gateway import RunningGateway

pytestmark = pytest.mark.browser


def visit(page: Page, site: HostSite, gateway: RunningGateway, **data: str) -> None:
    """Open a page that embeds the widget."""
    page.goto(site.page(gateway, **{"service": SERVICE, **data}))


def test_one_tag_embeds_it_under_a_strict_policy(
    page: Page, watch: Watch, widget: Widget, site: HostSite, gateway: RunningGateway
) -> None:
    """One tag with only data-service works on another origin: styled, no policy report, no foreign host."""
    visit(page, site, gateway)
    widget.open()
    expect(widget.panel).to_have_css("width", "360px")
    expect(widget.panel.get_by_label("Your name")).to_be_focused()
    assert not watch.errors
    assert watch.hosts == {site.url.partition("//")[2], f"127.0.0.1:{gateway.port}"}


@pytest.mark.parametrize("transport", ["websocket", "long-polling", "rest"])
def test_same_chat_over_each_transport(
    page: Page,
    watch: Watch,
    widget: Widget,
    site: HostSite,
    gateway: RunningGateway,
    desk: Desk,
    transport: str,
) -> None:
    """Customer and agent see the same messages in the same order, whichever way the events take."""
    name = f"Ben {transport}"
    visit(page, site, gateway, transport=transport)
    widget.start(name)
    widget.uses(transport)
    chat_id = desk.accept(name)
    for number in range(5):
        widget.say(f"question {number}")
        desk.say(chat_id, f"answer {number}")
        widget.sees(f"answer {number}")
    assert widget.texts() == desk.texts(chat_id)
    assert len(desk.texts(chat_id)) == 10
    desk.close(chat_id)
    expect(widget.panel.get_by_role("button", name="Start a new chat")).to_be_visible()
    assert not watch.errors


def test_falls_back_when_websockets_are_blocked(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Without websockets the chat is held over long-polling, and the page is told so."""
    page.route_web_socket(re.compile("/cometd"), lambda socket: socket.close())
    visit(page, site, gateway)
    widget.listen("transport")
    widget.start("Cleo")
    widget.uses("long-polling")
    desk.say(desk.accept("Cleo"), "hello")
    widget.sees("hello")
    assert ["transport", {"transport": "long-polling"}] in widget.heard()


def test_falls_back_when_comet_is_blocked(
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


def test_switch_in_the_middle_loses_and_doubles_nothing(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """When websockets break between two messages, every event is there once, in order."""
    sockets = []

    def relay(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        if len(sockets) == 1:
            socket.connect_to_server()
        else:
            socket.close()

    page.route_web_socket(re.compile("/cometd"), relay)
    visit(page, site, gateway)
    widget.start("Emil")
    widget.uses("websocket")
    chat_id = desk.accept("Emil")
    widget.say("before")
    sockets[0].close()
    desk.say(chat_id, "meanwhile")
    widget.say("after")
    widget.uses("long-polling")
    desk.say(chat_id, "later")
    widget.sees("later")
    assert widget.texts() == desk.texts(chat_id) == ["before", "meanwhile", "after", "later"]
    assert widget.indexes() == [event["index"] for event in desk.events(chat_id)]


def test_offline_message_is_sent_once_on_return(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """What is written without a network waits under a banner and arrives once when the network is back."""
    visit(page, site, gateway)
    widget.start("Finn")
    widget.uses("websocket")
    chat_id = desk.accept("Finn")
    page.route("**/*", lambda route: route.abort())
    page.context.set_offline(True)
    gateway_lost = widget.panel.get_by_text("Connection lost")
    widget.composer.fill("are you there?")
    widget.composer.press("Enter")
    page.evaluate("document.querySelector('chat-widget')")  # the page itself is alive
    expect(widget.log.get_by_text("Sending")).to_be_visible()
    page.unroute("**/*")
    page.context.set_offline(False)
    expect(widget.log.get_by_text("Sending")).to_have_count(0, timeout=PATIENCE)
    expect(gateway_lost).to_be_hidden(timeout=PATIENCE)
    assert desk.texts(chat_id) == ["are you there?"]


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


def test_gateway_restart_is_survived(
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


def test_reload_restores_everything_quietly(
    page: Page, watch: Watch, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """After a reload messages, draft and the open panel are back, and nothing old is announced."""
    visit(page, site, gateway)
    widget.start("Ida")
    chat_id = desk.accept("Ida")
    desk.say(chat_id, "hello Ida")
    widget.sees("hello Ida")
    widget.composer.fill("half a sen")
    page.reload()
    widget.sees("hello Ida")
    expect(widget.composer).to_have_value("half a sen")
    widget.uses("websocket")
    expect(widget.announcer).to_have_text("")
    desk.say(chat_id, "still there?")
    expect(widget.announcer).to_have_text("Anna said: still there?")
    assert not watch.errors


def test_restore_of_a_chat_that_is_over(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """A chat that ended meanwhile is said to be over, and a new one can be started."""
    visit(page, site, gateway, open="true")
    widget.panel.get_by_label("Your name").fill("Jan")
    widget.panel.get_by_role("button", name="Start chat").click()
    chat_id = desk.accept("Jan")
    expect(widget.composer).to_be_visible()
    page.goto("about:blank")
    desk.close(chat_id)
    page.go_back()
    expect(widget.panel.get_by_text("Your earlier chat has ended")).to_be_visible()
    widget.panel.get_by_role("button", name="Start a new chat").click()
    expect(widget.panel.get_by_label("Your name")).to_be_visible()


def test_second_tab_mirrors_with_one_connection(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """A second tab shares the chat without a connection of its own, and takes over when it must."""
    visit(page, site, gateway)
    widget.start("Kim")
    widget.uses("websocket")
    chat_id = desk.accept("Kim")
    widget.say("one")
    second = page.context.new_page()
    sockets: list[str] = []
    second.on("websocket", lambda socket: sockets.append(socket.url))
    second.goto(page.url)
    other = Widget(second)
    other.launcher.click()
    other.sees("one")
    other.say("two")
    widget.sees("two")
    desk.say(chat_id, "three")
    other.sees("three")
    assert not sockets
    page.close()
    desk.say(chat_id, "four")
    other.sees("four")
    second.wait_for_function("async () => (await ChatWidget.state()).transport === 'websocket'")
    assert len(sockets) == 1
    assert other.texts() == desk.texts(chat_id)


def test_commands_before_the_widget_is_loaded(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Commands that were given before the script was there run in their order."""
    script = """
      window.ChatWidget = [["open"], ["start", {form: {nickname: "Lea"}, userData: {tier: "gold"}}],
                           ["send", "first"], ["send", "second"]];
    """
    visit(page, site, gateway, script=script)
    widget.sees("second")
    chat_id = desk.accept("Lea")
    assert desk.texts(chat_id) == ["first", "second"]
    assert desk.chat(chat_id)["userData"]["tier"] == "gold"


def test_a_failed_command_rejects_with_a_code(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway
) -> None:
    """A command that cannot be done rejects with code and message, and the next one runs."""
    visit(page, site, gateway)
    expect(widget.launcher).to_be_visible()
    failed = page.evaluate("ChatWidget.send('x').catch(({code, message}) => ({code, message}))")
    assert failed["code"] == "not-open"
    assert failed["message"]
    assert widget.state()["phase"] == "none"


@pytest.mark.parametrize("mode", ["rest", "cometd"])
def test_genesys_configuration_is_enough(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk, mode: str
) -> None:
    """A page that only has a `_genesys.widgets.webchat` configuration chats in both of its modes."""
    url = f"{gateway.url}/genesys"
    webchat = {
        "dataURL": f"{url}/2/chat/migrated",
        "userData": {"tier": "gold"},
        "form": {"autoSubmit": False, "firstname": "Mia", "lastname": mode},
        "cometD": {
            "enabled": mode == "cometd",
            "cometURL": f"{url}/cometd",
            "channel": "/service/chatV2/migrated",
            "apiURL": f"{url}/2/chat-ntf",
        },
    }
    script = f"window._genesys = {as_json({'widgets': {'main': {'lang': 'en'}, 'webchat': webchat}})};"
    page.goto(site.page(gateway, script=script))
    widget.open()
    widget.panel.get_by_role("button", name="Start chat").click()
    widget.uses("websocket" if mode == "cometd" else "rest")
    chat_id = desk.accept(f"Mia {mode}")
    widget.say("hello")
    chat = desk.chat(chat_id)
    assert chat["service"] == "migrated"
    assert chat["userData"]["tier"] == "gold"
