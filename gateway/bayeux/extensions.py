"""The extensions that concern the server: acknowledged messages, time synchronisation (spec/bayeux.md 10)."""

from __future__ import annotations

from typing import Any

# The reference server stops answering once the client's estimate is this good (milliseconds).
_GOOD_ENOUGH_MS = 25
# No batch number is larger than what JavaScript counts exactly.
MAX_BATCH = 2**53 - 1


def member(message: dict[str, Any], name: str) -> Any:
    """`message.ext[name]`, or None; `ext` may be any JSON value."""
    ext = message.get("ext")
    return ext.get(name) if isinstance(ext, dict) else None


def ack_requested(message: dict[str, Any]) -> bool:
    """Whether a handshake asks for the acknowledged messages extension."""
    return member(message, "ack") is True


def ack_batch(message: dict[str, Any], newest: int) -> int:
    """The batch a connect acknowledges; anything that is no sensible number acknowledges nothing."""
    value = member(message, "ack")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= newest:
        return 0
    return value


def timesync_request(message: dict[str, Any], wall_ms: int) -> dict[str, Any] | None:
    """Keep what the answer needs: the client's numbers and the time of receipt."""
    value = member(message, "timesync")
    if not isinstance(value, dict) or not _is_number(value.get("tc")):
        return None
    kept = {"tc": value["tc"], "ts": wall_ms}
    if _is_number(value.get("l")) and _is_number(value.get("o")):
        accuracy = value["tc"] + value["o"] + value["l"] - wall_ms
        if value["l"] != 0 and abs(accuracy) < _GOOD_ENOUGH_MS:
            return None
        kept["a"] = accuracy
    return kept


def add_timesync(reply: dict[str, Any], kept: dict[str, Any] | None, held_s: float) -> None:
    """Complete the answer: `p` is how long the message was kept before this reply."""
    if kept is not None:
        reply.setdefault("ext", {})["timesync"] = {**kept, "p": max(0, round(held_s * 1000))}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15
