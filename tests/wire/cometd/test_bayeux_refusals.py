"""Golden refusals of the Bayeux endpoint: the statuses and errors of docs/errors.md.

All but 503, which `tests/faults/test_store_trouble.py` causes.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
import requests
from support.gateway import RunningGateway
from support.waiting import eventually
from wire.cometd.cometd_clients import LongPolling
from wire.cometd.test_cometd_transport import Held

JSON = {"Content-Type": "application/json"}
UPGRADE = {"Connection": "upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
# Deeper than the encoder goes.
DEEP = orjson.loads("[" * 400 + "]" * 400)
HANDSHAKE = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}


@pytest.mark.parametrize(
    ("method", "query", "headers", "body", "status", "error"),
    [
        ("POST", "", JSON, b"[", 400, "400::malformed_batch"),
        ("POST", "", JSON, b"7", 400, "400::malformed_batch"),
        ("GET", "?jsonp=a(b&message=[]", {}, b"", 400, "400::callback_invalid"),
        ("PUT", "", JSON, b"[]", 405, "405::method_not_allowed"),
        ("POST", "", {**JSON, "Content-Encoding": "gzip"}, b"[]", 415, "415::encoding"),
        ("POST", "", JSON, b"[7]", 400, "400::malformed_batch"),
        ("POST", "", JSON, b"[" + b" " * 8_000_000 + b"]", 413, "413::body_too_large"),
        ("GET", "", {**UPGRADE, "Sec-WebSocket-Version": "8"}, b"", 426, "426::version"),
    ],
)
def test_refused_requests(
    endpoint: str, method: str, query: str, headers: dict[str, str], body: bytes, status: int, error: str
):
    """Each is answered with its status and one unsuccessful message that carries the error."""
    response = requests.request(method, endpoint + query, headers=headers, data=body, timeout=10)
    assert (status, error) == (response.status_code, _error(response.json()))


@pytest.mark.parametrize(
    ("batch", "error"),
    [
        ([{"id": "1"}], "400::channel_missing"),
        ([{"channel": 7}], "405::channel_invalid"),
        ([{"channel": "/a", "id": {}}], "405::message_id_invalid"),
        ([HANDSHAKE, HANDSHAKE], "400::handshake_must_be_alone"),
        (
            [{**HANDSHAKE, "supportedConnectionTypes": ["iframe"]}],
            "301:iframe:connection_types_not_supported",
        ),
        ([{"channel": "/meta/connect", "clientId": "x"}], "402::Unknown client"),
    ],
)
def test_refused_messages(endpoint: str, batch: list[Any], error: str):
    """Each is answered with HTTP 200 and the error of its kind."""
    response = requests.post(endpoint, json=batch, timeout=10)
    assert (200, error) == (response.status_code, _error(response.json()))


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"channel": "/meta/subscribe"}, "403::subscription_missing"),
        ({"channel": "/meta/subscribe", "subscription": "news"}, "403::subscription_invalid"),
        ({"channel": "/meta/subscribe", "subscription": "/old/a"}, "403:/old/a:subscribe_denied"),
        (
            {"channel": "/meta/subscribe", "subscription": [f"/news/{n}" for n in range(1001)]},
            "403::too_many_subscriptions",
        ),
        ({"channel": "/old/a", "data": 1}, "403:/old/a:publish_denied"),
        ({"channel": "/news/*", "data": 1}, "405::channel_invalid"),
        ({"channel": "/news/a", "data": DEEP}, "400::malformed_message"),
    ],
)
def test_refused_messages_of_a_session(open_client, members: dict[str, Any], error: str):
    """Each is answered with HTTP 200 and the error of its kind, and the session goes on."""
    client = open_client(LongPolling)
    client.handshake()
    body = json.dumps([client.message(**members)]).encode()  # orjson would not write the deep one
    (refused,) = client.post(body).json()
    assert (False, error) == (refused["successful"], refused["error"])
    assert client.send("/meta/subscribe", subscription="/news/a")[-1]["successful"]


def test_a_wrong_agents_token_denies_the_handshake(open_client):
    """No session, and no reason to try again."""
    reply = open_client(LongPolling).handshake(agent={"token": "gwt_wrong"})
    assert (False, "403::handshake_denied") == (reply["successful"], reply["error"])
    assert "clientId" not in reply


def test_a_superseded_connect(open_client, held_polls):
    """A second connect of the session ends the held one with 409 (spec/bayeux.md 0.7)."""
    client = open_client(LongPolling)
    client.handshake()
    client.connect()
    first = Held(client)
    eventually(lambda: held_polls() == 1)
    client.connect()
    response = first.answered()
    assert (409, "409::superseded") == (response.status_code, _error(response.json()))


def test_a_body_that_breaks_off(endpoint: str):
    """Half a body is a 400, told to a peer that still listens."""
    parts = urlsplit(endpoint)
    lines = (f"POST {parts.path} HTTP/1.1", "Host: x", "Content-Type: application/json", "Content-Length: 9")
    head = "\r\n".join([*lines, "", ""])
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as sock:
        sock.sendall(head.encode() + b"[{")
        sock.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: sock.recv(4096), b""))
    status, _, body = answer.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 400 ")
    assert "400::incomplete_body" == _error(orjson.loads(body))


def test_strangers_and_crowds_are_refused(tmp_path: Path):
    """Where origins are listed, another one gets 403; over the limit of handshakes an address gets 429."""
    ini = "[server]\ncors_allow_origins=http://good.example\n[limits]\nhandshakes_per_minute=1\n"
    headers = {**JSON, "Origin": "http://evil.example"}
    with RunningGateway(tmp_path, ini) as gateway:
        url = gateway.url + "/genesys/cometd"
        stranger = requests.post(url, json=[HANDSHAKE], headers=headers, timeout=10)
        first, second = (requests.post(url, json=[HANDSHAKE], timeout=10).json()[0] for _ in range(2))
    assert (403, "403::origin_denied") == (stranger.status_code, _error(stranger.json()))
    assert first["successful"]
    assert "429::too_many_handshakes" == _error(second)
    assert 0 < second["advice"]["interval"] <= 60_000


def _error(answer: Any) -> str:
    message = answer[0] if isinstance(answer, list) else answer
    assert message["successful"] is False
    return str(message["error"])
