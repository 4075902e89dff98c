"""Reading a websocket; the gevent way in a process of its own, because patching is for a whole process."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import Any

import pytest

from gateway.comet.receiving import PlainReceiver, receiver

PROLOGUE = """
from gevent import monkey; monkey.patch_all()
import json, socket, gevent
from gateway.comet.receiving import GeventReceiver, receiver
ours, peer = socket.socketpair()
incoming = receiver(ours)
assert isinstance(incoming, GeventReceiver)
def let_others_run(): gevent.sleep(0.001)
def report(**figures): print(json.dumps(figures))
"""


def run(script: str) -> dict[str, Any]:
    """The figures that a monkey-patched script reports."""
    done = subprocess.run(
        [sys.executable, "-c", PROLOGUE + script], capture_output=True, text=True, timeout=30
    )
    assert "" == done.stderr
    return json.loads(done.stdout)


def test_without_gevent_the_socket_itself_reads() -> None:
    """gthread and the development server: bytes, a time-out, the end."""
    ours, peer = socket.socketpair()
    incoming = receiver(ours)
    assert isinstance(incoming, PlainReceiver)
    peer.send(b"hello")
    assert b"hello" == incoming.recv(100)
    ours.settimeout(0.001)
    with pytest.raises(TimeoutError):
        incoming.recv(100)
    peer.close()
    assert b"" == incoming.recv(100)
    incoming.close()
    ours.close()


def test_bytes_arrive_in_order_and_the_end_is_seen() -> None:
    """Messages before, during and after the wait; then the peer closes."""
    figures = run(
        """
got = []
def read():
    while True:
        data = incoming.recv(100)
        got.append(data.decode())
        if not data: return
        let_others_run()  # the greenlet waits elsewhere, as for a commit
peer.send(b"1")
reader = gevent.spawn(read)
for text in (b"2", b"3", b"4"):
    let_others_run(); peer.send(text)
reader.join(0.1)
peer.close()
reader.join(5)
report(text="".join(got), ended=reader.ready())
"""
    )
    assert {"text": "1234", "ended": True} == figures


def test_bytes_that_come_while_a_message_is_processed_do_not_spin_the_loop() -> None:
    """The watcher is disarmed until the next read, which then gets them."""
    figures = run(
        """
peer.send(b"first")
calls = []
original = incoming._readable
incoming._readable = lambda: (calls.append(1), original())
incoming.recv(100)
before = len(calls)
peer.send(b"second")
for _ in range(20): let_others_run()
report(wakeups=len(calls) - before, active=incoming._watcher.active, second=incoming.recv(100).decode())
"""
    )
    assert {"wakeups": 1, "active": False, "second": "second"} == figures


def test_a_timeout_that_is_set_later_holds() -> None:
    """A session that said goodbye gets a time-out on its socket (bound sockets have none)."""
    figures = run(
        """
peer.send(b"bye")
first = incoming.recv(100).decode()
ours.settimeout(0.01)
try:
    incoming.recv(100)
    second = "bytes"
except TimeoutError:
    second = "timeout"
ours.settimeout(None)
peer.send(b"again")
report(first=first, second=second, third=incoming.recv(100).decode())
"""
    )
    assert {"first": "bye", "second": "timeout", "third": "again"} == figures


def test_a_shutdown_by_another_greenlet_ends_the_wait() -> None:
    """The outbox cuts a dead connection off with shutdown; its reader must learn of it."""
    figures = run(
        """
reader = gevent.spawn(incoming.recv, 100)
let_others_run()
ours.shutdown(socket.SHUT_RDWR)
reader.join(5)
report(ended=reader.ready(), data=(reader.value or b"").decode())
"""
    )
    assert {"ended": True, "data": ""} == figures


def test_a_killed_reader_leaves_nothing_that_would_wake_it() -> None:
    """After the kill the watcher neither switches to the dead greenlet nor spins."""
    figures = run(
        """
reader = gevent.spawn(incoming.recv, 100)
let_others_run()
reader.kill()
peer.send(b"late")
for _ in range(5): let_others_run()
active = incoming._watcher.active
incoming.close()
report(active=active, waiting=incoming._waiting is not None)
"""
    )
    assert {"active": False, "waiting": False} == figures
