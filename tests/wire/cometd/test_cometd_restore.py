"""Lost sessions under a client that behaves as deployed widgets do (check 33), and options of [cometd].

The gateway runs in this process behind a threaded server, so that a test can take a session away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest
import requests
import websocket
from agent_stand import served
from support.waiting import eventually
from wire.cometd.cometd_clients import Client, LongPolling, WebSocket, indexes, texts

from gateway.app import create_app
from gateway.chat.accounts import Account
from gateway.clock import SystemClock
from gateway.config import SettingsSource
from gateway.files.directory import FileDirectory
from gateway.ids import Ids
from gateway.observe.metrics import Metrics
from gateway.services import Gateway
from gateway.store.sqlite import SqliteStore

ALICE = Account("Alice", "agent")
ORIGIN = "https://shop.example"


class InProcess:
    """A node on SQLite and its URL."""

    def __init__(self, directory: Path, ini: str, stack: ExitStack) -> None:
        source = SettingsSource(
            "gateway.ini", {}, read_file=lambda _: f"[limits]\nenabled=false\n{ini}".encode()
        )
        store = SqliteStore(directory / "gateway.db")
        key = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
        parts: dict[str, Any] = {"clock": SystemClock(), "ids": Ids(), "metrics": Metrics(), "push_key": key}
        files = FileDirectory(directory / "files")
        files.open()
        self.gateway = Gateway(source, store, secret=b"secret", file_directory=files, **parts)
        stack.callback(self.gateway.close)
        self.gateway.start()
        self.url = stack.enter_context(served(create_app(self.gateway))) + "/genesys/cometd"

    def chat_of(self, client: Client) -> str:
        return self.gateway.customers.by_key(client.secure_key).session.id

    def drop(self, client: Client) -> None:
        """Take the client's session away, as an overflow does."""
        hub = self.gateway.hub
        hub.drop(hub.machine.sessions[client.id], "test")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], InProcess]]:
    with ExitStack() as stack:
        yield lambda ini="": InProcess(tmp_path, ini, stack)


class Widget:
    """Handshakes again after a 402 or a closed socket, and publishes nothing then (7.6, the 402 trap)."""

    def __init__(self, url: str, kind: type[Client]) -> None:
        self.url = url
        self.kind = kind
        self.cookie = requests.post(url, json=[{"channel": "/meta/handshake"}], timeout=10).cookies.get_dict()
        self.handshakes = 0
        self.client = self.open()

    def open(self) -> Client:
        header = "; ".join(f"{name}={value}" for name, value in self.cookie.items())
        if self.kind is WebSocket:
            client: Client = WebSocket(self.url, origin=ORIGIN, cookie=header)
        else:
            client = LongPolling(self.url, headers={"Origin": ORIGIN, "Cookie": header})
        self.handshakes += 1
        assert client.handshake()["successful"] is True
        return client

    def poll(self) -> list[dict[str, Any]]:
        """One connect; its events. Recovers silently."""
        try:
            *events, reply = self.client.connect()
        except (websocket.WebSocketException, AssertionError, OSError):
            reply, events = {"successful": False, "error": "402::Unknown client"}, []
        if not reply["successful"]:
            assert reply["error"] == "402::Unknown client"
            key = self.client.secure_key
            self.client.close()
            self.client = self.open()
            self.client.secure_key = key
        return events


@pytest.mark.parametrize("kind", [LongPolling, WebSocket])
def test_check_33_the_silent_widget_hears_the_agent(start, kind: type[Client]):
    """After its session was taken away the next agent message still arrives, once (re-attachment 7.6 b)."""
    node = start()
    widget = Widget(node.url, kind)
    widget.poll()
    widget.client.request_chat()
    chat = node.chat_of(widget.client)
    node.gateway.agents.accept(ALICE, chat)
    assert indexes(widget.poll()) == [2]
    widget.poll()
    node.drop(widget.client)
    node.gateway.agents.send(ALICE, chat, "still there?")
    heard: list[dict[str, Any]] = []
    for _ in range(4):
        heard += widget.poll()
    assert texts(heard) == ["still there?"]
    assert widget.handshakes == 2
    node.gateway.agents.send(ALICE, chat, "good")
    assert texts(widget.poll()) == ["good"]
    widget.client.close()


@pytest.mark.parametrize("kind", [LongPolling, WebSocket])
def test_check_33_the_widget_that_writes_hears_the_agent(start, kind: type[Client]):
    """Its first publish with the key attaches it again (re-attachment 7.6 c), cookie or not."""
    node = start("[chat]\n")
    widget = Widget(node.url, kind)
    widget.cookie = {}
    widget.client = widget.open()
    widget.poll()
    widget.client.request_chat()
    chat = node.chat_of(widget.client)
    node.gateway.agents.accept(ALICE, chat)
    widget.poll(), widget.poll()
    node.drop(widget.client)
    node.gateway.agents.send(ALICE, chat, "missed")
    widget.poll()
    assert texts(widget.client.publish("sendMessage", message="hello?")) == ["missed", "hello?"]
    widget.client.close()


def test_a_held_poll_of_a_dropped_session_is_answered_at_once(start):
    """402 with handshake advice, not after the timeout (decision 5)."""
    node = start()
    client = LongPolling(node.url)
    client.handshake()
    client.connect()
    answers: list[Any] = []
    thread = Thread(target=lambda: answers.extend(client.send("/meta/connect")))
    thread.start()
    session = node.gateway.hub.machine.sessions[client.id]
    eventually(lambda: session.held)
    node.drop(client)
    thread.join(10)
    (reply,) = answers
    assert (reply["error"], reply["advice"]) == (
        "402::Unknown client",
        {"reconnect": "handshake", "interval": 0},
    )


def test_a_websocket_of_a_dropped_session_is_closed_at_once(start):
    """Only that makes a widget handshake again (client-compatibility 2.7)."""
    node = start()
    client = WebSocket(node.url)
    client.handshake()
    node.drop(client)
    opcode, data = client.wire.recv_data()
    assert (opcode, int.from_bytes(data[:2], "big")) == (websocket.ABNF.OPCODE_CLOSE, 1008)


def hello(url: str, **options: Any) -> requests.Response:
    return requests.post(url, json=[{"id": "1", "channel": "/meta/handshake"}], timeout=10, **options)


def test_notification_mode_off(start):
    """enable_notification_mode=false: handshakes fail cleanly (7.1)."""
    (reply,) = hello(start("[chat]\nenable_notification_mode=false\n").url).json()
    assert reply == {
        "id": "1",
        "channel": "/meta/handshake",
        "successful": False,
        "error": "403::handshake_denied",
        "advice": {"reconnect": "none", "interval": 0},
    }


def test_options_reach_the_wire(start):
    """timeout, interval, texts, cookie names, switches of [cometd] (decision 17)."""
    node = start(
        "[cometd]\ntimeout=20000\ninterval=50\ncallback_polling=false\nmaxMessageSize=2048\n"
        "unknown_session_text=402::session_unknown\nbrowserCookieName=MINE\nbrowserCookieSameSite=Strict\n"
        "ws.maxMessageSize=1024\n"
    )
    response = hello(node.url)
    (reply,) = response.json()
    assert reply["advice"] == {"reconnect": "retry", "interval": 50, "timeout": 20000}
    assert reply["supportedConnectionTypes"] == ["websocket", "long-polling"]
    assert response.headers["Set-Cookie"].startswith("MINE=")
    assert response.headers["Set-Cookie"].endswith("SameSite=Strict")
    unknown = requests.post(node.url, json=[{"channel": "/meta/connect", "clientId": "x"}], timeout=10)
    assert unknown.json()[0]["error"] == "402::session_unknown"
    assert requests.get(node.url, params={"jsonp": "f", "message": "[]"}, timeout=10).status_code == 405
    assert requests.post(node.url, data=b"[" + b" " * 2048 + b"]", timeout=10).status_code == 413
    client = WebSocket(node.url)
    client.wire.send(orjson.dumps([{"channel": "/x", "data": "x" * 1024}]))
    assert int.from_bytes(client.wire.recv_data()[1][:2], "big") == 1009


def test_held_connects_end_with_the_timeout(start):
    """A connect is answered after `timeout`, over both transports."""
    node = start("[cometd]\ntimeout=50\n")
    for kind in (LongPolling, WebSocket):
        client = kind(node.url)
        client.handshake()
        client.connect()
        (reply,) = client.send("/meta/connect")
        assert reply["successful"] is True
        client.close()


def test_sessions_per_browser(start):
    """maxSessionsPerBrowser=0 holds no poll of a browser; the interval is multiSessionInterval."""
    node = start("[cometd]\nmaxSessionsPerBrowser=0\nmultiSessionInterval=700\n")
    client = LongPolling(node.url)
    client.handshake()
    client.connect()
    (reply,) = client.send("/meta/connect")
    assert reply["advice"] == {"reconnect": "retry", "interval": 700, "multiple-clients": True}


def test_a_listed_origin(start):
    """cors_allow_origins restricts polling and the upgrade alike; the own origin is allowed (decision 18)."""
    node = start(f"[server]\ncors_allow_origins={ORIGIN}\n")
    own = node.url.removesuffix("/genesys/cometd")
    for origin, allowed in ((ORIGIN, True), (own, True), ("https://evil.example", False), ("null", False)):
        response = hello(node.url, headers={"Origin": origin})
        assert response.status_code == (200 if allowed else 403)
        assert response.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
        if allowed:
            WebSocket(node.url, origin=origin).close()
        else:
            with pytest.raises(websocket.WebSocketBadStatusException):
                WebSocket(node.url, origin=origin)
    assert hello(node.url).status_code == 200


def test_strict_services(start):
    """A service that does not exist is 240 (9.2)."""
    client = LongPolling(start("[chat]\nstrict_services=true\n").url)
    client.handshake()
    data = client.publish("requestChat", nickname="Ann")[1]["data"]
    assert (data["statusCode"], data["chatEnded"], data["errors"][0]["code"]) == (2, False, 240)


def test_basic_authentication(start):
    """A service with credentials answers 101 without them (7.3)."""
    client = LongPolling(start("[chat.customer-support]\nbasic_auth=gms:secret\n").url)
    client.handshake()
    assert client.publish("requestChat", nickname="Ann")[1]["data"]["errors"][0]["code"] == 101
    auth = {"username": "gms", "password": "secret"}
    assert client.publish("requestChat", nickname="Ann", auth=auth)[1]["data"]["statusCode"] == 0
