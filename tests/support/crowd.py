"""Hundreds of badly behaved peers from one thread: raw sockets, minimal websockets, and what they cost.

`clients.py` has clients that behave; these only connect, send, and forget to read.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests

from support.gateway import RunningGateway

PATIENCE_S = 20.0
# Small windows, as behind a phone: the kernel then hides little of a peer that does not read.
SEGMENT, WINDOW = 536, 4096
_UPGRADE = (
    b"GET /genesys/cometd HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n"
)


def many_files() -> None:
    """Let this process have as many sockets as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def dial(port: int, sent: bytes = b"", *, small: bool = False) -> socket.socket:
    """A connected socket that has sent these bytes; `small`: with little room for what it does not read."""
    sock = socket.socket()
    if small:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
    sock.settimeout(PATIENCE_S)
    sock.connect(("127.0.0.1", port))
    sock.sendall(sent)
    return sock


def frame(payload: bytes, first: int = 0x81) -> bytes:
    """A client's websocket frame; its mask is zero, so the payload stays as it is."""
    size = len(payload)
    head = bytes([first, 0x80 | size]) if size < 126 else b""
    if not head:
        wide = size > 0xFFFF
        head = bytes([first, 0x80 | (127 if wide else 126)]) + size.to_bytes(8 if wide else 2, "big")
    return head + b"\0\0\0\0" + payload


class RawSocket:
    """A websocket without a library; reads only when told to."""

    def __init__(self, port: int, *, small: bool = False, headers: bytes = b"") -> None:
        self.sock = dial(port, _UPGRADE % headers, small=small)
        self._bytes = b""
        while b"\r\n\r\n" not in self._bytes:
            self._more()
        self.answer, _, self._bytes = self._bytes.partition(b"\r\n\r\n")
        self.client_id = ""
        self._ids = itertools.count(1)

    def send(self, *messages: dict[str, Any]) -> None:
        """One frame with these messages."""
        own = {"clientId": self.client_id} if self.client_id else {}
        batch = [{**message, **own, "id": str(next(self._ids))} for message in messages]
        self.sock.sendall(frame(json.dumps(batch).encode()))

    def read(self) -> tuple[int, bytes]:
        """The next frame: its first byte and payload; ConnectionError when there is none."""
        while True:
            size, head = (self._bytes[1], 2) if len(self._bytes) > 1 else (0, 1 << 30)
            if size >= 126:
                head += 2 if size == 126 else 8
                size = int.from_bytes(self._bytes[2:head], "big") if len(self._bytes) >= head else 1 << 40
            if len(self._bytes) >= head + size:
                first, payload = self._bytes[0], self._bytes[head : head + size]
                self._bytes = self._bytes[head + size :]
                return first, payload
            self._more()

    def messages(self) -> list[dict[str, Any]]:
        """The messages of the next text frame."""
        first, payload = self.read()
        if first != 0x81:
            raise ConnectionError(f"frame {first:#x}")
        return list(json.loads(payload))

    def handshake(self) -> None:
        """Shake hands and connect once."""
        self.send({"channel": "/meta/handshake", "supportedConnectionTypes": ["websocket"]})
        self.client_id = self.messages()[0]["clientId"]
        self.send({"channel": "/meta/connect", "connectionType": "websocket"})
        self.messages()

    def close_code(self) -> int | None:
        """Read to the end; the code of the close frame, None when the connection ends without one."""
        try:
            while True:
                first, payload = self.read()
                if first == 0x88:
                    return int.from_bytes(payload[:2], "big")
        except ConnectionError:
            return None

    def _more(self) -> None:
        data = self.sock.recv(65_536)
        if not data:
            raise ConnectionError("end of stream")
        self._bytes += data


def close_all(sockets: Iterable[socket.socket]) -> None:
    """Close them all."""
    for sock in sockets:
        with suppress(OSError):
            sock.close()


class Memory:
    """Resident memory of the gateway's worker, in MiB (Linux)."""

    def __init__(self, gateway: RunningGateway) -> None:
        (self._pid,) = gateway.worker_pids()
        Path(f"/proc/{self._pid}/clear_refs").write_text("5")  # forget the peak so far
        self.before = self._read("VmRSS")

    def growth(self) -> float:
        """By how much the peak since the start exceeds the start."""
        return self._read("VmHWM") - self.before

    def _read(self, name: str) -> float:
        for line in Path(f"/proc/{self._pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024
        raise AssertionError(f"no {name}")


def metric(gateway: RunningGateway, name: str) -> float:
    """The value of a metric, labels included in the name; 0 before it was first counted."""
    for line in requests.get(f"{gateway.url}/metrics", timeout=PATIENCE_S).text.splitlines():
        found, _, value = line.rpartition(" ")
        if found.endswith(name) and not line.startswith("#"):
            return float(value)
    return 0.0


def figures(**values: object) -> None:
    """Print measured values; pytest shows them with -s or -rP, and CI keeps them."""
    name = os.environ.get("PYTEST_CURRENT_TEST", "").split("::")[-1].split(" ")[0]
    print(f"FIGURES {name}: " + ", ".join(f"{key}={value}" for key, value in values.items()))


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
