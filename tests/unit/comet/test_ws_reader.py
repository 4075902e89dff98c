"""Incoming websocket frames, against RFC 6455 section 5."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.comet.ws_reader import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PROTOCOL_ERROR,
    TEXT,
    TOO_BIG,
    UNSUPPORTED,
    FrameReader,
    close_code,
)

KEY = b"\x01\x02\x03\x04"


def frame(
    opcode: int, payload: bytes, *, final: bool = True, masked: bool = True, reserved: int = 0
) -> bytes:
    """A client's frame as the RFC draws it."""
    first = bytes([(0x80 if final else 0) | reserved | opcode])
    bit = 0x80 if masked else 0
    if len(payload) < 126:
        size = bytes([bit | len(payload)])
    elif len(payload) < 65536:
        size = bytes([bit | 126]) + len(payload).to_bytes(2, "big")
    else:
        size = bytes([bit | 127]) + len(payload).to_bytes(8, "big")
    body = bytes([byte ^ KEY[i % 4] for i, byte in enumerate(payload)]) if masked else payload
    return first + size + (KEY if masked else b"") + body


def read(data: bytes, *, limit: int = 1 << 20) -> tuple[list[tuple[int, bytes]], int | None]:
    """What one piece of input leads to: messages, and the code of the breach if there was one."""
    reader = FrameReader(limit)
    found = [(item.opcode, item.payload) for item in reader.feed(data)]
    return found, reader.broken.code if reader.broken else None


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_every_length_form_is_read(size: int):
    """7, 16 and 64 bit lengths, at their borders."""
    assert ([(TEXT, b"x" * size)], None) == read(frame(TEXT, b"x" * size))


@given(st.data())
def test_the_pieces_that_bytes_arrive_in_do_not_matter(data: st.DataObject):
    """Messages, fragments and pings come out the same however the stream is cut."""
    stream = b"".join(
        [
            frame(TEXT, b"one"),
            frame(TEXT, b"tw", final=False),
            frame(PING, b"p"),
            frame(CONTINUATION, b"", final=False),
            frame(CONTINUATION, b"o"),
            frame(TEXT, b"3" * 300),
            frame(CLOSE, b"\x03\xe8"),
        ]
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    reader, found = FrameReader(1 << 16), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += [(item.opcode, item.payload) for item in reader.feed(stream[start:end])]
    assert [
        (TEXT, b"one"),
        (PING, b"p"),
        (TEXT, b"two"),
        (TEXT, b"3" * 300),
        (CLOSE, b"\x03\xe8"),
    ] == found
    assert reader.broken is None


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (frame(TEXT, b"x", masked=False), PROTOCOL_ERROR),
        (frame(TEXT, b"x", reserved=0x40), PROTOCOL_ERROR),
        (frame(3, b"x"), PROTOCOL_ERROR),
        (frame(CONTINUATION, b"x"), PROTOCOL_ERROR),
        (frame(TEXT, b"x", final=False) + frame(TEXT, b"y"), PROTOCOL_ERROR),
        (frame(PING, b"x", final=False), PROTOCOL_ERROR),
        (frame(PING, b"x" * 126), PROTOCOL_ERROR),
        (frame(BINARY, b"x"), UNSUPPORTED),
    ],
)
def test_a_breach_is_named_after_what_came_before_it(bad: bytes, code: int):
    """The messages before the breach are delivered, then the close code says what was wrong."""
    assert ([(TEXT, b"good")], code) == read(frame(TEXT, b"good") + bad)


def test_a_message_is_refused_by_its_announced_size():
    """1009 at once, before the bytes are there; fragments count together."""
    assert ([], TOO_BIG) == read(frame(TEXT, b"x" * 11)[:2], limit=10)
    fragments = frame(TEXT, b"x" * 6, final=False) + frame(CONTINUATION, b"y" * 5)
    assert ([], TOO_BIG) == read(fragments, limit=10)
    assert ([(TEXT, b"x" * 10)], None) == read(frame(TEXT, b"x" * 10), limit=10)


def test_close_codes_are_echoed():
    """A close without a code is answered with a plain 1000."""
    assert 1001 == close_code(b"\x03\xe9bye")
    assert 1000 == close_code(b"")
