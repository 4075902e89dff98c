"""The push subscription of a chat: one record from both key families (spec/push.md 1.1-1.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MAX_DEVICE_ID = 256

_TRUE = frozenset({"true", "1", "yes"})

# record field -> (REST family key, CometD family key); GCTI_* wins key by key (spec/push.md 1.3).
_KEYS: Mapping[str, tuple[str, str | None]] = {
    "device_id": ("GCTI_GMS_PushDeviceId", "push_notification_deviceid"),
    "device_type": ("GCTI_GMS_PushDeviceType", "push_notification_type"),
    "provider": ("GCTI_GMS_PushProvider", "push_notification_provider"),
    "debug": ("GCTI_GMS_PushDebug", "push_notification_debug"),
    "language": ("GCTI_GMS_PushLanguage", "push_notification_language"),
    "node_group": ("GCTI_GMS_NodeGroup", None),
    "include_payload": ("GCTI_GMS_PushIncludePayload", None),
    "notify_requestor": ("GCTI_GMS_NotifyRequestor", None),
    "resend": ("GCTI_GMS_PushResend", None),
}
SUBSCRIBE_KEY = "GCTI_Chat_PushSubscribe"
SUBSCRIPTION_KEYS = frozenset(
    {SUBSCRIBE_KEY} | {name for pair in _KEYS.values() for name in pair if name is not None}
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where and how the customer of a chat wants to be notified; last writer wins."""

    device_id: str
    device_type: str
    origin: str
    created_ms: int
    node_group: str | None = None
    provider: str | None = None
    debug: bool = False
    language: str | None = None
    include_payload: bool | None = None
    notify_requestor: bool = False
    resend: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A subscription that was asked for and not accepted; the chat itself is never affected."""

    reason: str


def parse(user_data: Mapping[str, str], origin: str, *, now_ms: int) -> Subscription | Refused | None:
    """Read the record out of attached data; `None` when no subscription is asked for.

    `origin` is "rest" or "comet". Reasons of a refusal are short fixed words (they label a metric).
    An explicit `GCTI_Chat_PushSubscribe=false` stands above both families (spec/push.md 1.3).
    """
    if ends(user_data):
        return None
    fields = {field: _first(user_data, names) for field, names in _KEYS.items()}
    rest_family = _flag(user_data.get(SUBSCRIBE_KEY))
    comet_family = bool(
        user_data.get("push_notification_deviceid") and user_data.get("push_notification_type")
    )
    if not rest_family and not comet_family:
        return Refused("incomplete") if _asked(user_data) else None
    device_id, device_type = fields["device_id"], fields["device_type"]
    if not device_id or not device_type or (rest_family and not comet_family and not fields["node_group"]):
        return Refused("incomplete")
    if len(device_id) > MAX_DEVICE_ID or not device_id.isprintable():
        return Refused("device_id")
    include = fields["include_payload"]
    return Subscription(
        device_id=device_id,
        device_type=device_type.strip().lower(),
        origin=origin,
        created_ms=now_ms,
        node_group=fields["node_group"] or None,
        provider=fields["provider"] or None,
        debug=_flag(fields["debug"]),
        language=fields["language"] or None,
        include_payload=_flag(include) if include else None,
        notify_requestor=_flag(fields["notify_requestor"]),
        resend=_flag(fields["resend"]),
    )


def ends(user_data: Mapping[str, str]) -> bool:
    """Whether an update of attached data switches the subscription off (spec/push.md 1.3)."""
    return SUBSCRIBE_KEY in user_data and not _flag(user_data[SUBSCRIBE_KEY])


def _asked(user_data: Mapping[str, str]) -> bool:
    """Half of the CometD family is a mistake worth reporting; GCTI_* keys alone are inert (1.1)."""
    return any(user_data.get(key) for key in ("push_notification_deviceid", "push_notification_type"))


def _first(user_data: Mapping[str, str], names: tuple[str, str | None]) -> str | None:
    rest, comet = names
    return user_data.get(rest) or (user_data.get(comet) if comet else None)


def _flag(value: str | None) -> bool:
    return value is not None and value.strip().lower() in _TRUE
