"""The notification of reliable mode: a pointer to what has to be fetched, not the event (spec/push.md 3.4).

`step_for` turns a transition of `routing/resend.py` into what a store writes: the record and its outbox row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import orjson

from gateway.config.settings import Settings
from gateway.ids import KeyRing
from gateway.model import payload
from gateway.model.deliveries import Attempt, Delivery, DeliveryKind, DeliveryState
from gateway.model.events import EPHEMERAL, Event, EventType
from gateway.model.pending import Pending, PendingStep
from gateway.model.session import ChatSession, ChatState
from gateway.routing.resend import Pointer

SECURE_KEY = "secure-key"
# What the delivery log says about the record that ends a round.
EXHAUSTED = "resend_exhausted"
# `push.reliable_inline_events` adds at most so many events: receivers expect small bodies (10.1).
MAX_INLINE = 50


@dataclass(frozen=True, slots=True)
class Occasion:
    """What surrounds a pointer: the chat, the options, the time, and what derives the customer's key.

    `events` are those that were not retrieved, oldest first, if they are to be in the body.
    """

    session: ChatSession
    settings: Settings
    now_ms: int
    keys: KeyRing
    events: Sequence[Event] = ()


def inlined(settings: Settings) -> bool:
    """Whether pointers carry the events; the privacy lock stands above it (3.5, 9.4.1)."""
    return settings.push.reliable_inline_events and not settings.push.force_text_only


def step_for(
    before: Pending, after: Pending, pointer: Pointer | None, occasion: Occasion
) -> PendingStep | None:
    """The change to write; None when there is none."""
    if after is before and pointer is None:
        return None
    step = PendingStep.of(before, after)
    if pointer is None:
        return step
    row = _delivery(step.after, pointer, occasion)
    if pointer.exhausted:
        ended = Attempt(row.id, 1, occasion.now_ms, 0, error=EXHAUSTED)
        return replace(step, delivery=replace(row, attempts=1), attempt=ended)
    return replace(step, after=replace(step.after, delivery_id=row.id), delivery=row)


def visible(events: Iterable[Event]) -> list[Event]:
    """Those that an answer would show the customer, typing apart."""
    return [event for event in events if event.for_customer and event.type not in EPHEMERAL]


def message(pending: Pending, pointer: Pointer, occasion: Occasion) -> bytes:
    """The JSON text of the `message` member, 3.4 member by member."""
    session = occasion.session
    content = occasion.settings.flex.push_content
    key = _secure_key(occasion) if SECURE_KEY in content else ""
    stub = {
        "from": {"nickname": "", "participantId": 0, "type": "Client"},
        "index": 0,
        "text": "PUSH-NOTIFICATION",
        "type": EventType.PUSH_URL.value,
        "utcTime": occasion.now_ms,
        "userData": {
            "notify-attempt": str(pointer.attempt),
            "notify-position": str(pointer.position),
            **_identifiers(session, content, key),
        },
    }
    event = Event(index=0, type=EventType.PUSH_URL, author=0, utc_ms=occasion.now_ms, wire=orjson.dumps(stub))
    inline = [replace(each, wire=payload.push_wire(each)) for each in occasion.events[:MAX_INLINE]]
    return payload.answer(
        # The key's member is there, as in the vendor's sample, but empty unless asked for (7, rule 2 and 3).
        replace(payload.DEPRECATED, secure_key=key),
        [event, *inline],
        next_position=pending.last_pos + 1,
        chat_ended=session.state is ChatState.ENDED,
    )


def _secure_key(occasion: Occasion) -> str:
    """The customer's key, derived again (decision 4): the store holds only its fingerprint."""
    customer = occasion.session.customer
    return occasion.keys.secure_key(occasion.session.id, customer.user_id, customer.salt or "")


def _identifiers(session: ChatSession, content: Sequence[str], key: str) -> dict[str, str]:
    known = {
        "user-id": session.customer.user_id,
        "session-id": session.id,
        "app-dbid": payload.DEPRECATED.alias,
        SECURE_KEY: key,
    }
    return {name: value for name, value in known.items() if name in content}


def _delivery(pending: Pending, pointer: Pointer, occasion: Occasion) -> Delivery:
    """The outbox row. Each pointer is a notification of its own (decision 16); `version` makes its id new."""
    session, customer = occasion.session, occasion.session.customer
    subscription = session.profile.subscription
    return Delivery(
        id=f"msg_{session.id}_c{customer.id}_{pending.last_pos}_{pending.version}",
        chat_id=session.id,
        user_id=customer.user_id,
        position=pending.last_pos,
        kind=DeliveryKind.POINTER,
        event_type=pending.event_type,
        device_id=subscription.device_id if subscription else "",
        created_ms=occasion.now_ms,
        due_ms=occasion.now_ms,
        provider=subscription.provider if subscription else None,
        debug=subscription.debug if subscription else False,
        message=message(pending, pointer, occasion),
        state=DeliveryState.EXHAUSTED if pointer.exhausted else DeliveryState.QUEUED,
        idempotency_key=f"{session.id}:{customer.id}:{pointer.position}",
    )
