"""Role `Pendings` in memory: what reliable mode owes each chat, part of `MemoryStore`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from gateway.model.deliveries import Attempt, Delivery, DeliveryState
from gateway.model.pending import Pending, PendingStep

if TYPE_CHECKING:
    from gateway.store.memory_deliveries import Row


class MemoryPendings:
    """See `push_roles.Pendings` for the contracts. The dictionaries and the lock are `MemoryStore`'s."""

    _outbox: dict[str, Row]
    _attempts: dict[str, list[Attempt]]
    _pendings: dict[str, Pending]

    def _open(self) -> AbstractContextManager[None]:
        """The lock, held while the store is open."""
        raise NotImplementedError

    def _insert(self, delivery: Delivery) -> None:
        raise NotImplementedError

    def pending(self, chat_id: str) -> Pending | None:
        with self._open():
            return self._pendings.get(chat_id)

    def due_pendings(self, *, now_ms: int, limit: int) -> Sequence[tuple[Pending, DeliveryState | None]]:
        with self._open():
            due = [one for one in self._armed() if (one.next_ms or 0) <= now_ms]
            found = [(one, self._outbox.get(one.delivery_id or "")) for one in due]
            ready = [(one, row.delivery.state if row else None) for one, row in found if not _on_its_way(row)]
            return tuple(ready[:limit])

    def armed_pendings(self) -> Sequence[Pending]:
        with self._open():
            return tuple(self._armed())

    def armed_count(self) -> int:
        with self._open():
            return len(self._armed())

    def advance(self, steps: Sequence[PendingStep]) -> Sequence[bool]:
        with self._open():
            return tuple([self._fits(step) and self._step(step) for step in steps])

    def _armed(self) -> list[Pending]:
        armed = [one for one in self._pendings.values() if one.armed]
        return sorted(armed, key=lambda one: (one.next_ms, one.chat_id))

    def _fits(self, step: PendingStep) -> bool:
        stored = self._pendings.get(step.before.chat_id)
        return (stored.version if stored else 0) == step.before.version

    def _step(self, step: PendingStep) -> bool:
        self._pendings[step.after.chat_id] = step.after
        if step.delivery is not None:
            self._insert(step.delivery)
        if step.attempt is not None:
            self._attempts.setdefault(step.attempt.delivery_id, []).append(step.attempt)
        return True


def _on_its_way(row: Row | None) -> bool:
    return row is not None and row.unfinished
