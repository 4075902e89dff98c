"""Claimed deliveries in memory, one lane per destination, so that a hanging receiver holds up nobody else.

Theory of operation. The worker claims for each lane as many rows as it has `room` for; `put` adds a row and
starts a thread when the lane may use one more. The thread works the lane empty and ends, so an idle node has
no push threads at all. A lane is granted its first thread whatever the others use; further ones up to
`per_lane`, and only while the node uses less than `in_total`. What a lane has no room for stays in the store
and can be claimed by nobody's lack of room but its own. Called by `worker`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.model.deliveries import Delivery
from gateway.store.push_roles import Lane

# Rows of a lane beyond those in flight, as a multiple of its threads: enough to keep them busy until the next
# claim, few enough for their leases and for the memory (40 rows of 30 kB).
AHEAD = 2


@dataclass(frozen=True, slots=True)
class Claimed:
    """A leased row and the monotonic time of its claim."""

    delivery: Delivery
    at: float

    @property
    def lane(self) -> Lane:
        """Its destination."""
        return self.delivery.provider or None, self.delivery.debug


@dataclass(slots=True)
class _State:
    waiting: deque[Claimed] = field(default_factory=deque)
    threads: int = 0


class Lanes:
    """`work(claimed)` handles one row in a thread of its lane."""

    def __init__(self, work: Callable[[Claimed], None]) -> None:
        self._work = work
        self._changed = threading.Condition()  # guards everything below
        self._lanes: dict[Lane, _State] = {}
        self._threads = 0
        self._closed = False

    def put(self, claimed: Claimed, *, per_lane: int, in_total: int) -> bool:
        """Queue a row for its destination; False when the lanes are closed."""
        with self._changed:
            if self._closed:
                return False
            lane = self._lanes.setdefault(claimed.lane, _State())
            if lane.threads == 0 or (lane.threads < per_lane and self._threads < in_total):
                # Counted only once it runs; it cannot take a row before this lock is free.
                target, args = self._drain, (claimed.lane, lane)
                threading.Thread(target=target, args=args, name="push", daemon=True).start()
                lane.threads += 1
                self._threads += 1
            lane.waiting.append(claimed)
        return True

    def room(self, lane: Lane, *, per_lane: int) -> int:
        """How many rows to claim for a lane: none until half of what it may hold has been worked off."""
        state = self._lanes.get(lane)
        held = 0 if state is None else len(state.waiting)
        return AHEAD * per_lane - held if held <= AHEAD * per_lane // 2 else 0

    def waiting(self) -> dict[Lane, int]:
        """The waiting rows of each lane that is at work."""
        with self._changed:
            return {key: len(lane.waiting) for key, lane in self._lanes.items()}

    def close(self, timeout_s: float) -> bool:
        """Forget waiting rows (their leases run out), wait for those in flight; False when some still are."""
        with self._changed:
            self._closed = True
            for lane in self._lanes.values():
                lane.waiting.clear()
            return self._changed.wait_for(lambda: self._threads == 0, timeout_s)

    def _drain(self, key: Lane, lane: _State) -> None:
        while (claimed := self._next(key, lane)) is not None:
            self._work(claimed)

    def _next(self, key: Lane, lane: _State) -> Claimed | None:
        """The next row, or None: the calling thread must end. The last one takes its empty lane along."""
        with self._changed:
            if lane.waiting:
                return lane.waiting.popleft()
            lane.threads -= 1
            self._threads -= 1
            if lane.threads == 0:
                del self._lanes[key]
            self._changed.notify_all()
            return None
