"""Poison rows: outbox rows that no attempt can ever send (targets/reliability.md R23).

Both backends ask here while claiming; such a row becomes `failed` with the reason, and its followers go on.
"""

from __future__ import annotations

import orjson

from gateway.model.deliveries import DeliveryKind

# What is larger was not made by us: no request of a client or agent may be larger (decision 14).
MAX_MESSAGE_BYTES = 1_048_576
_KINDS = frozenset(kind.value for kind in DeliveryKind)


def poison(kind: str, message: object) -> str | None:
    """Why a row with this kind and message can never be sent, or None."""
    if kind not in _KINDS:
        return "unknown delivery kind"
    if message is None:
        return None
    if not isinstance(message, bytes):
        return "unreadable message"
    if len(message) > MAX_MESSAGE_BYTES:
        return "message too long"
    try:
        orjson.loads(message)
    except orjson.JSONDecodeError:
        return "unreadable message"
    return None
