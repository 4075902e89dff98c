"""Values to rows and back. Pure; the column order here is the order of the SQL in the role modules.

Profiles are JSON objects. Reading ignores members it does not know and fills missing ones with defaults,
so that two neighbouring releases can share a database.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import Any

import orjson

from gateway.model.deliveries import Attempt, Delivery, DeliveryKind, DeliveryState
from gateway.model.events import Event, EventType, QuitReason, Visibility
from gateway.model.idle import IdleMark
from gateway.model.participants import Mode, Participant, ParticipantType
from gateway.model.pending import Pending
from gateway.model.placement import Offer, OfferKind, Placement
from gateway.model.session import ChatProfile, ChatSession, ChatState, Disposition, Note
from gateway.model.subscription import Subscription
from gateway.store.roles import StoredAttachment, StoredCometSession

Row = tuple[Any, ...]

EVENT_COLUMNS = "idx, type, author, utc_ms, visibility, reason, ends_chat, wire, idle_expire, monitored"
DELIVERY_COLUMNS = (
    "id, chat_id, user_id, position, kind, event_type, device_id, created_ms, due_ms, provider, debug,"
    " message, state, attempts, idempotency_key, replays"
)
ATTEMPT_COLUMNS = "delivery_id, number, started_ms, duration_ms, status, error, response_head"
PENDING_COLUMNS = (
    "chat_id, user_id, version, retrieved_next, last_pos, event_type, sent, first_sent_ms, last_sent_ms,"
    " next_ms, removal, delivery_id"
)
_KINDS = {kind.value: kind for kind in DeliveryKind}
_STATES = {state.value: state for state in DeliveryState}
COMET_COLUMNS = "client_id, browser, origin, updated_ms, attachments, state"


def profile_body(profile: ChatProfile) -> bytes:
    """JSON of a profile. Raises TypeError for text that is not valid Unicode."""
    return orjson.dumps(profile, default=dict, option=orjson.OPT_NON_STR_KEYS)


def profile(body: bytes) -> ChatProfile:
    """The profile of its JSON."""
    data = orjson.loads(body)
    data["participants"] = tuple([_participant(party) for party in data["participants"]])
    data["read_positions"] = {int(key): value for key, value in data.get("read_positions", {}).items()}
    if data.get("subscription") is not None:
        data["subscription"] = Subscription(**_known(Subscription, data["subscription"]))
    if data.get("silenced") is not None:
        data["silenced"] = Subscription(**_known(Subscription, data["silenced"]))
    if data.get("idle") is not None:
        data["idle"] = IdleMark(**_known(IdleMark, data["idle"]))
    if data.get("placement") is not None:
        data["placement"] = _placement(data["placement"])
    if data.get("disposition") is not None:
        data["disposition"] = Disposition(**_known(Disposition, data["disposition"]))
    data["notes"] = tuple([Note(**_known(Note, note)) for note in data.get("notes", ())])
    return ChatProfile(**_known(ChatProfile, data))


def session(row: Row) -> ChatSession:
    """From `id, version, state, next_index, last_utc_ms, body`."""
    chat_id, version, state, next_index, last_utc_ms, body = row
    return ChatSession(chat_id, version, ChatState(state), next_index, last_utc_ms, profile(body))


def event_row(event: Event) -> Row:
    """In the order of EVENT_COLUMNS."""
    return (
        event.index,
        str(event.type),  # a third of what `value` costs, per message
        event.author,
        event.utc_ms,
        str(event.visibility),
        event.reason.value if event.reason is not None else None,
        event.ends_chat,
        event.wire,
        event.idle_expire,
        event.monitored,
    )


def event(row: Row) -> Event:
    """From EVENT_COLUMNS."""
    index, type_, author, utc_ms, visibility, reason, ends_chat, wire, idle_expire, monitored = row
    return Event(
        index,
        EventType(type_),
        author,
        utc_ms,
        wire,
        Visibility(visibility),
        QuitReason(reason) if reason is not None else None,
        bool(ends_chat),
        idle_expire,
        bool(monitored),
    )


def delivery_row(delivery: Delivery) -> Row:
    """In the order of DELIVERY_COLUMNS."""
    return (
        delivery.id,
        delivery.chat_id,
        delivery.user_id,
        delivery.position,
        delivery.kind.value,
        delivery.event_type,
        delivery.device_id,
        delivery.created_ms,
        delivery.due_ms,
        delivery.provider,
        delivery.debug,
        delivery.message,
        delivery.state.value,
        delivery.attempts,
        delivery.idempotency_key,
        delivery.replays,
    )


def delivery(row: Row) -> Delivery:
    """From DELIVERY_COLUMNS. A poison row must not hide the others: an unknown kind reads as text, an unknown
    state as failed."""
    id_, chat_id, user_id, position, kind, event_type, device_id, created_ms, due_ms, provider, *rest = row
    debug, message, state, attempts, idempotency_key, replays = rest
    return Delivery(
        id_,
        chat_id,
        user_id,
        position,
        _KINDS.get(kind, DeliveryKind.TEXT),
        event_type,
        device_id,
        created_ms,
        due_ms,
        provider,
        bool(debug),
        message,
        _STATES.get(state, DeliveryState.FAILED),
        attempts,
        idempotency_key,
        replays,
    )


def attempt_row(attempt: Attempt) -> Row:
    """In the order of ATTEMPT_COLUMNS."""
    return (
        attempt.delivery_id,
        attempt.number,
        attempt.started_ms,
        attempt.duration_ms,
        attempt.status,
        attempt.error,
        attempt.response_head,
    )


def pending_row(pending: Pending) -> Row:
    """In the order of PENDING_COLUMNS."""
    return (
        pending.chat_id,
        pending.user_id,
        pending.version,
        pending.retrieved_next,
        pending.last_pos,
        pending.event_type,
        pending.sent,
        pending.first_sent_ms,
        pending.last_sent_ms,
        pending.next_ms,
        pending.removal,
        pending.delivery_id,
    )


def pending(row: Row) -> Pending:
    """From PENDING_COLUMNS."""
    *before, removal, delivery_id = row
    return Pending(*before, bool(removal), delivery_id)


def comet_row(one: StoredCometSession) -> Row:
    """In the order of COMET_COLUMNS."""
    attachments = [(each.chat_id, each.user_id, each.channel, each.cursor) for each in one.attachments]
    return (one.client_id, one.browser, one.origin, one.updated_ms, orjson.dumps(attachments), one.state)


def comet(row: Row) -> StoredCometSession:
    """From COMET_COLUMNS."""
    client_id, browser, origin, updated_ms, attachments, state = row
    attached = tuple([StoredAttachment(*each) for each in orjson.loads(attachments)])
    return StoredCometSession(client_id, browser, origin, updated_ms, attached, state)


def marks(values: Collection[Any]) -> str:
    """Placeholders for a list of values: `?,?,?`."""
    return ",".join("?" * len(values))


def _participant(data: dict[str, Any]) -> Participant:
    known = _known(Participant, data)
    known["type"] = ParticipantType(known["type"])
    known["mode"] = Mode(known.get("mode", Mode.OPEN))
    return Participant(**known)


def _placement(data: dict[str, Any]) -> Placement:
    known = _known(Placement, data)
    known["offers"] = tuple([_offer(offer) for offer in known.get("offers", ())])
    known["declined"] = tuple(known.get("declined", ()))
    return Placement(**known)


def _offer(data: dict[str, Any]) -> Offer:
    known = _known(Offer, data)
    known["kind"] = OfferKind(known["kind"])
    return Offer(**known)


def _known(kind: type, data: dict[str, Any]) -> dict[str, Any]:
    """The members that this release knows."""
    return {each.name: data[each.name] for each in fields(kind) if each.name in data}
