"""What a change of a chat means for reliable delivery (spec/push.md 4, 8, 9.4.9).

`plan` runs inside a commit of the ledger: it reads the chat's record, asks the state machine
(`routing/resend.py`) and returns the step that is written in the same transaction. A record that the timer
or a retrieval changed meanwhile makes the commit a Conflict, and the ledger decides again. Chats without a
reliable subscription cost two looks at their profiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gateway.chat.retrieval import Retrievals
from gateway.clock import Clock
from gateway.config import SettingsSource
from gateway.ids import KeyRing
from gateway.model.deliveries import DeliveryState
from gateway.model.events import Event
from gateway.model.pending import Pending, PendingStep
from gateway.model.session import ChatSession
from gateway.routing import pointer, resend
from gateway.routing.notifiable import is_removal, notifies
from gateway.routing.policy import policy_for
from gateway.store.push_roles import Deliveries, Pendings
from gateway.store.roles import Chats

# Events looked at to find out whether a new device has something to fetch.
LOOK_BACK = 1000
_ON_ITS_WAY = frozenset({DeliveryState.QUEUED, DeliveryState.LEASED})


@dataclass(frozen=True, slots=True)
class Owed:
    """The events of a change, those of them that the device must be told about, and how long not yet."""

    events: tuple[Event, ...] = ()
    notable: tuple[Event, ...] = ()
    hold_ms: int = 0


NOTHING_OWED = Owed()


class ReliableStore(Chats, Deliveries, Pendings, Protocol):
    """The roles that are read here."""


class Reliable:
    """The resend machine's side of the ledger; one per node."""

    def __init__(
        self,
        store: ReliableStore,
        retrievals: Retrievals,
        *,
        keys: KeyRing,
        settings_source: SettingsSource,
        clock: Clock,
    ) -> None:
        self._store = store
        self._retrievals = retrievals
        self._keys = keys
        self._settings_source = settings_source
        self._clock = clock

    def plan(
        self, before: ChatSession, session: ChatSession, owed: Owed, *, seen: int | None
    ) -> PendingStep | None:
        """The step that belongs to the change from `before` to `session`; None when it has none.

        `seen` as in `Decision`.
        """
        if not session.reliable:
            return self._ended(session.id) if before.reliable else None
        stored = self._store.pending(session.id)
        if before.version == 0:
            # The answer to Request Chat shows the first events.
            start = Pending(session.id, session.customer.user_id, retrieved_next=session.next_index)
            return PendingStep.of(start, start)
        current = self._current(stored, before, seen)
        if before.ended_for_customer and not session.ended_for_customer:
            current = resend.restored(current)
        after, told = self._transition(current, before, session, owed)
        if told is None and before.reliable and _adds_nothing(stored, after):
            return None
        base = stored or current
        if told is None:
            return PendingStep.of(base, after)
        return pointer.step_for(base, after, told, self._occasion(session, owed.events, after))

    def committed(self, step: PendingStep | None, session: ChatSession) -> None:
        """The change is stored, with its step or without one; called before its events are published."""
        over = session.ended_for_customer and not (step is not None and step.after.armed)
        if over or not session.reliable:
            self._retrievals.forget(session.id)
        elif step is not None:
            self._retrievals.follow(step.after)

    def _transition(
        self, current: Pending, before: ChatSession, session: ChatSession, owed: Owed
    ) -> resend.Outcome:
        last = owed.notable[-1] if owed.notable else None
        removed = last is not None and is_removal(last, session.customer.id)
        if session.ended_for_customer and not removed:
            # Only the leaving itself ends the reminders: what follows it must not silence its own pointer.
            return (current if before.ended_for_customer else resend.cancelled(current)), None
        if last is not None:
            on = resend.on_removed if removed else resend.on_event
            return on(
                current,
                last.index,
                last.type.value,
                rules=resend.Rules.of(self._settings_source.current),
                now_ms=self._clock.wall_ms(),
                hold_ms=owed.hold_ms,
                busy=self._on_its_way(current),
            )
        if session.profile.subscription != before.profile.subscription:
            return self._registered(current, session)
        return current, None

    def _registered(self, current: Pending, session: ChatSession) -> resend.Outcome:
        """A new or another device: it is told at once of what was not retrieved (9.4.9)."""
        subscription = session.profile.subscription
        if subscription is None:
            return current, None
        settings = self._settings_source.current
        found = self._store.events(session.id, current.retrieved_next, limit=LOOK_BACK)
        notable = [
            event for event in found if notifies(event, session.customer.id, subscription, settings.push)
        ]
        if notable:
            current = replace(current, last_pos=notable[-1].index, event_type=notable[-1].type.value)
        rules = resend.Rules.of(settings)
        blocked = policy_for(settings, session.profile.service, subscription).blocked
        return resend.on_registered(
            current,
            rules=rules,
            now_ms=self._clock.wall_ms(),
            hold_ms=rules.delay_ms if blocked else 0,
            busy=self._on_its_way(current),
        )

    def _current(self, stored: Pending | None, before: ChatSession, seen: int | None) -> Pending:
        """The record with what is known beyond it. Without one, push counts from now on (9.4.9)."""
        claimed = min(max(seen or 0, 0), before.next_index)
        from_now_on = 0 if claimed or before.reliable else before.next_index
        if stored is None:
            first = claimed or from_now_on or before.next_index
            return Pending(before.id, before.customer.user_id, retrieved_next=first)
        known = max(stored.retrieved_next, self._retrievals.known(before.id), claimed, from_now_on)
        if stored.clearable:
            return resend.on_retrieved(stored, known)
        return stored if known == stored.retrieved_next else replace(stored, retrieved_next=known)

    def _on_its_way(self, pending: Pending) -> bool:
        row = self._store.delivery(pending.delivery_id) if pending.delivery_id else None
        return row is not None and row.state in _ON_ITS_WAY

    def _ended(self, chat_id: str) -> PendingStep | None:
        """The subscription was ended, laid aside, or is not reliable any more (1.3, 8)."""
        stored = self._store.pending(chat_id)
        if stored is None:
            return None
        after = resend.cancelled(resend.restored(stored))
        return None if after == stored else PendingStep.of(stored, after)

    def _occasion(self, session: ChatSession, news: Sequence[Event], after: Pending) -> pointer.Occasion:
        settings = self._settings_source.current
        events: list[Event] = []
        if pointer.inlined(settings):
            limit = pointer.MAX_INLINE
            older = self._store.events(session.id, after.retrieved_next, limit=limit)
            events = pointer.visible([*older, *news])
        return pointer.Occasion(session, settings, self._clock.wall_ms(), self._keys, events)


def _adds_nothing(stored: Pending | None, after: Pending) -> bool:
    """Whether `after` at most knows a later place while nothing is armed: that alone is not worth a write."""
    if stored is None or stored.armed:
        return after == stored
    return replace(after, retrieved_next=stored.retrieved_next) == stored
