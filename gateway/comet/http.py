"""Plumbing that the HTTP transports share: bodies, responses, peers, and waiting for something to deliver."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

from gateway.bayeux import Peer
from gateway.comet.batch import BadBatch, checked, decode

Environ = dict[str, Any]
Headers = list[tuple[str, str]]

# An over-long body is read and thrown away up to this multiple of the limit, so that the client can read
# the 413; beyond it the connection is simply closed.
DRAIN_FACTOR = 16
_CHUNK = 65536

SECURITY_HEADERS: Headers = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]


class BodyTooLarge(Exception):
    """The request body exceeds the limit."""


@dataclass(frozen=True, slots=True)
class Response:
    """A complete HTTP answer."""

    status: str
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def refusal(status: str, error: str) -> Response:
    """An HTTP-level error in the wire's own shape: a Bayeux array with one failure."""
    body = orjson.dumps([{"successful": False, "error": error}])
    return Response(status, "application/json;charset=UTF-8", body)


def read_body(environ: Environ, limit: int) -> bytes:
    """The whole request body; BodyTooLarge beyond `limit` bytes."""
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH")
    if length:
        size = int(length) if length.isdigit() else 0
        if size <= limit:
            return bytes(stream.read(size))
        _discard(stream, min(size, limit * DRAIN_FACTOR))
        raise BodyTooLarge
    body = stream.read(limit + 1) if environ.get("wsgi.input_terminated") or _chunked(environ) else b""
    if len(body) > limit:
        _discard(stream, limit * DRAIN_FACTOR)
        raise BodyTooLarge
    return bytes(body)


def _chunked(environ: Environ) -> bool:
    return "chunked" in str(environ.get("HTTP_TRANSFER_ENCODING", "")).lower()


def _discard(stream: Any, size: int) -> None:
    while size > 0:
        chunk = stream.read(min(_CHUNK, size))
        if not chunk:
            return
        size -= len(chunk)


def parse_body(body: bytes, content_type: str) -> list[dict[str, Any]]:
    """A batch from JSON, or from `message=` parameters of a form (spec/bayeux.md 5)."""
    if content_type.lower().startswith("application/x-www-form-urlencoded") and body.lstrip()[:1] not in (
        b"[",
        b"{",
    ):
        return parse_parameters([value for name, value in _form(body) if name == "message"])
    return decode(body)


def parse_parameters(values: list[str]) -> list[dict[str, Any]]:
    """A batch from one or more `message` parameters, each an object or an array."""
    return checked([message for value in values for message in decode(value)])


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        raise BadBatch("not a form") from None


def peer_is_gone(environ: Environ) -> bool:
    """Whether the client has closed its connection while its poll was held.

    Writing to such a socket succeeds, and what it carried would be lost without the ack extension.
    """
    sock = environ.get("gunicorn.socket")
    if sock is None:
        return False
    raw = getattr(sock, "_sock", sock)
    try:
        return raw.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except (BlockingIOError, InterruptedError):
        return False
    except (OSError, ValueError, TypeError):
        # TLS sockets cannot peek; a write will tell.
        return isinstance(sock, socket.socket) and sock.fileno() < 0


def body_then(body: bytes, *, written: Any, failed: Any) -> Iterable[bytes]:
    """A WSGI body that reports whether the server could write it.

    The server asks for the next chunk only after it has written this one; if writing fails it closes the
    iterator instead (a test guards both under the worker class).
    """

    def chunks() -> Iterator[bytes]:
        try:
            yield body
        except GeneratorExit:
            failed()
            raise
        written()

    return chunks()


def peer_of(environ: Environ, transport: str, *, browser: str | None, new_browser: str | None) -> Peer:
    """What the engine needs to know about an HTTP request."""
    return Peer(
        transport=transport,
        browser=browser,
        new_browser=new_browser,
        origin=environ.get("HTTP_ORIGIN", ""),
        address=environ.get("REMOTE_ADDR", ""),
    )
