"""What a transport received, as a batch of Bayeux messages: a bounded list of JSON objects, or `BadBatch`.

Called by every transport before the exchange sees anything.
"""

from __future__ import annotations

from typing import Any

import orjson

# Messages of one batch (spec/bayeux.md 11).
MAX_BATCH = 1_000


class BadBatch(Exception):
    """The body is no batch of Bayeux messages."""


def decode(body: bytes | str) -> list[dict[str, Any]]:
    """A JSON array of objects, or one object (iOS, hand-made clients); BadBatch for anything else."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadBatch("not JSON") from None
    if isinstance(value, dict):
        return [value]
    return checked(value)


def checked(value: Any) -> list[dict[str, Any]]:
    """The value as a batch; BadBatch when it is not a non-empty array of objects."""
    if not isinstance(value, list) or not value:
        raise BadBatch("not a batch")
    if len(value) > MAX_BATCH:
        raise BadBatch("too many messages")
    for message in value:
        if not isinstance(message, dict):
            raise BadBatch("not an array of objects")
    return value
