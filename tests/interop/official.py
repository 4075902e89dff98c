"""Official clients as Python objects: one node process each, driven by lines (customer.mjs)."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from support.gateway import RunningGateway
from support.waiting import eventually

Event = dict[str, Any]
Frame = Mapping[str, Any]
TYPING = frozenset({"TypingStarted", "TypingStopped"})
# Seconds until something expected must have happened; the slowest is a client that notices a dead connection
# (2 s hold + 2 s network) and backs off, beside five others on a small machine.
PATIENCE = 25


@dataclass(frozen=True)
class Client:
    """A client library with the transport that it is told to use."""

    library: str
    transport: str

    def __str__(self) -> str:
        return f"{self.library}-{self.transport}"


CLIENTS = tuple(
    Client(library, transport)
    for library in ("cometd9", "cometd7", "faye")
    for transport in ("websocket", "long-polling")
)


class Customer:
    """One customer in a node process of its own."""

    def __init__(self, client: Client, *, scripts: Path, url: str, nickname: str) -> None:
        self.client = client
        self.nickname = nickname
        command = ["node", "customer.mjs", client.library, client.transport]
        command += [f"{url}/genesys/cometd", self.nickname]
        self._process = subprocess.Popen(
            command, cwd=scripts, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        # Appended by the reader's thread only.
        self.lines: list[Mapping[str, Any]] = []
        self.faulty_from: int | None = None
        self._said_at = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(json.loads(line))

    def say(self, text: str) -> None:
        """Send a message."""
        self._said_at = len(self.lines)
        self._command({"say": text})

    def hear_echo(self, text: str) -> None:
        """Wait for the bot's echo of something said; say it again where the library reports a failure."""

        def heard() -> bool:
            if f"echo: {text}" in self.texts():
                return True
            if any(not line["ok"] for line in self.lines[self._said_at :] if line["kind"] == "said"):
                self.say(text)
            return False

        self.wait(heard, f"the echo of {text!r}")

    def leave(self) -> None:
        """End the chat from the customer's side."""
        self._command({"leave": True})

    def stop(self) -> None:
        """Disconnect as a client should, and end the process."""
        self._command({"stop": True})
        self.wait(lambda: self.of("stopped"), "the reply to /meta/disconnect")

    def kill(self) -> None:
        """End the process in any case."""
        self._process.kill()
        self._process.communicate()

    def fault_begins(self) -> None:
        """Repeated events are legitimate from here on."""
        self.faulty_from = len(self.lines)

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        """The lines of one kind so far."""
        return [line for line in self.lines if line["kind"] == kind]

    def frames(self) -> list[Frame]:
        """The notifications so far, as delivered by the library."""
        return [line["data"] for line in self.of("frame")]

    def events(self) -> list[Event]:
        """What a person sees: each index once, in the order of arrival."""
        return first_seen(self.frames())

    def healthy_frames(self) -> list[Frame]:
        """The notifications from before anything was broken."""
        return [line["data"] for line in self.lines[: self.faulty_from] if line["kind"] == "frame"]

    def texts(self) -> list[str]:
        """The texts of the messages seen."""
        return [event["text"] for event in self.events() if event["type"] == "Message"]

    def hear(self, text: str) -> None:
        """Wait for a message."""
        self.wait(lambda: text in self.texts(), f"message {text!r}")

    def hear_end(self) -> None:
        """Wait for the end of the chat."""
        self.wait(lambda: any(frame["chatEnded"] for frame in self.frames()), "chatEnded")

    def wait(self, probe: Callable[[], object], what: str) -> None:
        """Wait for a condition; the failure shows what the client printed last."""
        try:
            eventually(probe, timeout=PATIENCE, what=what)
        except AssertionError as error:
            raise AssertionError(f"{self.nickname}: {error}; last lines: {self.lines[-6:]}") from None

    def _command(self, command: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()


class Backstage:
    """A bot account used by the tests: finds chats, speaks in them and reads what is stored."""

    def __init__(self, gateway: RunningGateway, name: str) -> None:
        self._url = f"{gateway.url}/agent/v1/chats"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {gateway.token('bot', name)}"

    def join(self, nicknames: Iterable[str]) -> dict[str, str]:
        """Take part in the open chats of these customers; chat id by nickname."""
        items = self._get("")["items"]
        found = {item["nickname"]: item["chatId"] for item in items}
        chats = {nickname: found[nickname] for nickname in nicknames}
        for chat_id in chats.values():
            self._post(f"/{chat_id}/accept")
        return chats

    def say(self, chat_id: str, text: str) -> None:
        """Send a message to a chat."""
        self._post(f"/{chat_id}/messages", {"text": text})

    def stored(self, chat_id: str) -> list[Event]:
        """The transcript without typing."""
        return without_typing(self._get(f"/{chat_id}/events?from=1")["items"])

    def _get(self, path: str) -> dict[str, Any]:
        response = self._session.get(self._url + path, timeout=10)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def _post(self, path: str, body: Mapping[str, Any] | None = None) -> None:
        response = self._session.post(self._url + path, json=body, timeout=10)
        assert response.status_code == 200, response.text


def without_typing(events: Iterable[Event]) -> list[Event]:
    """The events that are kept for ever."""
    return [event for event in events if event["type"] not in TYPING]


def first_seen(frames: Iterable[Frame]) -> list[Event]:
    """Each event once, in the order of its first arrival."""
    seen: dict[int, Event] = {}
    for frame in frames:
        for event in frame["messages"]:
            seen.setdefault(event["index"], event)
    return list(seen.values())


def out_of_order(transport: str, frames: Sequence[Frame]) -> list[list[int]]:
    """The indexes of each stream of notifications that has one behind a higher one; [] if all is in order.

    A websocket is one stream. Without the ack extension (none of these clients asks for it) long-polling has
    two, on TCP connections of their own: answers to publishes come in the response of the publish, live
    events only with connects. The gateway lets nothing go with a connect before the answer that precedes it
    is written, but which of the two responses the network and the client bring in first is nobody's promise.
    Answers are known by the key that they alone carry.
    """
    streams: list[list[Frame]] = [list(frames)]
    if transport != "websocket":
        answers = [frame for frame in frames if "secureKey" in frame]
        streams = [answers, [frame for frame in frames if "secureKey" not in frame]]
    orders = [[event["index"] for event in first_seen(stream)] for stream in streams]
    return [order for order in orders if order != sorted(order)]


def repetitions(frames: Iterable[Frame]) -> list[int]:
    """Indexes that occur more than once in these notifications."""
    counts = Counter(event["index"] for frame in frames for event in frame["messages"])
    return sorted(index for index, count in counts.items() if count > 1)
