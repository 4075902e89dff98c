"""Waiting of a held connect: the request's thread or greenlet sleeps here until there is something to say."""

from __future__ import annotations

import threading
from contextlib import suppress


class Waiter:
    """Parks the request of one held connect. Used once; `release` and `finish` may be called by anyone."""

    __slots__ = ("_lock", "verdict")

    def __init__(self) -> None:
        # A lock as a one-shot event: under gevent far lighter than threading.Event (one object, no list).
        self._lock = threading.Lock()
        self._lock.acquire()
        self.verdict: str | None = None

    def wait(self, seconds: float) -> None:
        """Block until released or the time is over."""
        self._lock.acquire(timeout=seconds)

    def release(self) -> None:
        """There is something to deliver."""
        if self._lock.locked():
            with suppress(RuntimeError):  # somebody else was faster
                self._lock.release()

    def finish(self, verdict: str) -> None:
        """The connect is over for another reason; the first verdict stands."""
        if self.verdict is None:
            self.verdict = verdict
        self.release()
