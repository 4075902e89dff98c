"""Stops and reloads with many held polls, many websockets and writers at once (R19).

`test_graceful_stop.py` proves one of each; here nobody of a crowd may fail, and all go on with what they had.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from faults.test_graceful_stop import GOING_AWAY, Held, close_code, texts, traffic
from support.clients import Agent, LongPoll, Rest, WebSocket
from support.crowd import RawSocket, figures, many_files, metric
from support.gateway import RunningGateway
from support.history import seen
from support.waiting import eventually

# FAULT_SCALE=4 is the targets' 500 polls and 500 websockets.
SCALE = int(os.environ.get("FAULT_SCALE", "1"))
ROUNDS, POLLS, SOCKETS, REQUESTS = 2, 125 * SCALE, 125 * SCALE, 60


class Crowd:
    """Customers' tabs over both transports, all listening to one chat."""

    def __init__(self, gateway: RunningGateway, customer: Rest) -> None:
        self.gateway = gateway
        self.polls = [LongPoll(gateway.url) for _ in range(POLLS)]
        self.sockets = [WebSocket(gateway.ws_url) for _ in range(SOCKETS)]
        for client in (*self.polls, *self.sockets):
            client.handshake()
            client.publish("requestNotifications", secureKey=customer.secure_key, transcriptPosition=1)
        self.ids = self._ids()
        self.held: list[Held] = []

    def _ids(self) -> list[str]:
        return [client.client_id for client in (*self.polls, *self.sockets)]

    def hold(self) -> None:
        """Every client has a connect held."""
        for socket in self.sockets:
            assert [] == socket.poll(0.01)
        self.held = [Held(poll) for poll in self.polls]
        eventually(lambda: metric(self.gateway, "held_polls") == POLLS, what="all polls held")

    def sent_away(self) -> None:
        """Every poll is answered with success, every websocket closed with 1001."""
        for held in self.held:
            reply = held.result()[-1]
            assert (True, "retry") == (reply["successful"], reply["advice"]["reconnect"])
        assert {GOING_AWAY} == {close_code(socket) for socket in self.sockets}

    def go_on(self, text: str) -> None:
        """Everybody continues with the client id that it had, and hears `text`."""
        for socket in self.sockets:
            socket.open()
        for client in (*self.polls, *self.sockets):
            client.connect_now()
            eventually(lambda client=client: text in texts(client.events()) or not client.poll(0.2))
        assert self.ids == self._ids()


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGTERM], ids=["reload", "stop and start"])
def test_nobody_of_a_crowd_fails(tmp_path: Path, how: signal.Signals):
    """Polls are answered, sockets told, old ids go on, each event comes once; a reload fails no request."""
    took = []
    many_files()
    with RunningGateway(tmp_path) as gateway:
        customer, agent = Rest(gateway.url), Agent(gateway.url, gateway.token("agent", "Alice"))
        agent.accept(customer.chat_id)
        crowd = Crowd(gateway, customer)
        for number in range(ROUNDS):
            crowd.hold()
            start = time.monotonic()
            if how is signal.SIGHUP:
                failed = _reload(gateway, crowd)
            else:
                failed = []
                assert 0 == gateway.stop()
                crowd.sent_away()
            took.append(round(time.monotonic() - start, 1))
            if how is signal.SIGTERM:
                gateway.start()
            agent.send(customer.chat_id, f"round {number}")
            crowd.go_on(f"round {number}")
            assert [] == failed
        stored = [entry.key for entry in seen(customer.twin().events()) if entry.key]
        shown = [[e.key for e in seen(c.events()) if e.key] for c in (*crowd.polls, *crowd.sockets)]
    figures(polls=POLLS, sockets=SOCKETS, seconds=took)

    assert [f"round {number}" for number in range(ROUNDS)] == stored
    assert [stored] * (POLLS + SOCKETS) == shown


def _reload(gateway: RunningGateway, crowd: Crowd) -> list[str]:
    """SIGHUP with writers at work; their failures."""
    with traffic(gateway) as running:
        running.more(REQUESTS)
        before = gateway.worker_pids()
        assert gateway.process is not None
        gateway.process.send_signal(signal.SIGHUP)
        crowd.sent_away()
        eventually(lambda: not set(before) & set(gateway.worker_pids()), what="new worker")
        running.more(REQUESTS)
    return running.failed


def test_a_peer_that_does_not_read_does_not_hold_up_the_stop(tmp_path: Path):
    """The close frame behind its backlog is given up; the stop ends by itself, not when its time is over."""
    with RunningGateway(tmp_path) as gateway:
        customer, agent = Rest(gateway.url), Agent(gateway.url, gateway.token("agent", "Alice"))
        agent.accept(customer.chat_id)
        stuck = RawSocket(gateway.port, small=True)
        stuck.handshake()
        data = {"operation": "requestNotifications", "secureKey": customer.secure_key}
        stuck.send({"channel": "/service/chatV2/support", "data": data})
        stuck.messages()
        for _ in range(100):
            agent.send(customer.chat_id, "x" * 5000)

        assert 0 == gateway.stop()
        assert "stop_cut_short" not in gateway.log()
        stuck.sock.close()
