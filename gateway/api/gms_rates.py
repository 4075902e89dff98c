"""Rate limits of the GMS paths: requests per chat session, new chats per address (spec/chat-api-v2.md 8.6).

A session over its limit is told statusCode 1, which clients answer by asking again; only the flood of new
chats is HTTP 429. Counted per node, before the work is done. Called by `v2`.
"""

from __future__ import annotations

import threading

from werkzeug.exceptions import TooManyRequests

from gateway.clock import Clock
from gateway.config.views import LimitsSettings
from gateway.errors import Unavailable

# Keys kept at most; one takes about 200 bytes, and a bucket that is full again need not be kept.
MAX_KEYS = 20_000
RETRY_AFTER_S = 10


class Buckets:
    """Token buckets by key: `burst` requests at once, `per_second` in the long run."""

    def __init__(self, clock: Clock, *, per_second: float, burst: float, max_keys: int = MAX_KEYS) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = burst
        self._max_keys = max_keys
        self._levels: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()  # guards _levels: key -> (tokens, when)

    def take(self, key: str) -> bool:
        """Take one token; False when there is none."""
        now = self._clock.monotonic()
        with self._lock:
            tokens = self._level(key, now)
            if tokens < 1:
                return False
            if len(self._levels) >= self._max_keys:
                self._shrink(now)
            self._levels[key] = (tokens - 1, now)
            return True

    def _level(self, key: str, now: float) -> float:
        tokens, when = self._levels.get(key, (self._burst, now))
        return min(self._burst, tokens + (now - when) * self._per_second)

    def _shrink(self, now: float) -> None:
        """Drop what is full again; if that is not enough, everything: memory goes before strictness."""
        kept = {key: level for key, level in self._levels.items() if self._level(key, now) < self._burst}
        self._levels = kept if len(kept) < self._max_keys else {}

    def __len__(self) -> int:
        return len(self._levels)


class Rates:
    """The two limits of this edge; with `[limits] enabled=false` everything passes."""

    def __init__(self, clock: Clock, limits: LimitsSettings) -> None:
        self._enabled = limits.enabled
        per_minute = limits.chats_per_minute
        self._starts = Buckets(clock, per_second=per_minute / 60, burst=per_minute)
        self._requests = Buckets(clock, per_second=limits.requests_per_second, burst=limits.requests_burst)

    def count_start(self, address: str) -> None:
        """A new chat from this address; TooManyRequests above the limit."""
        if self._enabled and not self._starts.take(address):
            raise TooManyRequests(retry_after=RETRY_AFTER_S)

    def count_request(self, chat_id: str) -> None:
        """A request of this chat's customer; Unavailable above the limit."""
        if self._enabled and not self._requests.take(chat_id):
            raise Unavailable("rate limit of the session")
