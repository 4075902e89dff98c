"""Time as a value that is passed in, so that tests decide what time it is."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: wall time for what people and peers see, monotonic time for every timeout."""

    def wall_ms(self) -> int:
        """Unix time in milliseconds; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump; only differences mean something."""
        ...


class SystemClock:
    """The machine's clocks."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    # The function itself: read several times per message.
    monotonic = staticmethod(time.monotonic)


class ManualClock:
    """A clock that only moves when told to (tests)."""

    def __init__(self, wall_ms: int = 1_568_662_361_000) -> None:
        self._wall_ms = wall_ms
        self._monotonic = 1000.0

    def wall_ms(self) -> int:
        return self._wall_ms

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both clocks forward together."""
        self._wall_ms += round(seconds * 1000)
        self._monotonic += seconds

    def jump_wall(self, seconds: float) -> None:
        """Move only the wall clock, as an administrator or NTP would."""
        self._wall_ms += round(seconds * 1000)
