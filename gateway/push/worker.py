"""The delivery worker of a node: claims due notifications, sends them, records the outcome.

Theory of operation. One thread claims due rows under a lease whenever it is woken (by a commit with
deliveries, or by a finished row, whose chat may have a next one) and once a second as a safety net. `lanes`
spreads the rows over threads per destination. Each row gets one attempt: a 2xx makes it DELIVERED, anything
else FAILED, which is the dead letter that an operator can replay.

At least once: the record is written after the POST. If the process dies in between, or the store cannot
write, the lease runs out and the row is sent again with the same `webhook-id`, by which receivers tell
repetitions. Order: the store hands out only the first unfinished row of a chat and device.

Made by `services`, which also subscribes `wake_for` to the bus.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

import structlog

from gateway.clock import Clock
from gateway.config import Settings, SettingsSource
from gateway.errors import Unavailable
from gateway.model.change import Committed
from gateway.model.deliveries import Attempt, Delivery, DeliveryKind, DeliveryState
from gateway.observe.logs import log_not_pushed, log_pushed
from gateway.observe.metrics import Metrics
from gateway.push.customhttp import Outcome, Reply, Sender, classify
from gateway.push.destination import resolve
from gateway.push.lanes import Claimed, Lanes
from gateway.routing.policy import CUSTOMHTTP, Skip
from gateway.store.roles import Deliveries

POLL_S = 1.0
# spec/push.md 10.2.12; longer when an attempt may take longer, see `_lease_s`.
LEASE_S = 30.0
# Between the end of an attempt and the end of its lease: time to write the record.
RECORD_S = 5.0
CLAIM_ROWS = 50
STOP_S = 20.0

log = structlog.get_logger(__name__)

Confirmed = Callable[[Delivery], bool]


def never_confirmed(_delivery: Delivery) -> bool:
    """Stand-in while nobody can tell what comet clients have picked up: better a duplicate than a loss."""
    return False


class PushWorker:
    """Sends the notifications of one node; `node_id` names it as the owner of leases."""

    def __init__(
        self,
        store: Deliveries,
        settings_source: SettingsSource,
        clock: Clock,
        metrics: Metrics,
        node_id: str,
        *,
        confirmed: Confirmed = never_confirmed,
    ) -> None:
        """`confirmed` tells whether comet has confirmed a delivery's event (asked for row 7 of 9.2 only)."""
        self._store = store
        self._source = settings_source
        self._clock = clock
        self._metrics = metrics
        self._node_id = node_id
        self._confirmed = confirmed
        self._lanes = Lanes(self._work, clock)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._sender: tuple[Settings, Sender] | None = None
        metrics.push_pending.set_function(lambda: _figure(store.pending_count))
        metrics.push_dead_letters.set_function(lambda: _figure(store.dead_letter_count))

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
        return self._lanes.close(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.claim()
            except Unavailable as error:
                log.warning("push_store_unavailable", reason=str(error))
            except Exception:  # noqa: BLE001 - whatever a row or the store does, the node goes on pushing
                log.exception("push_claim_failed")
            self._wake.wait(POLL_S)
            self._wake.clear()

    def claim(self) -> int:
        """Hand the rows that are due now to their lanes and return how many were claimed."""
        settings = self._source.current
        push = settings.push
        total = 0
        while not self._stopping.is_set() and not self._lanes.congested():
            at = self._clock.monotonic()
            rows = self._store.claim(
                self._node_id,
                now_ms=self._clock.wall_ms(),
                lease_ms=round(_lease_s(settings) * 1000),
                limit=CLAIM_ROWS,
            )
            for row in rows:
                self._lanes.put(
                    Claimed(row, at),
                    per_lane=push.max_connections_per_route,
                    in_total=push.max_connections_total,
                )
            total += len(rows)
            if len(rows) < CLAIM_ROWS:
                break
        return total

    def _work(self, claimed: Claimed) -> bool:
        """Deal with one row in its lane's thread; whether its receiver answered."""
        try:
            return self._deal_with(claimed)
        except Exception:  # noqa: BLE001 - the row stays leased and is tried again; its lane must live on
            log.exception("push_not_recorded", delivery=claimed.delivery.id)
            return False
        finally:
            self._wake.set()

    def _deal_with(self, claimed: Claimed) -> bool:
        settings, delivery = self._source.current, claimed.delivery
        graced = delivery.due_ms > delivery.created_ms and delivery.replays == 0
        if graced and self._confirmed(delivery):
            self._store.finish(delivery.id, self._node_id, state=DeliveryState.SKIPPED, attempt=None)
            return False
        destination = resolve(settings, delivery.provider, debug=delivery.debug)
        if isinstance(destination, Skip):
            self._metrics.bound("push_skipped_total", destination.metric).inc()
            attempt = self._attempt(delivery, lambda: Reply(error=destination.reason))
            self._record(delivery, attempt, reason=destination.reason)
            return False
        age = self._clock.monotonic() - claimed.at
        if age + destination.total_timeout_s + RECORD_S > _lease_s(settings):
            return False  # the lease might end before the attempt does: left for the next claim
        sender = self._sender_for(settings)
        attempt = self._attempt(
            delivery, lambda: sender.send(delivery, destination, attempt=_number(delivery))
        )
        what = f"HTTP {attempt.status}" if attempt.status else attempt.error
        self._record(delivery, attempt, reason=f"delivery failed: {what}")
        return attempt.status is not None

    def _attempt(self, delivery: Delivery, send: Callable[[], Reply]) -> Attempt:
        """Time one attempt. Whatever it raises is its failure: a poisonous row ends as a dead letter."""
        started_ms, started = self._clock.wall_ms(), self._clock.monotonic()
        try:
            reply = send()
        except Exception:  # noqa: BLE001
            log.exception("push_attempt_failed", delivery=delivery.id)
            reply = Reply(error="internal error")
        return Attempt(
            delivery_id=delivery.id,
            number=_number(delivery),
            started_ms=started_ms,
            duration_ms=round((self._clock.monotonic() - started) * 1000),
            status=reply.status,
            error=reply.error,
            response_head=reply.head,
        )

    def _record(self, delivery: Delivery, attempt: Attempt, *, reason: str) -> None:
        """Write the final state, then log and count it; `reason` is for the line about a failure."""
        delivered = classify(attempt.status, attempt.error) is Outcome.DELIVERED
        state = DeliveryState.DELIVERED if delivered else DeliveryState.FAILED
        if not self._store.finish(delivery.id, self._node_id, state=state, attempt=attempt):
            log.info("push_lease_lost", delivery=delivery.id)
        if delivered:
            log_pushed(log, position=delivery.position, push_type=CUSTOMHTTP, device_id=delivery.device_id)
        else:
            log_not_pushed(
                log,
                position=delivery.position,
                reason=reason,
                push_type=CUSTOMHTTP,
                device_id=delivery.device_id,
            )
        if not delivery.debug:  # tests of an operator must not move production figures (2.4)
            self._count(delivery, state)

    def _count(self, delivery: Delivery, state: DeliveryState) -> None:
        kind = "reliable" if delivery.kind is DeliveryKind.POINTER else "event"
        self._metrics.bound("push_notifications_total", CUSTOMHTTP, kind, state.value).inc()
        if state is DeliveryState.DELIVERED:
            latency_ms = max(0, self._clock.wall_ms() - delivery.created_ms)
            self._metrics.push_latency_seconds.observe(latency_ms / 1000)

    def _sender_for(self, settings: Settings) -> Sender:
        """One sender per settings snapshot. A race makes two, which costs a TLS context and nothing else."""
        kept = self._sender
        if kept is None or kept[0] is not settings:
            kept = self._sender = (settings, Sender(settings.push.allowed_networks, self._clock))
        return kept[1]


def _figure(count: Callable[[], int]) -> float:
    """Read when metrics are fetched; a store that cannot be read has no figure."""
    try:
        return count()
    except Unavailable:
        return math.nan


def _number(delivery: Delivery) -> int:
    """Attempts count from 1; one that was never recorded is made again under its old number."""
    return delivery.attempts + 1


def _lease_s(settings: Settings) -> float:
    """A lease outlasts the longest attempt by twice the time to record it."""
    providers = [settings.provider(name) or {} for name in ("", *settings.providers())]
    longest = max(float(options.get("customhttp.total_timeout", 0.0)) for options in providers)
    return max(LEASE_S, longest + 2 * RECORD_S)
