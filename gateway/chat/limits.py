"""The limits of spec/chat-api-v2.md 8.6 as checks: each returns the value to use or raises Rejected.

`Rejected.advice` names the parameter, never its value. Control characters are dropped, not refused
(targets/reliability.md 4.3), so that a stray byte costs nobody a message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from gateway.errors import Rejected

MISSING_OR_MALFORMED = 101
TOO_LONG = 204

NICKNAME_LENGTH = 100
SUBJECT_LENGTH = 500
# The longest address that SMTP can carry (RFC 5321, 4.5.3.1.3).
EMAIL_LENGTH = 254
# Both sides of `tenant:endpoint` are limited to 128 characters in the configuration as well.
ENDPOINT_LENGTH = 257
# Our own bound of a label that clients choose freely.
MESSAGE_TYPE_LENGTH = 128
# A UUID or any other name that a client makes up; it is stored as long as the chat.
MESSAGE_ID_LENGTH = 128
KEY_LENGTH = 128
VALUE_LENGTH = 8192
USER_DATA_BYTES = 64 * 1024
ATTRIBUTES_BYTES = 16 * 1024
NOTICE_BYTES = 16 * 1024
URL_LENGTH = 2048
# Decision 14: JSON depth in user data; far below what the encoder refuses to nest (254).
JSON_DEPTH = 32

# Line breaks and tabs belong to a text, every other control character does not.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_START_KEY = re.compile(r"[A-Za-z0-9_-]{32,128}")


def clean(text: str) -> str:
    """The text without control characters and lone surrogates; line breaks and tabs stay."""
    if text.isprintable():  # nearly every text; a fifth of the search's price
        return text
    return _CONTROLS.sub("", text)


def message_text(text: str, limit: int) -> str:
    """A message: 101 when empty, 204 above `limit` characters."""
    text = clean(text)
    if not text:
        raise Rejected(MISSING_OR_MALFORMED, "message")
    if len(text) > limit:
        raise Rejected(TOO_LONG, "message")
    return text


def bounded(text: str, limit: int, *, name: str) -> str:
    """Any other text of at most `limit` characters, else 101."""
    text = clean(text)
    if len(text) > limit:
        raise Rejected(MISSING_OR_MALFORMED, name)
    return text


def nickname(text: str) -> str:
    """A nickname of 1-100 characters that are not all white space, else 101."""
    text = bounded(text, NICKNAME_LENGTH, name="nickname")
    if not text.strip():
        raise Rejected(MISSING_OR_MALFORMED, "nickname")
    return text


def email(text: str) -> str:
    """An e-mail address or nothing; 364 when it cannot be one (a sanity check, not a grammar)."""
    if text and (len(text) > EMAIL_LENGTH or not _EMAIL.fullmatch(text)):
        raise Rejected(364, "emailAddress")
    return clean(text)


def message_type(text: str | None) -> str | None:
    """The sender's own type of a message; empty counts as absent."""
    return bounded(text, MESSAGE_TYPE_LENGTH, name="messageType") if text else None


def message_id(text: str | None) -> str | None:
    """The sender's own id of a message: 1-128 printable characters; empty counts as absent, else 101."""
    if not text:
        return None
    if len(text) > MESSAGE_ID_LENGTH or not text.isprintable():
        raise Rejected(MISSING_OR_MALFORMED, "messageId")
    return text


def start_key(text: str) -> str:
    """The secret name of a start or nothing; 101 when it is not made of 32-128 of `[A-Za-z0-9_-]`.

    32 hexadecimal digits are 128 bits: as hard to guess as a secure key.
    """
    if text and not _START_KEY.fullmatch(text):
        raise Rejected(MISSING_OR_MALFORMED, "startKey")
    return text


def notice_text(text: str | None) -> str | None:
    """The text of a notice, at most 16 KiB; empty counts as absent."""
    if not text:
        return None
    text = clean(text)
    if len(text.encode()) > NOTICE_BYTES:
        raise Rejected(TOO_LONG, "message")
    return text or None


def user_data(values: Mapping[str, str]) -> dict[str, str]:
    """Attached data: keys of 1-128 characters, values of at most 8,192, 64 KiB in all; else 101."""
    cleaned = {clean(key): clean(value) for key, value in values.items()}
    total = 0
    for key, value in cleaned.items():
        if not 1 <= len(key) <= KEY_LENGTH or len(value) > VALUE_LENGTH:
            raise Rejected(MISSING_OR_MALFORMED, "userData")
        total += len(key.encode()) + len(value.encode())
    if total > USER_DATA_BYTES:
        raise Rejected(MISSING_OR_MALFORMED, "userData")
    return cleaned


def event_attributes(value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A JSON object of at most 16 KiB and 32 levels, else 101; it is echoed as it is."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or _deeper_than(value, JSON_DEPTH):
        raise Rejected(MISSING_OR_MALFORMED, "eventAttributes")
    try:
        size = len(orjson.dumps(value))
    except TypeError:
        raise Rejected(MISSING_OR_MALFORMED, "eventAttributes") from None
    if size > ATTRIBUTES_BYTES:
        raise Rejected(MISSING_OR_MALFORMED, "eventAttributes")
    return value


def push_url(url: str) -> str:
    """An absolute http(s) URL without user info, spaces or controls, at most 2,048 characters; else 101."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        fits = False
    if not fits or len(url) > URL_LENGTH or not url.isprintable() or " " in url:
        raise Rejected(MISSING_OR_MALFORMED, "pushUrl")
    return url


def _deeper_than(value: Any, depth: int) -> bool:
    if not isinstance(value, Mapping | list):
        return False
    if depth == 0:
        return True
    members = value.values() if isinstance(value, Mapping) else value
    return any(_deeper_than(member, depth - 1) for member in members)
