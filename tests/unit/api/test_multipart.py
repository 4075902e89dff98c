"""Multipart bodies are read as they arrive; what `begin` is told, and when."""

from __future__ import annotations

import io

import pytest
from flask import Request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.test import EnvironBuilder

from gateway.api import multipart
from gateway.errors import Rejected

END = b"--b--\r\n"


class Sink:
    """Stands where a spool would: keeps what it gets."""

    def __init__(self) -> None:
        self.spool, self.content, self.closed = self, b"", False

    def write(self, data: bytes) -> None:
        self.content += data

    def close(self) -> None:
        self.closed = True


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    named = b'; filename="%b"' % filename.encode() if filename is not None else b""
    return b'--b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n' % (name.encode(), named, value)


def request_of(body: bytes, *, length: int | None = None) -> Request:
    environ = EnvironBuilder(method="POST", input_stream=io.BytesIO(body)).get_environ()
    environ["CONTENT_LENGTH"] = str(len(body) if length is None else length)
    return Request(environ)


def test_begin_knows_what_stands_before_the_file() -> None:
    """Fields before the file are there when it begins, those behind it only at the end."""
    sink, told = Sink(), []

    def begin(body, filename):
        told.append((dict(body.fields), filename))
        return sink

    body = part("userId", b"U") + part("file", b"x" * 200_000, "a.pdf") + part("secureKey", b"K") + END
    received = multipart.receive(request_of(body), b"b", max_bytes=10**6, begin=begin, query=b"operation=")
    assert told == [({"operation": "", "userId": "U"}, "a.pdf")]
    assert received.body.fields == {"operation": "", "userId": "U", "secureKey": "K"}
    assert (received.body.has_file, sink.content, sink.closed) == (True, b"x" * 200_000, False)


def test_other_files_are_dropped() -> None:
    """A file part of another name is read over; `begin` never hears of it."""
    body = part("avatar", b"x" * 100_000, "a.png") + part("message", b"hi") + END
    received = multipart.receive(
        request_of(body), b"b", max_bytes=10**6, begin=lambda *_: pytest.fail("asked")
    )
    assert (received.incoming, received.body.text("message")) == (None, "hi")


@pytest.mark.parametrize(
    ("body", "length", "max_bytes", "error"),
    [
        (part("file", b"x", "a.pdf"), None, 10**6, Rejected),
        (part("file", b"x", "a.pdf"), 500, 10**6, BadRequest),
        (part("file", b"x" * 100_000, "a.pdf") + END, None, 50_000, RequestEntityTooLarge),
        (
            part("file", b"x", "a.pdf") + part("m", b"x" * 600_000) + END,
            None,
            10**6,
            RequestEntityTooLarge,
        ),
        (part("file", b"x", "a.pdf") + part("file", b"x", "b.pdf") + END, None, 10**6, Rejected),
    ],
)
def test_whatever_goes_wrong_the_file_is_closed(body, length, max_bytes, error) -> None:
    """Cut, broken off, too long, too much text, a second file: an error, and the spool is let go."""
    sink = Sink()
    with pytest.raises(error):
        multipart.receive(request_of(body, length=length), b"b", max_bytes=max_bytes, begin=lambda *_: sink)
    assert sink.closed or error is RequestEntityTooLarge and not sink.content
