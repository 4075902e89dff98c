"""Reading and building messages: ids, replies, failures (spec/bayeux.md 1). Used by the machine only."""

from __future__ import annotations

from gateway.bayeux import channels, errors
from gateway.bayeux.outcomes import Message

# Ids are echoed in every reply; nobody sends longer ones.
MAX_ID = 128


def is_id(value: object) -> bool:
    """Strings as the protocol has it, and the plain numbers that real clients send."""
    if isinstance(value, str):
        return len(value) <= MAX_ID
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def reply(message: Message) -> Message:
    """The beginning of any reply: channel and, if there was one, id."""
    found: Message = {"channel": message["channel"]}
    if "id" in message:
        found["id"] = message["id"]
    return found


def failure(message: Message, error: str) -> Message:
    """An unsuccessful reply; echoes only members that are safe to echo."""
    found: Message = {"successful": False, "error": error}
    if channels.is_pattern(message.get("channel")):
        found["channel"] = message["channel"]
    if is_id(message.get("id")):
        found["id"] = message["id"]
    return found


def subscriptions(message: Message) -> list[str] | str:
    """The channels of a (un)subscribe, or the error text."""
    value = message.get("subscription")
    if value is None:
        return errors.SUBSCRIPTION_MISSING
    names = value if isinstance(value, list) else [value]
    if not names or not all(channels.is_pattern(name) for name in names):
        return errors.SUBSCRIPTION_INVALID
    return names


def beside_handshake(message: Message) -> Message:
    """The reply to each message of a batch that has a handshake and something else: none has an effect."""
    found = failure(message, errors.HANDSHAKE_NOT_ALONE)
    if message.get("channel") == "/meta/handshake":
        found["advice"] = {"reconnect": "none", "interval": 0}
    return found


def too_many_handshakes(message: Message, wait_ms: int) -> Message:
    """The reply to a handshake above the limit of its address: not now, again in `wait_ms`."""
    found = failure(message, errors.TOO_MANY_HANDSHAKES)
    found["advice"] = {"reconnect": "retry", "interval": wait_ms}
    return found
