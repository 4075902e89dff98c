"""The customhttp request against a real receiver: body, headers, outcomes, bounds (spec/push.md 3)."""

from __future__ import annotations

import ipaddress
import socket
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from unit.push.receiver import CHAT_ID, NOW_MS, SECRET, USER_ID, Handler, Receiver, answer, delivery

from gateway.clock import ManualClock, SystemClock
from gateway.model.deliveries import DeliveryKind
from gateway.push.customhttp import MAX_RESPONSE_BYTES, Outcome, Reply, Sender, body, classify, event_name
from gateway.push.destination import Destination, Tls, place_of

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


def _destination(url: str, **changes: Any) -> Destination:
    options: dict[str, Any] = {
        "key": "@test",
        "provider": None,
        "debug": False,
        "message": "dummy message",
        "headers": MappingProxyType({}),
        "signing_keys": (SECRET,),
        "connect_timeout_s": 5.0,
        "read_timeout_s": 5.0,
        "total_timeout_s": 10.0,
        "tls": Tls(verify=True, ca_file=""),
    }
    place = place_of(url)
    assert place is not None
    return Destination(place=place, **(options | changes))


def _send(url: str, networks: Any = LOOPBACK, row: Any = None, **changes: Any) -> Reply:
    sender = Sender(networks, SystemClock())
    return sender.send(row or delivery(), _destination(url, **changes), attempt=1)


def test_push_check_02_text_body_is_exact(receiver: Receiver) -> None:
    """Check 2: without payload the body is exactly the documented object with the configured text."""
    reply = _send(receiver.url())
    assert receiver.requests[0].body == b'{"message":"dummy message","deviceId":"a1a23456789123456789"}'
    assert Reply(status=200, head=b"ok") == reply


def test_payload_bytes_are_embedded_as_they_are() -> None:
    """The message's bytes are not re-encoded: odd but legal spacing and escapes survive."""
    message = b'{ "text" : "\\u00e4", "n":1.0 }'
    assert body(message, "d") == b'{"message":{ "text" : "\\u00e4", "n":1.0 },"deviceId":"d"}'


def test_device_id_cannot_break_out_of_its_string() -> None:
    """A hostile device id stays one JSON string; the object keeps exactly two members."""
    device = '","message":"forged"} \u00e9\u2028'
    assert {"message": "m", "deviceId": device} == orjson.loads(body(b'"m"', device))


def test_headers(receiver: Receiver) -> None:
    """The headers of 3.1, with the operator's own beside them."""
    operators = MappingProxyType({"authorization": "Basic c2VjcmV0", "x-tenant": "one"})
    sender = Sender(LOOPBACK, ManualClock(NOW_MS))
    row = delivery(debug=True, event_type="ParticipantJoined")
    sender.send(row, _destination(receiver.url("/a/b?c=d"), headers=operators), attempt=3)
    request = receiver.requests[0]
    expected = {
        "content-type": "application/json; charset=utf-8",
        "webhook-id": f"msg_{CHAT_ID}_c1_16",
        "webhook-timestamp": str(NOW_MS // 1000),
        "x-push-attempt": "3",
        "x-push-debug": "true",
        "x-push-event": "chat.participant_joined",
        "x-chat-id": CHAT_ID,
        "x-user-id": USER_ID,
        "authorization": "Basic c2VjcmV0",
        "x-tenant": "one",
    }
    assert request.path == "/a/b?c=d"
    assert expected == {name: request.headers[name] for name in expected}
    assert request.headers["user-agent"].startswith("open-chat-gateway/")


def test_production_pushes_have_no_debug_header(receiver: Receiver) -> None:
    """`x-push-debug` marks debug deliveries only."""
    _send(receiver.url())
    assert "x-push-debug" not in receiver.requests[0].headers


def test_operator_cannot_replace_our_headers(receiver: Receiver) -> None:
    """A configured header of one of our names loses."""
    _send(receiver.url(), headers=MappingProxyType({"webhook-id": "mine"}))
    assert delivery().id == receiver.requests[0].headers["webhook-id"]


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "\u4e2d"])
def test_header_injection_sends_nothing(receiver: Receiver, value: str) -> None:
    """A header value that cannot be one is a failure before any connection."""
    reply = _send(receiver.url(), headers=MappingProxyType({"x-tenant": value}))
    assert (classify(reply.status, reply.error), receiver.requests) == (Outcome.PERMANENT, [])


@pytest.mark.parametrize(
    ("event_type", "name"),
    [("Message", "chat.message"), ("PushUrl", "chat.push_url"), ("ParticipantLeft", "chat.participant_left")],
)
def test_event_name(event_type: str, name: str) -> None:
    """Wire types become dotted lower-case names."""
    assert name == event_name(event_type)


STATUSES = {
    200: Outcome.DELIVERED,
    201: Outcome.DELIVERED,
    204: Outcome.DELIVERED,
    299: Outcome.DELIVERED,
    301: Outcome.PERMANENT,
    302: Outcome.PERMANENT,
    304: Outcome.PERMANENT,
    307: Outcome.PERMANENT,
    308: Outcome.PERMANENT,
    400: Outcome.PERMANENT,
    401: Outcome.PERMANENT,
    404: Outcome.PERMANENT,
    408: Outcome.RETRYABLE,
    410: Outcome.GONE,
    425: Outcome.RETRYABLE,
    429: Outcome.RETRYABLE,
    500: Outcome.RETRYABLE,
    503: Outcome.RETRYABLE,
    504: Outcome.RETRYABLE,
}


@pytest.mark.parametrize(("status", "outcome"), STATUSES.items())
def test_status_classification(receiver: Receiver, status: int, outcome: Outcome) -> None:
    """Each status means what 3.6 says; the receiver sees one request."""
    receiver.behaviours["/"] = answer(status, b"" if status in (204, 304) else b"text")
    reply = _send(receiver.url())
    assert (status, outcome, 1) == (reply.status, classify(reply.status, reply.error), len(receiver.requests))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    """The target of a redirect is never asked, and the body of the redirect is not swallowed whole."""
    receiver.behaviours["/"] = answer(status, b"x" * 500_000, Location="/elsewhere")
    reply = _send(receiver.url())
    assert (status, MAX_RESPONSE_BYTES) == (reply.status, len(reply.head))
    assert receiver.got("/elsewhere") == []


def test_oversized_answer_is_cut(receiver: Receiver) -> None:
    """Of an endless answer 20,000 bytes are read; the status counts."""

    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    receiver.behaviours["/"] = endless
    reply = _send(receiver.url())
    assert (reply.status, reply.head) == (200, b"x" * 20_000)


def test_compressed_answer_is_not_inflated(receiver: Receiver) -> None:
    """Content-Encoding of an answer is ignored: no bomb goes off."""
    receiver.behaviours["/"] = answer(200, b"not gzip at all", **{"Content-Encoding": "gzip"})
    assert Reply(status=200, head=b"not gzip at all") == _send(receiver.url())


def test_dripping_head_ends_with_the_total_time(receiver: Receiver) -> None:
    """A receiver that drips header bytes, each within the read timeout, is cut off by the total deadline."""

    def drip(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while not receiver.released.wait(0.05):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    receiver.behaviours["/"] = drip
    assert Reply(error="timeout") == _send(receiver.url(), read_timeout_s=5.0, total_timeout_s=0.5)


def test_dripping_body_does_not_undo_the_status(receiver: Receiver) -> None:
    """A 200 whose body never ends is a delivery; reading stops with the total deadline."""

    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not receiver.released.wait(0.05):
            handler.wfile.write(b"x")

    receiver.behaviours["/"] = drip
    reply = _send(receiver.url(), read_timeout_s=5.0, total_timeout_s=0.5)
    assert (reply.status, reply.head.startswith(b"x")) == (200, True)


def test_silent_receiver_times_out(receiver: Receiver) -> None:
    """A receiver that accepts and says nothing costs the read timeout and is retryable."""
    receiver.behaviours["/"] = receiver.hang
    reply = _send(receiver.url(), read_timeout_s=0.2)
    assert (Reply(error="timeout"), Outcome.RETRYABLE) == (reply, classify(reply.status, reply.error))


def test_refused_connection() -> None:
    """Nobody listening is a connection failure, retryable."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        reply = _send(f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert (Reply(error="connection failed", connected=False), Outcome.RETRYABLE) == (
        reply,
        classify(reply.status, reply.error),
    )


def test_answer_that_is_no_http(receiver: Receiver) -> None:
    """Garbage instead of a status line is a failure, not an exception."""
    receiver.behaviours["/"] = lambda handler: handler.wfile.write(b"\x00\xff garbage\r\n\r\n")
    assert Reply(error="connection failed") == _send(receiver.url())


def test_plain_receiver_behind_https_url(receiver: Receiver) -> None:
    """A TLS handshake with something else fails as TLS, and no request is made."""
    reply = _send(receiver.url().replace("http:", "https:"))
    assert (reply.error, receiver.requests) == ("TLS failed", [])


def test_missing_ca_file(receiver: Receiver) -> None:
    """A `ca_file` that cannot be read fails closed."""
    reply = _send("https://127.0.0.1:1/", tls=Tls(verify=True, ca_file="/nonexistent/ca.pem"))
    assert Reply(error="TLS failed", connected=False) == reply


SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "017700000001",
    "127.000.000.001",
    "LOCALHOST",
    "localhost",
]


@pytest.mark.parametrize("host", SPELLINGS)
def test_peer_address_is_judged(receiver: Receiver, host: str) -> None:
    """Without permission for loopback no spelling of it is reached; with it the same spellings are."""
    blocked = _send(receiver.url(host=host), networks=())
    assert (Reply(error="address is not allowed", connected=False), []) == (blocked, receiver.requests)
    assert _send(receiver.url(host=host)).status == 200


def test_mapped_address_is_judged(receiver: Receiver) -> None:
    """An IPv4 address in IPv6 clothes is judged as what it is."""
    blocked = _send(receiver.url(host="[::ffff:127.0.0.1]"), networks=())
    assert (Reply(error="address is not allowed", connected=False), []) == (blocked, receiver.requests)


def test_rebinding_name_is_judged_at_each_connection(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that first leads to an allowed address and then elsewhere does not get there."""
    allowed = (ipaddress.ip_network("127.0.0.1/32"),)
    answers = ["127.0.0.1", "127.0.0.2", "127.0.0.1"]

    def rebinding(_host: str, port: int, **_options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    url = receiver.url(host="rebinding.example")
    errors = [_send(url, networks=allowed).error for _ in range(3)]
    assert ([None, "address is not allowed", None], 2) == (errors, len(receiver.requests))


def test_peer_counts_and_not_what_was_resolved(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel says we are connected to is judged, whatever the resolver's text said."""
    monkeypatch.setattr(socket.socket, "getpeername", lambda _sock: ("169.254.169.254", 80))
    blocked = _send(receiver.url())
    assert (Reply(error="address is not allowed", connected=False), []) == (blocked, receiver.requests)


def test_connection_is_kept_for_the_next_post(receiver: Receiver) -> None:
    """Two POSTs of one sender share a connection; an idle one is closed when it has been idle for long."""
    clock = ManualClock(NOW_MS)
    ports: list[int] = []

    def remember(handler: Handler) -> None:
        ports.append(handler.client_address[1])
        answer(200)(handler)

    receiver.behaviours["/"] = remember
    sender = Sender(LOOPBACK, clock)
    for pause_s in (1, 5, 1):
        sender.send(delivery(), _destination(receiver.url()), attempt=1)
        clock.advance(pause_s)
    sender.close_idle(0)
    assert (True, False) == (ports[0] == ports[1], ports[1] == ports[2])


def test_proxy_variables_are_ignored(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """An egress proxy in the environment gets nothing."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1/")
    assert _send(receiver.url()).status == 200


def test_cookies_are_not_kept(receiver: Receiver) -> None:
    """What a receiver sets in one answer is not sent with the next notification."""
    receiver.behaviours["/"] = answer(200, **{"Set-Cookie": "a=b"})
    sender = Sender(LOOPBACK, SystemClock())
    for _ in range(2):
        sender.send(delivery(), _destination(receiver.url()), attempt=1)
    assert ["cookie" in request.headers for request in receiver.requests] == [False, False]


@pytest.mark.parametrize("kind", [DeliveryKind.PAYLOAD, DeliveryKind.POINTER])
def test_row_without_its_message_is_not_sent_as_text(receiver: Receiver, kind: DeliveryKind) -> None:
    """A damaged row fails for good instead of becoming another notification."""
    reply = _send(receiver.url(), row=delivery(kind=kind))
    assert (classify(reply.status, reply.error), receiver.requests) == (Outcome.PERMANENT, [])


def test_errors_name_no_secret(receiver: Receiver) -> None:
    """The token in an URL's query appears in no error text."""
    reply = _send(receiver.url("/?token=s3cr3t"), networks=())
    assert "s3cr3t" not in repr(reply)
