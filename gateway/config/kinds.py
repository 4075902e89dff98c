"""Kinds of option values: a text for the manual and a parser that refuses what is impossible.

A parser gets the stripped text of the option and returns an immutable value or raises ValueError. What it
accepts but corrects (an unknown push type, say) is told by `remarks`, a pure function of the same text.
`format_value` is the inverse: parse(format_value(v)) == v for every value of every kind. Addresses and URLs
are in kinds_net.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Parse = Callable[[str], Any]
Remarks = Callable[[str], tuple[str, ...]]

_INTEGER = re.compile(r"-?[0-9]{1,12}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?", re.ASCII)

# The push types of the GMS manual; the long forms circulate but were never option values (push.md 2.2).
PUSH_TYPES = ("comet", "customhttp", "httpcb", "orscb", "android", "gcm", "ios", "fcm")
PUSH_TYPE_ALIASES = {"httpcallback": "httpcb", "orscallback": "orscb"}
DELIVERED_PUSH_TYPES = ("comet", "customhttp")

# GMS: "integer >= 30, wrong value -> 30" (push.md 2.2).
SHORTEST_SUBSCRIPTION_S = 30


def no_remarks(_text: str) -> tuple[str, ...]:
    """The usual case: a value is either right or refused."""
    return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """`valid` completes the sentence "valid values: ..."; `many` kinds may go on over several lines."""

    valid: str
    parse: Parse
    remarks: Remarks = no_remarks
    many: bool = False


def format_value(value: object) -> str:
    """The text that parses back to `value`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, tuple):
        return ",".join(format_value(item) for item in value)
    return str(value)


def split_list(text: str) -> tuple[str, ...]:
    """Comma or line separated items, trimmed, empty ones dropped, repeated ones kept once."""
    items = (item.strip() for item in re.split(r"[,\n]", text))
    return tuple(dict.fromkeys(item for item in items if item))


def _refuse() -> Any:
    raise ValueError


def _parse_boolean(text: str) -> bool:
    return text.lower() == "true" if text.lower() in ("true", "false") else _refuse()


BOOLEAN = Kind("true, false", _parse_boolean)


def integer(low: int, high: int, *, unit: str = "") -> Kind:
    """Whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        if not _INTEGER.fullmatch(text) or not low <= int(text) <= high:
            raise ValueError
        return int(text)

    return Kind(_range_text(low, high, unit), parse)


def seconds(low: float, high: float) -> Kind:
    """Seconds, decimals allowed; the value is a float."""

    def parse(text: str) -> float:
        if not _DECIMAL.fullmatch(text) or not low <= float(text) <= high:
            raise ValueError
        return float(text)

    return Kind(_range_text(low, high, "s"), parse)


def _range_text(low: float, high: float, unit: str) -> str:
    return f"{format_value(low)} - {format_value(high)} {unit}".rstrip()


def choice(*values: str) -> Kind:
    """One of a few words, in any case; the value is the word as written here."""
    by_folded = {value.lower(): value for value in values}

    def parse(text: str) -> str:
        return by_folded.get(text.lower()) or _refuse()

    return Kind(", ".join(values), parse)


def text(longest: int, *, required: bool = False) -> Kind:
    """Free text on one line."""

    def parse(value: str) -> str:
        if len(value) > longest or (required and not value):
            raise ValueError
        return value

    return Kind(f"{'non-empty ' if required else ''}text of at most {longest} characters", parse)


def pattern(regex: str, *, valid: str, many: bool = False) -> Kind:
    """Text (or a list of texts, then a tuple) that matches `regex` completely; `valid` says so in words."""
    compiled = re.compile(regex, re.ASCII)

    def parse_one(value: str) -> str:
        return value if compiled.fullmatch(value) else _refuse()

    def parse_many(value: str) -> tuple[str, ...]:
        return tuple(parse_one(item) for item in split_list(value))

    return Kind(valid, parse_many if many else parse_one, many=many)


def subset(*values: str) -> Kind:
    """A comma list of some of `values`, in any case and order; the value is a tuple."""

    def parse(value: str) -> tuple[str, ...]:
        items = tuple(dict.fromkeys(item.lower() for item in split_list(value)))
        return items if set(items) <= set(values) else _refuse()

    return Kind("comma list of " + ", ".join(values), parse, many=True)


def _push_types(value: str) -> tuple[str, ...]:
    folded = (PUSH_TYPE_ALIASES.get(item.lower(), item.lower()) for item in split_list(value))
    return tuple(dict.fromkeys(item for item in folded if item in PUSH_TYPES))


def _push_type_remarks(value: str) -> tuple[str, ...]:
    items = tuple(dict.fromkeys(item.lower() for item in split_list(value)))
    aliases = [f"{item} is read as {PUSH_TYPE_ALIASES[item]}" for item in items if item in PUSH_TYPE_ALIASES]
    known = (*PUSH_TYPES, *PUSH_TYPE_ALIASES)
    unknown = [item for item in items if item not in known]
    idle = [item for item in _push_types(value) if item not in DELIVERED_PUSH_TYPES]
    remarks = list(aliases)
    if unknown:
        remarks.append("unknown push types are ignored: " + ", ".join(unknown))
    if idle:
        remarks.append("nothing is sent for these push types: " + ", ".join(idle))
    return tuple(remarks)


# Trimmed, lower-cased, de-duplicated, unknown ones ignored (push.md 9.4.8); empty = push is off.
PUSH_TYPE_LIST = Kind("comma list of " + ", ".join(PUSH_TYPES), _push_types, _push_type_remarks, many=True)


def _parse_expiration(value: str) -> int:
    usable = _INTEGER.fullmatch(value) and int(value) >= SHORTEST_SUBSCRIPTION_S
    return int(value) if usable else SHORTEST_SUBSCRIPTION_S


def _expiration_remarks(value: str) -> tuple[str, ...]:
    if format_value(_parse_expiration(value)) == value:
        return ()
    return (f"not an integer >= {SHORTEST_SUBSCRIPTION_S}: {_parse_expiration(value)} is used",)


# The only kind that never refuses: GMS falls back to 30 and admins' files rely on it.
EXPIRATION = Kind("integer >= 30 (anything else becomes 30) s", _parse_expiration, _expiration_remarks)
