"""The resend timer: repeats reliable notifications until the transcript is retrieved (spec/push.md 4).

Theory of operation. A few times a second `tick` first settles what clients have retrieved, then takes the
records whose time has come, asks the state machine (`routing/resend.py`) with the options of this moment,
and writes the outcomes as one transaction, each by compare-and-set: a retrieval or an event that came first
wins, and the record is looked at again at the next tick. A pointer is a row of the outbox like any other
and is sent by `worker`; a chat whose pointer is not through yet is not due, so a hanging receiver has one
per chat.

Started by `services`. Errors of the store end a tick, never the loop; what is due stays due.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random
from typing import Protocol

import structlog

from gateway.clock import Clock
from gateway.config import Settings, SettingsSource
from gateway.errors import Unavailable
from gateway.ids import KeyRing
from gateway.model.deliveries import DeliveryState
from gateway.model.pending import Pending, PendingStep
from gateway.model.session import ChatSession
from gateway.model.subscription import Subscription
from gateway.observe.logs import log_no_node, log_not_pushed
from gateway.observe.metrics import Metrics
from gateway.routing import pointer, resend
from gateway.routing.policy import NO_NODE, Skip, policy_for
from gateway.store.push_roles import Deliveries, Pendings
from gateway.store.roles import Chats

# The finest option counts in seconds.
POLL_S = 0.25
# After a tick that queued nothing the loop rests so many times as long as it took.
REST = 10
STOP_S = 5.0
# Records of one transaction; more are taken in the same tick, one transaction after the other.
BATCH = 200
# spec/push.md 10.2.3: nobody is reminded of a chat that ended longer ago.
ENDED_MS = 24 * 3600 * 1000

log = structlog.get_logger(__name__)


class ResendStore(Chats, Deliveries, Pendings, Protocol):
    """The roles that are used here."""


class Resender:
    """The timer of one node."""

    def __init__(
        self,
        store: ResendStore,
        settings_source: SettingsSource,
        clock: Clock,
        metrics: Metrics,
        *,
        keys: KeyRing,
        wake: Callable[[], None],
        settle: Callable[[], None],
        forget: Callable[[str], None],
        random: Random,
    ) -> None:
        """`wake` tells the worker of rows, `settle` stores noted retrievals, `forget` drops a chat."""
        self._store = store
        self._source = settings_source
        self._clock = clock
        self._metrics = metrics
        self._keys = keys
        self._wake = wake
        self._settle = settle
        self._forget = forget
        self._random = random
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        metrics.push_unretrieved.set_function(self._unretrieved)

    def start(self) -> None:
        """Start the loop; what an earlier process left due is acted on at once."""
        self._thread = threading.Thread(target=self._run, name="push-resend", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the loop after the tick that runs."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            begun = self._clock.monotonic()
            queued = self._guarded(self.tick)
            # While many pointers are stuck, finding nothing to do costs time; it must stay a small part.
            idle_s = 0.0 if queued else REST * (self._clock.monotonic() - begun)
            self._stopping.wait(max(POLL_S, idle_s))
        self._guarded(self._settle)

    def _guarded(self, work: Callable[[], int | None]) -> int | None:
        try:
            return work()
        except Unavailable as error:
            log.warning("push_store_unavailable", reason=str(error))
        except Exception:  # noqa: BLE001 - whatever a record or the store does, the others are repeated
            log.exception("push_resend_failed")
        return None

    def tick(self) -> int:
        """Act on everything that is due; returns how many pointers were queued."""
        self._settle()
        queued = 0
        while not self._stopping.is_set():
            due = self._store.due_pendings(now_ms=self._clock.wall_ms(), limit=BATCH)
            steps = [step for pending, state in due if (step := self._try(pending, state)) is not None]
            for step, written in zip(steps, self._store.advance(steps), strict=True):
                if written:
                    queued += self._written(step)
            if len(due) < BATCH:
                break
        if queued:
            self._wake()
        return queued

    def _try(self, pending: Pending, state: DeliveryState | None) -> PendingStep | None:
        """What becomes of one due record; one that cannot be dealt with must not stand before the others."""
        try:
            return self._step(pending, state)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001
            log.exception("push_resend_failed", chat_id=pending.chat_id)
            rules = resend.Rules.of(self._source.current)
            return PendingStep.of(
                pending, resend.postponed(pending, rules=rules, now_ms=self._clock.wall_ms())
            )

    def _step(self, pending: Pending, state: DeliveryState | None) -> PendingStep | None:
        settings = self._source.current
        now_ms = self._clock.wall_ms()
        rules = resend.Rules.of(settings)
        session = self._store.session(pending.chat_id)
        subscription = session.profile.subscription if session is not None else None
        if session is None or subscription is None or not subscription.resend:
            return PendingStep.of(pending, resend.cancelled(pending))
        ended_ms = session.profile.ended_ms
        expired = ended_ms is not None and now_ms - ended_ms > ENDED_MS
        blocked = policy_for(settings, session.profile.service, subscription).blocked
        if blocked is not None and not expired:
            self._report(pending, subscription, blocked)
            return PendingStep.of(pending, resend.postponed(pending, rules=rules, now_ms=now_ms))
        after, told = resend.on_timer(
            pending,
            rules=rules,
            now_ms=now_ms,
            delivered=state is DeliveryState.DELIVERED,
            expired=expired,
            jitter=self._random.uniform(-1, 1),
        )
        return pointer.step_for(pending, after, told, self._occasion(settings, session, pending, now_ms))

    def _occasion(
        self, settings: Settings, session: ChatSession, pending: Pending, now_ms: int
    ) -> pointer.Occasion:
        events = ()
        if pointer.inlined(settings):
            found = self._store.events(session.id, pending.retrieved_next, limit=pointer.MAX_INLINE)
            events = tuple(pointer.visible(found))
        return pointer.Occasion(session, settings, now_ms, self._keys, events)

    def _written(self, step: PendingStep) -> bool:
        """Count what was written; whether the worker has something to send."""
        after, row = step.after, step.delivery
        if after.removal and not after.armed:
            self._forget(after.chat_id)
        if row is None:
            return False
        if row.state is DeliveryState.EXHAUSTED:
            log.warning("push_resend_exhausted", chat_id=after.chat_id, position=row.position)
            if not row.debug:
                self._metrics.push_dead_letters.inc()
            return False
        if after.sent > 1 and not row.debug:
            self._metrics.push_resends_total.inc()
        return True

    def _report(self, pending: Pending, subscription: Subscription, skip: Skip) -> None:
        """The log line of an event that could not be pushed, again (spec/push.md 5)."""
        self._metrics.bound("push_skipped_total", skip.metric).inc()
        if skip.metric == NO_NODE:
            log_no_node(log, subscription.node_group or "")
            return
        log_not_pushed(
            log,
            position=pending.last_pos,
            reason=skip.reason,
            push_type=subscription.device_type,
            device_id=subscription.device_id,
        )

    def _unretrieved(self) -> float:
        """Read when metrics are fetched; a closed store has no figure."""
        try:
            return self._store.armed_count()
        except Unavailable:
            return float("nan")
