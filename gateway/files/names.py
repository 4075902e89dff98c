"""File names from outside: what is shown of them, and their extension. Pure.

A name is never used for a path (storage names are random); it is cleaned because people and their file
managers will see it (targets/reliability.md 4.5).
"""

from __future__ import annotations

import re

# What file systems take at most, so that a download can be saved under its name.
MAX_NAME_BYTES = 255
FALLBACK = "file"

# Everything that separates directories somewhere or looks like it, once more percent-encoded.
_SEPARATORS = re.compile(
    r"[/\\\u2044\u2215\u2216\u29f5\u29f8\u29f9\ufe68\uff0f\uff3c]|%(?:25)*(?:2f|5c)", re.IGNORECASE
)
# Controls, lone surrogates, invisible and direction-changing characters ("exe.gpj" read backwards), and what
# Windows refuses in names or takes for a stream ("a.txt:b").
_UNWANTED = re.compile(
    r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff<>:\"|?*]"
    r"|%(?:25)*(?:[01][0-9a-f]|7f)",
    re.IGNORECASE,
)


def display_name(raw: str) -> str:
    """The last component of a client's file name, without anything harmful, at most 255 bytes of UTF-8.

    A name that is too long loses the end of its stem and keeps its extension; nothing left: "file".
    """
    name = _UNWANTED.sub("", _SEPARATORS.split(raw)[-1]).strip(" .\t")
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name or FALLBACK
    stem, dot, end = name.rpartition(".")
    if not dot or len(end.encode()) > 16:
        stem, dot, end = name, "", ""
    return _cut(stem, MAX_NAME_BYTES - len((dot + end).encode())) + dot + end


def extension(name: str) -> str:
    """What follows the last dot of a cleaned name, in lower case; empty when there is none."""
    stem, _, end = name.rpartition(".")
    return end.lower() if stem else ""


def _cut(text: str, size: int) -> str:
    """As many whole characters as fit into `size` bytes."""
    return text.encode()[:size].decode("utf-8", "ignore")
