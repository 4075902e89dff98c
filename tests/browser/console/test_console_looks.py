"""How the console looks: every state in both themes without accessibility faults, phones, pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser.console.console_stand import Console, ConsoleStand, Desks, console_stand, sign_in
from playwright.sync_api import Browser, Page, expect
from support import npm
from support.gateway import ROOT
from support.waiting import eventually

pytestmark = pytest.mark.browser

JS = ROOT / "tests" / "js"
SCREENSHOTS = ROOT / "docs" / "screenshots"
THEMES = ("light", "dark")
PHONE = {"width": 390, "height": 844}
RUN_AXE = """() => axe.run(document, {resultTypes: ["violations"]}).then(({violations}) =>
  violations.map(({id, nodes}) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`))"""


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    return (npm.packages(JS) / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleStand]:
    """A gateway on which something of everything happens: Anna's chats, waiting customers, advice, a past."""
    with console_stand(tmp_path_factory.mktemp("busy")) as stand:
        stand.person("Anna", endpoints=["Environment:default"])
        for name, role in (("Anna", "agent"), ("Bert", "agent"), ("Sara", "supervisor")):
            stand.token(name, role)
        populate(stand)
        yield stand


def populate(stand: ConsoleStand) -> None:
    """Two chats of Anna, one of Bert, two customers who wait, canned replies, a chat that has ended."""
    replies = (
        ("hello", "Hello {name}, how can I help you?"),
        ("moment", "One moment please, I look it up."),
        ("tracking", "Order {orderId} is on its way; the parcel service sends the time of delivery."),
        ("bye", "Goodbye {name}, have a nice day!"),
    )
    for shortcut, text in replies:
        stand.call("Sara", "POST", "/canned-replies", {"shortcut": shortcut, "text": text, "shared": True})
    address = "jan@shop.example"
    past = stand.customer("Jan Novak", emailAddress=address, subject="Invoice of September")
    stand.call("Anna", "POST", f"/chats/{past.chat_id}/accept")
    past.send("The invoice of September has the wrong address.")
    stand.call("Anna", "POST", f"/chats/{past.chat_id}/messages", {"text": "I have corrected the invoice."})
    stand.call("Anna", "POST", f"/chats/{past.chat_id}/close")
    path = "/transcripts?text=invoice"
    eventually(lambda: stand.call("Anna", "GET", path)["items"], timeout=20, what="the chat is found")
    data = {"userData[orderId]": "4711", "userData[tier]": "gold", "userData[page]": "/orders/4711"}
    jan = stand.customer("Jan Novak", emailAddress=address, subject="Where is my order?", **data)
    chat = f"/chats/{jan.chat_id}"
    stand.call("Anna", "POST", f"{chat}/accept")
    jan.send("My order 4711 has not arrived. Can you check where it is?")
    stand.call("Anna", "POST", f"{chat}/messages", {"text": "Of course. Here is the shipment status:"})
    stand.call("Anna", "POST", f"{chat}/push-url", {"url": "https://shop.example/track/4711"})
    stand.call("Anna", "POST", f"{chat}/notes", {"text": "Refund promised if not found by Friday."})
    stand.call("Anna", "POST", f"{chat}/consult", {"agent": "Bert", "note": "Do we refund this?"})
    stand.call("Bert", "POST", f"{chat}/accept")
    stand.call("Bert", "POST", f"{chat}/whispers", {"text": "The parcel is lost. You may offer a refund."})
    lee = stand.customer("Lee Chen", service="hurried", subject="Return")
    stand.call("Anna", "POST", f"/chats/{lee.chat_id}/accept")
    lee.send("Hello?")
    lee.send("I would like to return the blue one.")
    mia = stand.customer("Mia Roth", subject="Change of address")
    stand.call("Bert", "POST", f"/chats/{mia.chat_id}/accept")
    # Nobody who is ready serves this queue, so these two go on waiting.
    stand.customer("Maria Lopez", subject="Billing question about invoice 2026-11", service="billing")
    stand.customer("Sam", service="billing")
    stand.call("Anna", "PUT", "/duty", {"ready": True})


def audit(page: Page, axe: str) -> None:
    """No violation of any rule of axe, best practices included, in either theme."""
    page.evaluate(axe)
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is (theme == "dark")
        assert page.evaluate(RUN_AXE) == [], theme


# Each makes its state in a console of Anna, from the list of chats; waits until it is there.


def nothing_open(console: Console) -> None:
    expect(console.page.get_by_text("No chat is open")).to_be_visible()


def chat_open(console: Console) -> None:
    console.open("Jan Novak")
    expect(console.log).to_contain_text("You may offer a refund")
    expect(console.page.get_by_role("link", name="Invoice of September")).to_be_visible()


def offered(console: Console) -> None:
    if console.offered.is_hidden():
        chats = console.stand.call("Bert", "GET", "/chats?state=mine")["items"]
        chat = next(chat for chat in chats if chat["nickname"] == "Mia Roth")
        body = {"agent": "Anna", "note": "She moves to Graz, you know the forms"}
        console.stand.call("Bert", "POST", f"/chats/{chat['chatId']}/transfer", body)
    expect(console.offered).to_contain_text("Bert hands it over: She moves to Graz")


def overdue(console: Console) -> None:
    expect(console.item("Lee Chen").locator(".tag")).to_have_text("reply overdue")


def canned(console: Console) -> None:
    chat_open(console)
    console.composer.fill("/")
    expect(console.page.get_by_role("option")).to_have_count(4)


def agents_only(console: Console) -> None:
    chat_open(console)
    console.page.get_by_role("button", name="Agents only").click()
    console.composer.fill("Thank you, I will offer it")


def preview(console: Console) -> None:
    console.open("Maria Lopez")
    expect(console.page.locator(".question")).to_be_visible()


def transfer(console: Console) -> None:
    console.open("Jan Novak")
    console.act("Transfer")
    expect(console.page.get_by_role("dialog").get_by_label("To")).to_be_visible()


def advice(console: Console) -> None:
    console.open("Lee Chen")
    console.act("Ask advice")
    expect(console.page.get_by_role("dialog").get_by_label("Whom")).to_be_visible()


def ending(console: Console) -> None:
    console.open("Jan Novak")
    console.act("End")
    expect(console.page.get_by_label("How did it end? (optional)")).to_be_visible()


def web_page(console: Console) -> None:
    console.open("Lee Chen")
    console.page.get_by_role("button", name="Offer a web page").click()
    console.page.get_by_role("dialog").get_by_role("button", name="Offer").click()
    expect(console.page.get_by_role("dialog").get_by_role("alert")).to_be_visible()


def shortcut_list(console: Console) -> None:
    console.page.get_by_role("button", name="Shortcuts").click()
    expect(console.page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()


def own_menu(console: Console) -> None:
    console.page.locator(".me").click()
    expect(console.page.get_by_label("Sound for offers")).to_be_visible()


def reply_list(console: Console) -> None:
    own_menu(console)
    console.page.get_by_role("button", name="Canned replies").click()
    expect(console.page.get_by_role("dialog")).to_contain_text("/hello")
    console.page.get_by_role("button", name="New reply").click()


def search(console: Console) -> None:
    console.page.goto(f"{console.stand.url}#/search?customer=jan")
    console.page.locator(".results a").last.click()
    expect(console.log).to_contain_text("wrong address")


def search_without_result(console: Console) -> None:
    console.page.goto(f"{console.stand.url}#/search?text=nothing")
    expect(console.page.get_by_text("No chat fits")).to_be_visible()


def failed_message(console: Console) -> None:
    console.open("Jan Novak")
    console.page.get_by_role("button", name="Reply", exact=True).click()
    console.page.route("**/messages", lambda route: route.abort())
    console.composer.fill("Is it there now?")
    console.composer.press("Enter")
    expect(console.log.get_by_role("alert")).to_be_visible()


def unreachable(console: Console) -> None:
    console.open("Jan Novak")
    console.page.route("**/agent/v1/**", lambda route: route.abort())
    console.page.evaluate("dispatchEvent(new Event('online'))")
    expect(console.page.locator(".banner")).to_be_visible(timeout=30_000)


def gone(console: Console) -> None:
    console.page.goto(f"{console.stand.url}#/chats/nothing")
    expect(console.page.get_by_text("This chat cannot be opened")).to_be_visible()


STATES: tuple[Callable[[Console], None], ...] = (
    nothing_open,
    offered,
    overdue,
    chat_open,
    canned,
    agents_only,
    preview,
    transfer,
    advice,
    ending,
    web_page,
    shortcut_list,
    own_menu,
    reply_list,
    search,
    search_without_result,
    failed_message,
    unreachable,
    gone,
)


@pytest.mark.npm
def test_axe_every_state(busy: ConsoleStand, browser: Browser, axe: str) -> None:
    """Zero violations in every state of the agent's views, in both themes."""
    desks = Desks(busy, browser)
    page = desks.page()
    page.goto(busy.url)
    audit(page, axe)
    console = sign_in(busy, page, "Anna")
    for state in STATES:
        page.unroute_all()
        page.goto(f"{busy.url}#/chats/")
        page.reload()
        expect(console.item("Jan Novak")).to_be_visible()
        state(console)
        audit(page, axe)
    desks.close()


@pytest.mark.npm
def test_axe_supervisor_and_phone(busy: ConsoleStand, browser: Browser, axe: str) -> None:
    """Zero violations in the team view, while watching, and in each column on a phone."""
    desks = Desks(busy, browser)
    sara = desks("Sara", "supervisor")
    sara.page.goto(f"{busy.url}#/team")
    expect(sara.page.get_by_role("table", name="Open chats")).to_contain_text("Mia Roth")
    audit(sara.page, axe)
    sara.page.get_by_role("button", name="Watch Mia Roth").click()
    expect(sara.heading).to_have_text("Mia Roth")
    audit(sara.page, axe)
    sara.act("Stop watching")
    anna = desks("Anna", viewport=PHONE, has_touch=True, is_mobile=True)
    audit(anna.page, axe)
    anna.open("Jan Novak")
    audit(anna.page, axe)
    anna.page.get_by_role("button", name="Customer", exact=True).click()
    expect(anna.page.get_by_role("complementary", name="Customer")).to_be_visible()
    audit(anna.page, axe)
    desks.close()


@pytest.mark.parametrize("size", [PHONE, {"width": 320, "height": 640}, {"width": 640, "height": 400}])
def test_narrow_screens(busy: ConsoleStand, browser: Browser, size: dict[str, int]) -> None:
    """Nothing is wider than the screen, also at 320 px and at 200 % zoom; one column at a time."""
    desks = Desks(busy, browser)
    anna = desks("Anna", viewport=size)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert anna.page.evaluate(fits)
    anna.open("Jan Novak")
    expect(anna.page.locator("nav.lists")).to_be_hidden()
    expect(anna.composer).to_be_in_viewport()
    assert anna.page.evaluate(fits)
    anna.page.get_by_role("button", name="Customer", exact=True).click()
    expect(anna.page.get_by_text("jan@shop.example")).to_be_visible()
    assert anna.page.evaluate(fits)
    anna.page.get_by_role("button", name="‹ Conversation").click()
    anna.page.get_by_role("button", name="Back to the chats").click()
    expect(anna.item("Jan Novak")).to_be_visible()
    anna.page.goto(f"{busy.url}#/search?customer=jan")
    expect(anna.page.locator(".results a").first).to_be_visible()
    assert anna.page.evaluate(fits)
    desks.close()


def test_keyboard_reaches_everything(busy: ConsoleStand, browser: Browser) -> None:
    """With Tab alone one gets from the first control to the last; the focus is never lost."""
    desks = Desks(busy, browser)
    anna = desks("Anna")
    anna.open("Jan Novak")
    anna.page.reload()
    expect(anna.composer).to_be_visible()
    anna.page.keyboard.press("Tab")
    expect(anna.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    reached = set()
    for _ in range(60):
        anna.page.keyboard.press("Tab")
        tag = anna.page.evaluate("document.activeElement.tagName")
        if tag == "BODY":  # the end of the page
            break
        reached.add(
            anna.page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel || ''")
        )
    for name in ("Transfer", "End", "Send", "Send a file", "Agents only", "Add note"):
        assert name in reached
    desks.close()


# --- pictures -------------------------------------------------------------------------------------

PICTURES: dict[str, Callable[[Console], None]] = {
    "chats": lambda console: (overdue(console), offered(console), chat_open(console))[-1],
    "transfer": transfer,
    "canned": canned,
    "agents-only": agents_only,
    "search": search,
    "unreachable": unreachable,
}


def test_screenshots(busy: ConsoleStand, browser: Browser) -> None:
    """The pictures of docs/console.md; written when UPDATE_SCREENSHOTS=1."""
    if os.environ.get("UPDATE_SCREENSHOTS") != "1":
        return
    desks = Desks(busy, browser)
    for theme in THEMES:
        page = desks.page(color_scheme=theme)
        page.goto(busy.url)
        save(page, f"console-login-{theme}")
        console = sign_in(busy, page, "Anna")
        for name, state in PICTURES.items():
            page.unroute_all()
            page.goto(f"{busy.url}#/chats/")
            page.reload()
            expect(console.item("Jan Novak")).to_be_visible()
            state(console)
            save(page, f"console-{name}-{theme}")
        sara = desks("Sara", "supervisor", color_scheme=theme)
        sara.page.goto(f"{busy.url}#/team")
        expect(sara.page.get_by_role("table", name="Open chats")).to_contain_text("Mia Roth")
        save(sara.page, f"console-team-{theme}")
        phone = desks("Anna", color_scheme=theme, viewport=PHONE, has_touch=True, is_mobile=True)
        overdue(phone)
        save(phone.page, f"console-phone-list-{theme}")
        phone.open("Jan Novak")
        expect(phone.log).to_contain_text("You may offer a refund")
        save(phone.page, f"console-phone-chat-{theme}")
        phone.page.get_by_role("button", name="Customer", exact=True).click()
        save(phone.page, f"console-phone-customer-{theme}")
    desks.close()


def save(page: Page, name: str) -> None:
    """A picture without a caret, when nothing moves any more."""
    page.wait_for_timeout(400)
    page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", animations="disabled")
