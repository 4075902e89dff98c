"""The agent's work in the console: taking chats, many at once, words, handing over (design/ui.md 9)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from browser.console.console_stand import ConsoleStand, Desks, sign_in
from playwright.sync_api import Page, expect
from support.browser import Watch
from support.clients import WebSocket
from support.waiting import eventually

pytestmark = pytest.mark.browser


class Tapped(WebSocket):
    """A customer over a websocket; `wire` is every frame that came, as text."""

    def __init__(self, ws_url: str, service: str) -> None:
        self.wire: list[str] = []
        super().__init__(ws_url, service)

    def frame(self, timeout_s: float) -> list[dict[str, Any]]:
        messages = super().frame(timeout_s)
        self.wire.append(json.dumps(messages))
        return messages

    def hears(self, text: str) -> bool:
        """Whether a frame with this text has come, after another look."""
        self.poll(1)
        return any(text in frame for frame in self.wire)


# --- taking chats ---------------------------------------------------------------------------------


def test_queue_is_oldest_first_with_running_times(stand: ConsoleStand, desks: Desks) -> None:
    """Who came first is on top, each with a time that grows by itself and a word beside the colour."""
    for name in ("First", "Second", "Third"):
        stand.customer(name, subject=f"Question of {name}")
    anna = desks("Anna")
    expect(anna.waiting.locator(".who")).to_have_text(["First", "Second", "Third"])
    expect(anna.waiting.get_by_role("heading")).to_have_text("Waiting (3)")
    pill = anna.item("First").locator(".wait")
    before = pill.inner_text()
    expect(pill).not_to_have_text(before)
    expect(anna.item("First").locator(".tag")).to_have_text("waiting")
    expect(anna.item("Second")).to_contain_text("Question of Second")


def test_long_waits_have_words(stand: ConsoleStand, page: Page) -> None:
    """After a minute the wait is long, after three it is too long: colour, sign and word."""
    stand.customer("Patience")
    # Without live events the page believes its own clock, which the test moves.
    page.route_web_socket("**/cometd", lambda socket: socket.close())
    page.route("**/cometd", lambda route: route.abort())
    page.clock.install()
    anna = sign_in(stand, page, "Anna")
    for step, word, kind in (("01:10", "long wait", "soon"), ("02:10", "too long", "late")):
        page.clock.fast_forward(step)
        expect(anna.item("Patience").locator(".tag")).to_have_text(word)
        expect(anna.item("Patience").locator(f".wait.{kind}")).to_contain_text("!")


def test_new_customers_appear_and_leave_by_themselves(stand: ConsoleStand, desks: Desks) -> None:
    """Live events bring a chat that begins to wait and take away one that another agent has accepted."""
    anna = desks("Anna")
    anna.live()
    sam = stand.customer("Sam")
    expect(anna.item("Sam")).to_be_visible()
    stand.token("Bert")
    stand.call("Bert", "POST", f"/chats/{sam.chat_id}/accept")
    expect(anna.item("Sam")).to_have_count(0)


def test_accept_race(stand: ConsoleStand, desks: Desks) -> None:
    """Two agents press Accept for the same chat: one has it, the other is told by whom it was taken."""
    stand.customer("Wanted")
    anna, bert = desks("Anna"), desks("Bert")
    for console in (anna, bert):
        expect(console.item("Wanted")).to_be_visible()
    # Bert's page hears nothing any more, so it still shows the chat when Anna has it.
    bert.page.route("**/agent/v1/chats?*", lambda route: route.abort())
    bert.page.evaluate("document.querySelector('nav.lists .accept').dataset.kept = 'yes'")
    button = bert.page.locator("nav.lists .accept")
    press = button.element_handle()
    assert press is not None
    anna.accept("Wanted")
    press.evaluate("button => button.click()")
    expect(bert.toast).to_contain_text("Anna was faster and has the chat of Wanted.")
    bert.page.unroute("**/agent/v1/chats?*")
    expect(bert.item("Wanted")).to_have_count(0)
    expect(anna.mine.locator(".who")).to_have_text(["Wanted"])


def test_ready_offer_accept_and_reject(stand: ConsoleStand, desks: Desks) -> None:
    """A ready agent is offered what waits, with the time left; refused it waits on, accepted it opens."""
    anna = desks("Anna")
    anna.live()
    anna.page.get_by_role("button", name="Not ready").click()
    expect(anna.page.get_by_role("button", name="● Ready")).to_have_attribute("aria-pressed", "true")
    stand.customer("Ann")
    expect(anna.offered).to_contain_text("from the queue")
    expect(anna.offered.locator(".wait")).to_contain_text("0:5")
    anna.page.get_by_role("button", name="Reject Ann").click()
    expect(anna.offered).to_be_hidden()
    expect(anna.waiting.locator(".who")).to_have_text(["Ann"])
    stand.customer("Ben")
    anna.page.get_by_role("button", name="Accept Ben").click()
    expect(anna.heading).to_have_text("Ben")
    expect(anna.composer).to_be_focused()
    expect(anna.page.locator(".load")).to_have_text("1 of 4 chats")


def test_capacity_and_auto_accept(stand: ConsoleStand, desks: Desks) -> None:
    """An account that accepts by itself is given chats up to its capacity without being asked."""
    stand.person("Otto", autoAccept=True, capacity=1)
    otto = desks("Otto")
    otto.live()
    otto.page.get_by_role("button", name="Not ready").click()
    for name in ("One", "Two"):
        stand.customer(name)
    expect(otto.mine.locator(".who")).to_have_text(["One"])
    expect(otto.waiting.locator(".who")).to_have_text(["Two"])
    expect(otto.page.locator(".load.full")).to_have_text("1 of 1 chats")


# --- many chats -----------------------------------------------------------------------------------


def test_multi_chat_drafts(stand: ConsoleStand, desks: Desks) -> None:
    """Drafts, unread counts and typing stay with their chat; opening it reads it."""
    first, second = stand.customer("First"), stand.customer("Second")
    anna = desks("Anna")
    anna.live()
    for name in ("First", "Second"):
        anna.accept(name)
    anna.composer.fill("half a thought for Second")
    anna.open("First")
    expect(anna.composer).to_have_value("")
    anna.composer.fill("another for First")
    for text in ("one", "two"):
        second.send(text)
    expect(anna.item("Second").locator(".badge")).to_have_text("2 new")
    expect(anna.item("Second").locator(".line")).to_have_text("two")
    expect(anna.item("First").locator(".badge")).to_be_hidden()
    assert anna.page.title().startswith("(2) ")
    first.call("startTyping", message="I wanted to")
    expect(anna.item("First").locator(".line")).to_have_text("is typing: “I wanted to”")
    anna.open("Second")
    expect(anna.composer).to_have_value("half a thought for Second")
    expect(anna.item("Second").locator(".badge")).to_be_hidden()
    anna.page.keyboard.press("Alt+k")
    expect(anna.composer).to_have_value("another for First")


def test_conversation_both_ways_with_read_marks(stand: ConsoleStand, page: Page, watch: Watch) -> None:
    """Both sides see the same words in the same order; Sent becomes Read; nothing foreign is asked."""
    ann = stand.customer("Ann")
    anna = sign_in(stand, page, "Anna")
    anna.live()
    anna.accept("Ann")
    for number in range(5):
        ann.send(f"question {number}")
        anna.sees(f"question {number}")
        anna.say(f"answer {number}")
    expected = [f"{kind} {number}" for number in range(5) for kind in ("question", "answer")]
    assert expected == [event["text"] for event in ann.events() if event["type"] == "Message"]
    expect(anna.log.locator(".bubble")).to_have_text(expected)
    last = anna.log.locator("li.own").last
    ann.call("readReceipt", transcriptPosition=ann.events()[-1]["index"])
    expect(last).to_contain_text("Read")
    assert not watch.errors
    assert watch.hosts == {f"127.0.0.1:{stand.gateway.port}"}


def test_typing_and_preview(stand: ConsoleStand, desks: Desks) -> None:
    """The agent sees the draft until it is sent; the customer sees that the agent types, told once."""
    ann = stand.customer("Ann")
    anna = desks("Anna")
    anna.live()
    anna.accept("Ann")
    told: list[str] = []
    anna.page.on("request", lambda request: told.append(request.url))
    preview = anna.page.locator(".typing")
    ann.call("startTyping", message="Where is my")
    expect(preview).to_have_text("Ann is typing: “Where is my”")
    ann.send("Where is my order?")
    expect(preview).to_be_hidden()
    ann.call("startTyping", message="Hello?")
    expect(preview).to_contain_text("Hello?")
    ann.call("stopTyping")
    expect(preview).to_be_hidden()
    anna.composer.press_sequentially("Let me look", delay=20)
    eventually(lambda: any(event["type"] == "TypingStarted" for event in ann.events()), what="typing is told")
    assert len([url for url in told if url.endswith("/typing")]) == 1
    anna.composer.press("Enter")
    eventually(lambda: ann.events()[-1]["type"] in ("Message", "TypingStopped"), what="sent")
    texts = [event.get("text") for event in ann.events() if event["from"]["nickname"] == "Anna"]
    assert "Let me loo" not in texts


def test_pending_levels(stand: ConsoleStand, desks: Desks) -> None:
    """A customer without an answer: first calm, then due, then overdue, each in words; an answer ends it."""
    ann = stand.customer("Ann", service="hurried")
    anna = desks("Anna")
    anna.live()
    anna.accept("Ann")
    anna.page.goto(f"{stand.url}#/chats/")
    ann.send("Hello?")
    tag = anna.item("Ann").locator(".tag")
    for word in ("waits for a reply", "reply due", "reply overdue"):
        expect(tag).to_have_text(word)
    expect(anna.item("Ann").locator(".wait.late")).to_contain_text("!!")
    anna.open("Ann")
    expect(anna.page.locator(".pane-head .wait")).to_contain_text("reply overdue")
    anna.say("Here I am")
    expect(tag).not_to_have_text("reply overdue")
    expect(anna.page.locator(".pane-head .wait")).to_be_hidden()


# --- words that are kept --------------------------------------------------------------------------


def test_canned(stand: ConsoleStand, desks: Desks) -> None:
    """`/` opens own and shared replies, keys choose, placeholders are filled, unknown ones stay."""
    ann = stand.customer("Ann", **{"userData[orderId]": "4711"})
    stand.token("Sara", "supervisor")
    for shortcut, text, more in (
        ("hello", "Hello {name}, I am {agent}.", {"shared": True}),
        ("order", "Order {orderId} is on its way, {unknown}.", {"shared": True, "service": "support"}),
        ("elsewhere", "Not here", {"shared": True, "service": "billing"}),
    ):
        stand.call("Sara", "POST", "/canned-replies", {"shortcut": shortcut, "text": text, **more})
    anna = desks("Anna")
    anna.accept("Ann")
    anna.page.locator(".me").click()
    anna.page.get_by_role("button", name="Canned replies").click()
    anna.page.get_by_role("button", name="New reply").click()
    anna.page.get_by_label("Shortcut, one word").fill("bye")
    anna.page.get_by_label("Text", exact=True).fill("Goodbye {name}")
    anna.page.get_by_role("button", name="Save").click()
    expect(anna.page.locator("dialog")).to_contain_text("/bye own")
    anna.page.keyboard.press("Escape")
    anna.composer.press_sequentially("/")
    options = anna.page.get_by_role("option")
    expect(options).to_have_count(3)
    expect(anna.page.get_by_role("listbox", name="Canned replies")).to_be_visible()
    expect(anna.page.locator("#said")).to_have_text("3 canned replies")
    anna.composer.press_sequentially("or")
    expect(options.first).to_contain_text("/order")
    expect(anna.composer).to_have_attribute("aria-activedescendant", "canned-0")
    anna.composer.press("Enter")
    expect(anna.composer).to_have_value("Order 4711 is on its way, {unknown}.")
    anna.composer.fill("/")
    expect(options).to_have_count(3)
    anna.composer.press("ArrowDown")
    anna.composer.press("ArrowDown")
    anna.composer.press("Enter")
    # The third by shortcut: bye, hello, order.
    expect(anna.composer).to_have_value("Order 4711 is on its way, {unknown}.")
    anna.composer.fill("/hel")
    anna.composer.press("Tab")
    anna.composer.press("Enter")
    anna.sees("Hello Ann, I am Anna.")
    anna.composer.fill("/")
    anna.composer.press("Escape")
    expect(anna.page.get_by_role("listbox")).to_be_hidden()

    def said() -> list[str]:
        return [event["text"] for event in ann.events() if event["type"] == "Message"]

    eventually(said, what="the reply")
    assert said() == ["Hello Ann, I am Anna."]


# --- handing over ---------------------------------------------------------------------------------


def test_transfer_to_an_agent(stand: ConsoleStand, desks: Desks) -> None:
    """The other is asked with the note, has the chat when it accepts, and only then the first one has not."""
    ann = stand.customer("Ann")
    anna, bert = desks("Anna"), desks("Bert")
    for console in (anna, bert):
        console.live()
    anna.accept("Ann")
    anna.act("Transfer")
    dialog = anna.page.get_by_role("dialog")
    dialog.get_by_label("To").select_option("agent Bert")
    dialog.get_by_label("Note for whoever is next").fill("She asks about order 4711")
    dialog.get_by_role("button", name="Transfer").click()
    expect(anna.page.get_by_role("button", name="Stop asking Bert")).to_be_visible()
    expect(bert.offered).to_contain_text("Anna hands it over: She asks about order 4711")
    expect(anna.mine.locator(".who")).to_have_text(["Ann"])
    bert.page.get_by_role("button", name="Accept Ann").click()
    expect(bert.heading).to_have_text("Ann")
    expect(bert.page.locator(".handover")).to_contain_text("She asks about order 4711")
    expect(anna.toast).to_contain_text("Bert has")
    expect(anna.mine.locator(".who")).to_have_count(0)
    bert.say("Hello, Bert here")
    assert "She asks" not in json.dumps(ann.events())


def test_transfer_refused_and_withdrawn(stand: ConsoleStand, desks: Desks) -> None:
    """Refused, the chat stays and the first agent is told; an offer can be taken back."""
    stand.customer("Ann")
    anna, bert = desks("Anna"), desks("Bert")
    for console in (anna, bert):
        console.live()
    anna.accept("Ann")

    def ask() -> None:
        anna.act("Transfer")
        anna.page.get_by_role("dialog").get_by_label("To").select_option("agent Bert")
        anna.page.get_by_role("dialog").get_by_role("button", name="Transfer").click()

    ask()
    bert.page.get_by_role("button", name="Reject Ann").click()
    expect(anna.toast).to_contain_text("Bert does not come to take over the chat of Ann.")
    expect(anna.page.get_by_role("button", name="Stop asking Bert")).to_have_count(0)
    ask()
    expect(bert.offered).to_be_visible()
    anna.act("Stop asking Bert")
    expect(bert.offered).to_be_hidden()
    anna.say("Still me")


def test_transfer_to_a_queue(stand: ConsoleStand, desks: Desks) -> None:
    """To a queue the chat goes at once: it waits again, with the note for whoever takes it."""
    stand.customer("Ann")
    anna = desks("Anna")
    anna.live()
    anna.accept("Ann")
    anna.act("Transfer")
    dialog = anna.page.get_by_role("dialog")
    queues = dialog.locator("optgroup[label=Queues] option")
    expect(queues.first).to_be_attached()
    dialog.get_by_label("To").select_option(queues.first.get_attribute("value"))
    dialog.get_by_label("Note for whoever is next").fill("Needs somebody who knows invoices")
    dialog.get_by_role("button", name="Transfer").click()
    expect(anna.waiting.locator(".who")).to_have_text(["Ann"])
    expect(anna.mine.locator(".who")).to_have_count(0)
    anna.open("Ann")
    expect(anna.page.locator(".handover")).to_contain_text("Needs somebody who knows invoices")


def test_consult_is_private(stand: ConsoleStand, desks: Desks) -> None:
    """Nothing of an advice is in any frame of the customer's websocket; replies are."""
    customer = Tapped(stand.gateway.ws_url, "support")
    customer.handshake()
    chat = customer.request_chat(nickname="Ann")
    anna, bert = desks("Anna"), desks("Bert")
    for console in (anna, bert):
        console.live()
    anna.accept("Ann")
    anna.act("Ask advice")
    dialog = anna.page.get_by_role("dialog")
    dialog.get_by_label("Whom").select_option("Bert")
    dialog.get_by_label("What is it about?").fill("secret question")
    dialog.get_by_role("button", name="Ask", exact=True).click()
    expect(bert.offered).to_contain_text("Anna asks for advice: secret question")
    bert.page.get_by_role("button", name="Accept Ann").click()
    expect(bert.heading).to_have_text("Ann")
    # Bert can speak to agents only.
    expect(bert.page.get_by_role("button", name="Reply", exact=True)).to_be_disabled()
    bert.composer.fill("secret advice")
    bert.composer.press("Control+Enter")
    secret = anna.log.locator("li.agents-only", has_text="secret advice")
    expect(secret).to_contain_text("Agents only")
    anna.page.keyboard.press("Alt+p")
    expect(anna.page.get_by_role("button", name="Agents only")).to_have_attribute("aria-pressed", "true")
    anna.composer.fill("secret thanks")
    anna.composer.press("Enter")
    expect(anna.log.locator("li.agents-only", has_text="secret thanks")).to_have_count(0)
    anna.composer.press("Control+Enter")
    expect(anna.log.locator("li.agents-only", has_text="secret thanks")).to_be_visible()
    anna.page.keyboard.press("Alt+p")
    anna.say("public answer")
    eventually(lambda: customer.hears("public answer"), what="the reply on the customer's wire")
    bert.act("Stop advising")
    expect(anna.log).to_contain_text("Bert left (the customer does not see it)")
    anna.say("public end")
    eventually(lambda: customer.hears("public end"), what="the last reply on the customer's wire")
    wire = "".join(customer.wire)
    assert "secret" not in wire
    assert "Bert" not in wire
    assert chat["chatId"] in wire


def test_end_with_outcome(stand: ConsoleStand, desks: Desks) -> None:
    """Ending asks first and keeps how it ended; the customer's chat is over and the list is empty."""
    ann = stand.customer("Ann")
    anna = desks("Anna")
    anna.accept("Ann")
    anna.page.keyboard.press("Alt+e")
    dialog = anna.page.get_by_role("dialog")
    dialog.get_by_label("How did it end? (optional)").select_option("solved")
    dialog.get_by_label("Comment").fill("a new parcel was sent")
    dialog.get_by_role("button", name="End chat").click()
    expect(anna.mine.locator(".who")).to_have_count(0)
    stand.token("Anna")
    chat = stand.call("Anna", "GET", f"/chats/{ann.chat_id}")
    assert ("ended", "solved", "a new parcel was sent") == (
        chat["state"],
        chat["disposition"]["code"],
        chat["disposition"]["comment"],
    )
    assert ann.call("refresh", transcriptPosition=1)["chatEnded"]


def test_customer_leaves_first(stand: ConsoleStand, desks: Desks) -> None:
    """A chat whose customer has gone stays until the agent has finished it."""
    ann = stand.customer("Ann")
    anna = desks("Anna")
    anna.live()
    anna.accept("Ann")
    ann.call("disconnect")
    expect(anna.item("Ann").locator(".tag")).to_have_text("the customer has left")
    anna.page.get_by_role("button", name="Finish …").click()
    anna.page.get_by_role("dialog").get_by_role("button", name="Finish", exact=True).click()
    expect(anna.mine.locator(".who")).to_have_count(0)


def test_preview_before_accepting(stand: ConsoleStand, desks: Desks) -> None:
    """A waiting chat can be read before it is taken, also what is said meanwhile; then it is answered."""
    ann = stand.customer("Ann")
    ann.send("Is anybody there?")
    anna = desks("Anna")
    anna.open("Ann")
    anna.sees("Is anybody there?")
    ann.send("Hello?")
    anna.sees("Hello?")
    anna.page.locator(".question").get_by_role("button", name="Accept").click()
    expect(anna.composer).to_be_focused()
    anna.say("I am here")
