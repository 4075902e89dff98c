"""Any JSON value, any bytes, any size in every field of every wire: the answer is that wire's own error.

Never a 5xx, never HTML, no trace in the log, no secret in the log, and the chat beside it goes on unharmed.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
import websocket
from hypothesis import HealthCheck, given, settings
from support import hostile
from support.clients import PATIENCE_S, Agent, LongPoll, Rest, WebSocket
from support.gateway import RunningGateway, free_port
from support.hostile import member, wrong
from support.waiting import eventually

# The destination does not exist, so that also failing notifications write their log lines.
# Connects are held only briefly, because hostile values may ask for the longest time.
INI = f"""[limits]
enabled=false
[log]
level=debug
[cometd]
timeout=20
[chat]
push_notification_include_payload=true
[push]
pushEnabled=comet,customhttp
customhttp.url=http://127.0.0.1:{free_port()}/canary-path
customhttp.authorization=Bearer canary-authorization
"""
DEVICE = "canary-device-0123456789"
WRONG_KEY = "canary-wrong-secure-key-0123456789abcdefghi"
TRACES = ("Traceback", "unhandled_error", "operation_failed", "bayeux_request_failed", "_failed")

START = ("nickname", "firstName", "lastName", "subject", "emailAddress", "text", "endpoint", "userData")
OPERATIONS = {
    "send": ("message", "messageType", "transcriptPosition", "eventAttributes"),
    "refresh": ("transcriptPosition", "message"),
    "startTyping": ("message", "transcriptPosition"),
    "pushUrl": ("pushUrl",),
    "updateNickname": ("nickname",),
    "updateData": ("userData",),
    "customNotice": ("message", "eventAttributes", "messageType", "userData"),
    "readReceipt": ("transcriptPosition",),
    "file": ("file", "userData"),
    "file/limits": ("secureKey", "userId"),
}
IDENTITY = ("secureKey", "userId", "alias", "chatId")
NTF = ("operation", "secureKey", "fileId", "file", "userData")
HANDSHAKE, *META = "/meta/handshake", "/meta/connect", "/meta/subscribe", "/meta/unsubscribe"
BAYEUX = (
    *("channel", "id", "clientId", "version", "supportedConnectionTypes", "connectionType", "advice"),
    *("ext", "subscription", "data"),
)
DATA = ("operation", *START, *IDENTITY, "message", "eventAttributes", "transcriptPosition", "pushUrl", "auth")
AGENT = {
    "messages": ("text", "messageType", "eventAttributes"),
    "typing": ("state", "text"),
    "notices": ("text", "userData", "eventAttributes"),
    "push-url": ("url",),
    "accept": ("x",),
}
MAX_FRAME = 65_536  # [cometd] ws.maxMessageSize, the default
BOUNDED = settings(
    max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


class Stage:
    """A gateway, the clients that attack it, and a chat beside them that must not notice."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway = gateway
        self.http = requests.Session()
        self.token = gateway.token("agent", "Alice")
        self.agent = Agent(gateway.url, self.token)
        self.rest = Rest(gateway.url)
        self.poll = LongPoll(gateway.url)
        self.poll.handshake()
        self.attacked_key = self.poll.request_chat(nickname="Bob")["secureKey"]
        self.neighbour = LongPoll(gateway.url)
        self.neighbour.handshake()
        keys = {"push_notification_deviceid": DEVICE, "push_notification_type": "customhttp"}
        self.key = self.neighbour.request_chat(nickname="Neighbour", userData=keys)["secureKey"]
        self.neighbour_chat = self.agent.find("Neighbour")
        self.agent.accept(self.neighbour_chat)
        self.said = 0

    def post(self, path: str, body: bytes, content_type: str = "application/json") -> requests.Response:
        """A POST with these bytes."""
        return self.http.post(
            self.gateway.url + path, data=body, headers={"Content-Type": content_type}, timeout=PATIENCE_S
        )

    @property
    def operations(self) -> str:
        """Path of the attacked REST chat."""
        return f"/genesys/2/chat/support/{self.rest.chat_id}"

    def neighbour_is_well(self) -> None:
        """The chat beside: customer and agent hear each other."""
        self.said += 1
        text = f"canary-text {self.said}"
        assert self.neighbour.publish("sendMessage", secureKey=self.key, message=text).done
        self.agent.send(self.neighbour_chat, f"{text} too")
        eventually(lambda: self.neighbour.poll(1) and f"{text} too" in str(self.neighbour.notifications[-3:]))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One gateway for all attacks."""
    with RunningGateway(tmp_path_factory.mktemp("hostile"), INI) as gateway:
        yield Stage(gateway)


@pytest.fixture(autouse=True)
def unharmed(stage: Stage) -> Iterator[None]:
    """After every attack: the neighbour is well and the log has no trace of a mistake of ours."""
    yield
    stage.neighbour_is_well()
    log = stage.gateway.log()
    assert [] == [line[:2000] for line in log.splitlines() if any(trace in line for trace in TRACES)]


def test_rest_members(stage: Stage):
    """Every value in every member of every REST operation, as JSON and as form."""

    def answers() -> Iterator[requests.Response]:
        for name, raw in product(START, hostile.RAW):
            yield stage.post("/genesys/2/chat/support", member({"nickname": "A"}, name, raw))
        for operation, names in OPERATIONS.items():
            for name, raw in product((*names, *IDENTITY[:2]), hostile.RAW):
                path = f"{stage.operations}/{operation}"
                yield stage.post(path, member(stage.rest.identity, name, raw))
        for (operation, names), text in product(OPERATIONS.items(), hostile.TEXTS):
            form = stage.rest.identity | dict.fromkeys(names, text) | {f"userData[{text}]": text}
            body = urlencode(form, errors="surrogatepass").encode()
            yield stage.post(f"{stage.operations}/{operation}", body, "application/x-www-form-urlencoded")

    assert [] == wrong(map(hostile.gms, answers()))
    assert 0 == stage.rest.call("refresh")["statusCode"]


def test_rest_bodies(stage: Stage):
    """Bytes that are no body, under every content type; also compressed and far too large ones."""
    paths = ("/genesys/2/chat/support", f"{stage.operations}/send", "/genesys/2/chat-ntf")
    broken = product(paths, hostile.BROKEN, hostile.CONTENT_TYPES)
    zipped = {"Content-Encoding": "gzip"}
    odd = [stage.http.post(stage.gateway.url + path, data=b"x", headers=zipped) for path in paths]

    assert [] == wrong(hostile.gms(stage.post(*one)) for one in broken)
    assert [415] * 3 == [answer.status_code for answer in odd]
    assert [] == wrong(map(hostile.gms, odd))


def test_chat_ntf_members(stage: Stage):
    """Every value in every member of a chat-ntf request, body and query string."""
    known = {"operation": "fileGetLimits", "secureKey": stage.attacked_key}
    bodies = (
        stage.post("/genesys/2/chat-ntf", member(known, n, raw)) for n, raw in product(NTF, hostile.RAW)
    )
    queries = (
        stage.post(f"/genesys/2/chat-ntf?{urlencode({name: text})}", b"", "text/plain")
        for name, text in product(NTF, hostile.TEXTS)
        if len(text) < 4000
    )

    assert [] == wrong(map(hostile.gms, bodies))
    assert [] == wrong(map(hostile.gms, queries))


def test_paths_and_methods(stage: Stage):
    """Odd paths and methods below every mount point are refused in the wire's shape."""
    texts = [quote(text[:500], safe="") for text in hostile.TEXTS]
    gms = [f"/genesys/2/{t}" for t in texts] + [f"/genesys/2/chat/{t}" for t in texts]
    gms += [f"/genesys/2/chat/support/{t}/send" for t in texts] + [f"{stage.operations}/{t}" for t in texts]
    agent = [f"/agent/v1/{t}" for t in texts] + [f"/agent/v1/chats/{t}/events" for t in texts]
    agent += [f"/agent/v1/chats/{stage.rest.chat_id}/events?from={t}" for t in texts]
    agent += [f"/agent/v1/chats?state={t}" for t in texts]
    headers = {"Authorization": f"Bearer {stage.token}"}

    for method in ("GET", "PUT", "DELETE", "PATCH", "TRACE"):
        answer = stage.http.request(method, f"{stage.gateway.url}{stage.operations}/send")
        assert (405, None) == (answer.status_code, hostile.gms(answer))
    reads = (stage.http.get(stage.gateway.url + path, headers=headers) for path in agent)
    assert [] == wrong(hostile.gms(stage.post(path, b"{}")) for path in gms)
    assert [] == wrong(map(hostile.problem, reads))


def test_agent_members(stage: Stage):
    """Every value in every member of the agents' API, broken bodies, and odd credentials."""
    base = f"/agent/v1/chats/{stage.neighbour_chat}"
    stage.http.headers["Authorization"] = f"Bearer {stage.token}"
    bodies = [
        (f"{base}/{operation}", member({}, name, raw))
        for operation, names in AGENT.items()
        for name, raw in product(names, hostile.RAW)
    ]
    bodies += [(f"{base}/messages", body) for body in hostile.BROKEN]
    answers = [stage.post(path, body) for path, body in bodies]
    del stage.http.headers["Authorization"]
    for value in ("Bearer", "Bearer ", "Basic eDp5", "Bearer " + WRONG_KEY, "bearer \xff", "x" * 7000):
        answer = stage.http.get(
            f"{stage.gateway.url}/agent/v1/me", headers={"Authorization": value.encode("latin-1")}
        )
        assert 401 == answer.status_code
        answers.append(answer)

    assert [] == wrong(map(hostile.problem, answers))


def bayeux_bodies(client_id: str, key: str) -> Iterator[bytes]:
    """One message each: every value in every field of every meta message, in every member of `data`."""
    channel = "/service/chatV2/support"
    for meta, name, raw in product((*META, channel), BAYEUX, hostile.RAW):
        known = {"channel": meta, "clientId": client_id, "id": "1", "advice": {"timeout": 0}}
        yield member(known, name, raw)
    for name, raw in product(BAYEUX, hostile.RAW):
        yield member({"channel": HANDSHAKE, "supportedConnectionTypes": ["long-polling"]}, name, raw)
    for name, raw in product(DATA, hostile.RAW):
        data = member({"operation": "updateData", "secureKey": key}, name, raw)
        yield member({"channel": channel, "clientId": client_id, "id": "2"}, "data", data.decode())
    for operation, raw in product(
        ("sendMessage", "customNotice", "requestNotifications", "refresh"), hostile.RAW
    ):
        names = ("message", "eventAttributes", "transcriptPosition", "userData")
        members = ",".join(f'"{name}":{raw}' for name in names)
        data = f'{{"operation":"{operation}","secureKey":"{key}",{members}}}'
        yield member({"channel": channel, "clientId": client_id, "id": "3"}, "data", data)


def test_bayeux_over_long_polling(stage: Stage):
    """Every value in every Bayeux field and chat member; broken bodies under every content type."""
    stage.http.cookies.update(stage.poll.http.cookies)
    good = (
        stage.post("/genesys/cometd", b"[" + body + b"]")
        for body in bayeux_bodies(stage.poll.client_id, stage.attacked_key)
    )
    paths = ("/genesys/cometd", "/genesys/cometd/x/y")
    broken = product(paths, hostile.BROKEN, hostile.CONTENT_TYPES)

    assert [] == wrong(map(hostile.bayeux, good))
    assert [] == wrong(hostile.bayeux(stage.post(*one)) for one in broken)


def test_bayeux_over_websocket(stage: Stage):
    """The same over a websocket: an answer, or a close with a code that blames the client."""
    socket = WebSocket(stage.gateway.ws_url)
    socket.handshake()
    key = socket.request_chat(nickname="Eve")["secureKey"]
    bodies = [b"[" + body + b"]" for body in bayeux_bodies(socket.client_id, key)][::3]

    assert [] == wrong(_told(stage, body, socket) for body in bodies)
    assert [] == wrong(_told(stage, body, WebSocket(stage.gateway.ws_url)) for body in hostile.BROKEN)


def _told(stage: Stage, body: bytes, client: WebSocket) -> str | None:
    """Send one text frame (of any bytes) and judge what comes back."""
    assert client.socket is not None
    try:
        client.socket.send(body, opcode=websocket.ABNF.OPCODE_TEXT)
        while True:
            opcode, data = client.socket.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                client.open()
                code = int.from_bytes(data[:2], "big")
                return (
                    None
                    if code in (1000, 1002, 1003, 1007, 1009)
                    else f"closed with {code} after {body[:200]!r}"
                )
            if opcode == websocket.ABNF.OPCODE_TEXT:
                return hostile.batch(json.loads(data))
    except (OSError, websocket.WebSocketException) as error:
        client.open()
        # The close frame (1009) may be lost when the socket is closed while the client still writes.
        return None if len(body) > MAX_FRAME else f"{error!r} after {body[:200]!r}"


def test_bayeux_over_jsonp(stage: Stage):
    """Every value as callback and as message: the guarded call, or a refusal that is no script."""
    url = f"{stage.gateway.url}/genesys/cometd"

    def get(**query: str) -> requests.Response:
        return stage.http.get(url, params=query, timeout=PATIENCE_S)

    handshake = '[{"channel":"/meta/handshake","supportedConnectionTypes":["callback-polling"]}]'
    callbacks = [hostile.jsonp(get(jsonp=text[:1000], message=handshake), text) for text in hostile.TEXTS]
    raw = [value for value in hostile.RAW if len(value) < 1000]
    messages = [hostile.jsonp(get(jsonp="cb", message=value), "cb") for value in raw]
    channels = [
        hostile.jsonp(get(jsonp="cb", message=member({}, name, value).decode()), "cb")
        for name, value in product(("channel", "clientId", "id"), raw)
    ]

    assert [] == wrong(iter([*callbacks, *messages, *channels]))


@BOUNDED
@given(body=hostile.fields((*START, *IDENTITY, "message", "eventAttributes", "transcriptPosition")))
def test_any_json_over_rest(stage: Stage, body: dict[str, Any]):
    """Random objects as the body of a start, a send and a notice."""
    for path in ("/genesys/2/chat/support", f"{stage.operations}/send", f"{stage.operations}/customNotice"):
        known = {"nickname": "Ann"} if path.endswith("support") else stage.rest.identity
        assert None is hostile.gms(stage.post(path, json.dumps(known | body).encode()))


@BOUNDED
@given(message=hostile.fields(BAYEUX), data=hostile.fields(DATA))
def test_any_json_over_bayeux(stage: Stage, message: dict[str, Any], data: dict[str, Any]):
    """Random messages, and random operations of a live session."""
    known = {"channel": stage.poll.channel, "clientId": stage.poll.client_id, "id": "1"}
    operation = {"operation": "sendMessage", "secureKey": stage.attacked_key} | data
    publish = known | {"data": operation}
    connect = {"channel": "/meta/connect", "clientId": stage.poll.client_id, "advice": {"timeout": 0}}
    for one in (message, connect | {"connectionType": message.get("connectionType")}, publish):
        assert None is hostile.bayeux(stage.post("/genesys/cometd", json.dumps([one]).encode()))


def test_no_secret_reaches_the_log(stage: Stage):
    """Keys, tokens, credentials, device ids and texts, right and wrong ones: none of them is in the log."""
    basic = base64.b64encode(b"user:canary-password").decode()
    headers = {"Authorization": f"Basic {basic}", "apikey": "canary-apikey", "Cookie": "a=canary-cookie"}
    for path in (f"{stage.operations}/send", "/genesys/2/chat-ntf?secureKey=canary-query"):
        stage.http.post(
            stage.gateway.url + path, data={"secureKey": WRONG_KEY, "message": "canary"}, headers=headers
        )
    stage.poll.publish(
        "sendMessage", secureKey=WRONG_KEY, message="canary", auth={"password": "canary-password"}
    )
    stage.http.get(f"{stage.gateway.url}/agent/v1/me", headers={"Authorization": f"Bearer {WRONG_KEY}"})
    stage.neighbour_is_well()
    assert 0 == stage.gateway.stop()
    log = stage.gateway.log()
    stage.gateway.start()
    secrets = (stage.key, stage.attacked_key, stage.rest.secure_key, stage.token, DEVICE, basic, "canary")

    assert "push_not_delivered" in log, "without its log line this proves less"
    assert [] == [secret for secret in secrets if secret in log]
