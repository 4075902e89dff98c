"""Reading the `data` of a chat publish: any member may be any JSON value (spec/chat-api-v2.md 7.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.chat.limits import MISSING_OR_MALFORMED as MALFORMED
from gateway.chat.parameters import as_object, as_position, as_text
from gateway.errors import Rejected


def text(data: Mapping[str, Any], name: str) -> str:
    """A text member; numbers and booleans as text, absent and null as empty; containers are refused."""
    value = data.get(name)
    if isinstance(value, (dict, list)):
        raise Rejected(MALFORMED, name)
    return as_text(value)


def optional_text(data: Mapping[str, Any], name: str) -> str | None:
    """Like `text`, but None when absent or empty."""
    # Most are absent, in every message.
    return text(data, name) or None if name in data else None


def position(data: Mapping[str, Any]) -> int | None:
    """`transcriptPosition`, a number or a numeric string; absent and empty are None (spec 5)."""
    return as_position(data.get("transcriptPosition"))


def attributes(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """`eventAttributes`, an object here (REST sends JSON text; that is understood as well)."""
    return as_object(data["eventAttributes"]) if "eventAttributes" in data else None


def user_data(data: Mapping[str, Any]) -> dict[str, str]:
    """`userData` as text to text: an object, and flat `userData[key]` members."""
    value = data.get("userData")
    if value is None or value == "":
        value = {}
    if not isinstance(value, dict):
        raise Rejected(MALFORMED, "userData")
    result = {key: _flat(item) for key, item in value.items()}
    for key, item in data.items():
        if key.startswith("userData[") and key.endswith("]"):
            result[key[9:-1]] = _flat(item)
    return result


def _flat(value: Any) -> str:
    try:
        return as_text(value)
    except Rejected:  # nested deeper than the encoder goes
        raise Rejected(MALFORMED, "userData") from None
