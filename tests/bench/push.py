"""Measures outgoing notifications: `push-1`, `push-20` and `push-hanging` (targets W6).

A sink (this file, asyncio) answers on processor 1. On processor 0 runs either the delivery worker with its
SQLite store under gevent, as in the product, or a bare loop of `requests.Session` (trust_env off), in
alternating pairs. The sink reads each body's time stamp: the latency from the commit of an event to the
arrival of its POST. Run by hand: `python tests/bench/push.py push-1 --pairs 3`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

WORKLOADS = {"push-1": 1, "push-20": 20, "push-hanging": 5}
ROWS, BARE_POSTS = 4000, 2000
IDLE_EVENTS, IDLE_PAUSE_S = 200, 0.02
BUSY_EVENTS, BUSY_PAUSE_S, HANGING_ROWS = 600, 0.008, 60
NOBODY = "hanging"
_STAMP = re.compile(rb'"t":(\d+)')
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


def bare_loop(port: int) -> float:
    """POSTs per second of one `requests.Session`."""
    import requests

    with requests.Session() as session:
        session.trust_env = False
        body = b'{"message":{"x":1},"deviceId":"device"}'
        started = time.perf_counter()
        for _ in range(BARE_POSTS):
            session.post(f"http://127.0.0.1:{port}/bare", data=body).raise_for_status()
        return BARE_POSTS / (time.perf_counter() - started)


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
            f"[push.provider.{name}]\ncustomhttp.url=http://127.0.0.1:{port}/{name}\n"
            for name in (*names, NOBODY)
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
            provider, message=b'{"t":%d,"text":"%b"}' % (time.monotonic_ns(), b"x" * 200),
        )  # fmt: skip
        deliveries = [replace(first, id=f"msg_{chat}_c1_{n}", position=n) for n in range(1, rows + 1)]
        self.store.commit(Change(session=session, deliveries=tuple(deliveries)))
        self.worker.wake_for(Committed(session, ()))

    def drain(self) -> None:
        """Wait until nothing for the good destinations is left."""
        while any(lane[0] != NOBODY for lane in self.store.due_lanes(now_ms=2**62)):
            time.sleep(0.002)


def _subscription(kind: Any) -> Any:
    return kind(device_id="device", device_type="customhttp", origin="rest", created_ms=0)


def measure(port: int, workload: str, directory: str) -> dict[str, Any]:
    """The figures of one workload with the real worker."""
    bench = Bench(port, WORKLOADS[workload], directory)
    result: dict[str, Any] = {}
    if workload != "push-hanging":
        for number in range(ROWS // 4):
            bench.commit(bench.names[number % len(bench.names)], 4)
        started = time.perf_counter()
        bench.worker.start()
        bench.drain()
        result["rate"] = ROWS / (time.perf_counter() - started)
        _figures(port)
        result["idle_ms"] = _paced(bench, port, IDLE_EVENTS, IDLE_PAUSE_S)
    else:
        bench.worker.start()
        result["alone_ms"] = _paced(bench, port, BUSY_EVENTS, BUSY_PAUSE_S)
        for _ in range(HANGING_ROWS):
            bench.commit(NOBODY)
        result["beside_hanging_ms"] = _paced(bench, port, BUSY_EVENTS, BUSY_PAUSE_S)
    return result


def _paced(bench: Bench, port: int, events: int, pause_s: float) -> tuple[float, float]:
    """p50 and p99 in ms from the commit to the POST, with one event every `pause_s`."""
    for number in range(events):
        bench.commit(bench.names[number % len(bench.names)])
        time.sleep(pause_s)
    bench.drain()
    latencies = sorted(_figures(port)["latencies"])
    assert len(latencies) == events, "a notification is missing"
    return latencies[len(latencies) // 2] / 1e6, latencies[len(latencies) * 99 // 100] / 1e6


def _figures(port: int) -> dict[str, Any]:
    with urlopen(f"http://127.0.0.1:{port}/") as answer:
        figures: dict[str, Any] = json.load(answer)
        return figures


# --- the driver ------------------------------------------------------------------------------------


@contextlib.contextmanager
def running_sink() -> Iterator[int]:
    """The sink's port."""
    command = [*_pinned(1), sys.executable, __file__, "sink"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def child(*arguments: str) -> Any:
    """Run a part of this file on processor 0; what it printed, from JSON."""
    command = [*_pinned(0), sys.executable, __file__, *arguments]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def _pinned(processor: int) -> list[str]:
    return ["taskset", "-c", str(processor)] if processor in os.sched_getaffinity(0) else []


def run(workload: str, pairs: int) -> dict[str, Any]:
    """The medians of alternating runs: `rate`, `bare`, `ratio` and the latencies."""
    with running_sink() as port:
        runs = [(child("worker", workload, str(port)), child("bare", str(port))) for _ in range(pairs)]
    merged: dict[str, Any] = {"workload": workload, "pairs": pairs}
    for name in runs[0][0]:
        values = [found[name] for found, _ in runs]
        if isinstance(values[0], list):
            merged[name] = [round(statistics.median(column), 2) for column in zip(*values, strict=True)]
        else:
            merged[name] = round(statistics.median(values))
    if "rate" in merged:
        merged["bare"] = round(statistics.median(bare for _, bare in runs))
        merged["ratio"] = round(statistics.median(found["rate"] / bare for found, bare in runs), 2)
    return merged


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=[*WORKLOADS, "sink", "worker", "bare"])
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    if options.part == "sink":
        asyncio.run(serve_sink())
    elif options.part == "bare":
        print(json.dumps(bare_loop(int(options.rest[0]))))
    elif options.part == "worker":
        from gevent import monkey

        monkey.patch_all()
        with tempfile.TemporaryDirectory(prefix="gateway-push-") as directory:
            print(json.dumps(measure(int(options.rest[1]), options.rest[0], directory)), flush=True)
            os._exit(0)
    else:
        print(json.dumps(run(options.part, options.pairs)))


if __name__ == "__main__":
    main()
