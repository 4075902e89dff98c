"""One claimed row: sent, refused or given back, and recorded (spec/push.md 3.6, 5, 10.2).

What an attempt meant decides the row's state: a 2xx makes it DELIVERED; with `push.retry=standard` a failure
that may pass makes it QUEUED again for later, and EXHAUSTED when the schedule is used up; everything else is
FAILED, the dead letter that an operator can replay. A destination that is switched off makes it SKIPPED.
Called by `worker` in the threads of the lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from gateway.clock import Clock
from gateway.config import Settings
from gateway.ids import RandomBytes
from gateway.model.deliveries import Attempt, Delivery, DeliveryKind, DeliveryState
from gateway.observe.logs import log_not_pushed, log_pushed
from gateway.observe.metrics import Metrics
from gateway.push import retry
from gateway.push.customhttp import BAD_REQUEST, TIMED_OUT, Outcome, Reply, Sender, classify
from gateway.push.destination import Destination, resolve
from gateway.push.destinations import Destinations
from gateway.push.lanes import Claimed
from gateway.routing.policy import CUSTOMHTTP, Skip
from gateway.store.push_roles import Deliveries, Lane

# spec/push.md 10.2.12; longer when an attempt may take longer, see `lease_s`.
LEASE_S = 30.0
# Between the end of an attempt and the end of its lease: time to write the record.
RECORD_S = 5.0
INTERNAL_ERROR = "internal error"
DISABLED = Skip("destination is disabled", "destination_disabled")

log = structlog.get_logger(__name__)

Confirmed = Callable[[Delivery], bool]
EndOfChat = Callable[[str], int | None]


class Snapshot:
    """One settings snapshot with what is made from it once: sender, lease and destinations."""

    def __init__(self, settings: Settings, clock: Clock, installation_key: str) -> None:
        self.settings = settings
        self.sender = Sender(settings.push.allowed_networks, clock)
        self.lease_s = lease_s(settings)
        self._installation_key = installation_key
        self._resolved: dict[Lane, Destination | Skip] = {}

    def resolve(self, lane: Lane) -> Destination | Skip:
        """The destination of a lane, or why nothing may be sent to it."""
        found = self._resolved.get(lane)
        if found is None:
            found = resolve(self.settings, lane[0], debug=lane[1], installation_key=self._installation_key)
            if isinstance(found, Destination):  # unknown names come from clients and are not kept
                self._resolved[lane] = found
        return found

    def configured(self) -> Sequence[Destination]:
        """Every destination that has an URL."""
        providers = (None, *self.settings.providers())
        found = [self.resolve((provider, debug)) for provider in providers for debug in (False, True)]
        return [where for where in found if isinstance(where, Destination)]


class Courier:
    """Deals with the rows of one node; usable by many threads."""

    def __init__(
        self,
        store: Deliveries,
        destinations: Destinations,
        clock: Clock,
        metrics: Metrics,
        *,
        node_id: str,
        confirmed: Confirmed,
        ended_ms: EndOfChat,
        random_bytes: RandomBytes,
    ) -> None:
        """See `worker.PushWorker` for the functions."""
        self._store = store
        self._destinations = destinations
        self._clock = clock
        self._metrics = metrics
        self._node_id = node_id
        self._confirmed = confirmed
        self._ended_ms = ended_ms
        self._random_bytes = random_bytes

    def deal_with(self, claimed: Claimed, snapshot: Snapshot) -> None:
        """Send, refuse or give back one row. Unavailable when it could not be recorded: it stays leased."""
        delivery = claimed.delivery
        graced = delivery.due_ms > delivery.created_ms and delivery.replays == 0
        if graced and self._confirmed(delivery):
            self._store.finish(delivery.id, self._node_id, state=DeliveryState.SKIPPED, attempt=None)
            return
        where = snapshot.resolve(claimed.lane)
        if isinstance(where, Skip):
            self._refuse(delivery, where, DeliveryState.FAILED)
            return
        if self._destinations.disabled(where):
            self._refuse(delivery, DISABLED, DeliveryState.SKIPPED)
            return
        age = self._clock.monotonic() - claimed.at
        late = age + where.total_timeout_s + RECORD_S > snapshot.lease_s
        permission = None if late else self._destinations.admit(where)
        if permission is None:  # the lease might end before the attempt does, or the breaker has opened
            self._store.finish(delivery.id, self._node_id, state=DeliveryState.QUEUED, attempt=None)
            return
        self._try(delivery, where, permission, snapshot)

    def _try(self, delivery: Delivery, where: Destination, permission: int, snapshot: Snapshot) -> None:
        """Make one attempt and record what came of it."""
        reply, attempt = self._attempt(delivery, where, snapshot.sender)
        outcome = classify(reply.status, reply.error)
        if reply.error in (BAD_REQUEST, INTERNAL_ERROR):
            self._destinations.give_back(where, permission)
        else:
            self._destinations.record(
                where,
                permission,
                ok=outcome is Outcome.DELIVERED,
                connected=reply.connected,
                gone=outcome is Outcome.GONE,
            )
        again_ms = None
        state = DeliveryState.DELIVERED if outcome is Outcome.DELIVERED else DeliveryState.FAILED
        if outcome is Outcome.RETRYABLE and not reply.abort and _is_repeated(delivery, snapshot.settings):
            again_ms = self._next_attempt_ms(delivery, attempt, reply)
            state = DeliveryState.EXHAUSTED if again_ms is None else DeliveryState.QUEUED
        what = f"HTTP {attempt.status}" if attempt.status else attempt.error
        self._record(delivery, attempt, state, reason=f"delivery failed: {what}", again_ms=again_ms)

    def _next_attempt_ms(self, delivery: Delivery, attempt: Attempt, reply: Reply) -> int | None:
        automatic = max(1, attempt.number - delivery.replays)  # replays use up nothing of the schedule
        return retry.next_attempt_ms(
            automatic,
            now_ms=self._clock.wall_ms(),
            jitter=retry.draw(self._random_bytes),
            retry_after=reply.retry_after,
            penalised=reply.status == 429 or reply.error == TIMED_OUT,
            ended_ms=self._ended_ms(delivery.chat_id),
        )

    def _attempt(self, delivery: Delivery, where: Destination, sender: Sender) -> tuple[Reply, Attempt]:
        """Time one attempt. Whatever it raises is its failure: a poisonous row ends as a dead letter."""
        started_ms, started = self._clock.wall_ms(), self._clock.monotonic()
        try:
            reply = sender.send(delivery, where, attempt=_number(delivery))
        except Exception:  # noqa: BLE001
            log.exception("push_attempt_failed", delivery=delivery.id)
            reply = Reply(error=INTERNAL_ERROR)
        return reply, Attempt(
            delivery_id=delivery.id,
            number=_number(delivery),
            started_ms=started_ms,
            duration_ms=round((self._clock.monotonic() - started) * 1000),
            status=reply.status,
            error=reply.error,
            response_head=reply.head,
        )

    def _refuse(self, delivery: Delivery, why: Skip, state: DeliveryState) -> None:
        """Nothing is sent. The reason stands where that of an attempt would."""
        self._metrics.bound("push_skipped_total", why.metric).inc()
        attempt = Attempt(delivery.id, _number(delivery), self._clock.wall_ms(), 0, error=why.reason)
        self._record(delivery, attempt, state, reason=why.reason)

    def _record(
        self,
        delivery: Delivery,
        attempt: Attempt,
        state: DeliveryState,
        *,
        reason: str,
        again_ms: int | None = None,
    ) -> None:
        """Write the state, then log and count it; `reason` is for the line about a failure."""
        yields_ms = None if again_ms is None else self._clock.wall_ms() + retry.HEAD_WAIT_MS
        if not self._store.finish(
            delivery.id,
            self._node_id,
            state=state,
            attempt=attempt,
            retry_at_ms=again_ms,
            yields_ms=yields_ms,
        ):
            log.info("push_lease_lost", delivery=delivery.id)
        position, device_id = delivery.position, delivery.device_id
        if state is DeliveryState.DELIVERED:
            log_pushed(log, position=position, push_type=CUSTOMHTTP, device_id=device_id)
        else:
            log_not_pushed(log, position=position, reason=reason, push_type=CUSTOMHTTP, device_id=device_id)
        if not delivery.debug:  # tests of an operator must not move production figures (2.4)
            self._count(delivery, state)

    def _count(self, delivery: Delivery, state: DeliveryState) -> None:
        kind = "reliable" if delivery.kind is DeliveryKind.POINTER else "event"
        outcome = "retried" if state is DeliveryState.QUEUED else state.value
        self._metrics.bound("push_notifications_total", CUSTOMHTTP, kind, outcome).inc()
        if state is DeliveryState.DELIVERED:
            latency_ms = max(0, self._clock.wall_ms() - delivery.created_ms)
            self._metrics.push_latency_seconds.observe(latency_ms / 1000)


def _is_repeated(delivery: Delivery, settings: Settings) -> bool:
    """Whether a failed attempt is followed by another. A reliable pointer has its own machine for that."""
    return settings.push.retry == "standard" and delivery.kind is not DeliveryKind.POINTER


def _number(delivery: Delivery) -> int:
    """Attempts count from 1; one that was never recorded is made again under its old number."""
    return delivery.attempts + 1


def lease_s(settings: Settings) -> float:
    """A lease outlasts the longest attempt by twice the time to record it."""
    providers = [settings.provider(name) or {} for name in ("", *settings.providers())]
    longest = max(float(options.get("customhttp.total_timeout", 0.0)) for options in providers)
    return max(LEASE_S, longest + 2 * RECORD_S)
