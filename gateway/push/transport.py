"""Connections to receivers: the peer is judged, every wait is bounded, the next POST finds them open.

Theory of operation. `http.client` speaks HTTP over a `Wire`, a connected socket on which every single wait
ends with the attempt's deadline. A receiver that drips one byte after the other trips no read timeout, but it
ends with the total time, without a timer or a thread per attempt. (Name resolution alone is bounded by the
system's resolver, not here.)

The peer is judged when its connection is made, on the address that the kernel says we are talking to; a kept
connection stays with that peer. Connections are kept for `IDLE_S`, less than servers wait before they hang
up. No redirect is followed, no proxy variable and no netrc read, no cookie kept: nothing here knows them.
Called by `customhttp`.
"""

from __future__ import annotations

import contextlib
import io
import select
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from gateway.clock import Clock

JudgeAddress = Callable[[str], bool]

# Node.js and many others close an idle connection after five seconds.
IDLE_S = 4.0
# Connections that are kept for one address although nobody uses them now.
KEPT = 20


class AddressRefused(OSError):
    """The receiver's address is not one that pushes may go to."""


class Deadline:
    """How long an attempt may still wait: `total_s` in all, `pause_s` between two pieces."""

    __slots__ = ("_clock", "_end", "_pause_s")

    def __init__(self, clock: Clock, *, total_s: float, pause_s: float) -> None:
        self._clock = clock
        self._end = clock.monotonic() + total_s
        self._pause_s = pause_s

    def wait_s(self, at_most: float | None = None) -> float:
        """Seconds that the next wait may take. TimeoutError when the time is over."""
        remaining = self._end - self._clock.monotonic()
        if remaining <= 0:
            raise TimeoutError
        return min(remaining, self._pause_s if at_most is None else at_most)


class Wire:
    """A connected socket in the shape that `http.client` uses, bounded by `deadline`.

    `received` counts the bytes of the present exchange; `ended`: the peer has closed its side.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self.sock = sock
        self.deadline = deadline
        self.received = 0
        self.ended = False

    def sendall(self, data: bytes) -> None:
        """Send everything. TimeoutError or another OSError."""
        self.sock.settimeout(self.deadline.wait_s())
        self.sock.sendall(data)

    def receive_into(self, buffer: Any) -> int:
        """Wait for the next piece; 0: the end."""
        self.sock.settimeout(self.deadline.wait_s())
        return self.sock.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """The stream of one answer. Closing it leaves the connection alone."""
        return io.BufferedReader(_Answer(self))

    def close(self) -> None:
        """Called by `http.client` after the last answer's head; the socket is closed by its Connection."""

    def is_silent(self) -> bool:
        """Whether nothing has come since the last answer, as it must be; not even the end."""
        self.sock.settimeout(0)
        try:
            self.sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False


class TlsWire(Wire):
    """A Wire whose socket does TLS.

    Its waits are made here and not in the socket: one TLS record takes several, and only the first would end
    in time if the peer drips.
    """

    def __init__(self, sock: ssl.SSLSocket, deadline: Deadline) -> None:
        super().__init__(sock, deadline)
        sock.settimeout(0)
        self._patiently(sock.do_handshake)

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            sent = self._patiently(partial(self.sock.send, view))
            if not sent:  # gevent's way to say "wait until you can write"
                self._wait(select.POLLOUT)
            view = view[sent:]

    def receive_into(self, buffer: Any) -> int:
        return int(self._patiently(partial(self.sock.recv_into, buffer)))

    def _patiently(self, call: Callable[[], Any]) -> Any:
        while True:
            try:
                return call()
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT)

    def _wait(self, event: int) -> None:
        poll = select.poll()
        poll.register(self.sock, event)
        if not poll.poll(self.deadline.wait_s() * 1000):
            raise TimeoutError


# All that is read of one answer, interim ones included: a flood that never stops to arrive would keep the
# processor, and with it every other greenlet, until the end of the attempt (targets/reliability.md 4.4).
MAX_ANSWER_BYTES = 65_536


class _Answer(io.RawIOBase):
    """The readable side of a Wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._wire.received >= MAX_ANSWER_BYTES:
            raise ConnectionError("the answer has no end")
        count = self._wire.receive_into(buffer)
        self._wire.received += count
        self._wire.ended = self._wire.ended or count == 0
        return count


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect: host and port of the URL, and the TLS context that https needs."""

    host: str
    port: int
    tls: ssl.SSLContext | None


class Connection:
    """One connection with the HTTP state on it; used by one thread at a time."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.used = False
        self.idle_since = 0.0
        self._http = HTTPConnection("unused")  # the header Host is always given
        self._http.auto_open = 0
        self._http.sock = wire

    def post(self, target: str, body: bytes, headers: dict[str, str]) -> HTTPResponse:
        """Send a request and read the head of its answer. OSError or HTTPException."""
        self._http.request("POST", target, body, headers)
        response = self._http.getresponse()
        if self.wire.ended:  # http.client takes a head that was cut off for a complete one
            response.close()
            raise ConnectionError("the answer was cut off")
        return response

    def close(self) -> None:
        """Let go of the socket."""
        with contextlib.suppress(OSError):
            self.wire.sock.close()


class Connections:
    """Makes connections and keeps idle ones; usable by many threads."""

    def __init__(self, may_connect: JudgeAddress, clock: Clock) -> None:
        self._may_connect = may_connect
        self._clock = clock
        self._guard = threading.Lock()  # guards _idle
        self._idle: dict[Address, deque[Connection]] = {}

    def take(self, address: Address, deadline: Deadline) -> Connection | None:
        """An idle connection that still stands, or None."""
        while True:
            with self._guard:
                kept = self._idle.get(address)
                if not kept:
                    return None
                connection = kept.pop()
            if self._clock.monotonic() - connection.idle_since < IDLE_S and connection.wire.is_silent():
                connection.wire.deadline = deadline
                connection.wire.received = 0
                return connection
            connection.close()

    def open(self, address: Address, deadline: Deadline, *, connect_s: float) -> Connection:
        """A new connection. AddressRefused, or OSError of the last address that was tried."""
        sock = self._connect(address, deadline, connect_s)
        try:
            if address.tls is None:
                return Connection(Wire(sock, deadline))
            sock = address.tls.wrap_socket(sock, server_hostname=address.host, do_handshake_on_connect=False)
            return Connection(TlsWire(sock, deadline))
        except BaseException:
            sock.close()
            raise

    def keep(self, address: Address, connection: Connection) -> None:
        """Keep a connection whose answer was read to its end."""
        connection.used = True
        connection.idle_since = self._clock.monotonic()
        with self._guard:
            kept = self._idle.setdefault(address, deque())
            if len(kept) < KEPT:
                kept.append(connection)
                return
        connection.close()

    def close_idle(self, idle_s: float = IDLE_S) -> None:
        """Close what nobody has used for so long; 0: everything."""
        stale = self._clock.monotonic() - idle_s
        old: list[Connection] = []
        with self._guard:
            for address, kept in list(self._idle.items()):
                while kept and kept[0].idle_since <= stale:
                    old.append(kept.popleft())
                if not kept:
                    del self._idle[address]
        for connection in old:
            connection.close()

    def _connect(self, address: Address, deadline: Deadline, connect_s: float) -> socket.socket:
        failure: OSError = AddressRefused()
        for family, kind, protocol, _, place in socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM
        ):
            if not self._may_connect(str(place[0])):
                continue
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(deadline.wait_s(connect_s))
                sock.connect(place)
                # What the kernel says we are talking to is the last word, whatever stands in `place`.
                if not self._may_connect(sock.getpeername()[0]):
                    raise AddressRefused
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
            except AddressRefused:
                sock.close()
                raise
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
        raise failure


def tls_context(*, verify: bool, ca_file: str, client_cert: str = "", client_key: str = "") -> ssl.SSLContext:
    """A client context of TLS 1.2 or newer. OSError when a file cannot be used."""
    context = ssl.create_default_context(cafile=ca_file or DEFAULT_CA_BUNDLE_PATH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if client_cert:
        context.load_cert_chain(client_cert, client_key or None, password="")
    return context
