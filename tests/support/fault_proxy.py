"""A TCP proxy that misbehaves on command, for tests of what clients and gateway do about it.

Theory of operation: each accepted connection gets one to the target and two threads, one per direction. The
mode is looked at for every piece of data. A connection that has lost data in a direction never forwards in
that direction again, whatever the mode becomes: bytes in the middle of a stream cannot be missing. So after
`black_hole` and back to `pass`, old connections stay dead, silently, and new ones work, as after a NAT table
was flushed.
"""

from __future__ import annotations

import contextlib
import enum
import socket
import struct
import threading
import time
from dataclasses import dataclass

CHUNK = 65_536
CONNECT_TIMEOUT = 5
# SO_LINGER on, zero seconds: closing sends RST.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Mode(enum.Enum):
    """What happens to data. UP is from the client to the target."""

    PASS = "pass"
    RESET = "reset"
    BLACK_HOLE = "black hole"
    BLACK_HOLE_UP = "black hole up"
    BLACK_HOLE_DOWN = "black hole down"
    DELAY = "delay"


SWALLOWS_UP = frozenset({Mode.BLACK_HOLE, Mode.BLACK_HOLE_UP})
SWALLOWS_DOWN = frozenset({Mode.BLACK_HOLE, Mode.BLACK_HOLE_DOWN})


@dataclass(eq=False)
class _Link:
    """One connection through the proxy, and how many of its directions have not ended yet."""

    client: socket.socket
    target: socket.socket
    directions: int = 2

    def reset(self) -> None:
        """End both sides with RST."""
        for sock in (self.client, self.target):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                sock.shutdown(socket.SHUT_RD)  # wakes the thread that reads
            sock.close()


class FaultProxy:
    """Listens on a free port of 127.0.0.1 and forwards to `target_port` there. A context manager."""

    def __init__(self, target_port: int, *, delay: float = 0.1) -> None:
        self._target = ("127.0.0.1", target_port)
        self._delay = delay
        # Guards what follows; mode and links together, so that no new link misses a reset.
        self._lock = threading.Lock()
        self._mode = Mode.PASS
        self._links: set[_Link] = set()
        self._swallowed = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def swallowed(self) -> int:
        """Bytes lost so far."""
        with self._lock:
            return self._swallowed

    def switch(self, mode: Mode) -> None:
        """Apply a mode from now on; RESET also ends the connections of the moment."""
        with self._lock:
            self._mode = mode
            ended = list(self._links) if mode is Mode.RESET else []
            self._links.difference_update(ended)
        for link in ended:
            link.reset()

    def close(self) -> None:
        """Stop listening and end all connections."""
        self._listener.close()
        self.switch(Mode.RESET)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._open, args=(client,), daemon=True).start()

    def _open(self, client: socket.socket) -> None:
        try:
            target = socket.create_connection(self._target, timeout=CONNECT_TIMEOUT)
        except OSError:
            client.close()
            return
        target.settimeout(None)
        for sock in (client, target):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(client, target)
        with self._lock:
            refused = self._mode is Mode.RESET
            if not refused:
                self._links.add(link)
        if refused:
            link.reset()
            return
        threading.Thread(target=self._pump, args=(link, client, target, SWALLOWS_UP), daemon=True).start()
        self._pump(link, target, client, SWALLOWS_DOWN)

    def _pump(
        self, link: _Link, source: socket.socket, sink: socket.socket, swallowing: frozenset[Mode]
    ) -> None:
        """Move the data of one direction until it ends; a dead direction does not even tell the end."""
        dead = False
        try:
            while data := source.recv(CHUNK):
                mode = self._mode
                dead = dead or mode in swallowing
                if dead:
                    with self._lock:
                        self._swallowed += len(data)
                    continue
                if mode is Mode.DELAY:
                    time.sleep(self._delay)
                sink.sendall(data)
            if not dead:
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            link.reset()
        with self._lock:
            link.directions -= 1
            if link.directions:
                return
            self._links.discard(link)
        link.reset()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
