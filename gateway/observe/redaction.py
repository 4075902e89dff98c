"""Removing secrets and control characters from anything that is about to be logged.

Pure functions, no I/O. `clean` is the only entry point; `logs.configure` puts it last before the renderers,
so that our own events and the text of foreign libraries pass through the same gate.

Invariants (targets/reliability.md 4.6, spec/push.md 7):
* the value of a secret key never leaves, at any depth and in any container, whatever its type;
* a device id keeps its first four characters, enough to find it in a support case and useless to an attacker;
* the result holds only str, int, float, bool, None, list and dict, so every renderer can encode it;
* no character of the result can start a new log line or steer a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from typing import Any

MASK = "***"
DEVICE_ID_SHOWN = 4
# Deeper than any event of ours; a hostile nesting ends here instead of in a RecursionError.
MAX_DEPTH = 12
# One log line must not become a copy of a request body.
MAX_TEXT = 8192
# orjson refuses integers that do not fit 64 bits.
MAX_INTEGER = 2**63

# Parts of key names, compared without case and punctuation: `x-api-key`, `apiKey` and `userData[api_key]`
# match.
SECRET_KEY_PARTS = (
    "securekey",
    "startkey",
    "token",
    "authorization",
    "cookie",
    "apikey",
    "password",
    "passwd",
    "secret",
    "basicauth",
)
DEVICE_KEY_PART = "deviceid"

_PUNCTUATION = re.compile(r"[^a-z0-9]+")
# The same keys inside running text: `secureKey=abc`, `"token": "abc"`, `Authorization: Bearer abc`.
_SECRET_IN_TEXT = re.compile(
    r"((?:(?:secure|start)[_-]?key|token|authorization|cookie|api[_-]?key|passw(?:or)?d|secret|basic[_-]?auth)[\w\]-]*"
    r"(?:\\?[\"'])?\s*[:=]\s*(?:\\?[\"'])?)"
    r"((?:(?:basic|bearer)\s+)?[^\s\"'\\,;&)}\]]+)",
    re.IGNORECASE,
)
_CREDENTIALS_IN_TEXT = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
_DEVICE_IN_TEXT = re.compile(
    r"(device[_-]?id[\w\]-]*(?:\\?[\"'])?\s*[:=]\s*(?:\\?[\"'])?)([^\s\"'\\,;&)}\]]+)", re.IGNORECASE
)
_USER_IN_URL = re.compile(r"(\w://)[^\s/@]+@")
# C0 and C1 controls, line and paragraph separators, bidirectional overrides, lone surrogates.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def mask_device_id(device_id: object) -> str:
    """Return the first characters of a device id and an ellipsis; a very short id is hidden whole."""
    text = str(device_id)
    return text[:DEVICE_ID_SHOWN] + "…" if len(text) > DEVICE_ID_SHOWN else MASK


def escape(text: str) -> str:
    """Return the text with every character that could forge a line or steer a terminal escaped."""
    return _UNSAFE.sub(_escape_character, text)


def redact_text(text: str) -> str:
    """Return running text (an exception, a library's message) with the values of secret keys masked."""
    text = _SECRET_IN_TEXT.sub(rf"\g<1>{MASK}", text)
    text = _CREDENTIALS_IN_TEXT.sub(rf"\g<1> {MASK}", text)
    text = _USER_IN_URL.sub(rf"\g<1>{MASK}@", text)
    return _DEVICE_IN_TEXT.sub(lambda found: found[1] + mask_device_id(found[2]), text)


def clean(value: Any, depth: int = 0) -> Any:
    """Return a copy of `value` that may be shown: plain types, secrets masked, text escaped and bounded."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, int):
        return int(value) if -MAX_INTEGER < value < MAX_INTEGER else str(value)[:MAX_TEXT]
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {_clean_text(str(key)): _clean_member(key, member, depth + 1) for key, member in value.items()}
    if isinstance(value, list | tuple | Set):
        return _clean_items(value, depth + 1)
    if isinstance(value, bytes | bytearray | memoryview):
        return _clean_text(bytes(value).decode("utf-8", "replace"))
    return _clean_text(repr(value))


def _clean_items(items: Any, depth: int) -> list[Any]:
    """Clean a sequence; a pair whose first item is a secret name is a header or form field and is masked."""
    items = list(items)
    if len(items) == 2 and isinstance(items[0], str | bytes) and _masker(items[0]) is not None:
        return [clean(items[0], depth), _clean_member(items[0], items[1], depth)]
    return [clean(item, depth) for item in items]


def _clean_member(key: object, member: Any, depth: int) -> Any:
    masker = _masker(key)
    if masker is None or member is None:
        return clean(member, depth)
    return _clean_text(masker(member))


def _masker(key: object) -> Callable[[object], str] | None:
    """Return how to mask the value of this key, or None when it may be shown."""
    text = key.decode("latin-1") if isinstance(key, bytes) else str(key)
    name = _PUNCTUATION.sub("", text.lower())
    if DEVICE_KEY_PART in name:
        return mask_device_id
    if any(part in name for part in SECRET_KEY_PARTS):
        return lambda _: MASK
    return None


def _clean_text(text: str) -> str:
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + "…"
    return escape(redact_text(text))


def _escape_character(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    return _SHORT_ESCAPES.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
