"""Accepting connections so that a crowd at the door keeps nobody waiting who is already inside (R16).

Theory of operation. The kernel hands out connections in the order of their arrival, so whoever comes last
waits until all before have been accepted; all that can be done is to accept fast. `Listener` therefore only
makes the socket and its deadline: about 25 us, where starting a greenlet and a parser would take 100 and a
request a thousand. A connection that sends nothing never costs more than that.

`Starts` begins the requests of those who have sent something. It works for BUDGET seconds and then lets the
event loop look at the listener and at the open connections again, so a thousand expensive first requests are
spread over as many rounds. What a monitor asks (`urgent`) takes every second place: a gateway under siege
must not be killed for being busy.
"""

from __future__ import annotations

import fcntl
import os
import resource
from collections import deque
from collections.abc import Callable
from typing import Any

from gevent.server import StreamServer

# Connections accepted in a row: six milliseconds.
BATCH = 500
# How long starting may take before others have their turn; a single start may exceed it.
BUDGET = 0.001

Newcomer = Callable[[Any, Any], None]


class Listener(StreamServer):
    """gevent's server, which calls `newcomer(socket, address)` in the event loop: it must not block.

    No connection is accepted while `full()` is true; call `go_on()` when it may have changed.
    """

    max_accept = BATCH

    def __init__(self, sock: Any, *, newcomer: Newcomer, full: Callable[[], bool]) -> None:
        super().__init__(sock, handle=newcomer, spawn=None)
        self.full = full

    def do_handle(self, *args: Any) -> None:
        """Take a connection in (called by gevent, which would close the socket after its handler)."""
        try:
            self._handle(*args)
        except BaseException:
            self.do_close(*args)
            raise

    def go_on(self) -> None:
        """Accept again after having been full."""
        if self._watcher is None and self._timer is None:
            self._start_accepting_if_started()


def reserve_descriptors(count: int) -> None:
    """Let the kernel make room for that many descriptors now, once in the life of a process.

    It doubles the table whenever that is full, and in a process with threads each doubling waits until all
    processors have let go of the old table: 10 to 30 ms, seven times on the way to 20,000 connections
    (measured; they were half of what a crowd cost). The table never shrinks.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = count if soft == resource.RLIM_INFINITY else min(count, soft - 1)
    with open(os.devnull) as some:
        os.close(fcntl.fcntl(some.fileno(), fcntl.F_DUPFD_CLOEXEC, limit))


class Starts:
    """Whoever waits to be started; `start(one)` runs it until it waits for something."""

    def __init__(
        self, start: Callable[[Any], None], *, loop: Any, clock: Callable[[], float], budget: float = BUDGET
    ) -> None:
        """`loop` is gevent's event loop."""
        self._start = start
        self._loop = loop
        self._next_round = loop.timer(0)  # not a callback: those may run again before the loop looks around
        self._clock = clock
        self._budget = budget
        self._urgent: deque[Any] = deque()
        self._others: deque[Any] = deque()
        self._urgent_next = True

    def put(self, one: Any, *, urgent: bool) -> None:
        """Start this one soon, in the order of arrival."""
        if not self._urgent and not self._others:
            self._loop.run_callback(self._turn)
        (self._urgent if urgent else self._others).append(one)

    def _turn(self) -> None:
        over = self._clock() + self._budget
        try:
            while self._urgent or self._others:
                self._start(self._next())
                if self._clock() >= over:
                    break
        finally:
            if self._urgent or self._others:
                self._next_round.start(self._turn)

    def _next(self) -> Any:
        first, second = (self._urgent, self._others) if self._urgent_next else (self._others, self._urgent)
        self._urgent_next = not self._urgent_next
        return (first or second).popleft()
