"""The wake-up bus: tells observers what was committed.

A wake-up carries the events, but it is only a hint: a lost one costs delay (repaired by the next poll or
timer), never data, because the transcript is the truth (design: one commit, then wake-ups).
Called by `chat.ledger` while it holds the chat's lock, so observers see one chat's changes in commit order.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from gateway.model.change import Committed

Observer = Callable[[Committed], None]

log = structlog.get_logger(__name__)


class Bus:
    """Calls each observer in subscription order; observers must not block."""

    def __init__(self) -> None:
        self._observers: tuple[Observer, ...] = ()

    def subscribe(self, observer: Observer) -> None:
        """Add an observer for every later change."""
        self._observers = (*self._observers, observer)

    def publish(self, committed: Committed) -> None:
        """Tell all observers; what is committed stays committed whatever they do."""
        for observer in self._observers:
            try:
                observer(committed)
            except Exception:  # noqa: BLE001 - a failing observer must not fail an operation that is durable
                log.exception("observer_failed", chat_id=committed.session.id)
