"""A real HTTP receiver on loopback, and deliveries to send to it."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gateway.model.deliveries import Delivery, DeliveryKind

NOW_MS = 1_568_662_361_000
CHAT_ID = "00020aEQFW6V0029"
USER_ID = "007D5D7FE31F001B"
DEVICE_ID = "a1a23456789123456789"
PATIENCE_S = 20.0
# The secret of the vector in spec/push.md 10.2.1.
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


class Handler(BaseHTTPRequestHandler):
    """Notes the request, then lets the receiver's behaviour for the path answer it."""

    server: Any
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Called by http.server."""
        body = self.rfile.read(int(self.headers["content-length"]))
        receiver: Receiver = self.server.receiver
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.requests.append(Received(self.path, headers, body))
        receiver.behaviours.get(self.path, answer(200))(self)

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


Behaviour = Callable[[Handler], None]


def answer(status: int, content: bytes = b"ok", **headers: str) -> Behaviour:
    """An ordinary answer."""

    def behave(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return behave


class Receiver:
    """A threaded server; use as a context manager. `behaviours` is keyed by path."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.behaviours: dict[str, Behaviour] = {}
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._server.receiver = self  # type: ignore[attr-defined]
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def serve_tls(self, certificate: Path, key: Path, *, client_ca: Path | None = None) -> None:
        """Speak https from now on; with `client_ca` only to clients whose certificate is from there."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self._server.server_address[1])

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """An URL of this receiver."""
        return f"http://{host}:{self.port}{path}"

    def hang(self, handler: Handler) -> None:
        """A behaviour: accept, and say nothing until the test is over."""
        self.released.wait(PATIENCE_S * 2)
        handler.close_connection = True

    def got(self, path: str) -> list[Received]:
        """The requests for one path."""
        return [request for request in list(self.requests) if request.path == path]


def delivery(**changes: Any) -> Delivery:
    """A text notification about event 16."""
    plain = Delivery(
        id=f"msg_{CHAT_ID}_c1_16",
        chat_id=CHAT_ID,
        user_id=USER_ID,
        position=16,
        kind=DeliveryKind.TEXT,
        event_type="Message",
        device_id=DEVICE_ID,
        created_ms=NOW_MS,
        due_ms=NOW_MS,
    )
    return replace(plain, **changes)


def until(condition: Callable[[], object], what: str = "condition") -> None:
    """Wait for a condition; fail after PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true"
        time.sleep(0.005)
