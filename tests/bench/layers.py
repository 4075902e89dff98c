"""Where the time of a message goes, by layer: the gateway and its clients in one process, sampled.

    .venv/bin/python tests/bench/layers.py chat-lp chat-ws churn-lp

The real application, our worker's conversation loop, SQLite on disk; the clients speak through socket pairs
and are shown apart. A timer looks a thousand times a second which layer runs; what it finds is scaled to the
processor time that was used without it. Work comes in waves: all rooms speak, all are waited for, so a commit
is shared by a whole wave. That is the busy gateway, not the idle one.
"""

# ruff: noqa: E402 - the sockets must be gevent's before anybody imports them
from gevent import monkey

monkey.patch_all()

import argparse
import gc
import json
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import gevent
from gunicorn.config import Config

from gateway.app import create_app
from gateway.observe import logs
from gateway.services import Gateway, Installation
from gateway.worker.application import DefaultLimits
from gateway.worker.connection import Connection
from gateway.worker.conversation import Conversation

SETTINGS = "[limits]\nenabled=false\n[log]\nlevel=error\n"
PATH, SERVICE = "/genesys/cometd", "/service/chatV2/bench"
SWITCH_INTERVAL = 0.0005  # as the worker sets it
SAMPLE_S = 0.001
PATIENCE_S = 20.0
# The first whose part of the path fits; frames of other libraries count for whoever called them.
LAYERS = (
    ("/tests/bench/", "the clients of this script"),
    ("/gateway/worker/", "HTTP: worker"),
    ("/gunicorn/", "HTTP: gunicorn"),
    ("/flask/", "HTTP: Flask"),
    ("/gateway/comet/", "transports and hub"),
    ("/gateway/bayeux/", "Bayeux engine"),
    ("/gateway/store/", "store"),
    ("/gateway/observe/", "metrics"),
    ("/prometheus_client/", "metrics"),
    ("/gateway/", "chat: rights, numbering, rendering"),
    ("/gevent/", "event loop and system calls"),
)


class Node:
    """The gateway in this process, and connections to it."""

    def __init__(self, directory: Path) -> None:
        config = directory / "layers.ini"
        config.write_text(SETTINGS)
        gateway = Gateway.build(Installation(directory, {"GATEWAY_CONFIG": str(config)}))
        cfg = Config()
        cfg.set("keepalive", 75)
        self._conversation = Conversation(cfg, create_app(gateway), alive=lambda: True)

    def connect(self) -> "Link":
        """One more connection, served by a greenlet of its own."""
        ours, theirs = socket.socketpair()
        limits = DefaultLimits()
        connection = Connection(ours, limits=limits, keepalive=75, clock=time.monotonic, encrypted=False)
        gevent.spawn(self._serve, connection)
        return Link(theirs._sock)

    def _serve(self, connection: Connection) -> None:
        with suppress(OSError, StopIteration):  # the client has gone
            self._conversation.serve(connection, client=("127.0.0.1", 1), server=("127.0.0.1", 80))


class Link:
    """The client's end of a connection; never waits in a system call."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        raw.setblocking(False)
        self.head = b""

    def send(self, data: bytes) -> None:
        """All at once; what a client sends fits into the socket's buffer."""
        self._raw.send(data)

    def take(self) -> bytes:
        """What has come."""
        try:
            return bytes(self._raw.recv(1 << 16))
        except BlockingIOError:
            return b""

    def read(self, until: bytes) -> bytes:
        """Wait until these bytes have come; everything that came."""
        got, end = b"", time.monotonic() + PATIENCE_S
        while until not in got:
            gevent.sleep(0)
            got += self.take()
            if time.monotonic() > end:
                raise TimeoutError(got)
        return got


def message(channel: str, **fields: Any) -> list[dict[str, Any]]:
    """A batch of one message."""
    return [{"id": "1", "channel": channel, **fields}]


def post(batch: Any, cookie: bytes = b"") -> bytes:
    """The request of a long-polling client."""
    body = json.dumps(batch, separators=(",", ":")).encode()
    own = b"Cookie: BAYEUX_BROWSER=%b\r\n" % cookie if cookie else b""
    return (
        b"POST %b HTTP/1.1\r\nHost: x\r\n%bContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        % (
            PATH.encode(),
            own,
            len(body),
            body,
        )
    )


def frame(batch: Any, _cookie: bytes = b"") -> bytes:
    """A websocket frame, with a mask of zeros."""
    body = json.dumps(batch, separators=(",", ":")).encode()
    size = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + len(body).to_bytes(2, "big")
    return b"\x81" + size + b"\0\0\0\0" + body


class Member:
    """A member of a room: `speaks` on one connection, `listens` on the same (websocket) or another one."""

    def __init__(self, node: Node, pack: Callable[..., bytes], key: str | None) -> None:
        self._pack, self._cookie = pack, b""
        self.speaks = self.listens = node.connect()
        kind = "websocket" if pack is frame else "long-polling"
        if pack is frame:
            upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            key_header = "Sec-WebSocket-Key: bG9hZC1nZW5lcmF0b3ItMQ==\r\n\r\n"
            self.speaks.send(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n{upgrade}{key_header}".encode())
            self.speaks.read(b"\r\n\r\n")
        else:
            self.listens = node.connect()
        shaken = self._ask(
            self.speaks, message("/meta/handshake", version="1.0", supportedConnectionTypes=[kind])
        )
        self._cookie = shaken.partition(b"BAYEUX_BROWSER=")[2].partition(b";")[0]
        self._id = _value(shaken, b"clientId")
        connect = message("/meta/connect", clientId=self._id, connectionType=kind)
        self._ask(self.listens, connect)
        self.connect = pack(connect, self._cookie)
        order = {"operation": "requestChat", "nickname": "A"}
        if key is not None:
            order = {"operation": "requestNotifications", "secureKey": key}
        told = self._ask(self.speaks, message(SERVICE, clientId=self._id, data=order), b'"secureKey":"')
        self.key = key or _value(told, b"secureKey")
        said = {"operation": "sendMessage", "message": "x" * 100, "secureKey": self.key}
        self.say = pack(message(SERVICE, clientId=self._id, data=said), self._cookie)
        self.listens.send(self.connect)

    def _ask(self, link: Link, batch: Any, until: bytes = b'"successful":') -> bytes:
        link.send(self._pack(batch, self._cookie))
        return link.read(until)


def _value(text: bytes, name: bytes) -> str:
    return text.partition(b'"%b":"' % name)[2].partition(b'"')[0].decode()


def chat(node: Node, pack: Callable[..., bytes], rooms: int) -> Callable[[], int]:
    """Rooms of two; returns a function that lets one of each room speak and returns the messages."""
    members = []
    for _ in range(rooms):
        first = Member(node, pack, None)
        members.append((first, Member(node, pack, first.key)))
    gevent.sleep(0.5)

    for member in (one for room in members for one in room):
        # What came while the rooms were built.
        if member.listens.take() and pack is post:
            member.listens.send(member.connect)
    gevent.sleep(0.5)

    def wave() -> int:
        for speaker, _ in members:
            speaker.speaks.send(speaker.say)
        waiting = {one for room in members for one in room}
        while waiting:
            gevent.sleep(0.001)
            for member in list(waiting):
                if b'"text":"xxx' in member.listens.take():
                    waiting.discard(member)
                    if pack is post:
                        member.listens.send(member.connect)
        gevent.sleep(0.001)
        for speaker, _ in members:
            speaker.speaks.take()
        return rooms

    return wave


def churn(node: Node, rooms: int) -> Callable[[], int]:
    """Handshake, connect, subscribe, disconnect, on connections that are kept."""
    links = [node.connect() for _ in range(rooms)]
    shake = post(message("/meta/handshake", version="1.0", supportedConnectionTypes=["long-polling"]))

    def step(requests: list[bytes]) -> list[bytes]:
        for link, request in zip(links, requests, strict=True):
            link.send(request)
        return [link.read(b'"successful":true') for link in links]

    def wave() -> int:
        shaken = step([shake] * rooms)
        ids = [_value(one, b"clientId") for one in shaken]
        jars = [one.partition(b"BAYEUX_BROWSER=")[2].partition(b";")[0] for one in shaken]
        own = list(zip(ids, jars, strict=True))
        step([post(message("/meta/connect", clientId=i, connectionType="long-polling"), c) for i, c in own])
        step([post(message("/meta/subscribe", clientId=i, subscription=SERVICE), c) for i, c in own])
        step([post(message("/meta/disconnect", clientId=i), c) for i, c in own])
        return rooms

    return wave


def layer_of(current: FrameType | None) -> str:
    """The layer of the innermost frame that belongs to one."""
    while current is not None:
        for part, layer in LAYERS:
            if part in current.f_code.co_filename:
                waits = layer.startswith("event loop") and current.f_code.co_name == "run"
                return "the flush, and waiting for it" if waits else layer
        current = current.f_back
    return "other"


def cpu_us(wave: Callable[[], int], seconds: float) -> float:
    """Microseconds of processor time per unit."""
    started, used, units = time.monotonic(), time.process_time(), 0
    while time.monotonic() - started < seconds:
        units += wave()
    return (time.process_time() - used) / units * 1e6


def measure(name: str, wave: Callable[[], int], seconds: float) -> None:
    """Print the cost of a unit and its layers."""
    wave()
    total = min(cpu_us(wave, seconds / 2) for _ in range(2))
    found: Counter[str] = Counter()
    signal.signal(signal.SIGALRM, lambda _number, current: found.update([layer_of(current)]))
    signal.setitimer(signal.ITIMER_REAL, SAMPLE_S, SAMPLE_S)
    cpu_us(wave, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(f"{name}: {total:.0f} us of processor time each, clients included")
    for layer, samples in found.most_common():
        share = samples / found.total()
        print(f"  {share * total:6.0f} us {share:4.0%}  {layer}")


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="+", choices=("chat-ws", "chat-lp", "churn-lp"))
    parser.add_argument("--rooms", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=4.0)
    asked = parser.parse_args()
    logs.configure(format="json", level="error")
    sys.setswitchinterval(SWITCH_INTERVAL)
    with tempfile.TemporaryDirectory() as directory:
        node = Node(Path(directory))
        waves = {
            "chat-ws": lambda: chat(node, frame, asked.rooms),
            "chat-lp": lambda: chat(node, post, asked.rooms),
            "churn-lp": lambda: churn(node, asked.rooms),
        }
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        for name in asked.workloads:
            measure(name, waves[name](), asked.seconds)


if __name__ == "__main__":
    main()
