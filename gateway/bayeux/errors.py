"""Bayeux error texts, `code:args:text` (Bayeux 1.0, "error"; texts follow the CometD reference server)."""

from __future__ import annotations

UNKNOWN_CLIENT = "402::Unknown client"
CHANNEL_MISSING = "400::channel_missing"
MALFORMED = "400::malformed_message"
HANDSHAKE_DENIED = "403::handshake_denied"
HANDSHAKE_NOT_ALONE = "400::handshake_must_be_alone"
SUBSCRIPTION_MISSING = "403::subscription_missing"
SUBSCRIPTION_INVALID = "403::subscription_invalid"
TOO_MANY_SUBSCRIPTIONS = "403::too_many_subscriptions"
CHANNEL_INVALID = "405::channel_invalid"
MESSAGE_ID_INVALID = "405::message_id_invalid"
PUBLISH_FAILED = "503::temporarily_unavailable"


def error_text(code: int, argument: str, text: str) -> str:
    """Build an error; `argument` comes from the peer, so everything but channel characters is dropped."""
    safe = "".join([c for c in argument if c.isascii() and (c.isalnum() or c in "/-_.!~()$@*")])[:128]
    return f"{code}:{safe}:{text}"


def subscribe_denied(channel: str) -> str:
    """The policy refuses a subscription."""
    return error_text(403, channel, "subscribe_denied")


def publish_denied(channel: str) -> str:
    """The policy refuses a publish, or nobody handles the service channel."""
    return error_text(403, channel, "publish_denied")


def no_common_transport(offered: str) -> str:
    """None of the offered connection types is supported."""
    return error_text(301, offered, "connection_types_not_supported")


TOO_MANY_HANDSHAKES = "429::too_many_handshakes"
