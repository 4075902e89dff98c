"""Memory stays bounded whatever peers do not read, do not fetch, or never stop sending (R14, R15).

Figures are printed (`pytest -rP`); asserted are the bounds of targets and that nobody else lost anything.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
import os
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress

import pytest
from support.clients import Agent, LongPoll, Rest, WebSocket
from support.crowd import Memory, RawSocket, close_all, dial, figures, frame, many_files, metric, percentile
from support.gateway import QUIET, RunningGateway
from support.waiting import eventually

# The targets say 1,000 of each kind; a quarter of it and a fifth of the events overruns every buffer as well.
# FAULT_SCALE=4 is the targets' size.
SCALE = int(os.environ.get("FAULT_SCALE", "1"))
SLOW, GONE, EVENTS = 250 * SCALE, 250 * SCALE, 300
TEXT = "x" * 1000
INI = QUIET + "[cometd]\ntimeout=3000\nmaxInterval=4000\n"
FLOOD_MIB, FLOOD_FRAME = 150, 60_000
SLOW_GROWTH_MIB, INPUT_GROWTH_MIB = 64, 16


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    many_files()
    with RunningGateway(tmp_path_factory.mktemp("memory"), INI) as running:
        yield running


def test_readers_that_never_read_and_pollers_that_never_return(gateway: RunningGateway):
    """They cost a bounded amount, delay nobody for ever, lose their sockets in time, and resume complete."""
    customer, agent = Rest(gateway.url), Agent(gateway.url, gateway.token("agent", "Alice"))
    agent.accept(customer.chat_id)
    notify = {"operation": "requestNotifications", "secureKey": customer.secure_key}
    memory = Memory(gateway)
    slow = []
    for _ in range(SLOW):
        client = RawSocket(gateway.port, small=True)
        client.handshake()
        client.send({"channel": "/service/chatV2/support", "data": notify})
        client.messages()
        client.send({"channel": "/meta/connect", "connectionType": "websocket"})
        slow.append(client)
    gone = [LongPoll(gateway.url) for _ in range(GONE)]
    for poller in gone:  # unlike a closed socket, nothing tells the gateway
        poller.handshake()
        poller.publish("requestNotifications", secureKey=customer.secure_key)
        poller.http.close()
    healthy = WebSocket(gateway.ws_url)
    healthy.handshake()
    healthy.publish("requestNotifications", secureKey=customer.secure_key, transcriptPosition=1)
    hearing = threading.Thread(target=_hear, args=(healthy, EVENTS + 2), daemon=True)
    hearing.start()
    sends = []
    for number in range(EVENTS):
        start = time.perf_counter()
        agent.send(customer.chat_id, f"{number} {TEXT}")
        sends.append(time.perf_counter() - start)
    hearing.join(30)
    grown = memory.growth()
    eventually(lambda: metric(gateway, "websocket_connections") <= 1, timeout=30, what="slow sockets closed")
    again = WebSocket(gateway.ws_url)
    again.client_id = slow[0].client_id
    again.connect_now()
    eventually(lambda: len(_indexes(again)) >= EVENTS or again.poll(0.5) is None, timeout=20, every=0)
    close_all(client.sock for client in slow)
    p99 = round(percentile(sends, 0.99) * 1000, 1)
    figures(slow=SLOW, gone=GONE, events=EVENTS, growth_mib=round(grown, 1), send_p99_ms=p99)

    complete = list(range(1, EVENTS + 3))
    assert complete == _indexes(healthy)
    assert complete[-EVENTS:] == sorted(set(_indexes(again)))[-EVENTS:], "resumed incomplete"
    assert grown <= SLOW_GROWTH_MIB


def _hear(client: WebSocket, last: int) -> None:
    with suppress(OSError):
        while not client.events() or client.events()[-1]["index"] < last:
            client.poll(5)


def _indexes(client: WebSocket) -> list[int]:
    return [event["index"] for event in client.events()]


def test_a_flood_of_messages(gateway: RunningGateway):
    """150 MiB of publishes whose answers nobody reads: memory does not grow with them."""
    memory = Memory(gateway)
    client = RawSocket(gateway.port, small=True)
    client.handshake()
    one = {"channel": "/nowhere", "clientId": client.client_id, "id": "1", "data": "x" * FLOOD_FRAME}
    flood = frame(json.dumps([one]).encode()) * 10
    sent = 0
    with suppress(OSError):
        while sent < FLOOD_MIB << 20:
            client.sock.sendall(flood)
            sent += len(flood)
    client.sock.close()
    other = Rest(gateway.url)
    figures(sent_mib=sent >> 20, growth_mib=round(memory.growth(), 1))

    assert 0 == other.send("still here")["statusCode"]
    assert memory.growth() <= INPUT_GROWTH_MIB


@pytest.mark.parametrize(
    ("first", "following", "piece", "code"),
    [(0x01, 0x00, b"x" * 1000, 1009), (0x01, 0x00, b"", None), (0x89, 0x89, b"ping", None)],
    ids=["fragments", "empty fragments", "pings"],
)
def test_a_message_without_end(
    gateway: RunningGateway, first: int, following: int, piece: bytes, code: int | None
):
    """Fragments are added up and refused with 1009; empty ones and pings cost nothing that stays."""
    memory = Memory(gateway)
    client = RawSocket(gateway.port)
    client.sock.sendall(frame(piece, first))
    following_frames = frame(piece, following) * 1000
    with suppress(OSError):
        for _ in range(30):
            client.sock.sendall(following_frames)
            if first == 0x89:
                for _ in range(1000):
                    client.read()
    if code is not None:
        assert code == client.close_code()
    client.sock.close()
    figures(piece=len(piece), growth_mib=round(memory.growth(), 1))

    assert memory.growth() <= INPUT_GROWTH_MIB


def test_a_deflate_bomb(gateway: RunningGateway):
    """permessage-deflate is offered, not negotiated, and used all the same: 1002, and nothing is inflated."""
    memory = Memory(gateway)
    client = RawSocket(gateway.port, headers=b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
    deflate = zlib.compressobj(9, wbits=-15)
    bomb = b"".join(deflate.compress(b" " * (1 << 20)) for _ in range(60)) + deflate.flush()
    assert b"deflate" not in client.answer
    assert len(bomb) < 64_000
    client.sock.sendall(frame(bomb, 0xC1))
    figures(wire_bytes=len(bomb), inflated_mib=60, growth_mib=round(memory.growth(), 1))

    assert 1002 == client.close_code()
    assert memory.growth() <= INPUT_GROWTH_MIB


@pytest.mark.parametrize("path", ["/genesys/cometd", "/genesys/2/chat/support"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_body_without_end(gateway: RunningGateway, path: str, chunked: bool):
    """A body of 150 MiB is refused with 413 or cut off; it is never kept."""
    memory = Memory(gateway)
    piece = b"x" * (1 << 20)
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % (FLOOD_MIB << 20)
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s\r\n\r\n"
    sock = dial(gateway.port, head % (path.encode(), length))
    answer = b""
    with suppress(OSError):
        for _ in range(FLOOD_MIB):
            sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
    with suppress(OSError):
        answer = sock.recv(4096)
    sock.close()
    figures(answer=answer[:12].decode(), growth_mib=round(memory.growth(), 1))

    assert answer[9:12] in (b"413", b"")
    assert memory.growth() <= INPUT_GROWTH_MIB
