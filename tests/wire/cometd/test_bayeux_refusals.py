"""Golden refusals of the Bayeux endpoint: the statuses and errors of docs/errors.md, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from support.gateway import QUIET, RunningGateway

JSON = {"Content-Type": "application/json"}
UPGRADE = {"Connection": "upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
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


def test_a_foreign_origin_is_refused(tmp_path: Path):
    """Where origins are listed, another one gets 403."""
    ini = QUIET + "[server]\ncors_allow_origins=http://good.example\n"
    headers = {**JSON, "Origin": "http://evil.example"}
    with RunningGateway(tmp_path, ini) as gateway:
        url = gateway.url + "/genesys/cometd"
        response = requests.post(url, json=[HANDSHAKE], headers=headers, timeout=10)
    assert (403, "403::origin_denied") == (response.status_code, _error(response.json()))


def _error(answer: Any) -> str:
    message = answer[0] if isinstance(answer, list) else answer
    assert message["successful"] is False
    return str(message["error"])
