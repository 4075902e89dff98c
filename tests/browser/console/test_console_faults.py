"""The console when something fails: reloads, lost networks, refused requests, hostile content."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.console.console_stand import ConsoleStand, Desks, console_stand, sign_in
from playwright.sync_api import Browser, Page, Route, expect
from support.browser import Watch
from support.waiting import eventually

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    "<svg/onload=window.hit=1>",
    "javascript:window.hit=1",
    "[click](javascript:window.hit=1)",
    "</textarea><script>window.hit=1</script>",
    '"><b onmouseover=window.hit=1>bold</b>',
    "{{constructor.constructor('window.hit=1')()}}",
    "&lt;script&gt;window.hit=1&lt;/script&gt;",
    "\u202egnp.exe",
)


def test_reload_keeps_chat_draft_and_mode(stand: ConsoleStand, desks: Desks) -> None:
    """After a reload the same chat is open with its words, the draft and who it is for."""
    ann = stand.customer("Ann")
    anna = desks("Anna")
    anna.accept("Ann")
    ann.send("Hello?")
    anna.sees("Hello?")
    anna.composer.fill("half a thought")
    anna.page.keyboard.press("Alt+p")
    anna.page.reload()
    expect(anna.heading).to_have_text("Ann")
    anna.sees("Hello?")
    expect(anna.composer).to_have_value("half a thought")
    expect(anna.page.get_by_role("button", name="Agents only")).to_have_attribute("aria-pressed", "true")
    expect(anna.mine.locator(".who")).to_have_text(["Ann"])


def test_network_loss(stand: ConsoleStand, desks: Desks) -> None:
    """Without a network a banner says so; what was written goes out once, what was missed comes."""
    ann = stand.customer("Ann")
    anna = desks("Anna")
    anna.live()
    anna.accept("Ann")
    anna.say("before")
    anna.page.context.set_offline(True)
    anna.composer.fill("written without a network")
    anna.composer.press("Enter")
    unsent = anna.log.locator("li.own", has_text="written without a network")
    expect(unsent.get_by_role("alert")).to_contain_text("Not sent")
    expect(anna.page.locator(".banner")).to_contain_text("No connection to the gateway")
    ann.send("missed meanwhile")
    anna.page.context.set_offline(False)
    anna.sees("missed meanwhile")
    expect(unsent.get_by_role("alert")).to_have_count(0)
    expect(anna.page.locator(".banner")).to_be_hidden()

    def said() -> list[str]:
        return [event["text"] for event in ann.events() if event["type"] == "Message"]

    eventually(lambda: len(said()) == 3, what="the message that waited")
    assert sorted(said()) == ["before", "missed meanwhile", "written without a network"]


def test_server_restart(stand: ConsoleStand, desks: Desks) -> None:
    """Killed and started again, the gateway has the login, the chat and the feed again, without a gap."""
    ann = stand.customer("Ann")
    anna = desks("Anna")
    anna.live()
    anna.accept("Ann")
    anna.say("before")
    stand.gateway.kill()
    expect(anna.page.locator("html[data-link=cut]")).to_have_count(1)
    stand.gateway.start()
    ann.send("after")
    anna.sees("after")
    anna.live()
    anna.say("still here")
    expect(anna.log.locator(".bubble")).to_have_text(["before", "after", "still here"])


def test_long_polling_when_websockets_are_blocked(stand: ConsoleStand, page: Page) -> None:
    """Where no websocket gets through, live events come by long-polling."""
    page.route_web_socket("**/cometd", lambda socket: socket.close())
    ann = stand.customer("Ann")
    anna = sign_in(stand, page, "Anna")
    anna.live()
    anna.accept("Ann")
    ann.send("over long-polling")
    anna.sees("over long-polling")


def test_message_is_sent_once_when_the_answer_is_lost(stand: ConsoleStand, desks: Desks) -> None:
    """The request arrives, its answer does not: trying again does not send the message twice."""
    ann = stand.customer("Ann")
    anna = desks("Anna")
    anna.live()
    anna.accept("Ann")
    lost: list[str] = []

    def lose(route: Route) -> None:
        if lost:
            return route.continue_()
        lost.append(route.request.url)
        route.fetch()
        return route.abort()

    anna.page.route("**/messages", lose)
    anna.composer.fill("only once")
    anna.composer.press("Enter")
    anna.log.get_by_role("button", name="Try again").click()
    expect(anna.log.get_by_role("alert")).to_have_count(0)
    expect(anna.log.locator("li.own", has_text="only once").get_by_text("Sending")).to_have_count(0)
    said = eventually(lambda: [event["text"] for event in ann.events() if event["type"] == "Message"])
    assert said == ["only once"]
    anna.sees("only once")


def test_unsent_survives_a_reload(stand: ConsoleStand, desks: Desks) -> None:
    """A message that could not be sent is still there after a reload, and goes out by itself."""
    ann = stand.customer("Ann")
    anna = desks("Anna")
    anna.live()
    anna.accept("Ann")
    anna.page.route("**/messages", lambda route: route.abort())
    anna.composer.fill("kept")
    anna.composer.press("Enter")
    expect(anna.log.get_by_role("alert")).to_contain_text("Not sent")
    anna.page.unroute("**/messages")
    anna.page.reload()
    anna.sees("kept")
    eventually(lambda: "kept" in str(ann.events()), what="the message goes out")


def test_first_load_fails_and_is_tried_again(stand: ConsoleStand, page: Page) -> None:
    """Lists and transcripts that cannot be read say so, with a way to try again."""
    ann = stand.customer("Ann")
    ann.send("Hello?")
    stand.token("Anna")
    stand.call("Anna", "POST", f"/chats/{ann.chat_id}/accept")
    page.route("**/agent/v1/chats?*", lambda route: route.fulfill(status=503, body="{}"))
    page.route("**/events?from=*", lambda route: route.fulfill(status=503, body="{}"))
    stand.person("Anna")
    page.goto(f"{stand.url}#/chats/{ann.chat_id}")
    page.get_by_label("Name", exact=True).fill("Anna")
    page.get_by_label("Password", exact=True).fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Your chats could not be loaded")).to_be_visible()
    page.unroute("**/agent/v1/chats?*")
    page.locator("nav.lists").get_by_role("button", name="Try again").click()
    expect(page.get_by_text("The transcript could not be loaded")).to_be_visible()
    page.unroute("**/events?from=*")
    page.locator(".place").get_by_role("button", name="Try again").click()
    expect(page.get_by_role("log")).to_contain_text("Hello?")


def test_start_without_a_gateway(stand: ConsoleStand, desks: Desks) -> None:
    """A page that is loaded while the API is away waits for it and keeps the login."""
    anna = desks("Anna")
    anna.page.route("**/agent/v1/**", lambda route: route.fulfill(status=503, body="{}"))
    anna.page.reload()
    expect(anna.page.get_by_text("The console cannot start now")).to_be_visible()
    anna.page.unroute("**/agent/v1/**")
    anna.page.get_by_role("button", name="Try again").click()
    expect(anna.page.locator(".me")).to_have_text("Anna")


def test_offer_without_an_answer(tmp_path: Path, browser: Browser) -> None:
    """An offer that is not answered goes away, and so does readiness, with the reason beside the button."""
    with console_stand(tmp_path, offer_timeout=2) as stand:
        desks = Desks(stand, browser)
        anna = desks("Anna")
        anna.live()
        anna.page.get_by_role("button", name="Not ready").click()
        stand.customer("Ann")
        expect(anna.offered).to_be_visible()
        expect(anna.offered).to_be_hidden()
        expect(anna.toast).to_contain_text("The offer of the chat of Ann is over.")
        expect(anna.page.locator(".why")).to_have_text("an offer was not answered")
        expect(anna.waiting.locator(".who")).to_have_text(["Ann"])
        desks.close()


def test_slow_answers_show_a_skeleton(stand: ConsoleStand, page: Page) -> None:
    """Lists that are late are shown as loading."""
    held: list[Route] = []
    page.route("**/agent/v1/chats?*", lambda route: held.append(route))
    sign_in_page = stand.person("Anna")
    page.goto(stand.url)
    page.get_by_label("Name", exact=True).fill(sign_in_page)
    page.get_by_label("Password", exact=True).fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("nav.lists [aria-busy=true]")).to_be_visible()
    eventually(lambda: bool(held), what="the request")
    for route in held:
        route.continue_()
    expect(page.get_by_text("Nobody waits.")).to_be_visible()


def test_hostile_content(stand: ConsoleStand, page: Page, watch: Watch) -> None:
    """Markup in names, data, subjects, messages and notes is text: nothing runs, nothing is made."""
    evil = "<img src=x onerror=window.hit=1>"
    ann = stand.customer(evil, subject=evil, **{f"userData[{evil}]": evil})
    anna = sign_in(stand, page, "Anna")
    anna.live()
    page.get_by_role("button", name="Accept").click()
    expect(anna.heading).to_have_text(evil)
    for text in HOSTILE:
        ann.send(text)
    ann.call("startTyping", message=evil)
    expect(anna.log.locator(".bubble")).to_have_text(list(HOSTILE))
    expect(page.locator(".typing")).to_contain_text(evil)
    stand.token("Anna")
    stand.call("Anna", "POST", f"/chats/{ann.chat_id}/notes", {"text": evil})
    expect(page.locator(".notes")).to_contain_text(evil)
    assert page.evaluate("window.hit") is None
    assert page.locator("main img, main script, main b, [onerror]").count() == 0
    hrefs = page.locator("main a").evaluate_all("links => links.map(link => link.protocol)")
    assert set(hrefs) <= {"http:", "https:"}
    assert not watch.errors


def test_second_login_is_not_shown_the_first_one_s_drafts(stand: ConsoleStand, page: Page) -> None:
    """Signing out forgets drafts and unsent messages of this tab."""
    stand.customer("Ann")
    anna = sign_in(stand, page, "Anna")
    anna.accept("Ann")
    anna.composer.fill("not for other eyes")
    page.locator(".me").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Name", exact=True)).to_be_visible()
    assert "not for other eyes" not in page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
