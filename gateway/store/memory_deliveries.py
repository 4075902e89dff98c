"""Roles `Deliveries` and `Destinations` in memory; with `Upkeep` the whole `PushStore` of `MemoryStore`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.model.deliveries import DEAD_LETTERS, Attempt, Delivery, DeliveryState
from gateway.model.inspection import Cursor
from gateway.store.memory_upkeep import MemoryUpkeep
from gateway.store.poison import poison
from gateway.store.push_roles import Lane, StoredDestination

_UNFINISHED = frozenset({DeliveryState.QUEUED, DeliveryState.LEASED})


@dataclass(slots=True)
class Row:
    """An outbox row: `ready_ms` is when it may be claimed, `seq` its place in the order of insertion."""

    delivery: Delivery
    seq: int
    ready_ms: int
    owner: str | None = None
    yields_ms: int | None = None

    @property
    def unfinished(self) -> bool:
        return self.delivery.state in _UNFINISHED

    @property
    def place(self) -> Cursor:
        return (self.delivery.created_ms, self.seq)

    @property
    def lane(self) -> Lane:
        return self.delivery.provider or None, self.delivery.debug

    @property
    def line(self) -> tuple[str, str]:
        """What is delivered in order."""
        return self.delivery.chat_id, self.delivery.device_id


class MemoryDeliveries(MemoryUpkeep):
    """See `push_roles` for the contracts; `Upkeep` thins out what is inserted here. The dictionaries and the
    lock are `MemoryStore`'s."""

    _outbox: dict[str, Row]
    _inserted: int
    _attempts: dict[str, list[Attempt]]
    _destinations: dict[str, StoredDestination]

    def due_lanes(self, *, now_ms: int) -> Sequence[Lane]:
        with self._open():
            due = {row.lane for row in self._outbox.values() if row.unfinished and row.ready_ms <= now_ms}
            return tuple(sorted(due, key=lambda lane: (lane[0] or "", lane[1])))

    def claim(
        self,
        owner: str,
        *,
        now_ms: int,
        lease_ms: int,
        limit: int,
        lanes: Mapping[Lane, int] | None = None,
    ) -> Sequence[Delivery]:
        with self._open():
            due = [row for row in self._outbox.values() if row.unfinished and row.ready_ms <= now_ms]
            due = [row for row in due if self._is_next(row, now_ms)]
            due.sort(key=lambda row: (row.ready_ms, row.seq))
            if lanes is not None:
                chosen = [[row for row in due if row.lane == lane][: lanes[lane]] for lane in lanes]
                due = [row for rows in chosen for row in rows]
            claimed: list[Delivery] = []
            for row in due[: max(0, limit)]:
                if not self._is_next(
                    row, now_ms
                ):  # a row that was passed over is claimed along with this one
                    continue
                error = poison(row.delivery.kind, row.delivery.message)
                if error is not None:
                    number = row.delivery.attempts + 1
                    attempt = Attempt(row.delivery.id, number, now_ms, 0, error=error)
                    self._record(row, DeliveryState.FAILED, attempt)
                    continue
                row.delivery = replace(row.delivery, state=DeliveryState.LEASED)
                row.owner, row.ready_ms = owner, now_ms + lease_ms
                claimed.append(row.delivery)
            return tuple(claimed)

    def finish(
        self,
        delivery_id: str,
        owner: str,
        *,
        state: DeliveryState,
        attempt: Attempt | None,
        retry_at_ms: int | None = None,
        yields_ms: int | None = None,
    ) -> bool:
        with self._open():
            row = self._outbox.get(delivery_id)
            if row is None or row.owner != owner:
                return False
            self._record(row, state, attempt)
            if retry_at_ms is not None:
                row.ready_ms = retry_at_ms
            if row.yields_ms is None:
                row.yields_ms = yields_ms
            return True

    def delivery(self, delivery_id: str) -> Delivery | None:
        with self._open():
            row = self._outbox.get(delivery_id)
            return row.delivery if row else None

    def list_deliveries(
        self, *, chat_id: str | None, states: frozenset[DeliveryState], limit: int
    ) -> Sequence[Delivery]:
        with self._open():
            rows = sorted(self._outbox.values(), key=lambda row: -row.seq)
            found = [row.delivery for row in rows if not states or row.delivery.state in states]
            return tuple([found_one for found_one in found if chat_id in (None, found_one.chat_id)][:limit])

    def attempts(self, delivery_id: str) -> Sequence[Attempt]:
        with self._open():
            return tuple(self._attempts.get(delivery_id, ()))

    def pending_count(self) -> int:
        with self._open():
            return sum(row.unfinished for row in self._outbox.values())

    def dead_letter_count(self) -> int:
        with self._open():
            rows = [row.delivery for row in self._outbox.values()]
            return sum(row.state in DEAD_LETTERS and not row.debug for row in rows)

    def _is_next(self, row: Row, now_ms: int) -> bool:
        """The order rule: of the same chat and device nothing is in flight, and no unfinished row that does
        not yield stands before this one."""
        others = [other for other in self._outbox.values() if other.unfinished and other.line == row.line]
        if any(other.owner is not None and other.ready_ms > now_ms for other in others):
            return False
        return not any(
            (other.delivery.position, other.seq) < (row.delivery.position, row.seq)
            and (other.yields_ms is None or other.yields_ms > now_ms)
            for other in others
        )

    def _record(self, row: Row, state: DeliveryState, attempt: Attempt | None) -> None:
        made = row.delivery.attempts + (attempt is not None)
        row.delivery = replace(row.delivery, state=state, attempts=made)
        row.owner, row.ready_ms = None, row.delivery.due_ms
        if attempt is not None:
            self._attempts.setdefault(row.delivery.id, []).append(attempt)

    def _insert(self, delivery: Delivery) -> None:
        self._inserted += 1
        row = self._outbox[delivery.id] = Row(delivery, self._inserted, delivery.due_ms)
        self._collapse(row)

    def save_destination(self, destination: StoredDestination) -> None:
        with self._open():
            self._destinations[destination.key] = destination

    def destinations(self) -> Sequence[StoredDestination]:
        with self._open():
            return tuple(sorted(self._destinations.values(), key=lambda one: one.key))

    def forget_destination(self, key: str) -> None:
        with self._open():
            self._destinations.pop(key, None)
