"""Peers that vanish without a word, in both directions or in one, are noticed and let go (R17)."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.clients import Agent, Bayeux, LongPoll, WebSocket
from support.crowd import figures, metric
from support.fault_proxy import FaultProxy, Mode
from support.gateway import QUIET, RunningGateway
from support.waiting import eventually

TIMEOUT_MS, MAX_INTERVAL_MS, LEAVE_S = 1000, 1500, 1
INI = QUIET + (
    f"[cometd]\ntimeout={TIMEOUT_MS}\nmaxInterval={MAX_INTERVAL_MS}\n"
    f"[chat]\ncomet_disconnect_timeout={LEAVE_S}\n"
)
KINDS = (LongPoll, WebSocket)
MODES = (Mode.BLACK_HOLE, Mode.BLACK_HOLE_UP, Mode.BLACK_HOLE_DOWN)


@dataclass
class Victim:
    """A customer behind a proxy of its own."""

    name: str
    proxy: FaultProxy
    client: Bayeux
    chat: str = ""


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path, INI) as running:
        yield running


def test_half_open_peers_are_noticed(gateway: RunningGateway):
    """Their sessions, sockets and polls are released, and the agent learns that the customer has left."""
    agent = Agent(gateway.url, gateway.token("agent", "Alice"))
    with ExitStack() as stack:
        victims = [stack.enter_context(_victim(gateway, kind, mode)) for kind in KINDS for mode in MODES]
        for victim in victims:
            victim.chat = agent.find(victim.name)
            agent.accept(victim.chat)
        eventually(lambda: metric(gateway, "bayeux_sessions") == len(victims), what="sessions counted")
        start = time.monotonic()
        for victim, mode in zip(victims, MODES * len(KINDS), strict=True):
            victim.proxy.switch(mode)
        for victim in victims:
            agent.send(victim.chat, "are you there?")
        eventually(lambda: metric(gateway, "bayeux_sessions") == 0, timeout=20, what="sessions gone")
        gone = time.monotonic() - start
        eventually(lambda: metric(gateway, "websocket_connections") == 0, timeout=20, what="sockets closed")
        eventually(lambda: metric(gateway, "held_polls") == 0, timeout=20, what="polls released")
        for victim in victims:
            eventually(lambda victim=victim: _left(agent, victim), timeout=20, what=f"{victim.name} left")
        left = time.monotonic() - start
    figures(
        promised_s=(TIMEOUT_MS + MAX_INTERVAL_MS) / 1000 + 1,
        sessions_gone_s=round(gone, 1),
        leave_events_s=round(left, 1),
    )


@contextmanager
def _victim(gateway: RunningGateway, kind: type[Bayeux], mode: Mode) -> Iterator[Victim]:
    name = f"{kind.transport} {mode.value}"
    with FaultProxy(gateway.port) as proxy:
        client = LongPoll(proxy.url) if kind is LongPoll else WebSocket(proxy.url.replace("http", "ws", 1))
        client.handshake()
        client.request_chat(nickname=name)
        yield Victim(name, proxy, client)


def _left(agent: Agent, victim: Victim) -> bool:
    events = agent.get(f"/chats/{victim.chat}/events").json()["items"]
    return any(event["type"] == "ParticipantLeft" and event["from"]["type"] == "Client" for event in events)
