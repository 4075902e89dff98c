"""Parameters as both edges receive them: a form's text or any JSON value (spec/chat-api-v2.md 5, 7.3).

Used by `api/` and `comet/`, so that REST and CometD understand and refuse the same things.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.chat.limits import MISSING_OR_MALFORMED
from gateway.errors import Rejected

UNREADABLE = 100
# What a client that counts in floating point can still express.
MAX_POSITION = 2**53


def as_text(value: Any) -> str:
    """A JSON value as the text that a form would have carried: true, 12, {"a":1}; nothing for null."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # nested deeper than the encoder goes
        raise Rejected(UNREADABLE, "body is nested too deeply") from None


def as_position(value: Any) -> int | None:
    """A transcript position: an integer or its decimal text; None for absent or empty, else Rejected 101."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        text = value.strip()
        if text.removeprefix("-").isdecimal() and text.isascii() and len(text) <= 18:
            value = int(text)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_POSITION:
        return value
    raise Rejected(MISSING_OR_MALFORMED, "transcriptPosition")


def as_object(value: Any) -> Mapping[str, Any] | None:
    """Event attributes: an object or its JSON text; None for absent or empty, else Rejected 101."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except (orjson.JSONDecodeError, UnicodeEncodeError):
            value = None
    if isinstance(value, dict):
        return value
    raise Rejected(MISSING_OR_MALFORMED, "eventAttributes")
