"""Reading the `data` of a chat publish: any member may be any JSON value (spec/chat-api-v2.md 7.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.errors import Rejected

MALFORMED = 101


def text(data: Mapping[str, Any], name: str) -> str:
    """A text member; numbers and booleans as text, absent and null as empty; containers are refused."""
    value = data.get(name)
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        raise Rejected(MALFORMED, name)
    return scalar(value)


def optional_text(data: Mapping[str, Any], name: str) -> str | None:
    """Like `text`, but None when absent or empty."""
    return text(data, name) or None


def position(data: Mapping[str, Any]) -> int | None:
    """`transcriptPosition`, a number or a numeric string; absent and empty are None (spec 5)."""
    value = data.get("transcriptPosition")
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise Rejected(MALFORMED, "transcriptPosition")
    try:
        number = int(value)
    except ValueError:
        raise Rejected(MALFORMED, "transcriptPosition") from None
    if abs(number) > 2**53:
        raise Rejected(MALFORMED, "transcriptPosition")
    return number


def attributes(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """`eventAttributes`, an object here (REST sends JSON text; that is understood as well)."""
    value = data.get("eventAttributes")
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise Rejected(MALFORMED, "eventAttributes") from None
    if not isinstance(value, dict):
        raise Rejected(MALFORMED, "eventAttributes")
    return value


def user_data(data: Mapping[str, Any]) -> dict[str, str]:
    """`userData` as text to text: an object, and flat `userData[key]` members."""
    value = data.get("userData")
    if value is None or value == "":
        value = {}
    if not isinstance(value, dict):
        raise Rejected(MALFORMED, "userData")
    result = {key: scalar(item) for key, item in value.items()}
    for key, item in data.items():
        if key.startswith("userData[") and key.endswith("]"):
            result[key[9:-1]] = scalar(item)
    return result


def scalar(value: Any) -> str:
    """JSON to text: `true` -> "true", numbers decimal, containers as JSON text, null empty."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # nested deeper than the encoder goes
        raise Rejected(MALFORMED, "userData") from None
