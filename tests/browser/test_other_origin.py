"""The official CometD client in a page of another origin, over each transport that a browser has."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, Request
from support.browser import Watch
from support.gateway import RunningGateway
from support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.npm]

# Nothing may wait longer (milliseconds).
PATIENCE = 20_000
TEXTS = """() => {
  const events = customer.frames().flatMap((frame) => frame.messages);
  const once = [...new Map(events.map((event) => [event.index, event])).values()];
  return once.filter((event) => event.type === "Message").map((event) => event.text);
}"""


class _Files(SimpleHTTPRequestHandler):
    """The test's page, and the packages beside it."""

    def translate_path(self, path: str) -> str:
        """`/` is this folder, `/node_modules` that of the interop tests."""
        plain = path.partition("?")[0]
        if plain.startswith("/node_modules/"):
            return super().translate_path(plain)
        return str(Path(__file__).parent / plain.lstrip("/"))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing."""


@pytest.fixture(scope="module")
def host_page(npm_packages: Path) -> Iterator[str]:
    """The address of a web site that embeds the client."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(npm_packages)))
    Thread(target=server.serve_forever, daemon=True).start()
    # Another host name, so that it is another site as well.
    yield f"http://localhost:{server.server_address[1]}/customer.html"
    server.shutdown()
    server.server_close()


def visit(page: Page, host_page: str, gateway: RunningGateway, transport: str) -> None:
    """Open the page and wait for the chat."""
    query = {"url": f"{gateway.url}/genesys/cometd", "transport": transport, "nickname": f"page {transport}"}
    page.goto(f"{host_page}?{urlencode(query)}")
    page.wait_for_function("window.customer && customer.frames().length > 0", timeout=PATIENCE)


def talk(page: Page, text: str) -> None:
    """Say something, again if it was not accepted, and hear the echo."""
    eventually(lambda: page.evaluate("(text) => customer.say(text)", text), timeout=PATIENCE / 1000)
    page.wait_for_function(f"(text) => ({TEXTS})().includes(`echo: ${{text}}`)", arg=text, timeout=PATIENCE)


def indexes(page: Page) -> list[int]:
    """The index of each event as delivered."""
    found = page.evaluate("customer.frames().flatMap((frame) => frame.messages.map((event) => event.index))")
    return list(found)


@pytest.mark.parametrize("transport", ["callback-polling", "long-polling", "websocket"])
def test_official_client_chats_from_another_site(
    page: Page, watch: Watch, host_page: str, demo_gateway: RunningGateway, transport: str
) -> None:
    """A whole chat without a lost or doubled event, and without a complaint of the browser about CORS."""
    visit(page, host_page, demo_gateway, transport)
    talk(page, "one")
    talk(page, "zwei & 三")
    page.evaluate("customer.say('agent-bye')")
    page.wait_for_function("customer.frames().some((frame) => frame.chatEnded)", timeout=PATIENCE)
    assert page.evaluate("customer.transport()") == transport
    assert page.evaluate(TEXTS) == ["one", "echo: one", "zwei & 三", "echo: zwei & 三", "agent-bye"]
    assert indexes(page) == list(range(1, len(indexes(page)) + 1))
    assert not watch.errors


def test_callback_polling_survives_gateway_kill(
    page: Page, host_page: str, demo_gateway: RunningGateway
) -> None:
    """A chat over JSONP goes on after kill -9 and a restart, each event once by index."""
    visit(page, host_page, demo_gateway, "callback-polling")
    talk(page, "before")
    demo_gateway.kill()
    page.wait_for_function("!customer.connected()", timeout=PATIENCE)
    demo_gateway.start()
    page.wait_for_function("customer.connected()", timeout=PATIENCE)
    talk(page, "after")
    assert page.evaluate(TEXTS) == ["before", "echo: before", "after", "echo: after"]


def test_callback_polling_alone(
    page: Page, watch: Watch, host_page: str, demo_gateway: RunningGateway
) -> None:
    """A chat of script elements only, up to the customer's own goodbye: no fetch, no preflight, no socket.

    What carries it are GET requests of another site; the bot answers while a connect is held, a text with
    every kind of character arrives, and nothing is lost or doubled.
    """
    sent: list[tuple[str, str]] = []

    def requested(request: Request) -> None:
        if "/genesys/cometd" in request.url:
            sent.append((request.method, request.resource_type))

    page.on("request", requested)
    page.on("websocket", lambda socket: sent.append(("websocket", socket.url)))
    visit(page, host_page, demo_gateway, "callback-polling")
    for text in ("one", "\u2028 <script>alert(1)</script> & 100% + 😀"):
        talk(page, text)
    page.evaluate("customer.leave()")
    page.wait_for_function("customer.frames().some((frame) => frame.chatEnded)", timeout=PATIENCE)
    assert {("GET", "script")} == set(sent)
    said = ["one", "\u2028 <script>alert(1)</script> & 100% + 😀"]
    assert [text for one in said for text in (one, f"echo: {one}")] == page.evaluate(TEXTS)
    last = page.evaluate("customer.frames().at(-1).messages.at(-1)")
    assert ("ParticipantLeft", "Client") == (last["type"], last["from"]["type"])
    assert indexes(page) == list(range(1, len(indexes(page)) + 1))
    assert not watch.errors
