"""Receivers that misbehave (targets/reliability.md R12): one TCP server, the path names the mode.

Each mode is a function of a connected socket, run in its own thread. `BadReceivers` is a context manager;
`url(mode)` is where to post. Modes that need no server (a refused port, an unknown host, TLS in the wrong
place) are addresses.
"""

from __future__ import annotations

import gzip
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Mode = Callable[[socket.socket, threading.Event], None]
DRIP_S = 0.05
CHUNK = b"x" * 65_536
OK = b"HTTP/1.1 200 OK\r\n"


def _say(text: bytes) -> Mode:
    return lambda sock, _over: sock.sendall(text)


def _status(line: str, *headers: str) -> Mode:
    lines = [f"HTTP/1.1 {line}", *headers, "Content-Length: 0", "", ""]
    return _say("\r\n".join(lines).encode())


def _drip(start: bytes, piece: bytes) -> Mode:
    def behave(sock: socket.socket, over: threading.Event) -> None:
        sock.sendall(start)
        while not over.wait(DRIP_S):
            sock.sendall(piece)

    return behave


def _flood(start: bytes, piece: bytes) -> Mode:
    def behave(sock: socket.socket, over: threading.Event) -> None:
        sock.sendall(start)
        while not over.is_set():
            sock.sendall(piece)

    return behave


def _reset(start: bytes) -> Mode:
    def behave(sock: socket.socket, _over: threading.Event) -> None:
        if start:
            sock.sendall(start)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave


def _hang(_sock: socket.socket, over: threading.Event) -> None:
    over.wait(60)


def _bomb() -> bytes:
    """64 MiB of zeros in 64 KiB."""
    packed = gzip.compress(b"\0" * (64 << 20), 9)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    return head.encode() + packed


MODES: dict[str, Mode] = {
    "ok": _status("200 OK"),
    "drip-head": _drip(OK + b"X-Drip: ", b"x"),
    "drip-body": _drip(OK + b"\r\n", b"x"),
    "500": _status("500 Oops"),
    "503-retry-after": _status("503 Busy", "Retry-After: 7"),
    "429-retry-after": _status("429 Slow", "Retry-After: 7"),
    "410": _status("410 Gone"),
    "404": _status("404 Not Found"),
    "rst-in-body": _reset(OK + b"Content-Length: 1000\r\n\r\nhalf"),
    "rst-before-answer": _reset(b""),
    "hang": _hang,
    "endless-body": _flood(OK + b"\r\n", CHUNK),
    "huge-length": _flood(OK + b"Content-Length: 10737418240\r\n\r\n", CHUNK),
    "gzip-bomb": _say(_bomb()),
    "endless-headers": _flood(OK, b"X-Endless: " + b"y" * 1000 + b"\r\n"),
    "endless-header-line": _flood(OK + b"X-Endless: ", CHUNK),
    "endless-chunk-size": _flood(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 1000),
    "half-answer": _say(OK + b"Content-Le"),
    "garbage": _say(b"\x00\xff\x16\x03 this is not HTTP\r\n\r\n"),
    "empty": _say(b""),
    "interim-for-ever": _flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "other-interim": _say(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "two-answers": _say((OK + b"Content-Length: 0\r\n\r\n") * 2),
}


class BadReceivers:
    """The server. `hits` counts requests by mode."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self.over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> BadReceivers:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def url(self, mode: str) -> str:
        """Where a mode lives."""
        return f"http://127.0.0.1:{self.port}/{mode}"

    def _accept(self) -> None:
        while not self.over.is_set():
            with suppress(OSError):
                sock, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, suppress(OSError):
            while mode := _read_request(sock):
                self.hits[mode] += 1
                if mode == "redirect":
                    sock.sendall(
                        b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n"
                        % self.url("target").encode()
                    )
                    continue
                MODES.get(mode, MODES["ok"])(sock, self.over)
                if mode not in ("ok", "two-answers"):
                    return


def _read_request(sock: socket.socket) -> str:
    """The path of the next request without its slash; empty at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65_536)
        if not piece:
            return ""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    while len(body) < length:
        body += sock.recv(65_536)
    return head.split(b" ")[1].decode().removeprefix("/")


def refused_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return int(unused.getsockname()[1])


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose connections are never accepted: the backlog is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(8)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        try:
            yield int(listener.getsockname()[1])
        finally:
            for sock in waiting:
                sock.close()


@contextmanager
def dripping_tls() -> Iterator[int]:
    """A port that begins a TLS record and never ends it, one byte after the other."""
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            sock, _ = listener.accept()
            with sock:
                _drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03", b"\x00")(sock, over)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            over.set()
