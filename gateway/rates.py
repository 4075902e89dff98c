"""Rate limits and the protection of secrets (spec/chat-api-v2.md 8.6, targets/reliability.md 4.1 and 4.3).

Theory of operation. What is counted with nearly every message (requests of a chat, typing) uses token buckets
of our own: 0.8 us a call against 3.7 us of the library (measured). Everything seldom (new chats, handshakes,
agents, bad keys) uses the fixed windows of the `limits` package over a storage of our own, because the one of
the package follows the wall clock, grows without bound and starts a timer thread.

Invariants: a limit counts before the work is done; each key has counters of its own, so that nobody is slowed
down by another; the number of counters is bounded and a flood of keys makes limits forget, never grow or
fail; `[limits] enabled=false` lets everything pass; changed options count at once, with fresh counters.
Counted per node, in memory. Called by the edges and by `chat`.
"""

from __future__ import annotations

import ipaddress
import math
import threading
from collections import OrderedDict

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from gateway.clock import Clock
from gateway.config import SettingsSource
from gateway.config.views import LimitsSettings
from gateway.errors import RateLimited
from gateway.observe.metrics import Metrics

# Counters kept at most, per kind; one takes about 200 bytes.
MAX_KEYS = 20_000
# A session gets its next request within a tenth of a second, so clients need not wait long.
SESSION_RETRY_S = 1
# How many typing events may come at once; a person's client sends a start and soon a stop.
TYPING_BURST_S = 1
# What one household or office has of IPv6; a single host changes its address within it at will.
IPV6_PREFIX = 64


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


class Counters(Storage):
    """Storage of the `limits` package: bounded, on the monotonic clock, oldest counters dropped first."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Clock, *, max_keys: int = MAX_KEYS) -> None:
        super().__init__()
        self._clock = clock
        self._max_keys = max_keys
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()  # key -> (count, end of window)
        self._lock = threading.Lock()  # guards _counts

    @property
    def base_exceptions(self) -> type[Exception]:
        """Nothing here fails."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count; a new window begins with the first hit after the end of the old one."""
        now = self._clock.monotonic()
        with self._lock:
            count, end = self._counts.get(key, (0, 0.0))
            if end <= now:
                count, end = 0, now + expiry
                self._counts.pop(key, None)
                if len(self._counts) >= self._max_keys:
                    self._counts.popitem(last=False)
            self._counts[key] = (count + amount, end)
            return count + amount

    def get(self, key: str) -> int:
        """The count of the running window."""
        count, end = self._counts.get(key, (0, 0.0))
        return count if end > self._clock.monotonic() else 0

    def get_expiry(self, key: str) -> float:
        """The monotonic time at which the window ends."""
        return self._counts.get(key, (0, self._clock.monotonic()))[1]

    def check(self) -> bool:
        """Always well."""
        return True

    def reset(self) -> int:
        """Forget everything; how many counters there were."""
        with self._lock:
            count = len(self._counts)
            self._counts.clear()
            return count

    def clear(self, key: str) -> None:
        """Forget one counter."""
        with self._lock:
            self._counts.pop(key, None)

    def __len__(self) -> int:
        return len(self._counts)


class _Limits:
    """The counters of one `[limits]` section."""

    def __init__(self, settings: LimitsSettings, clock: Clock) -> None:
        self.settings = settings
        self.sessions = Buckets(clock, per_second=settings.requests_per_second, burst=settings.requests_burst)
        per_second = settings.typing_per_second
        self.typing = Buckets(clock, per_second=per_second, burst=per_second * TYPING_BURST_S)
        self.chats = RateLimitItemPerMinute(settings.chats_per_minute)
        self.handshakes = RateLimitItemPerMinute(settings.handshakes_per_minute)
        self.agents = RateLimitItemPerSecond(settings.agent_requests_per_second)
        self.bad_by_address = RateLimitItemPerMinute(settings.bad_keys_per_minute)
        self.bad_by_chat = RateLimitItemPerHour(settings.bad_keys_per_chat_hour)


class Rates:
    """All limits of a node. Methods raise RateLimited, which says when to come again."""

    def __init__(
        self, settings_source: SettingsSource, clock: Clock, metrics: Metrics, *, max_keys: int = MAX_KEYS
    ) -> None:
        self._settings_source = settings_source
        self._clock = clock
        self._metrics = metrics
        self._max_keys = max_keys
        self._windows = Counters(clock, max_keys=max_keys)
        self._bad = Counters(clock, max_keys=max_keys)
        self._guessed = False  # whether anything was wrong yet: until then nothing has to be looked up
        self._proven: dict[int, None] = {}  # hashes of secrets that were right, oldest first
        self._built = _Limits(settings_source.current.limits, clock)

    @property
    def _limits(self) -> _Limits:
        settings = self._settings_source.current.limits
        if self._built.settings is not settings:
            if self._built.settings != settings:
                self._built = _Limits(settings, self._clock)
            else:
                self._built.settings = settings
        return self._built

    def session(self, chat_id: str) -> None:
        """A request of this chat's customer, whatever the transport."""
        limits = self._limits
        if limits.settings.enabled and not limits.sessions.take(chat_id):
            self._refuse("session", SESSION_RETRY_S)

    def typing(self, chat_id: str, party: str, kind: str) -> bool:
        """Whether this typing event is shown; what comes too often is merged into the one before.

        Starts and stops are counted apart, so that a burst of starts never swallows the stop.
        """
        limits = self._limits
        if not limits.settings.enabled or limits.typing.take(f"{chat_id} {kind} {party}"):
            return True
        self._metrics.bound("rate_limited_total", "typing").inc()
        return False

    def chat(self, address: str) -> None:
        """A new chat from this address."""
        self._hit("chat", self._limits.chats, network_of(address))

    def handshake(self, address: str) -> None:
        """A Bayeux handshake from this address."""
        self._hit("handshake", self._limits.handshakes, network_of(address))

    def agent(self, name: str) -> None:
        """A request of this account."""
        self._hit("agent", self._limits.agents, name)

    def _hit(self, kind: str, item: RateLimitItem, key: str) -> None:
        if not self._built.settings.enabled:
            return
        limiter = FixedWindowRateLimiter(self._windows)
        if not limiter.hit(item, kind, key):
            self._refuse(kind, self._wait(self._windows, item, kind, key))

    # --- secrets ------------------------------------------------------------------------------------------

    def admit(self, secret: str, *, address: str, chat_id: str = "") -> None:
        """Before a key or token is looked at: refused where too many wrong ones came from or went to.

        A secret that was right before is always let through, so that nobody locks its owner out, neither by
        sharing an address nor by naming the chat.
        """
        if not self._guessed or not self._limits.settings.enabled:
            return
        if hash(secret) in self._proven:
            return
        limits, limiter = self._limits, FixedWindowRateLimiter(self._bad)
        keys = [(limits.bad_by_address, "address", network_of(address))]
        if chat_id:
            keys.append((limits.bad_by_chat, "chat", chat_id))
        for item, kind, key in keys:
            if not limiter.test(item, kind, key):
                self._refuse("secret", self._wait(self._bad, item, kind, key))

    def failed(self, *, address: str, chat_id: str = "") -> None:
        """The key or token was wrong."""
        limits = self._limits
        if not limits.settings.enabled:
            return
        self._guessed = True
        limiter = FixedWindowRateLimiter(self._bad)
        limiter.hit(limits.bad_by_address, "address", network_of(address))
        if chat_id:
            limiter.hit(limits.bad_by_chat, "chat", chat_id)

    def request(self, secret: str, chat_id: str) -> None:
        """A request of this chat's customer, whose key was right: `proved` and `session` in one call."""
        if hash(secret) not in self._proven:
            self.proved(secret)
        limits = self._built
        if limits.settings is not self._settings_source.current.limits:
            limits = self._limits
        if limits.settings.enabled and not limits.sessions.take(chat_id):
            self._refuse("session", SESSION_RETRY_S)

    def proved(self, secret: str) -> None:
        """The key or token was right. Only a hash is remembered."""
        hashed = hash(secret)
        if hashed not in self._proven:
            if len(self._proven) >= self._max_keys:
                self._proven.pop(next(iter(self._proven)), None)
            self._proven[hashed] = None

    def _wait(self, storage: Counters, item: RateLimitItem, kind: str, key: str) -> int:
        left = storage.get_expiry(item.key_for(kind, key)) - self._clock.monotonic()
        return max(1, math.ceil(left))

    def _refuse(self, kind: str, retry_after_s: int) -> None:
        self._metrics.bound("rate_limited_total", kind).inc()
        raise RateLimited(f"rate limit: {kind}", retry_after_s)

    @property
    def counters(self) -> int:
        """How many counters are kept (tests)."""
        built = self._built
        return (
            len(self._windows) + len(self._bad) + len(self._proven) + len(built.sessions) + len(built.typing)
        )


def network_of(address: str) -> str:
    """What a limit per address counts: an IPv4 address, or the /64 network of an IPv6 one."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, IPV6_PREFIX), strict=False))
