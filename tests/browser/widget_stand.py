"""What tests of the chat widget share: a site of another origin, an agent, the widget's parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import requests
from playwright.sync_api import Locator, Page, expect
from support.browser import until
from support.gateway import RunningGateway
from support.waiting import eventually

# Milliseconds until an expectation must hold.
PATIENCE = 15_000
SERVICE = "customer-support"
# What docs/widget.md tells sites to allow; 'self' is for the site's own script and style.
POLICY = (
    "default-src 'none'; base-uri 'none'; script-src 'self' {http}; connect-src {http} {ws}; img-src {http}; "
    "style-src 'self'; require-trusted-types-for 'script'"
)


# A plain page in the documentation's pictures.
STYLE = "body { margin: 24px; background: #f6f7f9; color: #161b26; font: 15px/1.5 system-ui, sans-serif }"


class HostSite:
    """A web site on another host name and port; `page` adds a page and returns its address."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[str, str, str]] = {"/favicon.ico": ("image/png", "", "")}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 - the base class's name
                kind, text, policy = site._files.get(self.path.partition("?")[0], ("text/plain", "", ""))
                self.send_response(200)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                if policy:
                    self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://localhost:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def page(
        self, gateway: RunningGateway, *, script: str = "", style: str = STYLE, body: str = "", **data: str
    ) -> str:
        """A page under the documented policy with the widget's tag; `data` are its attributes."""
        name = f"/page{len(self._files)}"
        attributes = " ".join(
            f"data-{key.replace('_', '-')}='{value.replace(chr(39), '&#39;')}'" for key, value in data.items()
        )
        html = (
            "<!doctype html><html lang='en'><meta charset='utf-8'><title>A shop</title>"
            "<meta name='viewport' content='width=device-width, initial-scale=1'>"
            f"<link rel='stylesheet' href='{name}.css'><script src='{name}.js'></script>"
            f"<script src='{gateway.url}/static/widget/embed.js' {attributes} async></script>"
            f"<main><h1>A shop</h1><p>Order 4711 is on its way.</p>{body}</main></html>"
        )
        policy = POLICY.format(http=gateway.url, ws=gateway.ws_url)
        self._files[name] = ("text/html", html, policy)
        self._files[f"{name}.js"] = ("text/javascript", script, "")
        self._files[f"{name}.css"] = ("text/css", style, "")
        return self.url + name


class Desk:
    """An agent at work, over the agents' API."""

    def __init__(self, gateway: RunningGateway, name: str = "Anna") -> None:
        self._url = f"{gateway.url}/agent/v1/chats"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {gateway.token('agent', name)}"

    def accept(self, nickname: str) -> str:
        """Take the chat of this customer; its id."""
        found = eventually(lambda: self.waiting(nickname), timeout=10, what=f"a chat of {nickname}")
        chat_id = str(found[-1])
        self._call("POST", f"/{chat_id}/accept")
        return chat_id

    def waiting(self, nickname: str) -> list[str]:
        """The open chats of this customer."""
        items = self._call("GET", "")["items"]
        return [item["chatId"] for item in items if item["nickname"] == nickname]

    def say(self, chat_id: str, text: str) -> None:
        """Send a message."""
        self._call("POST", f"/{chat_id}/messages", {"text": text})

    def push(self, chat_id: str, url: str) -> None:
        """Offer a web address."""
        self._call("POST", f"/{chat_id}/push-url", {"url": url})

    def typing(self, chat_id: str, state: str) -> None:
        """`started` or `stopped`."""
        self._call("POST", f"/{chat_id}/typing", {"state": state})

    def close(self, chat_id: str) -> None:
        """End the chat for everybody."""
        self._call("POST", f"/{chat_id}/close")

    def chat(self, chat_id: str) -> dict[str, Any]:
        """What the agent sees of the chat."""
        return self._call("GET", f"/{chat_id}")

    def events(self, chat_id: str) -> list[dict[str, Any]]:
        """The transcript, without typing, which is not kept."""
        items = self._call("GET", f"/{chat_id}/events?from=1")["items"]
        return [event for event in items if not event["type"].startswith("Typing")]

    def texts(self, chat_id: str) -> list[str]:
        """What was said."""
        return [event["text"] for event in self.events(chat_id) if event["type"] == "Message"]

    def file_names(self, chat_id: str) -> list[str]:
        """Names of the files of the chat."""
        return [item["name"] for item in self._call("GET", f"/{chat_id}/files")["items"]]

    def file(self, chat_id: str) -> tuple[str, bytes]:
        """The name and the content of the only file."""
        [item] = self._call("GET", f"/{chat_id}/files")["items"]
        answer = self._session.get(f"{self._url}/{chat_id}/files/{item['fileId']}", timeout=10)
        assert answer.status_code == 200, answer.text
        return item["name"], answer.content

    def send_file(self, chat_id: str, name: str, content: bytes) -> bytes:
        """Send a file to the customer; its content."""
        files = {"file": (name, content, "text/plain")}
        answer = self._session.post(f"{self._url}/{chat_id}/files", files=files, timeout=10)
        assert answer.status_code == 200, answer.text
        return content

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        response = self._session.request(method, self._url + path, json=body, timeout=10)
        assert response.status_code == 200, response.text
        return dict(response.json())


@dataclass(frozen=True)
class Widget:
    """The widget in a page, as a person finds it: by role and name, through the open shadow root."""

    page: Page

    @property
    def launcher(self) -> Locator:
        return self.page.locator("chat-widget .launcher")

    @property
    def panel(self) -> Locator:
        return self.page.locator("chat-widget").get_by_role("dialog")

    @property
    def log(self) -> Locator:
        return self.panel.get_by_role("log")

    @property
    def bubbles(self) -> Locator:
        return self.log.locator(".bubble")

    @property
    def composer(self) -> Locator:
        return self.panel.get_by_role("textbox", name="Write a message")

    @property
    def announcer(self) -> Locator:
        return self.page.locator("chat-widget > [aria-live]")

    def open(self) -> None:
        """Open the panel."""
        self.launcher.click()
        expect(self.panel).to_be_visible()

    def start(self, nickname: str) -> None:
        """Open, fill the form, and start."""
        self.open()
        self.panel.get_by_label("Your name").fill(nickname)
        self.panel.get_by_role("button", name="Start chat").click()
        expect(self.composer).to_be_visible()

    def say(self, text: str) -> None:
        """Send a message and see it arrive in the transcript."""
        self.composer.fill(text)
        self.composer.press("Enter")
        self.sees(text)
        expect(self.log.locator("li.own", has_text=text).get_by_text("Sending")).to_have_count(
            0, timeout=PATIENCE
        )

    def sees(self, text: str) -> None:
        """A bubble with exactly this text is there once."""
        expect(self.bubbles.get_by_text(text, exact=True)).to_have_count(1, timeout=PATIENCE)

    def texts(self) -> list[str]:
        """What the bubbles say."""
        return self.bubbles.all_inner_texts()

    def state(self) -> dict[str, Any]:
        """ChatWidget.state()."""
        return dict(self.page.evaluate("ChatWidget.state()"))

    def indexes(self) -> list[int]:
        """Indexes of the events shown."""
        return [event["index"] for event in self.state()["events"]]

    def uses(self, transport: str) -> None:
        """Wait until events come over this transport."""
        until(self.page, "async (wanted) => (await ChatWidget.state()).transport === wanted", transport)

    def listen(self, *names: str) -> None:
        """Record these events from now on; `heard` has them."""
        self.page.evaluate(
            """(names) => { window.heard = [];
            for (const name of names) document.addEventListener(`chat:${name}`, (event) =>
              heard.push([name, event.detail])); }""",
            list(names),
        )

    def heard(self) -> list[list[Any]]:
        """[name, detail] of the recorded events."""
        return list(self.page.evaluate("heard"))


@contextmanager
def host_site() -> Iterator[HostSite]:
    """A running web site."""
    site = HostSite()
    yield site
    site.close()


def as_json(value: object) -> str:
    """For data attributes."""
    return json.dumps(value)


def visit(page: Page, site: HostSite, gateway: RunningGateway, **data: str) -> None:
    """Open a page that embeds the widget."""
    page.goto(site.page(gateway, **{"service": SERVICE, **data}))
