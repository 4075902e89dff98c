"""Measures outgoing notifications: `push-1`, `push-20` and `push-hanging` (targets W6); see sitting.py.

The rate is that of the delivery worker on its store, against a bare loop of `requests.Session` in
alternating pairs (push_parts.py). Latencies are those of the whole gateway under gunicorn: from an agent's
request, so its handling and the durable commit are in them, to the arrival of the POST and, for
`push-hanging`, of the frame at a customer's websocket; without and with a destination that never answers.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from figures import Row
from generator import Answer, framed
from pairs import Pair
from servers import ROOT, Server, pinned, running_gateway
from sitting import Sitting
from workloads import Figure

sys.path.append(str(ROOT / "tests"))  # `support`: the tests' chat clients

BARE = "requests.Session loop"
DESTINATIONS = {"push-1": 1, "push-20": 20}
HANGING = "push-hanging"
NAMES = (*DESTINATIONS, HANGING)
PARTS = Path(__file__).with_name("push_parts.py")
RATE = Figure("posts_per_s", "notifications/s")
SHARE = Figure("percent_of_bare", "% of the bare loop", (80,))
IDLE = Figure("p50_ms", "ms to the POST, idle", (10,), smaller_is_better=True)
POSTS = Figure("posts_growth", "x the p99 alone", (1.2,), smaller_is_better=True)
FRAMES = Figure("frames_growth", "x the p99 alone", (1.2,), smaller_is_better=True)
GOOD, STUCK = 5, 30
"""Destinations that answer, and chats whose destination does not: more than it gets connections."""
EVENTS, PAUSE_S = 200, 0.01
ARRIVAL_SECONDS = 10.0


def seconds(sitting: Sitting, name: str) -> float:
    """How long `rows` takes."""
    return 10.0 * _rounds(sitting) if name == HANGING else 5.0 * _rounds(sitting) + 6.0


def rows(sitting: Sitting, name: str) -> Sequence[Row]:
    """The figures of one name, a row each."""
    if name == HANGING:
        answers = tuple([framed(sitting.loadgen, _hanging) for _ in range(_rounds(sitting))])
        return (
            Row(name, "POSTs beside a destination that hangs", POSTS, answers),
            Row(name, "websocket frames beside it", FRAMES, tuple(map(_frames_only, answers))),
        )
    count = DESTINATIONS[name]
    title = f"notifications, {count} destination{'s' * (count > 1)}"
    pairs = tuple([_pair(sitting, count) for _ in range(_rounds(sitting))])
    shares = [{"percent_of_bare": 100 * p.ours["posts_per_s"] / p.theirs["posts_per_s"]} for p in pairs]
    idle = framed(sitting.loadgen, lambda: _idle(count))
    return (
        Row(name, title, RATE, tuple([pair.ours for pair in pairs]), {BARE: pairs}),
        Row(name, title, SHARE, tuple(shares)),
        Row(name, title, IDLE, (idle,)),
    )


def _rounds(sitting: Sitting) -> int:
    return 1 if sitting.quick else sitting.rounds


def _pair(sitting: Sitting, destinations: int) -> Pair:
    with running_sink() as sink:
        ours = framed(sitting.loadgen, lambda: _part("worker", str(sink.port), str(destinations)))
        return Pair(ours, framed(sitting.loadgen, lambda: _part("bare", str(sink.port))))


def _part(*arguments: str) -> Answer:
    """Run a program of push_parts.py on processor 0. Raises RuntimeError when it fails."""
    command = pinned(0, [sys.executable, str(PARTS), *arguments])
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    if run.returncode:
        raise RuntimeError(f"push_parts.py {arguments[0]} ended with {run.returncode}")
    found: Answer = json.loads(run.stdout)
    return found


# --- the whole gateway -------------------------------------------------------------------------------


def _idle(destinations: int) -> Answer:
    """Event to POST with one event at a time."""
    names = [f"p{number}" for number in range(destinations)]
    with running_sink() as sink, running_gateway(settings=_settings(sink, names)) as server:
        desk = Desk(server)
        chats = [desk.chat(name) for name in names]
        sink.figures()
        desk.talk(chats)
        return _spread(sink.latencies_ms(EVENTS))


def _hanging() -> Answer:
    """p99 of POSTs and of frames, alone and beside STUCK chats whose destination hangs."""
    names = [f"p{number}" for number in range(GOOD)]
    with running_sink() as sink, running_gateway(settings=_settings(sink, [*names, "hanging"])) as server:
        desk = Desk(server)
        chats = [desk.chat(name) for name in names]
        alone = _both(sink, desk, chats)
        for _ in range(STUCK):
            desk.say(desk.chat("hanging"))
        beside = _both(sink, desk, chats)
        sink.stop()  # lets go of what hangs, so that the gateway ends at once
    return beside[0] | {
        "alone_p99_ms": alone[0]["p99_ms"],
        "posts_growth": beside[0]["p99_ms"] / alone[0]["p99_ms"],
        "frames_growth": beside[1]["p99_ms"] / alone[1]["p99_ms"],
        "frames": beside[1] | {"alone_p99_ms": alone[1]["p99_ms"]},
    }


def _both(sink: Sink, desk: Desk, chats: Sequence[str]) -> tuple[Answer, Answer]:
    """The latencies of POSTs and of the frames of a customer at a websocket, whose chat is one of them."""
    with Watcher(desk.server) as watcher:
        watched = desk.accept(watcher.chat(desk))
        sink.figures()
        desk.talk([*chats, watched])
        posts = _spread(sink.latencies_ms(EVENTS - EVENTS // (len(chats) + 1)))
        return posts, _spread(watcher.latencies_ms())


def _frames_only(answer: Answer) -> Answer:
    return answer["frames"] | {
        key: answer[key] for key in ("frames_growth", "round_trip_ns", "round_trip_after_ns")
    }


def _spread(latencies_ms: Sequence[float]) -> Answer:
    ordered = sorted(latencies_ms)
    return {"p50_ms": ordered[len(ordered) // 2], "p99_ms": ordered[len(ordered) * 99 // 100]}


def _settings(sink: Sink, names: Sequence[str]) -> str:
    """Sections of the configuration: a destination per name, payload in the notifications."""
    sections = [
        "[chat]\npush_notification_include_payload=true\n[push]\npushEnabled=comet,customhttp\n",
        *[f"[push.provider.{name}]\ncustomhttp.url={sink.url}/{name}\n" for name in names],
    ]
    return "\n".join(sections)


class Desk:
    """An agent at a gateway, and customers with a device."""

    def __init__(self, server: Server) -> None:
        from support.clients import Agent

        self.server = server
        self.base = server.url.removesuffix("/genesys")
        self._agent = Agent(self.base, _token(server))
        self._sent = 0

    def chat(self, provider: str) -> str:
        """A chat whose customer's device is reached through this provider."""
        from support.clients import Rest

        data = {
            "userData[GCTI_Chat_PushSubscribe]": "true",
            "userData[GCTI_GMS_PushDeviceType]": "customhttp",
            "userData[GCTI_GMS_NodeGroup]": "any",
            "userData[GCTI_GMS_PushDeviceId]": "device",
            "userData[GCTI_GMS_PushProvider]": provider,
        }
        return self.accept(Rest(self.base, **data).chat_id)

    def accept(self, chat_id: str) -> str:
        self._agent.accept(chat_id)
        return chat_id

    def find(self, nickname: str) -> str:
        return self._agent.find(nickname)

    def say(self, chat_id: str) -> None:
        """One message, stamped with the time of now."""
        self._agent.send(chat_id, f"t={time.monotonic_ns()};")

    def talk(self, chats: Sequence[str]) -> None:
        """EVENTS messages in turn, with pauses."""
        for number in range(EVENTS):
            self.say(chats[number % len(chats)])
            time.sleep(PAUSE_S)


class Watcher:
    """A customer at a websocket without a device, who notes how old each message is when it comes."""

    def __init__(self, server: Server) -> None:
        from support.clients import WebSocket

        self._client = WebSocket(server.url.removesuffix("/genesys").replace("http", "ws", 1))
        self._latencies: list[float] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._client.close()

    def chat(self, desk: Desk) -> str:
        """Start a chat and watch it."""
        nickname = f"watcher {id(self)}"
        self._client.handshake()
        self._client.request_chat(nickname=nickname)
        self._thread.start()
        return desk.find(nickname)

    def latencies_ms(self) -> list[float]:
        return self._latencies

    def _watch(self) -> None:
        seen = 0
        while not self._stopping.is_set():
            self._client.poll(0.2)
            now_ns, found = time.monotonic_ns(), self._client.notifications[seen:]
            seen += len(found)
            texts = [event.get("text", "") for data in found for event in data["messages"]]
            self._latencies += [(now_ns - int(text[2:-1])) / 1e6 for text in texts if text.startswith("t=")]


def _token(server: Server) -> str:
    """A fresh agent token of the gateway."""
    command = [sys.executable, "-m", "gateway.cli", "token", "create", "--role", "agent", "--name", "Bench"]
    environment = os.environ | dict(server.environment)
    run = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, timeout=30, check=False
    )
    if run.returncode:
        raise RuntimeError("no agent token")
    return run.stdout.strip()


# --- the sink ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sink:
    """A running sink."""

    port: int
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def figures(self) -> dict[str, Any]:
        """What it has seen since it was asked last."""
        with urlopen(f"{self.url}/") as answer:
            figures: dict[str, Any] = json.load(answer)
            return figures

    def latencies_ms(self, count: int) -> list[float]:
        """Wait for the stamped notifications. Raises RuntimeError when some are missing."""
        found: list[float] = []
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while len(found) < count and time.monotonic() < deadline:
            time.sleep(0.05)
            found += [each / 1e6 for each in self.figures()["latencies"]]
        if len(found) != count:
            raise RuntimeError(f"{len(found)} of {count} notifications arrived")
        return found

    def stop(self) -> None:
        self.process.kill()


@contextlib.contextmanager
def running_sink() -> Iterator[Sink]:
    """A sink on processor 1."""
    command = pinned(1, [sys.executable, str(PARTS), "sink"])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Sink(int(process.stdout.readline()), process)
        finally:
            process.kill()
