"""One client connection: what it is doing and until when it may do so.

gunicorn's parser reads requests through an "unreader"; `Connection` is one that knows the phase of the
connection and keeps one absolute deadline for it. It never waits on a timer itself: the worker looks at all
deadlines twice a second (`serving`), so a request costs a few reads of the clock and no timer.

    IDLE ----first byte----> HEAD ----complete----> APPLICATION <--------> ANSWER ----sent----> IDLE
     keepalive                header_timeout         none, but a read of    write_timeout per piece
                              (from accept for       the body has
                              the first request)     body_timeout
                                                          |
                                                          +--handed over--> PARKED (none) --answered--> IDLE

A websocket stays in APPLICATION for life, a held poll in APPLICATION (its view waits) or PARKED (its view
returned ALREADY_HANDLED and somebody else will write the answer): neither has a deadline.
"""

from __future__ import annotations

import enum
import socket
import ssl
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from gunicorn.http.unreader import SocketUnreader

from gateway.worker.application import BODY_BYTES_PER_SECOND, Limits

NEVER = float("inf")
# close() then discards what the peer has not read, instead of keeping it for minutes.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_REQUEST_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Phase(enum.Enum):
    """What a connection is doing; the value is the label under which its overdue closing is counted."""

    IDLE = "idle"
    HEAD = "header"
    BODY = "body"
    APPLICATION = "application"
    ANSWER = "write"
    PARKED = "parked"


class TruncatedBody(ConnectionError):
    """The connection ended inside a request body; an OSError, so werkzeug makes it a 400."""


class Connection(SocketUnreader):
    """The reading side of one client connection, with the deadline of its phase (monotonic seconds).

    The application finds it as `environ["gateway.connection"]` and, if it returned ALREADY_HANDLED for a held
    poll, calls `answered()` when it has written the answer.
    """

    def __init__(
        self, sock: Any, *, limits: Limits, keepalive: float, clock: Callable[[], float], encrypted: bool
    ) -> None:
        super().__init__(sock)
        self.phase = Phase.HEAD
        self.since = clock()
        self.deadline = self.since + limits.header_timeout_s
        self._request_begun = False
        self._answer_begun = False
        self._limits = limits
        self._keepalive = keepalive
        self._clock = clock
        self.encrypted = encrypted
        self._body_started = 0.0
        self._body_received = 0
        self._answered = False

    def when_readable(self, call: Callable[..., None], *args: Any) -> None:
        """Have the event loop call this as soon as the first bytes, or the end, can be read."""
        self.sock._read_event.start(call, *args)  # gevent's own watcher, idle until somebody reads

    def first_bytes(self) -> bytes | None:
        """Read what the peer sends first, without waiting; the parser will find it here.

        Returns None when nothing has come yet and b"" when the connection is over; if it is to be encrypted,
        that is found out by the handshake.
        """
        self.sock._read_event.stop()
        try:
            data = self.sock._sock.recv(self.mxchunk, socket.MSG_PEEK if self.encrypted else 0)
        except BlockingIOError:
            return None
        except OSError:
            return b""
        if self.encrypted:
            return b""
        if data:
            self.buf.write(data)
            self._head_arrives()
        return data

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Do the TLS handshake, under the deadline of the head (in the connection's greenlet)."""
        self.sock = context.wrap_socket(self.sock, server_side=True, do_handshake_on_connect=False)
        self.sock.do_handshake()

    def await_request(self) -> None:
        """The answer is out: wait for the next request, whose start may be here already (pipelining)."""
        self._request_begun = self._answer_begun = False
        self._enter(Phase.IDLE, self._keepalive)
        if self.buf.getbuffer().nbytes:
            self._head_arrives()

    def run_application(self) -> None:
        """The head is complete: the application takes its time; only reading the body has a deadline."""
        self._body_started = self._clock()
        self._body_received = 0
        self._answered = False
        self.compute()

    def compute(self) -> None:
        """The application works (or holds the request); no deadline."""
        self.phase, self.deadline = Phase.APPLICATION, NEVER

    def write(self) -> None:
        """A piece of the answer is about to be written."""
        self._answer_begun = True
        self._enter(Phase.ANSWER, self._limits.write_timeout_s)

    def park(self) -> None:
        """The view returned ALREADY_HANDLED: no deadline until the answer is written, which it may be."""
        if self._answered:
            self.await_request()
        else:
            self._request_begun = self._answer_begun = False
            self._enter(Phase.PARKED, NEVER)

    def answered(self) -> None:
        """The writer of a parked request's answer is done with the connection (called by the application)."""
        self._answered = True
        if self.phase is Phase.PARKED:
            self.await_request()

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Read what has arrived; called by gunicorn's parser (head) and, through `wsgi.input`, by the
        application.

        Raises TruncatedBody at the end of the stream inside a body, so that half a form never passes as a
        whole.
        """
        if self.phase in (Phase.HEAD, Phase.IDLE, Phase.PARKED):
            data = super().chunk(size_hint)
            if data and not self._request_begun:
                self._head_arrives()
            return data
        phase, deadline = self.phase, self.deadline
        self._enter(Phase.BODY, self._body_patience())
        data = super().chunk(size_hint)
        self.phase, self.deadline = phase, deadline
        if not data:
            raise TruncatedBody
        self._body_received += len(data)
        return data

    def cut_off(self) -> None:
        """Close an overdue connection: whoever waits on it sees its end and cleans up. Never blocks."""
        raw = self.sock._sock  # gevent's own shutdown would raise in the waiting greenlet instead
        with suppress(OSError):  # the peer was faster
            if self._request_begun and not self._answer_begun and not self.encrypted:
                raw.send(_REQUEST_TIMEOUT)
            elif self.phase is Phase.ANSWER:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            raw.shutdown(socket.SHUT_RDWR)
        self.deadline = NEVER

    def stop_reading(self) -> None:
        """Let a request that has arrived be the last: its bytes are still read, then the stream ends."""
        with suppress(OSError):  # the peer was faster
            self.sock._sock.shutdown(socket.SHUT_RD)

    def _head_arrives(self) -> None:
        self._request_begun = True
        # The first request's clock runs since accept; going on then would give a silent start extra time.
        if self.phase is not Phase.HEAD:
            self._enter(Phase.HEAD, self._limits.header_timeout_s)

    def _body_patience(self) -> float:
        earned = self._body_received / BODY_BYTES_PER_SECOND
        spent = self._clock() - self._body_started
        return min(self._limits.body_timeout_s, self._limits.body_timeout_s + earned - spent)

    def _enter(self, phase: Phase, patience: float) -> None:
        self.phase = phase
        self.since = self._clock()
        self.deadline = self.since + patience


class PacedAnswer:
    """A WSGI answer whose every piece has the write deadline, while producing the next piece has none."""

    __slots__ = ("_answer", "_connection", "_pieces")

    def __init__(self, answer: Iterable[bytes], connection: Connection) -> None:
        self._answer = answer
        self._pieces = iter(answer)
        self._connection = connection

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._connection.compute()
        try:
            return next(self._pieces)
        finally:
            self._connection.write()

    def close(self) -> None:
        """Pass the end of the answer on to the application, as WSGI demands."""
        close = getattr(self._answer, "close", None)
        if close is not None:
            close()
