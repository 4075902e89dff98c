"""Websocket frames and Bayeux arrays as bytes."""

from __future__ import annotations

import orjson
import pytest
from unit.comet.comet_stand import split_frames
from websockets.frames import Frame, Opcode

from gateway.comet import frames


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 70000])
def test_text_frames_are_those_of_an_independent_library(size: int):
    """The three length encodings of RFC 6455, against `websockets`."""
    payload = b"x" * size
    assert frames.ws_text(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)
    assert split_frames(frames.ws_text(payload)) == ([(0x81, payload)], b"")


def test_close_frames():
    """Code and reason; a long reason is cut to what a control frame holds."""
    assert frames.ws_close(1001, "bye") == b"\x88\x05\x03\xe9bye"
    assert len(frames.ws_close(1000, "x" * 500)) <= 2 + 125


def test_messages_and_arrays():
    """Encoded parts are joined without being decoded."""
    event = frames.event_message(b'"/a"', b'{"x":1}')
    assert orjson.loads(frames.array([event, frames.encode({"id": "1"})])) == [
        {"channel": "/a", "data": {"x": 1}},
        {"id": "1"},
    ]
    assert frames.array([]) == b"[]"
