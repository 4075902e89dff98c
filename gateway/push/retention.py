"""Forgets notifications that are over for longer than `[push] log_retention`.

A row goes with its body and its attempts, dead letters too, when it was created and last tried before that
time. Small transactions, oldest rows first: neither the writer nor the event loop is held up, however many
there are. What waits or is in flight stays. Run by `services` as a thread of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from gateway.clock import Clock
from gateway.config import SettingsSource
from gateway.errors import Unavailable
from gateway.model.inspection import Cursor
from gateway.store.upkeep import Upkeep

# A retention is measured in days; a minute late is nothing.
EVERY_S = 60.0
# Rows per transaction, about two milliseconds of the writer's time.
BATCH = 200

log = structlog.get_logger(__name__)


class Retention:
    """`breathe` lets others run between two batches."""

    def __init__(
        self,
        store: Upkeep,
        settings_source: SettingsSource,
        clock: Clock,
        *,
        breathe: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._source = settings_source
        self._clock = clock
        self._breathe = breathe

    def run(self, stop: threading.Event) -> None:
        """Purge at once and then every minute, until told to stop."""
        while not stop.is_set():
            try:
                self.purge(stop)
            except Unavailable as error:
                log.warning("push_log_not_purged", reason=str(error))
            except Exception:  # noqa: BLE001 - whatever one round dies of, the next one may do
                log.exception("push_log_not_purged")
            stop.wait(EVERY_S)

    def purge(self, stop: threading.Event | None = None) -> int:
        """One round; returns how many notifications are gone. Unavailable when the store cannot write."""
        before_ms = self._clock.wall_ms() - round(self._source.current.push.log_retention_s * 1000)
        deleted, after = 0, None
        while stop is None or not stop.is_set():
            found: tuple[int, Cursor | None] = self._store.purge_deliveries(
                before_ms, after=after, limit=BATCH
            )
            deleted, after = deleted + found[0], found[1]
            if after is None:
                break
            self._breathe()
        if deleted:
            log.info("push_log_purged", notifications=deleted)
        return deleted
