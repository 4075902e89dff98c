"""Channel names, their kinds and wildcard matching (Bayeux 1.0, "channels").

A published channel is expanded to every pattern that can match it, so that finding subscribers costs
`segments + 2` dictionary look-ups and needs no tree.
"""

from __future__ import annotations

import re
from functools import lru_cache

META = "/meta/"
SERVICE = "/service/"
# Longer names only cost memory; real ones stay below 100 characters.
MAX_LENGTH = 1024
_SEGMENT = r"[A-Za-z0-9 !$()\-.@_~]+"
_NAME = re.compile(rf"(?:/{_SEGMENT})+")
_PATTERN = re.compile(rf"(?:/{_SEGMENT})*/\*\*?")
# A server sees few names, each very often: a remembered answer costs a fifth of a match.
_REMEMBERED = 1024


def is_channel(name: object) -> bool:
    """Whether `name` is a channel that can be published to (no wildcard)."""
    return isinstance(name, str) and len(name) <= MAX_LENGTH and _is_name(name)


def is_pattern(name: object) -> bool:
    """Whether `name` may be subscribed to: a channel, or a channel ending in `/*` or `/**`."""
    return is_channel(name) or (
        isinstance(name, str) and len(name) <= MAX_LENGTH and _PATTERN.fullmatch(name) is not None
    )


@lru_cache(_REMEMBERED)
def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def is_meta(name: str) -> bool:
    """Whether `name` belongs to the protocol itself."""
    return name == "/meta" or name.startswith(META)


def is_service(name: str) -> bool:
    """Whether `name` is a service channel: request and answer, never distributed."""
    return name == "/service" or name.startswith(SERVICE)


def expand(channel: str) -> list[str]:
    """The channel itself and every wildcard pattern that matches it."""
    parts = channel.split("/")[1:]
    patterns = [channel, "/".join(["", *parts[:-1], "*"])]
    patterns.extend("/".join(["", *parts[:depth], "**"]) for depth in range(len(parts)))
    return patterns


def matches(pattern: str, channel: str) -> bool:
    """Whether `channel` (which may itself be a pattern) lies inside `pattern`."""
    if pattern == channel:
        return True
    if pattern.endswith("/**"):
        return channel.startswith(pattern[:-2]) and len(channel) > len(pattern) - 2
    if pattern.endswith("/*"):
        rest = channel[len(pattern) - 1 :]
        return channel.startswith(pattern[:-1]) and bool(rest) and "/" not in rest and rest != "**"
    return False
