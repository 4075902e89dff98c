"""Compares two servers by alternating runs A B A B; pure, called by run.py.

Shared machines have two speeds, up to three times apart, and change between them from minute to minute. So
only the ratio inside a pair means something, and only of a pair during which the speed stayed the same: the
cache-line round trip before and after each of its runs tells. A lead counts when every kept pair agrees.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from generator import Answer

FAST_BELOW_NS, SLOW_ABOVE_NS = 150, 300
"""The round trip is about 75 ns in the fast mode, above 400 ns in the slow one; between them it changes."""
TRIES_PER_PAIR = 3
"""Pairs tried for one that is wanted; a machine that changes more often cannot compare anything."""


def mode(round_trip_ns: float) -> str:
    """`fast`, `slow` or `between`."""
    if round_trip_ns < FAST_BELOW_NS:
        return "fast"
    return "slow" if round_trip_ns > SLOW_ABOVE_NS else "between"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs of one workload, one after the other."""

    ours: Answer
    theirs: Answer

    @property
    def steady(self) -> bool:
        """True when the machine was in one mode all the time."""
        readings = {
            mode(answer[name])
            for answer in (self.ours, self.theirs)
            for name in ("round_trip_ns", "round_trip_after_ns")
        }
        return len(readings) == 1 and "between" not in readings


@dataclass(frozen=True, slots=True)
class Ratios:
    """Ours divided by theirs, one figure, all kept pairs."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def agree(self) -> bool:
        """True when every pair is on the same side of 1."""
        return all(value > 1 for value in self.values) or all(value < 1 for value in self.values)

    def __str__(self) -> str:
        if len(self.values) == 1:
            return f"{self.median:.3f}"
        return f"{self.median:.3f} [{min(self.values):.3f}-{max(self.values):.3f}]"


def ratios(pairs: Sequence[Pair], figure: str) -> Ratios | None:
    """None when no pair has that figure above zero on both sides."""
    both = [(pair.ours.get(figure, 0), pair.theirs.get(figure, 0)) for pair in pairs]
    values = tuple(ours / theirs for ours, theirs in both if ours > 0 and theirs > 0)
    return Ratios(values) if values else None


def alternate(count: int, ours: Callable[[], Answer], theirs: Callable[[], Answer]) -> list[Pair]:
    """Measures A B A B until `count` of the returned pairs are steady, or it has tried often enough."""
    pairs: list[Pair] = []
    while sum(pair.steady for pair in pairs) < count and len(pairs) < count * TRIES_PER_PAIR:
        pairs.append(Pair(ours(), theirs()))
    return pairs
