"""A crowd of slow and silent peers does not stop the service, and every one of them is closed (R16).

`test_slow_clients.py` proves the worker's deadlines one by one; here they all meet the real gateway at once.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import requests
from support.clients import Rest
from support.crowd import close_all, dial, figures, many_files, metric, percentile
from support.gateway import RunningGateway
from support.waiting import eventually

# FAULT_SCALE=2 is the targets' size.
SCALE = int(os.environ.get("FAULT_SCALE", "1"))
HALF_HEADS, HALF_BODIES, SLOW_READERS, SILENT = 1000 * SCALE, 250 * SCALE, 250 * SCALE, 1000 * SCALE
INI = "[limits]\nenabled=false\nheader_timeout=3\nbody_timeout=3\nwrite_timeout=3\n[log]\nlevel=warning\n"
PROBES = 40
WRITE = 'slow_clients_closed_total{reason="write"}'


def test_the_service_goes_on(tmp_path: Path):
    """Half heads, half bodies, readers of a byte a second and silent connections, thousands in all."""
    many_files()
    with RunningGateway(tmp_path, INI) as gateway:
        customer = Rest(gateway.url)
        for _ in range(30):
            customer.send("x" * 8000)
        slow = crowd(gateway, customer)
        health = timed(lambda: requests.get(f"{gateway.url}/healthz", timeout=10).status_code == 200)
        sends = timed(lambda: customer.send("still here")["statusCode"] == 0)
        ended = drip(gateway, slow)
        counted = {
            reason: metric(gateway, f'slow_clients_closed_total{{reason="{reason}"}}')
            for reason in ("header", "body", "write")
        }
        eventually(lambda: open_files(gateway) < 100, what="sockets released")
    figures(
        peers=len(slow),
        healthz_p50_ms=round(percentile(health, 0.5) * 1000, 1),
        healthz_p99_ms=round(percentile(health, 0.99) * 1000, 1),
        send_p99_ms=round(percentile(sends, 0.99) * 1000, 1),
        **counted,
    )

    assert len(slow) == ended
    assert (HALF_HEADS + SILENT, HALF_BODIES) == (counted["header"], counted["body"])
    assert SLOW_READERS == counted["write"]


def crowd(gateway: RunningGateway, customer: Rest) -> list[socket.socket]:
    """The slow peers, all connected."""
    key = customer.secure_key.encode()
    path = f"/genesys/2/chat/support/{customer.chat_id}/refresh".encode()
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n" % path
    form = b"secureKey=%s&userId=%s" % (key, customer.identity["userId"].encode())
    read = head + b"Content-Length: %d\r\n\r\n%s" % (len(form), form)
    return [
        *[dial(gateway.port, read, small=True) for _ in range(SLOW_READERS)],
        *[dial(gateway.port, head + b"Content-Length: 500\r\n\r\nsecu") for _ in range(HALF_BODIES)],
        *[dial(gateway.port, head) for _ in range(HALF_HEADS)],
        *[dial(gateway.port) for _ in range(SILENT)],
    ]


def timed(probe: Callable[[], bool]) -> list[float]:
    """Seconds of each of some calls, all of which must succeed."""
    found = []
    for _ in range(PROBES):
        start = time.perf_counter()
        assert probe()
        found.append(time.perf_counter() - start)
    return found


def drip(gateway: RunningGateway, peers: list[socket.socket]) -> int:
    """The readers take a byte every half second until they are cut off; how many of all were closed."""
    while metric(gateway, WRITE) < SLOW_READERS:
        for sock in peers[:SLOW_READERS]:
            with suppress(OSError):
                sock.recv(1, socket.MSG_DONTWAIT)
        time.sleep(0.5)  # the readers' pace
    ended = sum(map(_ends, peers))
    close_all(peers)
    return ended


def _ends(sock: socket.socket) -> bool:
    """Read what is left; whether the connection is over."""
    try:
        while sock.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def open_files(gateway: RunningGateway) -> int:
    """File descriptors of the worker."""
    (pid,) = gateway.worker_pids()
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
