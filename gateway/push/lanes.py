"""Claimed deliveries in memory, one lane per destination, so that a hanging receiver holds up nobody else.

Theory of operation. `put` adds a claimed row to its lane and starts a thread when the lane may use one
more; the thread works the lane empty and ends, so an idle node has no push threads at all. A lane is
granted its first thread whatever the others use; further ones up to `per_lane`, and only while the node
uses less than `in_total`.

A busy lane makes the worker pause its claiming (`congested`), unless its receiver has stopped answering:
then claiming goes on for the others, and rows of the full lane are turned away; they come back when their
lease runs out. Called by `worker`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.clock import Clock
from gateway.model.deliveries import Delivery

# Waiting rows at which claiming pauses: enough to keep 20 threads busy until the next claim.
BUSY_ROWS = 100
# Waiting rows at which a lane turns rows away. More than BUSY_ROWS plus one claim of the worker, so that
# only the rows of hanging receivers meet it; 200 rows of 30 kB bound the memory of a lane.
FULL_ROWS = 200
# A receiver that has given no answer for this long while its lane is busy counts as hanging.
HANGING_S = 2.0

LaneKey = tuple[str | None, bool]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A leased row and the monotonic time of its claim."""

    delivery: Delivery
    at: float


@dataclass(slots=True)
class _Lane:
    waiting: deque[Claimed] = field(default_factory=deque)
    threads: int = 0
    answered: float = 0.0


class Lanes:
    """`work(claimed) -> bool` handles one row in a lane's thread and tells whether the receiver answered."""

    def __init__(self, work: Callable[[Claimed], bool], clock: Clock) -> None:
        self._work = work
        self._clock = clock
        self._changed = threading.Condition()  # guards everything below
        self._lanes: dict[LaneKey, _Lane] = {}
        self._threads = 0
        self._closed = False

    def put(self, claimed: Claimed, *, per_lane: int, in_total: int) -> bool:
        """Queue a row for its destination; False when its lane is full or closed: turned away."""
        key = (claimed.delivery.provider, claimed.delivery.debug)
        with self._changed:
            lane = self._lanes.get(key)
            if lane is None:
                lane = self._lanes[key] = _Lane(answered=self._clock.monotonic())
            if self._closed or len(lane.waiting) >= FULL_ROWS:
                return False
            if lane.threads == 0 or (lane.threads < per_lane and self._threads < in_total):
                # Counted only once it runs; it cannot take a row before this lock is free.
                threading.Thread(target=self._drain, args=(key, lane), name="push", daemon=True).start()
                lane.threads += 1
                self._threads += 1
            lane.waiting.append(claimed)
        return True

    def congested(self) -> bool:
        """Whether a lane is busy and its receiver answers: claiming more now would only use up leases."""
        with self._changed:
            stale = self._clock.monotonic() - HANGING_S
            lanes = self._lanes.values()
            return any(len(lane.waiting) >= BUSY_ROWS and lane.answered > stale for lane in lanes)

    def close(self, timeout_s: float) -> bool:
        """Forget waiting rows (their leases run out), wait for those in flight; False when some still are."""
        with self._changed:
            self._closed = True
            for lane in self._lanes.values():
                lane.waiting.clear()
            return self._changed.wait_for(lambda: self._threads == 0, timeout_s)

    def _drain(self, key: LaneKey, lane: _Lane) -> None:
        while (claimed := self._next(key, lane)) is not None:
            if self._work(claimed):
                lane.answered = self._clock.monotonic()

    def _next(self, key: LaneKey, lane: _Lane) -> Claimed | None:
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
