"""Role `Upkeep` in memory: the part of `MemoryStore` that keeps the outbox small."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from gateway.model.deliveries import Attempt, DeliveryState, is_repeatable_text
from gateway.model.inspection import Cursor, ReplayRecord
from gateway.store.upkeep import COLLAPSED

if TYPE_CHECKING:
    from gateway.store.memory import _Row


class MemoryUpkeep:
    """See `upkeep.Upkeep` for the contracts. The dictionaries and the lock are `MemoryStore`'s."""

    _outbox: dict[str, _Row]
    _attempts: dict[str, list[Attempt]]
    _replays: dict[str, list[ReplayRecord]]
    _crowded = False

    def _open(self) -> AbstractContextManager[None]:
        """The lock, held while the store is open."""
        raise NotImplementedError

    def _record(self, row: _Row, state: DeliveryState, attempt: Attempt | None) -> None:
        raise NotImplementedError

    def lease_owners(self) -> Sequence[str]:
        with self._open():
            return tuple(sorted({row.owner for row in self._outbox.values() if row.owner is not None}))

    def release_leases(self, owner: str) -> int:
        with self._open():
            held = [row for row in self._outbox.values() if row.owner == owner]
            for row in held:
                self._record(row, DeliveryState.QUEUED, None)
            return len(held)

    def set_crowded(self, *, crowded: bool) -> None:
        self._crowded = crowded

    def _collapse(self, new: _Row) -> None:
        """Skip a row just inserted if an equal text waits before it."""
        if not self._crowded or not is_repeatable_text(new.delivery):
            return
        kept = [
            row
            for row in self._outbox.values()
            if (row.line, row.lane) == (new.line, new.lane)
            and row.delivery.position < new.delivery.position
            and is_repeatable_text(row.delivery)
        ]
        if kept:
            id_, at_ms = new.delivery.id, new.delivery.created_ms
            self._record(new, DeliveryState.SKIPPED, Attempt(id_, 1, at_ms, 0, error=COLLAPSED))

    def purge_deliveries(
        self, before_ms: int, *, after: Cursor | None, limit: int
    ) -> tuple[int, Cursor | None]:
        with self._open():
            old = [row for row in self._outbox.values() if row.delivery.created_ms < before_ms]
            old = sorted([row for row in old if row.place > (after or (0, 0))], key=lambda row: row.place)
            found = old[:limit]
            doomed = [row.delivery.id for row in found if self._is_over(row, before_ms)]
            for id_ in doomed:
                del self._outbox[id_]
                self._attempts.pop(id_, None)
                self._replays.pop(id_, None)
            return len(doomed), found[-1].place if len(found) == limit else None

    def _is_over(self, row: _Row, before_ms: int) -> bool:
        made = self._attempts.get(row.delivery.id, [])
        return not row.unfinished and all(attempt.started_ms < before_ms for attempt in made)
