"""The ledger: the only place that commits changes of chats.

Theory of operation. A use case hands over a pure function `decide(session) -> Decision`. Under the chat's
lock the ledger reads the session (cached by the store), calls `decide`, numbers and times the drafts,
encodes each event once, asks `routing` and `reliable` for the due deliveries, writes all of it as one
`Change` and then publishes it on the bus. When another process was faster (`Conflict`) it reads again and
decides again.

Invariants: an index is used once, also by typing events; a client's message id makes one event, as long as
its chat is stored; times never run backwards within a chat; observers see one chat's changes in commit order;
nothing is published that is not committed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from gateway.chat import idle
from gateway.chat.decision import NOTHING, Decision
from gateway.chat.locks import ChatLocks
from gateway.chat.presence import Presence
from gateway.chat.reliable import NOTHING_OWED, Owed, Reliable
from gateway.clock import Clock
from gateway.cluster.bus import Bus
from gateway.config import SettingsSource
from gateway.errors import ChatGone, Conflict, Unavailable
from gateway.model.change import Change, Committed, MessageId
from gateway.model.deliveries import Delivery
from gateway.model.events import EPHEMERAL, Draft, Event, Visibility
from gateway.model.payload import encode_event
from gateway.model.session import ChatProfile, ChatSession, ChatState
from gateway.model.subscription import Subscription
from gateway.observe.logs import log_no_node, log_not_pushed
from gateway.observe.metrics import Metrics
from gateway.routing.decision import NO_NODE, Skip, route
from gateway.store.roles import Chats

__all__ = ["NOTHING", "Decision", "Ledger"]

# A conflict needs another process writing the same chat at the same moment; eight in a row is trouble.
MAX_ATTEMPTS = 8

_OVER_FOR_CUSTOMER = frozenset({ChatState.WRAP_UP, ChatState.ENDED})

log = structlog.get_logger(__name__)


class Ledger:
    """Commits decisions; shared by all use cases of one node."""

    def __init__(
        self,
        store: Chats,
        bus: Bus,
        *,
        presence: Presence,
        reliable: Reliable,
        settings_source: SettingsSource,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._bus = bus
        self._presence = presence
        self._reliable = reliable
        self._settings_source = settings_source
        self._clock = clock
        self._metrics = metrics
        self._locks = ChatLocks()

    def create(self, session: ChatSession, drafts: tuple[Draft, ...]) -> Committed:
        """Commit a new chat: `session` has version 0, next_index 1. Unavailable when it cannot be written."""
        with self._locks.holding(session.id):
            try:
                committed = self._commit(session, Decision(drafts=drafts, profile=session.profile))
            except Conflict:
                raise Unavailable("chat id in use") from None
        self._metrics.chats_started_total.inc()
        return committed

    def change(
        self,
        chat_id: str,
        decide: Callable[[ChatSession], Decision],
        *,
        message_id: MessageId | None = None,
    ) -> Committed:
        """Commit what `decide` makes of the current session; an empty decision commits nothing.

        With a `message_id` that was committed before, also in an earlier process and also when the chat has
        ended since, nothing is decided: the answer is that of the first time, with `replayed`.
        Raises ChatGone when the chat does not exist, Unavailable when the store cannot write, and whatever
        `decide` raises. `decide` is pure and may be called more than once.
        """
        with self._locks.holding(chat_id):
            for _ in range(MAX_ATTEMPTS):
                session = self._store.session(chat_id)
                if session is None:
                    raise ChatGone(chat_id)
                # After the session was read: see `Chats.message_index`.
                if message_id is not None and (first := self._store.message_index(chat_id, message_id)):
                    return self._replayed(session, first)
                decision = decide(session)
                if decision.is_empty:
                    return Committed(session, ())
                try:
                    return self._commit(session, decision, message_id)
                except Conflict:
                    log.info("commit_conflict", chat_id=chat_id, version=session.version)
        raise Unavailable("chat is being changed by too many writers")

    def _replayed(self, session: ChatSession, index: int) -> Committed:
        """What was committed at `index`: an operation with an id makes one event."""
        self._metrics.chat_replays_total.inc()
        events = tuple(self._store.events(session.id, index, limit=1))
        return Committed(replace(session, next_index=index + 1), events, replayed=True)

    def _commit(
        self, before: ChatSession, decision: Decision, message_id: MessageId | None = None
    ) -> Committed:
        now_ms = max(self._clock.wall_ms(), before.last_utc_ms)
        monitored = (decision.profile or before.profile).monitored
        events = tuple(
            [
                _event(draft, index, now_ms, monitored=monitored)
                for index, draft in enumerate(decision.drafts, start=before.next_index)
            ]
        )
        profile = _profile(before, decision, now_ms)
        if profile.idle is not None or profile.parked:
            profile, events = self._noted(profile, events, now_ms)
        session = ChatSession(
            id=before.id,
            version=before.version + 1,
            state=decision.state or before.state,
            next_index=before.next_index + len(events),
            last_utc_ms=now_ms,
            profile=profile,
        )
        deliveries, owed = self._deliveries(session, events)
        pending = self._reliable.plan(before, session, owed, seen=decision.seen)
        ephemeral = tuple([event for event in events if event.type in EPHEMERAL])
        self._store.commit(
            Change(
                session=session,
                events=tuple([event for event in events if event not in ephemeral]) if ephemeral else events,
                ephemeral=ephemeral,
                deliveries=deliveries,
                profile_changed=session.profile is not before.profile or before.version == 0,
                pending=pending,
                files=decision.files,
                message_id=message_id if decision.drafts else None,
            )
        )
        if pending is not None or session.ended_for_customer:
            self._reliable.committed(pending, session)
        committed = Committed(session, events)
        self._bus.publish(committed)
        for event in events:
            self._metrics.bound("chat_events_total", event.type).inc()
        return committed

    def _noted(
        self, profile: ChatProfile, events: tuple[Event, ...], now_ms: int
    ) -> tuple[ChatProfile, tuple[Event, ...]]:
        """What the events mean for idle control, and the seconds left in each while an alert stands."""
        settings = self._settings_source.current
        profile = idle.noted(settings, profile, events)
        left_s = idle.expires_in(settings, profile, now_ms)
        if left_s is None:
            return profile, events
        return profile, tuple([replace(event, idle_expire=left_s) for event in events])

    def _deliveries(
        self, session: ChatSession, events: tuple[Event, ...]
    ) -> tuple[tuple[Delivery, ...], Owed]:
        """What must be pushed, and what the resend machine has to deal with.

        Without a subscription there is nothing to route, which spares most chats.
        """
        subscription = session.profile.subscription
        if subscription is None:
            return (), NOTHING_OWED
        settings = self._settings_source.current
        live = self._presence.is_live(session.id)
        now_ms = self._clock.wall_ms()  # not the chat's own time, which may run ahead of a clock set back
        deliveries: list[Delivery] = []
        notable: list[Event] = []
        hold_ms = 0
        for event in events:
            outcome = route(settings, session, event, live=live, now_ms=now_ms)
            deliveries.extend(outcome.deliveries)
            if outcome.reliable:
                notable.append(event)
                hold_ms = outcome.hold_ms
            for skip in outcome.skips:
                self._metrics.bound("push_skipped_total", skip.metric).inc()
                _report_skip(subscription, event, skip)
        return tuple(deliveries), Owed(events, tuple(notable), hold_ms)


def _report_skip(subscription: Subscription, event: Event, skip: Skip) -> None:
    """The two log lines of the original (spec/push.md 5): no node is the engine's, all else the gateway's."""
    if skip.metric == NO_NODE:
        log_no_node(log, subscription.node_group or "")
        return
    log_not_pushed(
        log,
        position=event.index,
        reason=skip.reason,
        push_type=subscription.device_type,
        device_id=subscription.device_id,
    )


def _event(draft: Draft, index: int, now_ms: int, *, monitored: bool) -> Event:
    """The event of a draft. Whatever a hidden party does is for the personnel only: this is the one wall."""
    if draft.author.hidden and draft.visibility is Visibility.ALL:
        draft = draft._replace(visibility=Visibility.AGENTS)
    wire = encode_event(draft, index, now_ms)
    author = draft.author.id
    # By position, per message: naming the members would cost a third more.
    return Event(
        index,
        draft.type,
        author,
        now_ms,
        wire,
        draft.visibility,
        draft.reason,
        draft.ends_chat,
        None,  # idle_expire is known after the profile
        monitored,
    )


def _profile(before: ChatSession, decision: Decision, now_ms: int) -> ChatProfile:
    """The profile to store; entering wrap-up or the end stamps `ended_ms`, which retention counts from."""
    profile = decision.profile or before.profile
    if decision.state in _OVER_FOR_CUSTOMER and decision.state is not before.state:
        return replace(profile, ended_ms=now_ms)
    return profile
