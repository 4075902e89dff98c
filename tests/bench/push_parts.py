"""The programs behind push.py, each a process of its own: the sink, the delivery worker, the bare loop.

The sink (asyncio) answers on processor 1. On processor 0 runs either the delivery worker with its SQLite
store under gevent, as in the product, or a bare loop of `requests.Session` (trust_env off). The sink reads
the time stamp in each body (`t=<monotonic nanoseconds>;`): how long the notification was on its way.

    push_parts.py sink                          prints its port, serves until killed
    push_parts.py worker PORT DESTINATIONS      prints a JSON object
    push_parts.py bare PORT                     prints a JSON object
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

ROWS, ROWS_PER_CHAT, BARE_POSTS = 4000, 4, 2000
_STAMP = re.compile(rb"t=(\d+);")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


# --- the sink --------------------------------------------------------------------------------------


class Sink(asyncio.Protocol):
    """Answers every POST at once, tells figures on GET; on `/hanging` it says nothing."""

    latencies: list[int] = []
    seen: list[int] = [0]

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = _LENGTH.search(head)
            total = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < total:
                return
            body, self._buffer = self._buffer[end + 4 : total], self._buffer[total:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET"):
            figures = json.dumps({"seen": self.seen[0], "latencies": self.latencies}).encode()
            self.latencies.clear()
            self.seen[0] = 0
            self._transport.write(b"HTTP/1.0 200 OK\r\n\r\n" + figures)
            self._transport.close()
        elif not head.startswith(b"POST /hanging"):
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            self.seen[0] += 1
            if stamp := _STAMP.search(body):
                self.latencies.append(time.monotonic_ns() - int(stamp[1]))


async def serve_sink() -> None:
    """Serve until killed; prints the port."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# --- on processor 0 --------------------------------------------------------------------------------


def bare_loop(port: int) -> dict[str, float]:
    """One `requests.Session`, one POST after the other."""
    import requests

    with requests.Session() as session:
        session.trust_env = False
        body = b'{"message":{"x":1},"deviceId":"device"}'
        started = time.perf_counter()
        for _ in range(BARE_POSTS):
            session.post(f"http://127.0.0.1:{port}/bare", data=body).raise_for_status()
        return {"posts_per_s": BARE_POSTS / (time.perf_counter() - started)}


class Bench:
    """A worker on an empty store, as `services` builds it."""

    def __init__(self, port: int, destinations: int, directory: str) -> None:
        from gateway.clock import SystemClock
        from gateway.config import SettingsSource
        from gateway.observe.logs import configure
        from gateway.observe.metrics import Metrics
        from gateway.push.signing import installation_key
        from gateway.push.worker import PushWorker
        from gateway.store.sqlite import SqliteStore

        configure(level="error")
        names = [f"p{number}" for number in range(destinations)]
        config = "[push]\npushEnabled=comet,customhttp\n" + "".join(
            f"[push.provider.{name}]\ncustomhttp.url=http://127.0.0.1:{port}/{name}\n" for name in names
        )
        self.names = names
        self.clock = SystemClock()
        self.store = SqliteStore(Path(directory, "bench.sqlite3"))
        self.worker = PushWorker(
            self.store,
            SettingsSource("gateway.ini", {}, read_file=lambda _path: config.encode()),
            self.clock,
            Metrics(),
            "bench",
            installation_key=installation_key(Path(directory)),
        )
        self._chats = 0

    def commit(self, provider: str, rows: int = 1) -> None:
        """A new chat with so many notifications, each stamped with the time of now."""
        from gateway.model.change import Change, Committed
        from gateway.model.deliveries import Delivery, DeliveryKind
        from gateway.model.participants import Participant, ParticipantType
        from gateway.model.session import ChatProfile, ChatSession, ChatState
        from gateway.model.subscription import Subscription

        self._chats += 1
        chat, now_ms = f"chat{self._chats}", self.clock.wall_ms()
        party = Participant(1, "U1", "Ann", ParticipantType.CLIENT)
        profile = ChatProfile("svc", now_ms, (party,), "e", subscription=_subscription(Subscription))
        session = ChatSession(chat, 1, ChatState.WAITING, 1, now_ms, profile)
        first = Delivery(
            f"msg_{chat}_c1_1", chat, "U1", 1, DeliveryKind.PAYLOAD, "Message", "device", now_ms, now_ms,
            provider, message=b'{"text":"t=%d;%b"}' % (time.monotonic_ns(), b"x" * 200),
        )  # fmt: skip
        deliveries = [replace(first, id=f"msg_{chat}_c1_{n}", position=n) for n in range(1, rows + 1)]
        self.store.commit(Change(session=session, deliveries=tuple(deliveries)))
        self.worker.wake_for(Committed(session, ()))

    def drain(self) -> None:
        """Wait until nothing is left."""
        while self.store.pending_count():
            time.sleep(0.002)


def _subscription(kind: Any) -> Any:
    return kind(device_id="device", device_type="customhttp", origin="rest", created_ms=0)


def worker(port: int, destinations: int) -> dict[str, float]:
    """How fast the worker empties an outbox of many chats, spread over the destinations."""
    from gevent import monkey

    monkey.patch_all()
    with tempfile.TemporaryDirectory(prefix="gateway-push-") as directory:
        bench = Bench(port, destinations, directory)
        for number in range(ROWS // ROWS_PER_CHAT):
            bench.commit(bench.names[number % len(bench.names)], ROWS_PER_CHAT)
        started = time.perf_counter()
        bench.worker.start()
        bench.drain()
        return {"posts_per_s": ROWS / (time.perf_counter() - started)}


def main() -> None:
    """See the module."""
    part, *rest = sys.argv[1:]
    if part == "sink":
        asyncio.run(serve_sink())
    found = bare_loop(int(rest[0])) if part == "bare" else worker(int(rest[0]), int(rest[1]))
    print(json.dumps(found), flush=True)
    os._exit(0)  # the worker's threads need no farewell


if __name__ == "__main__":
    main()
