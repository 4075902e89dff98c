"""The circuit breaker of one destination: a receiver that fails is left alone (spec/push.md 10.2.5).

CLOSED: everything is sent, the outcomes of the last five minutes are counted. It opens at 70 % failures of
at least ten attempts, or at five connections in a row that could not be made. OPEN: nothing is sent for 30 s,
after each further failure for twice as long, up to five minutes. HALF_OPEN: one probe is sent; it closes the
breaker or opens it again.

Pure: the time (monotonic seconds) is passed in; not thread-safe, `destinations` guards it. Each change of
state begins a new generation, and an outcome counts only in the generation whose permission it used: an
attempt that was under way when the breaker opened is no probe.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

WINDOW_S, SAMPLE_S = 300.0, 30.0
LEAST_ATTEMPTS, FAILURE_SHARE = 10, 0.7
CONNECT_FAILURES = 5
OPEN_S, LONGEST_OPEN_S = 30.0, 300.0


class BreakerState(StrEnum):
    """See the module."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(slots=True)
class _Sample:
    """The outcomes of SAMPLE_S seconds."""

    start: float
    successes: int = 0
    failures: int = 0


class Breaker:
    """`may_send` asks, `admit` takes a permission, `record` or `give_back` ends it."""

    def __init__(self, now: float) -> None:
        self.state = BreakerState.CLOSED
        self.since = now
        self.until: float | None = None
        self._samples: deque[_Sample] = deque()
        self._connect_failures = 0
        self._open_s = OPEN_S
        self._generation = 0
        self._probing = False

    def may_send(self, now: float) -> bool:
        """Whether `admit` would give a permission now."""
        if self.state is BreakerState.OPEN:
            return self.until is not None and now >= self.until
        return self.state is BreakerState.CLOSED or not self._probing

    def admit(self, now: float) -> int | None:
        """The permission to make one attempt (for `record`), or None: send nothing now."""
        if not self.may_send(now):
            return None
        if self.state is BreakerState.OPEN:
            self._become(BreakerState.HALF_OPEN, now)
        self._probing = self.state is BreakerState.HALF_OPEN
        return self._generation

    def give_back(self, permission: int) -> None:
        """No attempt was made with this permission."""
        if permission == self._generation:
            self._probing = False

    def record(self, permission: int, now: float, *, ok: bool, connected: bool = True) -> None:
        """Count the outcome of an attempt; `connected=False`: there was no connection to the receiver."""
        if permission != self._generation:
            return
        if self.state is BreakerState.HALF_OPEN:
            self._become(BreakerState.CLOSED if ok else BreakerState.OPEN, now)
            return
        sample = self._sample(now)
        sample.successes += ok
        sample.failures += not ok
        self._connect_failures = 0 if connected else self._connect_failures + 1
        if not ok and self._has_had_enough(now):
            self._become(BreakerState.OPEN, now)

    def counts(self, now: float) -> tuple[int, int]:
        """(successes, failures) of the last five minutes."""
        self._forget_old(now)
        return (
            sum(sample.successes for sample in self._samples),
            sum(sample.failures for sample in self._samples),
        )

    def reset(self, now: float) -> None:
        """Begin anew, closed."""
        self._become(BreakerState.CLOSED, now)

    def _has_had_enough(self, now: float) -> bool:
        if self._connect_failures >= CONNECT_FAILURES:
            return True
        successes, failures = self.counts(now)
        total = successes + failures
        return total >= LEAST_ATTEMPTS and failures >= FAILURE_SHARE * total

    def _become(self, state: BreakerState, now: float) -> None:
        self.state, self.since, self.until = state, now, None
        self._generation += 1
        self._probing = False
        if state is BreakerState.OPEN:
            self.until = now + self._open_s
            self._open_s = min(2 * self._open_s, LONGEST_OPEN_S)
        elif state is BreakerState.CLOSED:
            self._open_s = OPEN_S
            self._connect_failures = 0
            self._samples.clear()

    def _sample(self, now: float) -> _Sample:
        if not self._samples or now >= self._samples[-1].start + SAMPLE_S:
            self._forget_old(now)
            self._samples.append(_Sample(now))
        return self._samples[-1]

    def _forget_old(self, now: float) -> None:
        while self._samples and self._samples[0].start <= now - WINDOW_S:
            self._samples.popleft()
