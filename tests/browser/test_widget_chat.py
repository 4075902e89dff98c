"""The chat widget on a page of another origin: embed, chat, come back, share it between tabs."""

from __future__ import annotations

import pytest
from browser.widget_stand import PATIENCE, Desk, HostSite, Widget, as_json, visit
from playwright.sync_api import Page, expect
from support.browser import Watch
from support.gateway import RunningGateway
from support.waiting import eventually

pytestmark = pytest.mark.browser


def test_01_02_03_one_tag_embeds_it_under_a_strict_policy(
    page: Page, watch: Watch, widget: Widget, site: HostSite, gateway: RunningGateway
) -> None:
    """One tag with only data-service works on another origin: styled, no policy report, no foreign host."""
    visit(page, site, gateway)
    widget.open()
    expect(widget.panel).to_have_css("width", "360px")
    expect(widget.panel.get_by_label("Your name")).to_be_focused()
    assert not watch.errors
    assert watch.hosts == {site.url.partition("//")[2], f"127.0.0.1:{gateway.port}"}


def test_05_commands_before_the_widget_is_loaded(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Commands that were given before the script was there run in their order."""
    script = """
      window.ChatWidget = [["open"], ["start", {form: {nickname: "Lea"}, userData: {tier: "gold"}}],
                           ["send", "first"], ["send", "second"]];
    """
    visit(page, site, gateway, script=script)
    widget.sees("second")
    expect(widget.log.get_by_text("Sending")).to_have_count(0)
    chat_id = desk.accept("Lea")
    assert desk.texts(chat_id) == ["first", "second"]
    assert desk.chat(chat_id)["userData"]["tier"] == "gold"


def test_a_failed_command_rejects_with_a_code(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway
) -> None:
    """A command that cannot be done rejects with code and message, and the next one runs."""
    visit(page, site, gateway)
    expect(widget.launcher).to_be_visible()
    send = "(text) => ChatWidget.send(text).catch(({code, message}) => ({code, message}))"
    failed = page.evaluate(send, "x")
    assert failed["code"] == "not-open"
    assert failed["message"]
    assert widget.state()["phase"] == "none"
    page.evaluate("ChatWidget.start({form: {nickname: 'Max'}})")
    assert page.evaluate(send, "y" * 20_000)["code"] == "204"
    assert page.evaluate(send, "short enough") is None
    assert widget.state()["phase"] == "open"


def test_06_twenty_messages_each_way(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Customer and agent talk at the same time, 20 messages each: both see all of them in the same order."""
    visit(page, site, gateway)
    widget.start("Bea")
    chat_id = desk.accept("Bea")
    for number in range(1, 21):
        # Not waited for, so that the agent's message is often faster.
        page.evaluate("(text) => void ChatWidget.send(text)", f"question {number}")
        desk.say(chat_id, f"answer {number}")
    for side in ("question", "answer"):
        widget.sees(f"{side} 20")
    expect(widget.bubbles).to_have_count(40)
    # A bubble is there before its message is stored, and finds its place when it is.
    eventually(lambda: len(desk.texts(chat_id)) == 40, what="all are stored")
    eventually(lambda: widget.texts() == desk.texts(chat_id), what="the transcript's order")
    said = widget.texts()
    for side in ("question", "answer"):
        assert [text for text in said if text.startswith(side)] == [
            f"{side} {number}" for number in range(1, 21)
        ]


@pytest.mark.parametrize("transport", ["websocket", "long-polling", "rest"])
def test_07_same_chat_over_each_transport(
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


def test_13_reload_restores_everything_quietly(
    page: Page, watch: Watch, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """After a reload messages, draft, open panel and place are back, and nothing old is announced."""
    visit(page, site, gateway)
    widget.start("Ida")
    chat_id = desk.accept("Ida")
    for number in range(20):
        desk.say(chat_id, f"hello Ida {number}")
    widget.sees("hello Ida 19")
    widget.composer.fill("half a sen")
    widget.log.evaluate("(node) => node.scrollTo(0, 123)")
    expect(widget.panel.get_by_role("button", name="New messages")).to_be_hidden()
    page.reload()
    widget.sees("hello Ida 19")
    expect(widget.panel).to_be_visible()
    expect(widget.composer).to_have_value("half a sen")
    eventually(lambda: widget.log.evaluate("(node) => node.scrollTop") == 123, what="the same place")
    widget.uses("websocket")
    expect(widget.announcer).to_have_text("")
    desk.say(chat_id, "still there?")
    expect(widget.announcer).to_have_text("Anna said: still there?")
    assert not watch.errors


def test_13_what_was_sent_is_no_draft_after_a_reload(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """A message whose answer is not there at the reload is sent once; its text is not offered again."""
    visit(page, site, gateway)
    widget.start("Ivo")
    chat_id = desk.accept("Ivo")
    page.route("**/send", lambda route: None)  # nothing comes back
    widget.composer.press_sequentially("only once")
    widget.composer.press("Enter")
    expect(widget.log.get_by_text("Sending")).to_be_visible()
    page.unroute_all(behavior="ignoreErrors")
    page.reload()
    widget.sees("only once")
    expect(widget.log.get_by_text("Sending")).to_have_count(0, timeout=PATIENCE)
    expect(widget.composer).to_have_value("")
    assert desk.texts(chat_id) == ["only once"]


def test_14_restore_of_a_chat_that_is_over(
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


def test_15_second_tab_mirrors_with_one_connection(
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
    eventually(lambda: len(sockets) == 1, what="a websocket of the second tab")
    other.uses("websocket")
    assert other.texts() == desk.texts(chat_id)


def test_15_a_chat_that_begins_is_in_the_tabs_that_were_open(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """A tab that was there before the chat began shows it as well, and both learn of its end."""
    visit(page, site, gateway)
    second = page.context.new_page()
    second.goto(page.url)
    other = Widget(second)
    expect(other.launcher).to_be_visible()
    widget.start("Kai")
    chat_id = desk.accept("Kai")
    widget.say("hello")
    other.launcher.click()
    other.sees("hello")
    second.evaluate("ChatWidget.end()")
    for tab in (widget, other):
        expect(tab.panel.get_by_role("button", name="Start a new chat")).to_be_visible()
    assert desk.texts(chat_id) == ["hello"]


@pytest.mark.parametrize("mode", ["rest", "cometd"])
def test_34_genesys_configuration_is_enough(
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
