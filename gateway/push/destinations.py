"""What a node knows about each destination: its breaker, its rate, whether it is switched off.

A destination is scheme, host, port, provider and the debug flag (spec/push.md 10.2.5), so debug deliveries
have a breaker of their own. It is switched off by a 410, or when nothing has succeeded for 120 hours; that is
stored, with the fingerprint of its configuration, so that a restart does not forget it and a change of the
configuration switches it on again. Called by `worker`; usable by many threads.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from gateway.clock import Clock
from gateway.errors import Unavailable
from gateway.observe.metrics import Metrics
from gateway.push.breaker import Breaker, BreakerState
from gateway.push.destination import Destination
from gateway.store.push_roles import Destinations as DestinationStore
from gateway.store.push_roles import StoredDestination

GIVE_UP_MS = 120 * 3600 * 1000
# A destination that fails now and then is written down once a minute at most.
WRITE_EVERY_MS = 60_000
DISABLED = "disabled"
GONE = "HTTP 410"
NO_SUCCESS = "no success for 120 hours"
# Values of the metric push_destination_state.
STATE_FIGURES: Mapping[str, int] = {
    BreakerState.CLOSED: 0,
    BreakerState.HALF_OPEN: 1,
    BreakerState.OPEN: 2,
    DISABLED: 3,
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """A destination as an operator sees it.

    `state`: closed, open, half-open (the breaker) or disabled, since `since_ms`; open until `until_ms`.
    `successes` and `failures` are those of the last five minutes, `waiting` are claimed rows only.
    """

    key: str
    provider: str | None
    debug: bool
    state: str
    since_ms: int
    until_ms: int | None
    failures: int
    successes: int
    in_flight: int
    waiting: int


@dataclass(slots=True)
class _Entry:
    destination: Destination
    breaker: Breaker
    tokens: float
    refilled: float
    failing_since_ms: int | None = None
    disabled_ms: int | None = None
    stored: bool = False
    written_ms: int = 0
    in_flight: int = 0


class Destinations:
    """The destinations that this node has had to do with. Never raises Unavailable."""

    def __init__(self, store: DestinationStore, clock: Clock, metrics: Metrics) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._guard = threading.Lock()  # guards _entries, their content and _remembered
        self._entries: dict[str, _Entry] = {}
        self._remembered: dict[str, StoredDestination] | None = None

    def keep(self, configured: Sequence[Destination]) -> None:
        """Know these, and forget others that nothing is on its way to."""
        keys = {where.key for where in configured}
        with self._guard:
            for where in configured:
                self._entry(where)
            for key, entry in list(self._entries.items()):
                if key not in keys and not entry.in_flight:
                    del self._entries[key]
                    if not entry.destination.debug:
                        self._metrics.bound("push_destination_state", key).set(0)

    def disabled(self, destination: Destination) -> bool:
        """Whether nothing is sent there any more."""
        with self._guard:
            return self._entry(destination).disabled_ms is not None

    def room(self, destination: Destination, *, rate: int) -> int | None:
        """How many may be sent now; None: no limit. `rate` per second, 0: none."""
        now = self._clock.monotonic()
        with self._guard:
            entry = self._entry(destination)
            if entry.disabled_ms is not None:
                return None
            if not entry.breaker.may_send(now):
                return 0
            if entry.breaker.state is not BreakerState.CLOSED:
                return 1
            return self._tokens(entry, now, rate)

    def spend(self, destination: Destination, count: int) -> None:
        """So many notifications are about to be sent (the rate)."""
        with self._guard:
            self._entry(destination).tokens -= count

    def admit(self, destination: Destination) -> int | None:
        """The permission to make an attempt, for `record`; None: not now."""
        with self._guard:
            entry = self._entry(destination)
            permission = entry.breaker.admit(self._clock.monotonic())
            entry.in_flight += permission is not None
            self._show(entry)
            return permission

    def give_back(self, destination: Destination, permission: int) -> None:
        """The attempt was not made, and says nothing about the receiver."""
        with self._guard:
            entry = self._entry(destination)
            entry.in_flight -= 1
            entry.breaker.give_back(permission)

    def record(
        self, destination: Destination, permission: int, *, ok: bool, connected: bool, gone: bool = False
    ) -> None:
        """The outcome of an attempt; `gone`: the receiver wants no more at all."""
        now, now_ms = self._clock.monotonic(), self._clock.wall_ms()
        with self._guard:
            entry = self._entry(destination)
            before = entry.breaker.state
            entry.in_flight -= 1
            entry.breaker.record(permission, now, ok=ok, connected=connected)
            changed = entry.breaker.state is not before
            write = self._note(entry, now_ms, ok=ok, gone=gone)
            self._show(entry)
        if changed:
            log.warning("push_breaker", destination=destination.key, state=entry.breaker.state.value)
        self._persist(write)

    def enable(self, key: str) -> bool:
        """Send to a destination again: neither switched off nor open; False when the key is unknown."""
        with self._guard:
            stored = self._memory().pop(key, None)
            entry = self._entries.get(key)
            if entry is not None:
                entry.failing_since_ms = entry.disabled_ms = None
                entry.stored = False
                entry.breaker.reset(self._clock.monotonic())
                self._show(entry)
        if stored is None and entry is None:
            return False
        self._persist(key)
        log.info("push_destination_enabled", destination=key)
        return True

    def statuses(self, lanes: Mapping[tuple[str | None, bool], int]) -> Sequence[DestinationStatus]:
        """All of them by key; `lanes` holds the waiting rows of each lane."""
        now = self._clock.monotonic()
        with self._guard:
            return [self._status(self._entries[key], lanes, now) for key in sorted(self._entries)]

    # --- under the guard ----------------------------------------------------------------------------------

    def _entry(self, destination: Destination) -> _Entry:
        entry = self._entries.get(destination.key)
        if entry is None or entry.destination.fingerprint != destination.fingerprint:
            now = self._clock.monotonic()
            in_flight = entry.in_flight if entry is not None else 0
            entry = _Entry(destination, Breaker(now), 0.0, now - 1.0, in_flight=in_flight)
            known = self._memory().get(destination.key)
            if known is not None and known.fingerprint == destination.fingerprint:
                entry.failing_since_ms = known.failing_since_ms
                entry.disabled_ms = known.disabled_ms
            entry.stored = known is not None
            self._entries[destination.key] = entry
            self._show(entry)
        return entry

    def _memory(self) -> dict[str, StoredDestination]:
        """What was stored when first asked for; a store in trouble is asked again the next time."""
        if self._remembered is None:
            try:
                self._remembered = {one.key: one for one in self._store.destinations()}
            except Unavailable:
                return {}
        return self._remembered

    def _tokens(self, entry: _Entry, now: float, rate: int) -> int | None:
        """A bucket of one second's worth."""
        if not rate:
            return None
        entry.tokens = min(float(rate), entry.tokens + (now - entry.refilled) * rate)
        entry.refilled = now
        return max(0, int(entry.tokens))

    def _note(self, entry: _Entry, now_ms: int, *, ok: bool, gone: bool) -> StoredDestination | str | None:
        """Keep count of how long nothing has succeeded; what is to be written, a key to be forgotten."""
        if ok:
            entry.failing_since_ms = None
            if entry.disabled_ms is None and entry.stored:
                entry.stored = False
                return entry.destination.key
            return None
        if entry.failing_since_ms is None:
            entry.failing_since_ms = now_ms
        lasted = now_ms - entry.failing_since_ms
        reason = GONE if gone else NO_SUCCESS if lasted >= GIVE_UP_MS else ""
        if entry.disabled_ms is None and reason:
            entry.disabled_ms = now_ms
            log.warning("push_destination_disabled", destination=entry.destination.key, reason=reason)
        elif entry.stored or now_ms < entry.written_ms + WRITE_EVERY_MS:
            return None
        entry.stored, entry.written_ms = True, now_ms
        return StoredDestination(
            entry.destination.key,
            entry.destination.fingerprint,
            entry.failing_since_ms,
            entry.disabled_ms,
            reason,
        )

    def _status(
        self, entry: _Entry, lanes: Mapping[tuple[str | None, bool], int], now: float
    ) -> DestinationStatus:
        breaker, where = entry.breaker, entry.destination
        successes, failures = breaker.counts(now)
        now_ms = self._clock.wall_ms()
        until_ms = None if breaker.until is None else now_ms + round((breaker.until - now) * 1000)
        off = entry.disabled_ms
        return DestinationStatus(
            key=where.key,
            provider=where.provider,
            debug=where.debug,
            state=_state(entry),
            since_ms=now_ms - round((now - breaker.since) * 1000) if off is None else off,
            until_ms=until_ms if off is None else None,
            failures=failures,
            successes=successes,
            in_flight=entry.in_flight,
            waiting=lanes.get((where.provider, where.debug), 0),
        )

    def _show(self, entry: _Entry) -> None:
        if not entry.destination.debug:
            figure = STATE_FIGURES[_state(entry)]
            self._metrics.bound("push_destination_state", entry.destination.key).set(figure)

    # --- without the guard: a write may wait for the disk ---------------------------------------------------

    def _persist(self, write: StoredDestination | str | None) -> None:
        try:
            if isinstance(write, str):
                self._store.forget_destination(write)
            elif write is not None:
                self._store.save_destination(write)
        except Unavailable as error:
            log.warning("push_destination_not_stored", reason=str(error))


def _state(entry: _Entry) -> str:
    return DISABLED if entry.disabled_ms is not None else entry.breaker.state.value
