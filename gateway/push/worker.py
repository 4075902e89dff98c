"""The delivery worker of a node: claims due notifications, sends them, records the outcome.

Theory of operation. One thread claims due rows under a lease whenever it is woken (by a commit with
deliveries, or by a finished row, whose chat may have a next one) and once a second as a safety net. It asks
destination by destination: one that is full, over its rate or whose breaker is open gets nothing claimed, so
its rows stay in the store and cost the others nothing. `lanes` spreads the rows over threads per destination.
Each row gets one attempt at a time; `courier` says what becomes of it.

At least once: the record is written after the POST. If the process dies in between, or the store cannot
write, the lease runs out and the row is sent again with the same `webhook-id`, by which receivers tell
repetitions. Order: the store hands out only the first unfinished row of a chat and device; one that waits for
its repetition holds the others up for half a minute at most.

Made by `services`, which also subscribes `wake_for` to the bus.
"""

from __future__ import annotations

import math
import secrets
import threading
from collections.abc import Callable, Sequence

import structlog

from gateway.clock import Clock
from gateway.config import SettingsSource
from gateway.errors import Unavailable
from gateway.ids import RandomBytes
from gateway.model.change import Committed
from gateway.model.deliveries import Delivery
from gateway.observe.metrics import Metrics
from gateway.push.courier import Confirmed, Courier, EndOfChat, Snapshot
from gateway.push.destination import Destination
from gateway.push.destinations import Destinations, DestinationStatus
from gateway.push.lanes import Claimed, Lanes
from gateway.push.owner import is_dead
from gateway.store.push_roles import Lane, PushStore

POLL_S = 1.0
CLAIM_ROWS = 200
# Beyond so many unfinished rows, texts of one chat become one (spec/push.md 10.2.6).
QUEUE_ROWS = 100_000
STOP_S = 20.0

log = structlog.get_logger(__name__)


def never_confirmed(_delivery: Delivery) -> bool:
    """Stand-in while nobody can tell what comet clients have picked up: better a duplicate than a loss."""
    return False


def never_ended(_chat_id: str) -> int | None:
    """Stand-in while nobody can tell when a chat ended."""
    return None


class PushWorker:
    """Sends the notifications of one node; `node_id` names it as the owner of leases."""

    def __init__(
        self,
        store: PushStore,
        settings_source: SettingsSource,
        clock: Clock,
        metrics: Metrics,
        node_id: str,
        *,
        installation_key: str,
        confirmed: Confirmed = never_confirmed,
        ended_ms: EndOfChat = never_ended,
        random_bytes: RandomBytes = secrets.token_bytes,
        dead: Callable[[str], bool] = is_dead,
        queue_rows: int = QUEUE_ROWS,
    ) -> None:
        """`installation_key` signs where no secret is configured. `confirmed` tells whether comet has
        confirmed a delivery's event (asked for row 7 of 9.2 only), `ended_ms` when a chat ended, or None;
        `dead` whether an owner of leases can send no more.
        """
        self._store = store
        self._source = settings_source
        self._clock = clock
        self._node_id = node_id
        self._installation_key = installation_key
        self._destinations = Destinations(store, clock, metrics)
        self._courier = Courier(
            store,
            self._destinations,
            clock,
            metrics,
            node_id=node_id,
            confirmed=confirmed,
            ended_ms=ended_ms,
            random_bytes=random_bytes,
        )
        self._lanes = Lanes(self._work)
        self._dead = dead
        self._queue_rows = queue_rows
        self._crowded = False
        self._looked_at = -math.inf
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._snapshot: Snapshot | None = None
        metrics.push_pending.set_function(lambda: _figure(store.pending_count))
        metrics.push_dead_letters.set_function(lambda: _figure(store.dead_letter_count))

    def destinations(self) -> Sequence[DestinationStatus]:
        """The state of every destination that is configured."""
        self._destinations.keep(self._settings().configured())
        return self._destinations.statuses(self._lanes.waiting())

    def enable(self, key: str) -> bool:
        """Send to a disabled or failing destination again (`DestinationStatus.key`); False: no such one."""
        self.destinations()
        enabled = self._destinations.enable(key)
        self.wake()
        return enabled

    def start(self) -> None:
        """Start the claiming thread; rows that an earlier process left behind go first."""
        self._thread = threading.Thread(target=self._run, name="push-claim", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the claiming thread runs (readiness)."""
        return self._thread is not None and self._thread.is_alive()

    def wake(self) -> None:
        """Look for due rows now. Never blocks."""
        self._wake.set()

    def wake_for(self, committed: Committed) -> None:
        """Bus observer: a change of a chat with a subscription may have left deliveries."""
        if committed.session.profile.subscription is not None:
            self._wake.set()

    def stop(self, timeout_s: float = STOP_S) -> bool:
        """Claim no more and let attempts in flight finish; False when one outlasted `timeout_s`."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        done = self._lanes.close(timeout_s)
        self._settings().sender.close_idle(0)
        return done

    def release_dead(self) -> int:
        """Give back what dead processes had in flight; returns how many rows. It goes out again at once."""
        owners = [owner for owner in self._store.lease_owners() if self._dead(owner)]
        released = sum(self._store.release_leases(owner) for owner in owners)
        if released:
            log.info("push_leases_released", notifications=released, owners=len(owners))
        return released

    def watch_queue(self) -> None:
        """Tell the store, at most once a second, whether the queue has outgrown its bound."""
        now = self._clock.monotonic()
        if now - self._looked_at < POLL_S:
            return
        self._looked_at = now
        crowded = self._store.pending_count() >= self._queue_rows
        if crowded != self._crowded:
            self._crowded = crowded
            log.warning("push_queue_full" if crowded else "push_queue_in_bounds", bound=self._queue_rows)
        self._store.set_crowded(crowded=crowded)

    def _run(self) -> None:
        released = False
        while not self._stopping.is_set():
            try:
                if not released:
                    self.release_dead()
                    released = True
                self.watch_queue()
                self.claim()
            except Unavailable as error:
                log.warning("push_store_unavailable", reason=str(error))
            except Exception:  # noqa: BLE001 - whatever a row or the store does, the node goes on pushing
                log.exception("push_claim_failed")
            if not self._wake.wait(POLL_S):
                self._settings().sender.close_idle()
            self._wake.clear()

    def claim(self) -> int:
        """Hand the rows that are due now to their lanes and return how many were claimed."""
        snapshot = self._settings()
        push = snapshot.settings.push
        total = 0
        while not self._stopping.is_set():
            at, now_ms = self._clock.monotonic(), self._clock.wall_ms()
            lanes = self._open_lanes(snapshot, now_ms)
            if not lanes:
                break
            rows = self._store.claim(
                self._node_id,
                now_ms=now_ms,
                lease_ms=round(snapshot.lease_s * 1000),
                limit=CLAIM_ROWS,
                lanes=lanes,
            )
            for row in rows:
                claimed = Claimed(row, at)
                where = snapshot.resolve(claimed.lane)
                if isinstance(where, Destination):
                    self._destinations.spend(where, 1)
                self._lanes.put(
                    claimed,
                    per_lane=push.max_connections_per_route,
                    in_total=push.max_connections_total,
                )
            total += len(rows)
            if len(rows) < CLAIM_ROWS:
                break
        return total

    def _open_lanes(self, snapshot: Snapshot, now_ms: int) -> dict[Lane, int]:
        """The lanes with due rows that may take some, and how many each."""
        push = snapshot.settings.push
        found: dict[Lane, int] = {}
        for lane in self._store.due_lanes(now_ms=now_ms):
            room = self._lanes.room(lane, per_lane=push.max_connections_per_route)
            where = snapshot.resolve(lane)
            if isinstance(where, Destination):
                allowed = self._destinations.room(where, rate=push.rate_limit)
                room = room if allowed is None else min(room, allowed)
            if room > 0:
                found[lane] = room
        return found

    def _work(self, claimed: Claimed) -> None:
        """Deal with one row in its lane's thread."""
        try:
            self._courier.deal_with(claimed, self._settings())
        except Exception:  # noqa: BLE001 - the row stays leased and is tried again; its lane must live on
            log.exception("push_not_recorded", delivery=claimed.delivery.id)
        finally:
            self._wake.set()

    def _settings(self) -> Snapshot:
        """What belongs to the present settings. A race makes two, which costs connections only."""
        kept, settings = self._snapshot, self._source.current
        if kept is None or kept.settings is not settings:
            if kept is not None:
                kept.sender.close_idle(0)
            kept = self._snapshot = Snapshot(settings, self._clock, self._installation_key)
            self._destinations.keep(kept.configured())
        return kept


def _figure(count: Callable[[], int]) -> float:
    """Read when metrics are fetched; a store that cannot be read has no figure."""
    try:
        return count()
    except Unavailable:
        return math.nan
