"""A store that cannot write, end to end (targets/reliability.md R5).

Every wire says "later" in its own shape, reads go on, nothing acknowledged is lost, and the gateway
heals by itself.

Two kinds of trouble: a limit on file sizes, which needs no rights and hits the log as well, and a full disk.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from support.clients import Agent, LongPoll, Rest
from support.gateway import RunningGateway
from support.waiting import eventually

DISK = "4m"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A running gateway, and how to make its store unable to write and able again."""

    gateway: RunningGateway
    begin: Callable[[], None]
    end: Callable[[], None]


def limited(directory: Path) -> Iterator[Trouble]:
    """Writes to files fail with EFBIG: RLIMIT_FSIZE of the worker is 0 while the trouble lasts."""
    with RunningGateway(directory) as gateway:
        (pid,), limit = gateway.worker_pids(), resource.RLIMIT_FSIZE
        unlimited = resource.prlimit(pid, limit)
        yield Trouble(
            gateway,
            lambda: resource.prlimit(pid, limit, (0, unlimited[1])) and None,
            lambda: resource.prlimit(pid, limit, unlimited) and None,
        )


def full(directory: Path) -> Iterator[Trouble]:
    """The data directory is a small disk of its own, filled up while the trouble lasts. Needs root."""
    data = directory / "data"
    data.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(data)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting needs root")
    ballast = data / "ballast"

    def fill() -> None:
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                pass

    try:
        with RunningGateway(directory) as gateway:
            yield Trouble(gateway, fill, ballast.unlink)
    finally:
        subprocess.run(["umount", "-l", str(data)], check=True)


@pytest.fixture(params=[limited, full], ids=["file-size-limit", "disk-full"])
def trouble(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trouble]:
    """A gateway for either kind of trouble."""
    yield from request.param(tmp_path)


class Clients:
    """One customer of each kind with an agent in the chat, and what was acknowledged and refused so far."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway = gateway
        self.rest = Rest(gateway.url, nickname="Ann")
        self.poll = LongPoll(gateway.url)
        self.poll.handshake()
        self.key = self.poll.request_chat(nickname="Bob")["secureKey"]
        self.agent = Agent(gateway.url, gateway.token("agent", "Alice"))
        self.agent.accept(self.rest.chat_id)
        self.acked: list[str] = []
        self.refused: list[str] = []

    def say(self, text: str) -> int:
        """A message over REST, noted; its statusCode."""
        status = int(self.rest.send(text)["statusCode"])
        (self.refused if status else self.acked).append(text)
        return status

    def texts(self) -> list[str]:
        """The messages in the transcript."""
        return [event["text"] for event in self.rest.events() if event["type"] == "Message"]

    def get(self, path: str) -> requests.Response:
        """A monitoring URL."""
        return requests.get(self.gateway.url + path, timeout=10)


def begin(trouble: Trouble) -> Clients:
    """Clients with some history, and a store that has just refused to write."""
    clients = Clients(trouble.gateway)
    for number in range(20):
        assert 0 == clients.say(f"before {number}")
    trouble.begin()
    # A log that was emptied into the database is written again from its start, which needs no new space.
    eventually(lambda: clients.say(f"filling {len(clients.acked)} " + "x" * 5000) == 1, every=0, timeout=20)
    return clients


def test_every_wire_refuses_in_its_own_shape(trouble: Trouble):
    """REST: 200 with statusCode 1; Bayeux: unsuccessful ack; agents' API: 503 problem with Retry-After."""
    clients = begin(trouble)
    wanted = {"statusCode": 1, "chatEnded": False, "messages": []}
    start = requests.post(
        f"{trouble.gateway.url}/genesys/2/chat/support", data={"nickname": "Carl"}, timeout=10
    )
    sent = clients.rest.post("send", message="refused")
    published = clients.poll.publish("sendMessage", secureKey=clients.key, message="refused")
    chat = f"/chats/{clients.rest.chat_id}"
    problem = clients.agent.post(f"{chat}/messages", {"text": "refused"})

    for answer in (start, sent):
        assert 200 == answer.status_code
        assert wanted == {name: answer.json()[name] for name in wanted}
    assert (False, "503::temporarily_unavailable") == (published.ack["successful"], published.ack["error"])
    assert [1] == [data["statusCode"] for data in published.notifications]
    assert 503 == problem.status_code
    assert "application/problem+json" == problem.headers["Content-Type"]
    assert int(problem.headers["Retry-After"]) > 0


def test_reads_go_on_and_monitors_are_told(trouble: Trouble):
    """Transcripts, lists and polls work; /readyz says no, /healthz says yes; the process lives."""
    clients = begin(trouble)
    before = trouble.gateway.worker_pids()
    events = clients.agent.get(f"/chats/{clients.rest.chat_id}/events")

    assert clients.acked == clients.texts()
    assert clients.acked == [e["text"] for e in events.json()["items"] if e["type"] == "Message"]
    assert ["Bob"] == [chat["nickname"] for chat in clients.agent.waiting()]
    assert [True] == [message["successful"] for message in clients.poll.poll(0.1)]
    assert 503 == clients.get("/readyz").status_code
    assert "store: " in clients.get("/readyz").json()["reasons"][0]
    assert 200 == clients.get("/healthz").status_code
    assert before == trouble.gateway.worker_pids()


def test_it_heals_without_a_restart_and_has_lost_nothing(trouble: Trouble):
    """When space is back, writes work again in the same process; what was refused is nowhere."""
    clients = begin(trouble)
    before = trouble.gateway.worker_pids()
    for number in range(20):
        clients.say(f"during {number}")
    trouble.end()
    eventually(lambda: clients.get("/readyz").status_code == 200, timeout=10)
    after = clients.poll.publish("sendMessage", secureKey=clients.key, message="after")
    clients.say("after")

    assert after.done
    assert clients.refused[-1].startswith("during")
    assert clients.acked == clients.texts()
    assert before == trouble.gateway.worker_pids()
    assert 0 == trouble.gateway.stop()
    with sqlite3.connect(trouble.gateway.data_dir / "gateway.sqlite3") as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
