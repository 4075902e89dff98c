"""HTTP, callback-polling and websocket as transports (spec/bayeux.md 5-8, decisions 6, 11, 17)."""

from __future__ import annotations

import socket
import threading

import orjson
import pytest
import requests
import websocket
from support.waiting import eventually
from wire.cometd.cometd_clients import (
    CHANNEL,
    AgentApi,
    CallbackPolling,
    Client,
    LongPolling,
    WebSocket,
    indexes,
    texts,
)

HELLO = [{"id": "1", "channel": "/meta/handshake", "version": "1.0"}]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", orjson.dumps(HELLO)),
        ("application/json;charset=UTF-8", orjson.dumps(HELLO[0])),
        ("text/plain", orjson.dumps(HELLO)),
        ("", orjson.dumps(HELLO)),
        ("application/x-www-form-urlencoded", orjson.dumps(HELLO)),
        ("application/x-www-form-urlencoded", b"message=%7B%22channel%22%3A%22%2Fmeta%2Fhandshake%22%7D"),
    ],
)
def test_bodies(endpoint: str, content_type: str, body: bytes):
    """The content type is not trusted; forms with `message` are read."""
    headers = {"Content-Type": content_type} if content_type else {}
    response = requests.post(endpoint, data=body, headers=headers, timeout=10)
    assert response.json()[0]["successful"] is True
    assert response.headers["Content-Type"].lower() == "application/json;charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("body", [b"", b"rubbish", b"[]", b"[[]]", b"7", b"null", b"[" * 5000, b"\xff\xfe"])
def test_bad_bodies(endpoint: str, body: bytes):
    """400 with a Bayeux array, never 500 and never HTML."""
    response = requests.post(endpoint, data=body, timeout=10)
    assert (response.status_code, response.json()[0]["successful"]) == (400, False)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods(endpoint: str, method: str):
    """405 with Allow."""
    response = requests.request(method, endpoint, timeout=10)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST, GET, OPTIONS")


def test_too_large_bodies(endpoint: str):
    """413 above maxMessageSize."""
    response = requests.post(endpoint, data=b"[" + b" " * (1 << 20) + b"]", timeout=10)
    assert response.status_code == 413


def test_the_largest_body(endpoint: str):
    """Exactly maxMessageSize is served: no smaller limit hides before it (#678, #1171)."""
    body = orjson.dumps(HELLO).ljust(1 << 20)
    response = requests.post(endpoint, data=body, timeout=10)
    assert (response.status_code, response.json()[0]["successful"]) == (200, True)


def test_compressed_bodies_are_refused(endpoint: str):
    """415: no inflation bombs."""
    response = requests.post(endpoint, json=HELLO, headers={"Content-Encoding": "gzip"}, timeout=10)
    assert response.status_code == 415


# --- cookies (decision 6) -----------------------------------------------------------------------------


def test_a_presented_cookie_binds(open_client):
    """Once presented it is demanded: without it, or with another, 402."""
    client = open_client(LongPolling)
    client.handshake()
    client.connect()
    client.http.cookies.clear()
    assert client.connect()[0]["error"] == "402::Unknown client"
    client.http.headers["Cookie"] = "BAYEUX_BROWSER=stolen"
    assert client.connect()[0]["error"] == "402::Unknown client"


def test_a_hostile_jar(open_client):
    """Widgets' jars hide nothing (client-compatibility 5)."""
    client = open_client(LongPolling)
    client.handshake()
    mine = client.http.cookies["BAYEUX_BROWSER"]
    jar = '_genesys.widgets.webchat.metaData={"a":[1,2],"b":"' + "x" * 1200 + '"}; a.b=c,d'
    client.http.cookies.clear()
    client.http.headers["Cookie"] = f"{jar}; BAYEUX_BROWSER={mine}"
    assert client.connect()[0]["successful"] is True
    client.http.headers["Cookie"] = jar
    assert client.connect()[0]["error"] == "402::Unknown client"


def test_only_the_handshake_sets_a_cookie_and_only_once(open_client):
    """A browser that has one keeps it."""
    client = open_client(LongPolling)
    client.handshake()
    value = client.http.cookies["BAYEUX_BROWSER"]
    assert "Set-Cookie" not in client.post(HELLO).headers
    assert client.http.cookies["BAYEUX_BROWSER"] == value


# --- holding ------------------------------------------------------------------------------------------


class Held:
    """A connect in another thread."""

    def __init__(self, client: LongPolling) -> None:
        self.body = [client.message("/meta/connect")]
        self.client = client
        self.response: requests.Response | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        cookies = dict(self.client.http.cookies)
        self.response = requests.post(self.client.url, json=self.body, cookies=cookies, timeout=40)

    def answered(self) -> requests.Response:
        self._thread.join(20)
        assert self.response is not None
        return self.response


def test_the_sixth_poll_of_a_browser(open_client, held_polls):
    """Five tabs are held; the sixth gets multiple-clients at once, over one cookie (decision 17)."""
    first = open_client(LongPolling)
    first.handshake()
    tabs = [first]
    for _ in range(5):
        tab = open_client(LongPolling)
        tab.http.cookies.update(first.http.cookies)
        tab.handshake()
        tabs.append(tab)
    for tab in tabs:
        tab.connect()
    held = [Held(tab) for tab in tabs[:5]]
    eventually(lambda: held_polls() == 5)
    reply = tabs[5].send("/meta/connect")[-1]
    assert (reply["successful"], reply["advice"]) == (
        True,
        {"reconnect": "retry", "interval": 2000, "multiple-clients": True},
    )
    for tab, one in zip(tabs, held, strict=False):
        tab.send("/meta/disconnect")
        assert one.answered().json()[-1]["advice"]["reconnect"] == "none"


def test_an_event_ends_a_held_poll(open_client, alice: AgentApi):
    """The event is delivered before the reply in the array, whenever the poll arrived."""
    client = open_client(LongPolling)
    client.handshake()
    client.connect()
    client.request_chat()
    held = Held(client)
    alice.accept_last()
    messages = held.answered().json()
    assert (indexes(messages), messages[-1]["channel"]) == ([2], "/meta/connect")


# --- callback-polling ---------------------------------------------------------------------------------


def test_a_chat_over_callback_polling(open_client, alice: AgentApi):
    """Deployed widgets fall back to it: create, send, echo, events (decision 10)."""
    client = open_client(CallbackPolling)
    assert client.handshake()["successful"] is True
    client.connect()
    client.request_chat()
    assert texts(client.publish("sendMessage", message="hi \u2028")) == ["hi \u2028"]
    alice.accept_last()
    assert indexes(client.connect()) == [3]


@pytest.mark.parametrize("name", ["", "1a", "alert(1)", "a;b", "a b", "<x>", "a" * 65, "a[0]", "a\n"])
def test_bad_callbacks(endpoint: str, name: str):
    """A callback is a plain dotted name; anything else is 400 and not echoed."""
    parameters = {"jsonp": name, "message": orjson.dumps(HELLO).decode()}
    response = requests.get(endpoint, params=parameters, timeout=10)
    assert (response.status_code, response.json()[0]["error"]) == (400, "400::callback_invalid")


def test_callback_hardening(endpoint: str):
    """No sniffing, no caching, an attachment, a comment first, no raw line separators."""
    parameters = {"jsonpcallback": "f", "message": '[{"channel":"/meta/handshake"}]'}
    response = requests.get(endpoint, params=parameters, timeout=10)
    assert response.content.startswith(b"/**/f([")
    assert response.headers["Content-Disposition"] == "attachment; filename=f.txt"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "BAYEUX_BROWSER" in response.headers["Set-Cookie"]


# --- websocket ----------------------------------------------------------------------------------------


def closed_with(client: WebSocket) -> int:
    """The code of the close frame that comes next."""
    opcode, data = client.wire.recv_data()
    assert opcode == websocket.ABNF.OPCODE_CLOSE
    return int.from_bytes(data[:2], "big")


@pytest.mark.parametrize(
    ("payload", "opcode", "code"),
    [
        ("rubbish", websocket.ABNF.OPCODE_TEXT, 1007),
        ("[]", websocket.ABNF.OPCODE_TEXT, 1002),
        ("[[]]", websocket.ABNF.OPCODE_TEXT, 1002),
        (b"\x00", websocket.ABNF.OPCODE_BINARY, 1003),
        ("[" + " " * 65_536 + "]", websocket.ABNF.OPCODE_TEXT, 1009),
    ],
)
def test_closing_codes(open_client, payload, opcode: int, code: int):
    """Malformed, empty, binary and oversize messages (spec/bayeux.md 7)."""
    client = open_client(WebSocket)
    client.wire.send(payload, opcode)
    assert closed_with(client) == code


def test_the_largest_frame(open_client):
    """Exactly ws.maxMessageSize is served (#455)."""
    client = open_client(WebSocket)
    client.wire.send(orjson.dumps(HELLO).decode().ljust(65_536))
    (reply,) = orjson.loads(client.wire.recv())
    assert reply["successful"] is True


def test_pings_are_answered(open_client):
    """A pong comes back, between messages."""
    client = open_client(WebSocket)
    client.wire.ping("x")
    assert client.wire.recv_data(control_frame=True) == (websocket.ABNF.OPCODE_PONG, b"x")
    assert client.handshake()["successful"] is True


def test_neither_compression_nor_subprotocol_is_negotiated(open_client):
    """permessage-deflate offered and a protocol named: 101 with neither."""
    headers = ["Sec-WebSocket-Extensions: permessage-deflate"]
    client = open_client(WebSocket, header=headers)
    assert "sec-websocket-extensions" not in client.wire.handshake_response.headers
    assert client.handshake()["successful"] is True


@pytest.mark.parametrize("path", ["", "/", "/handshake", "/connect?alias=1"])
def test_websocket_paths(open_client, endpoint: str, path: str):
    """The whole sub-tree upgrades."""
    assert open_client(WebSocket, url=endpoint + path).handshake()["successful"] is True


def test_a_foreign_null_origin_is_refused(endpoint: str):
    """The upgrade is refused with 403 at once, so that the client falls back."""
    with pytest.raises(websocket.WebSocketBadStatusException) as raised:
        websocket.create_connection(endpoint.replace("http", "ws", 1), origin="null", timeout=10)
    assert raised.value.status_code == 403


def test_fragments_one_byte_each(open_client):
    """A message in many frames is one message; empty fragments are legal."""
    client = open_client(WebSocket)
    text = orjson.dumps(HELLO)
    pieces = [b"", *[text[at : at + 1] for at in range(len(text))], b""]
    for number, piece in enumerate(pieces):
        opcode = websocket.ABNF.OPCODE_CONT if number else websocket.ABNF.OPCODE_TEXT
        frame = websocket.ABNF(int(number == len(pieces) - 1), 0, 0, 0, opcode, 1, piece)
        client.wire.send_frame(frame)
    assert client.read()[0]["successful"] is True


def test_events_of_a_dead_socket_come_over_the_next(open_client, alice: AgentApi):
    """What a broken socket did not confirm is delivered on the session's next connection."""
    client = open_client(WebSocket)
    client.handshake()
    client.connect()
    client.request_chat()
    client.wire.sock.shutdown(socket.SHUT_RDWR)
    chat = alice.accept_last()
    alice.say(chat, "while away")
    again = open_client(WebSocket)
    again.id, again.secure_key = client.id, client.secure_key
    assert texts(again.connect() + again.connect()) == ["while away"]


# --- broadcast and agents -----------------------------------------------------------------------------


def test_broadcast_channels(client: Client, open_client):
    """Listed patterns only; each subscriber once; live (decision 11)."""
    (reply,) = client.send("/meta/subscribe", subscription=["/news/*", "/news/**"])
    assert reply["successful"] is True
    writer = open_client(LongPolling)
    writer.handshake()
    (ack,) = writer.send("/news/a", data={"n": 1})
    assert ack["successful"] is True
    events = [message for message in client.connect() if message["channel"] == "/news/a"]
    assert events == [{"channel": "/news/a", "data": {"n": 1}}]
    assert client.send("/meta/subscribe", subscription="/other")[0]["error"].startswith("403:")
    assert writer.send("/other", data=1)[0]["error"].startswith("403:")


def test_agents_feed(client: Client, open_client, cometd_gateway, alice: AgentApi):
    """waiting, taken and event frames after a handshake with a token; 403 without (decision 12)."""
    (reply,) = client.send("/meta/subscribe", subscription="/service/agent")
    assert reply["error"] == "403:/service/agent:subscribe_denied"
    denied = open_client(type(client))
    assert denied.handshake(agent={"token": "wrong"})["error"] == "403::handshake_denied"
    agent = open_client(type(client))
    agent.handshake(agent={"token": cometd_gateway.token("agent", "Alice")})
    agent.connect()
    assert agent.send("/meta/subscribe", subscription="/service/agent")[0]["successful"] is True
    client.request_chat()
    chat = alice.accept_last()
    client.publish("sendMessage", message="hi")
    frames = [message["data"] for message in agent.connect() if message["channel"] == "/service/agent"]
    # Notices for consoles carry a `detail`; what every client of the feed builds on are these.
    mine = [frame for frame in frames if frame["chatId"] == chat and "detail" not in frame]
    assert [(frame["type"], frame["event"] and frame["event"]["type"]) for frame in mine] == [
        ("waiting", None),
        ("taken", None),
        ("event", "ParticipantJoined"),
        ("event", "Message"),
    ]
    assert all(set(frame) == {"type", "chatId", "event"} for frame in mine)
    assert CHANNEL not in {message["channel"] for message in agent.connect()}
