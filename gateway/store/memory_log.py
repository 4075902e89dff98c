"""Role `DeliveryLog` in memory: the part of `MemoryStore` that operators use."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.model.deliveries import Attempt, Delivery, DeliveryState
from gateway.model.inspection import (
    Cancel,
    Cursor,
    DeliveryFilter,
    DeliveryPage,
    LoggedDelivery,
    Replay,
    ReplayRecord,
)

if TYPE_CHECKING:
    from gateway.store.memory import _Row


class MemoryDeliveryLog:
    """See `push_roles.DeliveryLog` for the contracts. The dictionaries and the lock are `MemoryStore`'s."""

    _outbox: dict[str, _Row]
    _attempts: dict[str, list[Attempt]]
    _replays: dict[str, list[ReplayRecord]]

    def _open(self) -> AbstractContextManager[None]:
        """The lock, held while the store is open."""
        raise NotImplementedError

    def _record(self, row: _Row, state: DeliveryState, attempt: Attempt | None) -> None:
        raise NotImplementedError

    def find_deliveries(
        self, wanted: DeliveryFilter, *, after: Cursor | None, limit: int, oldest_first: bool = False
    ) -> DeliveryPage:
        with self._open():
            rows = sorted(self._outbox.values(), key=lambda row: row.place, reverse=not oldest_first)
            if after is not None:
                rows = [row for row in rows if (row.place > after if oldest_first else row.place < after)]
            found = [row for row in rows if wanted.accepts(row.delivery, self._last(row.delivery.id))]
            items = tuple([self._logged(row.delivery) for row in found[:limit]])
            return DeliveryPage(items, found[limit - 1].place if len(found) > limit else None)

    def requeue(
        self,
        delivery_ids: Sequence[str],
        *,
        now_ms: int,
        by: str,
        only: frozenset[DeliveryState] = frozenset(),
    ) -> Sequence[Replay]:
        with self._open():
            return tuple([self._requeue(id_, now_ms, by, only) for id_ in delivery_ids])

    def replay_records(self, delivery_id: str) -> Sequence[ReplayRecord]:
        with self._open():
            return tuple(self._replays.get(delivery_id, ()))

    def cancel_delivery(self, delivery_id: str, *, now_ms: int) -> Cancel:
        with self._open():
            row = self._outbox.get(delivery_id)
            if row is None:
                return Cancel.UNKNOWN
            if row.unfinished:
                if row.delivery.state is DeliveryState.LEASED and row.ready_ms > now_ms:
                    return Cancel.IN_FLIGHT
                self._record(row, DeliveryState.SKIPPED, None)
            skipped = row.delivery.state is DeliveryState.SKIPPED
            return Cancel.CANCELLED if skipped else Cancel.FINISHED

    def _requeue(self, delivery_id: str, now_ms: int, by: str, only: frozenset[DeliveryState]) -> Replay:
        row = self._outbox.get(delivery_id)
        if row is None:
            return Replay.UNKNOWN
        if only and row.delivery.state not in only:
            return Replay.OTHER_STATE
        if row.unfinished and row.ready_ms <= now_ms:
            return Replay.WAITING
        if row.delivery.state is DeliveryState.LEASED:
            return Replay.IN_FLIGHT
        again = row.delivery.replays + 1
        row.delivery = replace(row.delivery, state=DeliveryState.QUEUED, replays=again)
        row.ready_ms = now_ms
        record = ReplayRecord(row.delivery.attempts + 1, now_ms, by)
        self._replays.setdefault(delivery_id, []).append(record)
        return Replay.QUEUED

    def _last(self, delivery_id: str) -> Attempt | None:
        made = self._attempts.get(delivery_id)
        return made[-1] if made else None

    def _logged(self, delivery: Delivery) -> LoggedDelivery:
        last = self._last(delivery.id)
        shown = None if last is None else replace(last, response_head=b"")
        return LoggedDelivery(replace(delivery, message=None), shown)
