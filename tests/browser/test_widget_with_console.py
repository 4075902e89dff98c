"""The chat widget and the agent console at once, each in a browser of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser.console.console_stand import Console, ConsoleStand, Desks
from browser.widget_stand import PATIENCE, Desk, HostSite, Widget, visit
from browser.widget_states import QUEUE_MS
from playwright.sync_api import Browser, Page, expect
from support.clients import Rest
from support.gateway import RunningGateway
from support.waiting import eventually

pytestmark = pytest.mark.browser

# Setting a timer takes 20 ms, as it may on a busy machine.
SLOW_TIMERS = """
const set = window.setTimeout;
window.setTimeout = (call, pause, ...rest) => {
  const id = set(call, pause, ...rest);
  for (const end = Date.now() + 20; Date.now() < end;);
  return id;
};
"""


@pytest.fixture(scope="module")
def people(gateway: RunningGateway) -> ConsoleStand:
    """The people of the gateway."""
    return ConsoleStand(gateway, gateway.token("admin", "Olga"))


@pytest.fixture
def console(people: ConsoleStand, browser: Browser) -> Iterator[Console]:
    """Ina at work."""
    desks = Desks(people, browser)
    opened = desks("Ina")
    opened.live()
    yield opened
    desks.close()


def test_06_full_chat_in_two_browsers(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, console: Console
) -> None:
    """Customer and agent exchange 20 messages each; both browsers show the same ones in the same order."""
    visit(page, site, gateway)
    widget.start("Mara")
    console.accept("Mara")
    for number in range(1, 21):
        widget.say(f"question {number}")
        console.sees(f"question {number}")
        console.say(f"answer {number}")
        widget.sees(f"answer {number}")
    said = [f"{side} {number}" for number in range(1, 21) for side in ("question", "answer")]
    assert widget.texts() == said
    assert console.log.locator(".bubble").all_inner_texts() == said


@pytest.mark.parametrize("transport", ["websocket", "long-polling", "rest"])
def test_16_queue_position_goes_down(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk, transport: str
) -> None:
    """The place in the queue is told after a while, and is one less each time somebody before is accepted."""
    line = f"line-{transport}"
    before = [Rest(gateway.url, service=line, nickname=f"{line} {number}") for number in (1, 2)]
    page.clock.install()
    visit(page, site, gateway, service=line, transport=transport)
    widget.listen("queued")
    widget.start("Nora")
    widget.uses(transport)
    page.clock.run_for(QUEUE_MS)
    place = widget.panel.get_by_role("status").filter(has_text="number 3 in the queue")
    expect(place).to_be_visible(timeout=PATIENCE)
    desk.accept(f"{line} 1")
    expect(widget.panel.get_by_text("You are number 2 in the queue.")).to_be_visible(timeout=PATIENCE)
    desk.accept(f"{line} 2")
    expect(widget.panel.get_by_text("You are next.")).to_be_visible(timeout=PATIENCE)
    assert [detail["position"] for _, detail in widget.heard()] == [3, 2, 1]
    chat_id = desk.accept("Nora")
    expect(widget.panel.get_by_text("Anna is here")).to_be_visible()
    expect(widget.panel.get_by_text("You are next.")).to_be_hidden()
    desk.close(chat_id)
    for customer in before:
        customer.call("disconnect")


def test_16_a_slow_moment_hides_no_queue(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """The place is told even if time passes while its timer is set: the timer never comes too early."""
    page.add_init_script(SLOW_TIMERS)
    visit(page, site, gateway, service="slow")
    widget.start("Pia")
    expect(widget.panel.get_by_text("You are next.")).to_be_visible(timeout=PATIENCE)
    desk.close(desk.accept("Pia"))


def test_16_a_short_wait_never_shows_a_queue(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Who is served within five seconds has seen no place in a queue."""
    page.clock.install()
    visit(page, site, gateway, service="short")
    widget.start("Olli")
    page.clock.run_for(4_000)
    expect(widget.panel.get_by_text("You are next.")).to_be_hidden()
    desk.accept("Olli")
    expect(widget.panel.get_by_text("Anna is here")).to_be_visible()
    page.clock.run_for(4_000)
    expect(widget.panel.get_by_text("You are next.")).to_be_hidden()


def test_18_the_agent_sees_what_is_typed_until_it_is_sent(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, console: Console
) -> None:
    """The whole draft is in the console soon after the last key, and gone when it was sent."""
    visit(page, site, gateway)
    widget.start("Pia")
    console.accept("Pia")
    preview = console.page.locator(".typing")
    widget.composer.press_sequentially("so the parcel was")
    expect(preview).to_have_text("Pia is typing: “so the parcel was”", timeout=PATIENCE)
    widget.composer.press("Enter")
    expect(preview).to_be_hidden()
    console.sees("so the parcel was")


@pytest.mark.parametrize("transport", ["websocket", "rest"])
def test_19_read_only_after_the_agent_has_seen_it(
    page: Page,
    widget: Widget,
    site: HostSite,
    gateway: RunningGateway,
    people: ConsoleStand,
    console: Console,
    transport: str,
) -> None:
    """A message is "Sent" while the agent's console shows it as unread, and "Read" once its pane is open."""
    name = f"Rosa {transport}"
    visit(page, site, gateway, transport=transport)
    widget.start(name)
    widget.uses(transport)
    waiting = people.call("Ina", "GET", "/chats")["items"]
    chat_id = next(chat["chatId"] for chat in waiting if chat["nickname"] == name)
    people.call("Ina", "POST", f"/chats/{chat_id}/accept")
    widget.say("are you there?")
    own = widget.log.locator("li.own")
    expect(console.item(name).get_by_text("1 new")).to_be_visible()
    # Whatever the gateway knows of reading has reached the customer with a later event.
    people.call("Ina", "POST", f"/chats/{chat_id}/messages", {"text": "one moment"})
    widget.sees("one moment")
    expect(own).to_contain_text("Sent")
    assert people.call("Ina", "GET", f"/chats/{chat_id}")["agentReadPosition"] == 0
    console.open(name)
    expect(own).to_contain_text("Read", timeout=PATIENCE)
    read = eventually(
        lambda: people.call("Ina", "GET", f"/chats/{chat_id}")["agentReadPosition"],
        timeout=10,
        what="a read position",
    )
    assert read >= max(event["index"] for event in widget.state()["events"] if event.get("text"))
