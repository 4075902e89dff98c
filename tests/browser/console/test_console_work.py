"""Around the conversation: signing in, the customer's panel, files, search, supervision, keys, alerts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import requests
from browser.console.console_stand import PASSWORD, ConsoleStand, Desks, sign_in
from playwright.sync_api import Page, expect
from support.browser import Watch
from support.waiting import eventually

pytestmark = pytest.mark.browser

PICTURE = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89" + bytes(200)


# --- signing in -----------------------------------------------------------------------------------


def test_login_with_name_and_password(stand: ConsoleStand, page: Page, watch: Watch) -> None:
    """A wrong password is refused in words; the right one counts until signing out, a reload too."""
    stand.person("Anna")
    page.goto(stand.url)
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.get_by_label("Name", exact=True).fill("Anna")
    page.get_by_label("Password", exact=True).fill("a guess")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("Unknown name or wrong password.")
    watch.errors.clear()  # the browser logs the refused request
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".me")).to_have_text("Anna")
    assert not [cookie for cookie in page.context.cookies() if not cookie["httpOnly"]]
    assert "correct horse" not in page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    page.reload()
    expect(page.locator(".me")).to_have_text("Anna")
    page.locator(".me").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Name", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_label("Name", exact=True)).to_be_visible()
    assert not watch.errors


def test_login_with_a_token(stand: ConsoleStand, page: Page) -> None:
    """A token works as a password does; it is in no address, and a revoked one leads back to the form."""
    token = stand.token("Tom")
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    page.goto(stand.url)
    page.get_by_label("Token", exact=True).first.check()
    page.get_by_role("textbox", name="Token").fill("nonsense")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The token is unknown or revoked.")
    page.get_by_role("textbox", name="Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".me")).to_have_text("Tom")
    expect(page.locator("html[data-link=live]")).to_have_count(1)
    page.reload()
    expect(page.locator(".me")).to_have_text("Tom")
    listed = stand.gateway.cli("token", "list")
    mine = next(line.split()[0] for line in listed.splitlines() if "Tom" in line)
    stand.gateway.cli("token", "revoke", mine)
    del stand.tokens["Tom"]
    expect(page.get_by_text("Your login has ended.")).to_be_visible(timeout=40_000)
    assert not any(token in url for url in urls)


def test_a_bot_has_no_console(stand: ConsoleStand, page: Page) -> None:
    """The console is for people."""
    page.goto(stand.url)
    page.get_by_label("Token", exact=True).first.check()
    page.get_by_role("textbox", name="Token").fill(stand.gateway.token("bot", "Robot"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("the console is for people")


def test_sign_in_keeps_the_address(stand: ConsoleStand, page: Page) -> None:
    """Whoever has to sign in first is led to the view that was asked for."""
    anna = sign_in(stand, page, "Anna", hash_="#/search?text=parcel")
    expect(anna.page.get_by_label("Words of a message")).to_have_value("parcel")


# --- the customer ---------------------------------------------------------------------------------


def test_panel(stand: ConsoleStand, desks: Desks) -> None:
    """Data of the chat is shown, notes are written, changed and deleted, the outcome is kept."""
    ann = stand.customer(
        "Ann", emailAddress="ann@shop.example", subject="Parcel", **{"userData[orderId]": "4711"}
    )
    anna = desks("Anna")
    anna.live()
    anna.accept("Ann")
    panel = anna.page.get_by_role("complementary", name="Customer")
    for name, value in (
        ("Name", "Ann"),
        ("Email", "ann@shop.example"),
        ("Subject", "Parcel"),
        ("orderId", "4711"),
    ):
        row = panel.locator(".facts > div").filter(has=anna.page.locator("dt", has_text=name)).first
        expect(row.locator("dd")).to_have_text(value)
    expect(panel.locator(".facts input")).to_have_count(0)
    panel.get_by_label("New note").fill("Refund promised")
    panel.get_by_role("button", name="Add note").click()
    expect(panel.locator(".notes li")).to_contain_text("Refund promised")
    expect(panel.get_by_label("New note")).to_have_value("")
    panel.get_by_role("button", name="Change the note of Anna").click()
    panel.get_by_label("Change the note", exact=True).fill("Refund promised by Friday")
    panel.get_by_role("button", name="Save").click()
    expect(panel.locator(".notes li")).to_contain_text("Refund promised by Friday")
    panel.get_by_role("button", name="Say the outcome").click()
    panel.get_by_label("How did it end?").select_option("call back")
    panel.get_by_role("button", name="Save").click()
    expect(panel).to_contain_text("call back (Anna)")
    ann.call("updateData", **{"userData[tier]": "gold"})
    expect(panel).to_contain_text("gold")
    panel.get_by_role("button", name="Delete the note of Anna").click()
    expect(panel.locator(".notes li")).to_have_count(0)


def test_history_of_the_same_customer(stand: ConsoleStand, desks: Desks) -> None:
    """An earlier chat of the same address is listed and opens."""
    before = stand.customer("Ann", emailAddress="ann@again.example", subject="The first time")
    stand.token("Anna")
    stand.call("Anna", "POST", f"/chats/{before.chat_id}/accept")
    before.send("my first question")
    stand.call("Anna", "POST", f"/chats/{before.chat_id}/close")
    now = stand.customer("Ann", emailAddress="ann@again.example", subject="The second time")
    path = f"/chats/{now.chat_id}/history"
    eventually(lambda: stand.call("Anna", "GET", path)["items"], timeout=20, what="the chat is found")
    anna = desks("Anna")
    anna.accept("Ann")
    anna.page.get_by_role("link", name="The first time").click()
    anna.sees("my first question")


def test_push_url(stand: ConsoleStand, desks: Desks) -> None:
    """A web page is offered with http or https only; the customer gets it as an event."""
    ann = stand.customer("Ann")
    anna = desks("Anna")
    anna.accept("Ann")
    anna.page.get_by_role("button", name="Offer a web page").click()
    dialog = anna.page.get_by_role("dialog")
    for bad in ("javascript:alert(1)", "shop.example", "data:text/html,hi"):
        dialog.get_by_label("Address").fill(bad)
        dialog.get_by_role("button", name="Offer").click()
        expect(dialog.get_by_role("alert")).to_contain_text("begins with http:// or https://")
    dialog.get_by_label("Address").fill("https://shop.example/track/4711")
    dialog.get_by_role("button", name="Offer").click()
    expect(anna.log.get_by_role("link", name="shop.example/track/4711")).to_have_attribute(
        "href", "https://shop.example/track/4711"
    )
    assert ("PushUrl", "https://shop.example/track/4711") == (
        ann.events()[-1]["type"],
        ann.events()[-1]["text"],
    )


def test_files_both_ways(stand: ConsoleStand, desks: Desks, tmp_path: Path) -> None:
    """Files reach the other side byte by byte, from agent and customer; a refused one says why."""
    ann = stand.customer("Ann")
    anna = desks("Anna")
    anna.live()
    anna.accept("Ann")
    mine = tmp_path / "picture.png"
    mine.write_bytes(PICTURE)
    anna.page.locator("input[type=file]").set_input_files(mine)
    expect(anna.log.get_by_role("button", name="Download picture.png")).to_be_visible()
    event = next(event for event in ann.events() if event["type"] == "FileUploaded")
    got = ann.post(f"file/{event['userData']['file-id']}/download")
    assert hashlib.sha256(PICTURE).digest() == hashlib.sha256(got.content).digest()
    upload = requests.post(
        f"{ann.base}/{ann.chat_id}/file",
        data=ann.identity,
        files={"file": ("invoice.pdf", b"%PDF-1.4 an invoice %%EOF", "application/pdf")},
        timeout=10,
    )
    assert upload.json()["statusCode"] == 0, upload.text
    with anna.page.expect_download() as download:
        anna.log.get_by_role("button", name="Download invoice.pdf").click()
    assert download.value.suggested_filename == "invoice.pdf"
    assert Path(download.value.path()).read_bytes() == b"%PDF-1.4 an invoice %%EOF"
    refused = tmp_path / "program.exe"
    refused.write_bytes(b"MZ" + bytes(100))
    anna.page.locator("input[type=file]").set_input_files(refused)
    expect(anna.log.get_by_role("alert")).to_contain_text("Not sent")
    anna.log.get_by_role("button", name="Dismiss").click()
    expect(anna.log.get_by_role("alert")).to_have_count(0)


# --- search and supervision -----------------------------------------------------------------------


def test_search(stand: ConsoleStand, desks: Desks) -> None:
    """Words, customer and agent find a chat on the server; it opens at the message that was found."""
    stand.token("Anna")
    for name, text in (("Searched", "the violet umbrella is broken"), ("Other", "nothing to see")):
        customer = stand.customer(name, subject=f"About {name}")
        stand.call("Anna", "POST", f"/chats/{customer.chat_id}/accept")
        for number in range(30):
            customer.send(f"line {number} of {name}")
        customer.send(text)
        for number in range(30):
            customer.send(f"more {number} of {name}")
        stand.call("Anna", "POST", f"/chats/{customer.chat_id}/close")
    anna = desks("Anna")
    anna.page.get_by_role("link", name="Search").click()
    expect(anna.page.get_by_text("Nothing is searched for yet")).to_be_visible()

    def search(**query: str) -> None:
        for label, text in {"Words of a message": "", "Customer": "", "Agent": "", **query}.items():
            anna.page.get_by_role("search").get_by_label(label).fill(text)
        anna.page.get_by_role("search").get_by_role("button", name="Search").click()

    def indexed() -> bool:
        queries = ("text=violet", "customer=other")
        return all(stand.call("Anna", "GET", f"/transcripts?{query}")["items"] for query in queries)

    eventually(indexed, timeout=20, what="both chats are searchable")
    results = anna.page.locator(".results .who")
    search(**{"Words of a message": "VIOLET umbr"})
    expect(results).to_have_text(["Searched"])
    assert "text=VIOLET+umbr" in anna.page.url
    anna.page.locator(".results a").click()
    hit = anna.log.locator("li.hit")
    expect(hit).to_contain_text("the violet umbrella is broken")
    expect(hit).to_be_in_viewport()
    expect(hit).to_be_focused()
    search(Customer="other", Agent="anna")
    expect(results).to_have_text(["Other"])
    search(**{"Words of a message": "never said"})
    expect(anna.page.get_by_text("No chat fits")).to_be_visible()
    anna.page.go_back()
    expect(results).to_have_text(["Other"])
    # Somebody who took no part finds nothing; a supervisor everything.
    ben = desks("Ben")
    ben.page.goto(f"{stand.url}#/search?text=violet")
    expect(ben.page.get_by_text("No chat fits")).to_be_visible()
    sara = desks("Sara", "supervisor")
    sara.page.goto(f"{stand.url}#/search?text=violet")
    expect(sara.page.locator(".results .who")).to_have_text(["Searched"])


def test_supervisor_watches_whispers_and_joins(stand: ConsoleStand, desks: Desks) -> None:
    """Watching is silent and live, a whisper reaches the agent only, joining openly is seen by everybody."""
    ann = stand.customer("Ann")
    anna, sara = desks("Anna"), desks("Sara", "supervisor")
    for console in (anna, sara):
        console.live()
    anna.accept("Ann")
    ann.send("Where is my parcel?")
    sara.page.get_by_role("link", name="Team").click()
    chats = sara.page.get_by_role("table", name="Open chats")
    expect(chats.locator("tbody tr")).to_contain_text(["Ann"])
    expect(sara.page.get_by_role("table", name="Agents").locator("tr", has_text="Anna")).to_contain_text(
        "1 of 4"
    )
    sara.page.get_by_role("button", name="Watch Ann").click()
    expect(sara.heading).to_have_text("Ann")
    sara.sees("Where is my parcel?")
    expect(sara.item("Ann").locator(".tag")).to_have_text("you watch")
    anna.say("I look it up")
    sara.sees("I look it up")
    sara.composer.fill("Offer her a refund")
    sara.composer.press("Control+Enter")
    expect(anna.log.locator("li.agents-only")).to_contain_text("Offer her a refund")
    names = [event["from"]["nickname"] for event in ann.events()]
    assert "Sara" not in names
    sara.act("Join openly")
    expect(sara.page.get_by_role("button", name="Reply", exact=True)).to_be_enabled()
    sara.page.get_by_role("button", name="Reply", exact=True).click()
    sara.say("Hello, I am Sara")
    expect(anna.log).to_contain_text("Hello, I am Sara")
    assert ann.events()[-1]["from"]["nickname"] == "Sara"
    assert "refund" not in str(ann.events())


def test_an_agent_has_no_team_view(stand: ConsoleStand, desks: Desks) -> None:
    """The view is for supervisors: no link, and its address leads to the chats."""
    anna = desks("Anna")
    expect(anna.page.get_by_role("link", name="Team")).to_have_count(0)
    anna.page.goto(f"{stand.url}#/team")
    expect(anna.page.get_by_role("heading", name="Mine (0)")).to_be_visible()


# --- keys and alerts ------------------------------------------------------------------------------


def test_shortcuts(stand: ConsoleStand, desks: Desks) -> None:
    """Each key does what the list says; `/` and `?` are letters in a text field; all can be switched off."""
    for name in ("One", "Two", "Three"):
        stand.customer(name)
    anna = desks("Anna")
    page = anna.page
    expect(anna.waiting.locator(".who")).to_have_text(["One", "Two", "Three"])
    for name in ("One", "Two", "Three"):
        page.keyboard.press("Alt+a")
        expect(anna.heading).to_have_text(name)
    order = ["One", "Two", "Three"]
    page.keyboard.press("Alt+1")
    expect(anna.heading).to_have_text(order[0])
    page.keyboard.press("Alt+j")
    expect(anna.heading).to_have_text(order[1])
    page.keyboard.press("Alt+k")
    expect(anna.heading).to_have_text(order[0])
    page.keyboard.press("Alt+3")
    expect(anna.heading).to_have_text(order[2])
    page.keyboard.press("Alt+t")
    expect(page.get_by_role("heading", name="Transfer the chat of Three")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+e")
    expect(page.get_by_role("heading", name="End the chat of Three?")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+p")
    expect(page.get_by_role("button", name="Agents only")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Alt+p")
    anna.composer.fill("a/b")
    anna.composer.press("?")
    expect(anna.composer).to_have_value("a/b?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    anna.composer.fill("")
    anna.log.focus()
    page.keyboard.press("/")
    expect(page.get_by_role("listbox")).to_be_visible()
    anna.composer.fill("")
    anna.log.focus()
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    page.get_by_label("Use keyboard shortcuts").uncheck()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    anna.log.focus()
    for keys in ("Alt+1", "?", "/"):
        page.keyboard.press(keys)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(anna.heading).to_have_text(order[2])


def test_notifications_are_asked_for_by_a_click_only(stand: ConsoleStand, desks: Desks) -> None:
    """Nothing is asked on load; allowed by a click, a hidden page tells names, never what was written."""
    stand.person("Anna")
    spy = """window.asked = 0; window.told = [];
      class Fake { static permission = "default";
        static async requestPermission() { asked += 1; return Fake.permission = "granted"; }
        constructor(title, options) { told.push([title, options.body]); } close() {} }
      window.Notification = Fake;
      window.seen = true;
      Object.defineProperty(document, "hidden", {get: () => !window.seen});"""
    page = desks.page()
    page.add_init_script(spy)
    anna = sign_in(stand, page, "Anna")
    anna.live()
    assert page.evaluate("asked") == 0
    page.locator(".me").click()
    page.get_by_role("button", name="Allow notifications").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("asked") == 1
    page.get_by_role("button", name="Not ready").click()
    page.evaluate("window.seen = false")
    ann = stand.customer("Ann", subject="a secret")
    page.wait_for_function("() => told.length > 0")
    assert page.evaluate("told[0]") == ["A chat is offered to you", "Ann"]
    page.evaluate("window.seen = true")
    page.get_by_role("button", name="Accept Ann").click()
    expect(anna.composer).to_be_focused()
    page.evaluate("window.seen = false")
    ann.send("my password is 1234")
    page.wait_for_function("() => told.length > 1")
    assert page.evaluate("told.at(-1)") == ["New message", "Ann"]
    expect(page.locator("#said")).to_contain_text("New message of Ann")


def test_sound_only_after_a_gesture_and_switched_off(stand: ConsoleStand, desks: Desks) -> None:
    """No sound is made before somebody has done something; then one for each news; none when switched off."""
    stand.person("Anna")
    page = desks.page()
    page.add_init_script(
        """window.tones = 0; const start = OscillatorNode.prototype.start;
        OscillatorNode.prototype.start = function (at) { tones += 1; return start.call(this, at); };"""
    )
    anna = sign_in(stand, page, "Anna")
    anna.live()
    stand.customer("One")
    expect(anna.item("One")).to_be_visible()
    page.wait_for_function("() => tones === 1")
    page.locator(".me").click()
    page.get_by_label("Sound for offers").uncheck()
    page.get_by_role("button", name="Close").click()
    stand.customer("Two")
    expect(anna.item("Two")).to_be_visible()
    assert page.evaluate("tones") == 1
