"""Fuzz targets: functions of bytes that raise when a decoder breaks its contract.

A decoder may refuse with its own exception; anything else that it raises is a finding. In tests/,
`python -m fuzz.targets NAME [SECONDS]` runs one: under atheris without end if that is installed, else for
so long with plain mutations of the corpus. The ordinary suite runs each over its corpus and random bytes.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote_from_bytes

import orjson

from gateway.api import gms_body
from gateway.comet.batch import MAX_BATCH, BadBatch, decode
from gateway.comet.http import parse_body, parse_parameters
from gateway.comet.long_poll import callback_parameters
from gateway.comet.ws_reader import FrameReader
from gateway.errors import Rejected

CORPUS = Path(__file__).parent / "corpus"
SECONDS = 60
MAX_FRAME = 1024


def bayeux(data: bytes) -> None:
    """The batch decoder, as JSON and as a form: a non-empty list of objects, or BadBatch."""
    for read in (decode, lambda body: parse_body(body, "application/x-www-form-urlencoded")):
        try:
            batch = read(data)
        except BadBatch:
            continue
        assert batch
        assert len(batch) <= MAX_BATCH
        assert all(isinstance(message, dict) for message in batch)
        orjson.dumps(batch)


def jsonp(data: bytes) -> None:
    """A callback-polling query: a name that is no expression and a batch, or BadBatch."""
    query = data.decode("latin-1")  # as WSGI has it
    for text in (query, f"jsonp={quote_from_bytes(data)}&message=[{{}}]"):
        try:
            name, values = callback_parameters(text)
            batch = parse_parameters(values)
        except BadBatch:
            continue
        if name is not None:
            assert 0 < len(name) <= 64
            assert all(c.isascii() and (c.isalnum() or c in "_$.-") for c in name)
            assert not name[0].isdigit()
        assert batch


def form(data: bytes) -> None:
    """The REST body decoder with `userData[...]`: text keys and text values, or Rejected."""
    for kind in (
        None,
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "application/json",
    ):
        try:
            body = gms_body.parse(data, kind)
            body.position(), body.attributes(), body.text("message")
        except Rejected:
            continue
        for key, value in body.user_data.items():
            assert isinstance(key, str)
            assert isinstance(value, str)
            assert key
        assert set(body.fields) <= set(gms_body.PARAMETERS)


def frames(data: bytes) -> None:
    """The websocket frame reader: the same messages however the bytes arrive, and bounded memory."""
    whole, pieces = FrameReader(MAX_FRAME), FrameReader(MAX_FRAME)
    found = whole.feed(data)
    one_by_one = []
    for at in range(len(data)):
        one_by_one += pieces.feed(data[at : at + 1])
        assert len(pieces._buffer) + pieces._fragments_size <= MAX_FRAME + 14
        if pieces.broken is not None:
            break
    assert one_by_one == found
    assert (pieces.broken is None) is (whole.broken is None)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "bayeux": bayeux,
    "jsonp": jsonp,
    "form": form,
    "frames": frames,
}


def corpus(name: str) -> list[bytes]:
    """The kept inputs of a target."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def mutate(data: bytes, rng: random.Random) -> bytes:
    """A neighbour of an input: bytes flipped, cut, doubled or inserted."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(changed))
        match rng.randrange(4):
            case 0:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del changed[at : at + rng.randint(1, 8)]
            case 2:
                changed[at:at] = changed[at : at + rng.randint(1, 16)]
            case _:
                changed[at:at] = rng.choice(
                    [b'"', b"[", b"{", b"\\u0000", b"\xff", b"%", b"&", b"=", b"userData["]
                )
    return bytes(changed)


def main(name: str, seconds: int = SECONDS) -> None:
    """Fuzz one target until something is found (atheris) or the time is up."""
    target = TARGETS[name]
    try:
        import atheris  # type: ignore[import-not-found]
    except ImportError:
        rng, inputs, end, runs = random.Random(), corpus(name), time.monotonic() + seconds, 0
        while time.monotonic() < end:
            data = mutate(rng.choice(inputs), rng)
            try:
                target(data)
            except Exception:
                print(f"finding: {data!r}")
                raise
            runs += 1
        print(f"{name}: {runs} runs, no finding")
        return
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], str(CORPUS / name)], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
