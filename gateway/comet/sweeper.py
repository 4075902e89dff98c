"""What time alone makes happen: websocket connects that are due, sessions that expire, cursors to store.

`run` is one thread (a greenlet under gevent); `tick` never raises, so a bug in one session cannot stop it
(#1627: a dead sweeper is a leak of everything).
"""

from __future__ import annotations

import threading

import structlog

from gateway.bayeux import Session
from gateway.clock import Clock
from gateway.comet.hub import Hub
from gateway.comet.resume import Resume
from gateway.errors import Unavailable
from gateway.observe.metrics import Metrics

# How late a held websocket connect may be answered; a tick without work costs microseconds.
TICK_S = 0.2
SAVE_EVERY = 5  # ticks: cursors are at most a second old on disk
PURGE_EVERY = 3_000  # ticks: ten minutes

log = structlog.get_logger(__name__)


class Sweeper:
    """Periodic work of the comet side."""

    def __init__(self, hub: Hub, resume: Resume, *, clock: Clock, metrics: Metrics) -> None:
        self._hub = hub
        self._resume = resume
        self._clock = clock
        self._metrics = metrics
        self._ticks = 0

    def run(self, stop: threading.Event) -> None:
        """Tick until told to stop."""
        while not stop.wait(TICK_S):
            self.tick()

    def tick(self) -> None:
        """Do what is due now."""
        self._ticks += 1
        with self._hub.lock:
            due = self._hub.machine.due(self._clock.monotonic())
        for session in due:
            try:
                self._due(session)
            except Exception:  # noqa: BLE001 - one session must not stop the others' timers
                log.exception("session_timer_failed", session=session.id[:6])
        if self._ticks % SAVE_EVERY == 0:
            self._keep()

    def _keep(self) -> None:
        self._metrics.bayeux_sessions.set(len(self._hub.machine.sessions))
        try:
            self._resume.save()
            if self._ticks % PURGE_EVERY == 0:
                self._resume.purge()
        except Unavailable as error:
            log.warning("comet_sessions_not_saved", reason=str(error))

    def _due(self, session: Session) -> None:
        with self._hub.lock:
            if session.closed:
                return
            held = session.held
            now = self._clock.monotonic()
            if held is not None:
                if held.waiter is None and held.deadline <= now:
                    self._hub.complete_on_socket(session, held)
            elif session.expires is not None and session.expires <= now:
                self._expire(session)

    def _expire(self, session: Session) -> None:
        """Nothing heard for too long. The stored record stays for a while (7.6 a)."""
        log.info("session_expired", session=session.id[:6])
        channel, session.channel = session.channel, None
        self._resume.keep(session)
        self._hub.machine.remove(session)
        self._hub.closed(session)
        if channel is not None:
            channel.close(1001, "session expired")
