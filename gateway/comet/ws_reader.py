"""Incoming websocket frames: bytes in, whole messages and control frames out (RFC 6455, 5).

Without I/O. No extension is ever negotiated, so reserved bits are errors; a message may come in fragments
with control frames between them. Own code for the hot path, with the C unmasking of `websockets`: a third of
what the library's general parser costs for a chat message.
"""

from __future__ import annotations

from typing import NamedTuple

try:
    from websockets.speedups import apply_mask
except ImportError:  # no compiled extension for this platform
    from websockets.utils import apply_mask

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

PROTOCOL_ERROR, UNSUPPORTED, TOO_BIG = 1002, 1003, 1009

_FINAL, _RESERVED, _OPCODE, _MASKED = 0x80, 0x70, 0x0F, 0x80
_MAX_CONTROL = 125


class WebSocketError(Exception):
    """The peer broke the protocol; `code` is the close code that tells it so."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Incoming(NamedTuple):
    """One whole message (TEXT) or one control frame (CLOSE, PING, PONG)."""

    opcode: int
    payload: bytes


class FrameReader:
    """Parses one connection's incoming bytes; messages larger than `max_size` are refused."""

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._buffer = b""
        self._fragments: list[bytes] = []
        self._fragments_size = 0
        self._fragmented = False
        self.broken: WebSocketError | None = None

    def feed(self, data: bytes) -> list[Incoming]:
        """What `data` completes, in order. If the peer then breaks the protocol, `broken` tells how."""
        found: list[Incoming] = []
        try:
            self._parse(data, found)
        except WebSocketError as error:
            self.broken = error
        return found

    def _parse(self, data: bytes, found: list[Incoming]) -> None:
        data = self._buffer + data if self._buffer else data
        start, size = 0, len(data)
        while size - start >= 2:
            end = self._frame_end(data, start, size)
            if end is None or end > size:
                break
            self._frame(data, start, end, found)
            start = end
        self._buffer = data[start:] if start else data

    def _frame_end(self, data: bytes, start: int, size: int) -> int | None:
        """Where the frame at `start` ends; None while its head is incomplete."""
        first, second = data[start], data[start + 1]
        length = second & 0x7F
        head = 2 if length < 126 else 4 if length == 126 else 10
        if not second & _MASKED:
            raise WebSocketError(PROTOCOL_ERROR, "frame not masked")
        if first & _RESERVED:
            raise WebSocketError(PROTOCOL_ERROR, "reserved bits")
        if first & 0x08 and (length > _MAX_CONTROL or not first & _FINAL):
            raise WebSocketError(PROTOCOL_ERROR, "bad control frame")
        if head > 2:
            if size - start < head:
                return None
            length = int.from_bytes(data[start + 2 : start + head], "big")
        if length + self._fragments_size > self._max_size:
            raise WebSocketError(TOO_BIG, "message too big")
        return start + head + 4 + length

    def _frame(self, data: bytes, start: int, end: int, found: list[Incoming]) -> None:
        length = data[start + 1] & 0x7F
        body = start + (6 if length < 126 else 8 if length == 126 else 14)
        payload = apply_mask(data[body:end], data[body - 4 : body])
        first = data[start]
        opcode, final = first & _OPCODE, bool(first & _FINAL)
        if opcode in (CLOSE, PING, PONG):
            found.append(Incoming(opcode, payload))
        elif opcode == BINARY:
            raise WebSocketError(UNSUPPORTED, "text frames only")
        elif opcode not in (TEXT, CONTINUATION) or (opcode == CONTINUATION) is not self._fragmented:
            raise WebSocketError(PROTOCOL_ERROR, "unexpected frame")
        elif final and opcode == TEXT:
            found.append(Incoming(TEXT, payload))
        else:
            self._fragment(payload, found, last=final)

    def _fragment(self, payload: bytes, found: list[Incoming], *, last: bool) -> None:
        self._fragmented = not last
        if payload:  # empty ones are legal and would cost memory without end
            self._fragments.append(payload)
            self._fragments_size += len(payload)
        if last:
            found.append(Incoming(TEXT, b"".join(self._fragments)))
            self._fragments.clear()
            self._fragments_size = 0


def close_code(payload: bytes) -> int:
    """The code of a close frame, to be echoed; 1005 (none) becomes a plain 1000."""
    return int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1000
