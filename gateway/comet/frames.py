"""Bytes on the wire: Bayeux messages, their arrays, and unmasked websocket text frames."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import orjson

OP_TEXT = 0x81
OP_CLOSE = 0x88
OP_PONG = 0x8A


def encode(message: Any) -> bytes:
    """One Bayeux message as JSON."""
    return orjson.dumps(message)


def event_message(channel: bytes, payload: bytes) -> bytes:
    """An event for a subscriber; `channel` is already JSON, `payload` is the encoded `data`."""
    return b'{"channel":%b,"data":%b}' % (channel, payload)


def array(messages: Iterable[bytes]) -> bytes:
    """A Bayeux batch of encoded messages."""
    return b"[" + b",".join(messages) + b"]"


def ws_frame(opcode: int, payload: bytes) -> bytes:
    """One unfragmented server frame (RFC 6455, 5.2; servers do not mask)."""
    size = len(payload)
    if size < 126:
        return bytes((opcode, size)) + payload
    if size < 65536:
        return bytes((opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((opcode, 127)) + size.to_bytes(8, "big") + payload


# A text frame.
ws_text = partial(ws_frame, OP_TEXT)


def ws_close(code: int, reason: str = "") -> bytes:
    """A close frame; the reason is cut to what a control frame holds."""
    return ws_frame(OP_CLOSE, code.to_bytes(2, "big") + reason.encode()[:120])
