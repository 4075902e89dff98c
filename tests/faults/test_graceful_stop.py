"""Graceful stop, reload and live configuration (targets/reliability.md R19, R24).

Nobody is cut off, no request fails, and clients go on where they were.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
import re
import signal
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import websocket
from support.clients import Agent, Bayeux, LongPoll, Message, Rest, WebSocket
from support.gateway import QUIET, RunningGateway
from support.history import seen
from support.waiting import eventually
from unit.push.receiver import Receiver

RELOADS = 3
WRITERS = 4
# So many requests lie between two reloads.
REQUESTS_PER_RELOAD = 150
GOING_AWAY = struct.pack("!H", 1001)


def texts(events: list[Message]) -> list[str]:
    """The messages among events, in order of arrival, repetitions included."""
    return [event["text"] for event in events if event["type"] == "Message"]


class Held(threading.Thread):
    """One poll in the background; `answer` is what came, or the exception."""

    def __init__(self, client: LongPoll) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.answer: list[Message] | BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = self.client.poll()
        except BaseException as error:
            self.answer = error

    def result(self) -> list[Message]:
        """Wait for the answer."""
        self.join(20)
        assert isinstance(self.answer, list), repr(self.answer)
        return self.answer


def metric(gateway: RunningGateway, name: str) -> float:
    """The value of one metric, labels included in the name; 0 before it was first counted."""
    text = requests.get(f"{gateway.url}/metrics", timeout=5).text
    found = re.search(rf"^\S*{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def chatting(client: Bayeux, nickname: str) -> str:
    """Start a chat; its key."""
    client.handshake()
    return str(client.request_chat(nickname=nickname)["secureKey"])


def close_code(socket: WebSocket) -> bytes:
    """Read to the end; the code of the close frame."""
    assert socket.socket is not None
    while True:
        opcode, data = socket.socket.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return bytes(data[:2])


def test_a_stop_answers_polls_and_closes_sockets(tmp_path: Path):
    """SIGTERM: a held poll is answered with advice to retry, a websocket is closed with 1001, exit code 0."""
    with RunningGateway(tmp_path) as gateway:
        poll, socket = LongPoll(gateway.url), WebSocket(gateway.ws_url)
        chatting(poll, "Ann")
        chatting(socket, "Bob")
        poll.poll(0.1)
        held = Held(poll)
        assert [] == socket.poll(0.1)
        eventually(lambda: metric(gateway, "held_polls") == 1)
        code = gateway.stop()
        (reply,) = held.result()

        assert 0 == code
        assert (True, "retry") == (reply["successful"], reply["advice"]["reconnect"])
        assert GOING_AWAY == close_code(socket)


@pytest.mark.parametrize("kind", ["long-polling", "websocket"])
def test_clients_go_on_after_a_restart(tmp_path: Path, kind: str):
    """The old clientId still counts (no 402); what came before and after the restart is delivered once."""
    with RunningGateway(tmp_path) as gateway:
        agent = Agent(gateway.url, gateway.token("agent", "Alice"))
        client = LongPoll(gateway.url) if kind == "long-polling" else WebSocket(gateway.ws_url)
        chatting(client, "Ann")
        chat = agent.find("Ann")
        agent.accept(chat)
        agent.send(chat, "one")
        eventually(lambda: client.poll(0.2) and "one" in texts(client.events()))
        client_id = client.client_id
        client.connect_now()  # its answer says what was delivered so far,
        client.connect_now()  # and the next one confirms that
        agent.send(chat, "two")
        gateway.stop()
        gateway.start()
        agent.send(chat, "three")
        if isinstance(client, WebSocket):
            client.open()
        client.connect_now()
        agent.send(chat, "four")
        eventually(lambda: client.poll(0.2) and "four" in texts(client.events()))

        assert ["one", "two", "three", "four"] == texts(client.events())
        assert client_id == client.client_id


class Traffic:
    """Customers over REST who write without a pause; every answer that is no success is kept."""

    def __init__(self, gateway: RunningGateway, *, writers: int = WRITERS) -> None:
        self.customers = [Rest(gateway.url) for _ in range(writers)]
        self.sent: list[list[str]] = [[] for _ in range(writers)]
        self.failed: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(n,), daemon=True) for n in range(writers)]
        for thread in self._threads:
            thread.start()

    def _write(self, number: int) -> None:
        while not self._stop.is_set():
            text = f"m{len(self.sent[number])}"
            try:
                answer = self.customers[number].post("send", message=text)
                if (answer.status_code, answer.json()["statusCode"]) != (200, 0):
                    self.failed.append(answer.text)
            except (OSError, ValueError) as error:
                self.failed.append(repr(error))
            self.sent[number].append(text)

    @property
    def count(self) -> int:
        """Requests so far."""
        return sum(map(len, self.sent))

    def more(self, requests_: int) -> None:
        """Wait for further requests."""
        wanted = self.count + requests_
        eventually(lambda: self.count >= wanted, timeout=30)

    def stop(self) -> None:
        """No more requests."""
        self._stop.set()
        for thread in self._threads:
            thread.join(20)


@contextmanager
def traffic(gateway: RunningGateway) -> Iterator[Traffic]:
    """Traffic that ends with the block."""
    running = Traffic(gateway)
    try:
        yield running
    finally:
        running.stop()


def test_a_reload_fails_no_request(tmp_path: Path):
    """SIGHUP under traffic with a held poll: a new worker takes over, every request succeeds, once."""
    with RunningGateway(tmp_path) as gateway, traffic(gateway) as running:
        poll = LongPoll(gateway.url)
        key = chatting(poll, "Ann")
        assert gateway.process is not None
        for number in range(RELOADS):
            running.more(REQUESTS_PER_RELOAD)
            held, before = Held(poll), gateway.worker_pids()
            gateway.process.send_signal(signal.SIGHUP)
            held.result()
            eventually(lambda before=before: not set(before) & set(gateway.worker_pids()), what="new worker")
            assert poll.publish("sendMessage", secureKey=key, message=f"after {number}").done
        running.more(REQUESTS_PER_RELOAD)
        running.stop()
        stored = [texts(customer.events()) for customer in running.customers]
        eventually(lambda: poll.poll(0.2) and f"after {RELOADS - 1}" in texts(poll.events()))

    assert [] == running.failed
    assert running.sent == stored
    assert [f"after {number}" for number in range(RELOADS)] == [
        entry.key for entry in seen(poll.events()) if entry.key
    ]


def test_channels_are_switched_by_editing_the_file(tmp_path: Path):
    """pushEnabled takes effect at the next event, in both directions, and no request fails meanwhile."""
    with Receiver() as receiver:
        common = f"{QUIET}[chat]\npush_notification_include_payload=true\n[push]\n"
        common += f"customhttp.url={receiver.url()}\n"
        closed, both = common + "pushEnabled=comet\n", common + "pushEnabled=comet,customhttp\n"
        with RunningGateway(tmp_path, closed) as gateway, traffic(gateway) as running:
            agent = Agent(gateway.url, gateway.token("agent", "Alice"))
            customer = Rest(gateway.url, **subscribed("Dora"))
            chat = agent.find("Dora")
            agent.accept(chat)
            agent.send(chat, "closed")
            for text, ini in (("open", both), ("closed again", closed), ("open again", both)):
                edit(gateway, ini)
                agent.send(chat, text)
            eventually(lambda: b"open again" in b"".join(item.body for item in receiver.requests))
            running.stop()
            stored = texts(customer.events())
    bodies = [json.loads(item.body) for item in receiver.requests]

    assert [] == running.failed
    assert ["open", "open again"] == [text for body in bodies for text in texts(body["message"]["messages"])]
    assert ["closed", "open", "closed again", "open again"] == stored


def subscribed(nickname: str) -> dict[str, str]:
    """Request Chat parameters of a customer with a device (spec/push.md 1.1)."""
    keys = {
        "GCTI_Chat_PushSubscribe": "true",
        "GCTI_GMS_NodeGroup": "any",
        "GCTI_GMS_PushDeviceId": f"device of {nickname}",
        "GCTI_GMS_PushDeviceType": "customhttp",
    }
    return {"nickname": nickname} | {f"userData[{key}]": value for key, value in keys.items()}


def edit(gateway: RunningGateway, ini: str) -> None:
    """Write the configuration file and wait until the running gateway has taken it over."""

    def reloads() -> float:
        return metric(gateway, 'config_reloads_total{outcome="applied"}')

    before = reloads()
    gateway.config.write_text(ini)
    eventually(lambda: reloads() > before, what="configuration taken over")
