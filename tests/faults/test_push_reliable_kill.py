"""SIGKILL at any moment loses no reliable notification (spec/push.md 4.7; targets/reliability.md R10).

Agents write into many chats with a reliable subscription while the gateway is killed again and again.
The receiver is a process of its own that survives, answers 2xx and fetches nothing. Afterwards every chat
must have been told, by a pointer that covers its newest acknowledged message. A negative control forgets
whom it has to remind, and must fail.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from support.clients import Agent, Rest
from support.gateway import ROOT, RunningGateway, free_port
from support.waiting import eventually

SEED = 20261122
CHATS = 12
KILLS = 3
# Acknowledged messages between two kills.
ACKS_PER_KILL = 25
# Attempts are three seconds apart. A pointer that was on its way at a kill stays leased to the dead process
# for 30 s before it is repeated; with pointers this rare that seldom happens.
TELL_S = 40.0
KEYS = {
    "GCTI_Chat_PushSubscribe": "true",
    "GCTI_GMS_NodeGroup": "gms-cluster-X",
    "GCTI_GMS_PushDeviceId": "device-1",
    "GCTI_GMS_PushDeviceType": "customhttp",
    "GCTI_GMS_PushResend": "true",
}
INI = """[limits]
enabled=false
[log]
level=warning
[push]
pushEnabled=comet,customhttp
coalesce_ms=3000
customhttp.url=http://127.0.0.1:{port}/
[settings]
flex-push-resend-delay=3
flex-push-resend-attempts=1000
"""


class ForgetfulGateway(RunningGateway):
    """The negative control: what is owed does not survive."""

    app = "tests.faults.forgetful_wsgi:app"


class ReceiverProcess:
    """A receiver in a process of its own; its standard output is the list of what it got."""

    def __init__(self, directory: Path, port: int) -> None:
        self.path = directory / "received.jsonl"
        with self.path.open("wb") as output:
            command = [sys.executable, str(ROOT / "tests" / "support" / "push_sink.py"), str(port)]
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)

    def covered(self) -> dict[str, int]:
        """The highest `nextPosition` told of each chat; all name position 2, as nobody fetches."""
        found: dict[str, int] = {}
        for line in self.path.read_text().splitlines():
            with suppress(ValueError):  # a line that is being written
                item = json.loads(line)
                message = item["message"]
                position = int(message["messages"][0]["userData"]["notify-position"])
                assert position == 2, item
                chat_id = item["chatId"]
                found[chat_id] = max(found.get(chat_id, 0), message["nextPosition"])
        return found

    def stop(self) -> None:
        """End the process."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Load:
    """Agents writing into every chat, each in a thread; `newest` is the last acknowledged index per chat."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.agent_token = gateway.token("agent", "Alice")
        self.gateway = gateway
        self.newest: dict[str, int] = {}
        self.acked = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()  # guards newest and acked
        agent = Agent(gateway.url, self.agent_token)
        data = {f"userData[{key}]": value for key, value in KEYS.items()}
        self.chats = [Rest(gateway.url, **data).chat_id for _ in range(CHATS)]
        for chat_id in self.chats:
            agent.accept(chat_id)
        self._threads = [threading.Thread(target=self._write, args=(self.chats[n::3],)) for n in range(3)]
        for thread in self._threads:
            thread.start()

    def _write(self, chats: list[str]) -> None:
        agent, rng = Agent(self.gateway.url, self.agent_token), random.Random(chats[0])
        while not self._stop.wait(0.004):
            chat_id = rng.choice(chats)
            with suppress(OSError, ValueError):
                answer = agent.post(f"/chats/{chat_id}/messages", {"text": "hello"})
                if answer.status_code == 200:
                    index = answer.json()["items"][-1]["index"]
                    with self._lock:
                        self.newest[chat_id] = max(self.newest.get(chat_id, 0), index)
                        self.acked += 1

    def acks(self, more: int) -> None:
        """Wait for so many further acknowledgements."""
        wanted = self.acked + more
        eventually(lambda: self.acked >= wanted, timeout=20, every=0.002, what=f"{more} acknowledgements")

    def stop(self) -> None:
        """No more messages."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


@contextmanager
def loaded(directory: Path, kind: type[RunningGateway], port: int) -> Iterator[tuple[RunningGateway, Load]]:
    """A gateway of this kind under load."""
    with kind(directory, INI.format(port=port)) as gateway:
        load = Load(gateway)
        try:
            yield gateway, load
        finally:
            load.stop()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[ReceiverProcess, int]]:
    """A receiver process and its port."""
    port = free_port()
    process = ReceiverProcess(tmp_path, port)
    yield process, port
    process.stop()


def uncovered(load: Load, receiver: ReceiverProcess) -> list[str]:
    """Chats whose newest acknowledged message nobody was told of."""
    covered = receiver.covered()
    return [chat_id for chat_id, index in load.newest.items() if covered.get(chat_id, 0) <= index]


def test_no_owed_notification_is_lost(tmp_path: Path, receiver: tuple[ReceiverProcess, int]):
    """Kills under load: every chat's last pointer covers everything that was not fetched."""
    rng = random.Random(SEED)
    process, port = receiver
    with loaded(tmp_path, RunningGateway, port) as (gateway, load):
        for _ in range(KILLS):
            load.acks(rng.randrange(5, ACKS_PER_KILL))
            gateway.restart()
        load.acks(ACKS_PER_KILL)
        gateway.kill()
        load.stop()
        gateway.start()
        eventually(lambda: not uncovered(load, process), timeout=TELL_S, what="a pointer for every chat")
    assert CHATS == len(load.newest)


def test_the_same_load_finds_records_that_are_not_kept(tmp_path: Path, receiver: tuple[ReceiverProcess, int]):
    """Negative control: with the records in memory a single kill leaves chats of which nobody was told."""
    process, port = receiver
    with loaded(tmp_path, ForgetfulGateway, port) as (gateway, load):
        load.acks(ACKS_PER_KILL * 2)
        gateway.kill()
        load.stop()
        gateway.start()
        with pytest.raises(AssertionError, match="a pointer for every chat"):
            eventually(lambda: not uncovered(load, process), timeout=5, what="a pointer for every chat")
