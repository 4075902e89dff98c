"""Waiting for the next bytes of a websocket: the reading twin of `sockets`.

Under gevent a persistent watcher wakes the connection's greenlet, which then reads: one system call a
message. gevent's own `recv` tries to read, fails, arms a watcher, waits, disarms it and reads again (5 us a
message more). Elsewhere, under TLS, and while the socket has a timeout, the socket's own `recv` is used.
"""

from __future__ import annotations

import socket
import ssl
import sys
from typing import Any, Protocol

_READ = 1  # libev's EV_READ


class Receiver(Protocol):
    """Reads one socket; used by one thread or greenlet."""

    def recv(self, size: int) -> bytes:
        """The next bytes, at most `size`; empty at the end. OSError as of a socket, TimeoutError included."""
        ...

    def close(self) -> None:
        """Let go of the socket, which its owner closes afterwards."""
        ...


def receiver(sock: socket.socket) -> Receiver:
    """What reads this socket best."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("socket") or isinstance(sock, ssl.SSLSocket):
        return PlainReceiver(sock)
    return GeventReceiver(sock)


class PlainReceiver:
    """The socket's own `recv`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def recv(self, size: int) -> bytes:
        """See Receiver."""
        return self._sock.recv(size)

    def close(self) -> None:
        """Nothing is held."""


class GeventReceiver:
    """A watcher that stays armed from one message to the next.

    Bytes that arrive while an earlier message is processed disarm it (they would wake the loop again and
    again); the next `recv` arms it anew and is woken at once.
    """

    def __init__(self, sock: Any) -> None:
        import gevent

        self._sock = sock
        self._inner = sock._sock  # gevent's socket waits inside recv(); the socket it wraps does not
        self._hub = gevent.get_hub()
        self._current = gevent.getcurrent
        self._watcher = self._hub.loop.io(sock.fileno(), _READ)
        self._waiting: Any = None

    def recv(self, size: int) -> bytes:
        """See Receiver."""
        while self._sock.timeout is None:
            self._wait()
            try:
                return self._inner.recv(size)  # type: ignore[no-any-return]
            except BlockingIOError:
                continue
        self._watcher.stop()
        return self._sock.recv(size)  # type: ignore[no-any-return]

    def close(self) -> None:
        """See Receiver."""
        self._watcher.stop()
        self._watcher.close()

    def _wait(self) -> None:
        if not self._watcher.active:
            self._watcher.start(self._readable)
        self._waiting = self._current()
        try:
            self._hub.switch()
        finally:
            self._waiting = None

    def _readable(self) -> None:
        """In the hub, for as long as there is something to read."""
        if self._waiting is None:
            self._watcher.stop()
        else:
            self._waiting.switch()
