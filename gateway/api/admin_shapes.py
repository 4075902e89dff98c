"""Values to the objects of the administrators' API, and its filters to values. Pure; used by `admin`."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.chat.export import iso_time
from gateway.config import Settings
from gateway.config.commands import MASK
from gateway.config.kinds import format_value
from gateway.config.settings import Item
from gateway.model.deliveries import Attempt, Delivery, DeliveryKind, DeliveryState
from gateway.model.inspection import DeliveryFilter, ReplayRecord, StatusClass
from gateway.observe.redaction import redact_text
from gateway.push.inspection import Detail

if TYPE_CHECKING:
    from gateway.api.admin import DestinationStatus

_UNSET: Any = object()


def wanted(query: Mapping[str, Any]) -> DeliveryFilter:
    """The filter of a listing's query or of a window's body."""
    kind = query.get("kind")
    return DeliveryFilter(
        states=frozenset(DeliveryState(state) for state in query.get("state", ())),
        chat_id=query.get("chatId"),
        device_id=query.get("deviceId"),
        provider=query.get("provider"),
        debug=query.get("debug"),
        kind=DeliveryKind(kind) if kind else None,
        since_ms=_unix_ms(query.get("since")),
        until_ms=_unix_ms(query.get("until")),
        answers=frozenset(StatusClass(name) for name in query.get("statusClass", ())),
    )


def delivery_shown(delivery: Delivery, *, last: Attempt | None = _UNSET) -> dict[str, Any]:
    """A notification; in a listing with its last attempt."""
    shown = {
        "id": delivery.id,
        "chatId": delivery.chat_id,
        "userId": delivery.user_id,
        "deviceId": delivery.device_id,
        "position": delivery.position,
        "eventType": delivery.event_type,
        "kind": delivery.kind.value,
        "provider": delivery.provider or "",
        "debug": delivery.debug,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "replays": delivery.replays,
        "createdAt": iso_time(delivery.created_ms),
        "dueAt": iso_time(delivery.due_ms),
    }
    if last is not _UNSET:
        shown["last"] = None if last is None else _attempt(last)
    return shown


def detail_shown(detail: Detail) -> dict[str, Any]:
    """A notification in full."""
    history = [
        {**_attempt(made), "responseHead": made.response_head.decode("utf-8", "replace")}
        for made in detail.attempts
    ]
    return {
        **delivery_shown(detail.delivery),
        "headers": detail.headers,
        "body": detail.body,
        "history": history,
        "replayedBy": [_replay(record) for record in detail.replays],
    }


def destination_shown(status: DestinationStatus) -> dict[str, Any]:
    """A destination and its breaker."""
    return {
        "id": base64.urlsafe_b64encode(status.key.encode()).decode().rstrip("="),
        "key": status.key,
        "provider": status.provider or "",
        "debug": status.debug,
        "state": status.state,
        "since": iso_time(status.since_ms),
        "until": None if status.until_ms is None else iso_time(status.until_ms),
        "failures": status.failures,
        "successes": status.successes,
        "inFlight": status.in_flight,
        "waiting": status.waiting,
    }


def destination_key(id_: str) -> str | None:
    """The key behind an id; None when it is none. Keys hold slashes, which proxies and routers merge."""
    try:
        return base64.b64decode(id_ + "=" * (-len(id_) % 4), b"-_", validate=True).decode()
    except ValueError:
        return None


def config_shown(settings: Settings) -> dict[str, Any]:
    """The effective configuration; what may hold a secret is masked."""
    items = [
        {
            "section": item.section,
            "name": item.name,
            "value": _value(item),
            "origin": item.origin,
            "secret": item.option.secret,
        }
        for item in settings.items()
    ]
    return {"items": items, "warnings": [redact_text(text) for text in settings.warnings]}


def _value(item: Item) -> str:
    if item.option.secret:
        return MASK if item.value else ""
    return redact_text(format_value(item.value))


def _attempt(made: Attempt) -> dict[str, Any]:
    return {
        "number": made.number,
        "startedAt": iso_time(made.started_ms),
        "durationMs": made.duration_ms,
        "status": made.status,
        "error": made.error,
    }


def _replay(record: ReplayRecord) -> dict[str, Any]:
    return {"attempt": record.attempt, "at": iso_time(record.at_ms), "by": record.by}


def _unix_ms(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)
