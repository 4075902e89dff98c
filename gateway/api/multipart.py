"""Multipart bodies with a file, read as they arrive: fields in memory, the file to wherever `begin` says.

The file never lies in memory as a whole and never in a temporary directory of the framework. `begin` is
asked when the file's first byte is about to come, with the parameters that stood before it; what stands
behind it is known only at the end. Called by `gms_files` (customers) and `files` (agents).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import IO, Protocol

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from gateway.api import gms_body
from gateway.api.gms_body import MAX_FIELDS, MAX_FORM_MEMORY, Body
from gateway.chat.files import Incoming
from gateway.chat.limits import MISSING_OR_MALFORMED
from gateway.chat.parameters import UNREADABLE
from gateway.errors import Rejected

FILE_PART = "file"
# Read at once from the connection.
PIECE = 64 * 1024
# A browser's boundary has about 40 characters, RFC 2046 allows 70.
MAX_BOUNDARY = 200


class Begin(Protocol):
    """Judges an upload by what is known so far; None: the file is not wanted and its bytes are dropped."""

    def __call__(self, body: Body, filename: str) -> Incoming | None: ...


@dataclass(frozen=True, slots=True)
class Received:
    """A complete body: its parameters and, if it held one that was wanted, the file."""

    body: Body
    incoming: Incoming | None


def boundary_of(content_type: str | None) -> bytes | None:
    """The boundary of a multipart body; None when the header names no such body."""
    mimetype, options = parse_options_header(content_type) if content_type else ("", {})
    boundary = options.get("boundary", "")
    if mimetype != "multipart/form-data" or not boundary:
        return None
    return boundary.encode("latin-1", "replace")


def receive(
    request: Request, boundary: bytes, *, max_bytes: int, begin: Begin, query: bytes = b""
) -> Received:
    """Read the body of `request`, at most `max_bytes`, and the parameters of `query` behind it.

    Raises Rejected 100 for a body that is no multipart, 101 for a second file, RequestEntityTooLarge above
    `max_bytes`, ClientDisconnected when the connection ends, and whatever `begin` and the file's spool raise.
    After an error nothing is left of the file.
    """
    if len(boundary) > MAX_BOUNDARY:
        raise Rejected(UNREADABLE, "multipart body is unreadable")
    request.max_content_length = max_bytes
    reader = _Reader(begin, query)
    try:
        for event in _events(request.stream, boundary):
            reader.take(event)
        return reader.finished()
    except ValueError:
        reader.close()
        raise Rejected(UNREADABLE, "multipart body is unreadable") from None
    except BaseException:
        reader.close()
        raise


def _events(stream: IO[bytes], boundary: bytes) -> Iterator[Event]:
    decoder = MultipartDecoder(boundary, MAX_FORM_MEMORY, max_parts=MAX_FIELDS)
    while True:
        data = stream.read(PIECE)
        decoder.receive_data(data or None)
        while not isinstance(event := decoder.next_event(), (NeedData, Epilogue)):
            yield event
        if isinstance(event, Epilogue):
            return


class _Reader:
    """Puts the parts together."""

    def __init__(self, begin: Begin, query: bytes) -> None:
        self._begin = begin
        self._pairs = gms_body.pairs_of(query)
        self._incoming: Incoming | None = None
        self._file_seen = False
        self._write: Callable[[bytes], None] = _drop
        self._field = ""
        self._value = bytearray()
        self._memory = 0

    def take(self, event: Event) -> None:
        """The next event of the decoder."""
        if isinstance(event, Field):
            self._field, self._value, self._write = event.name, bytearray(), self._remember
        elif isinstance(event, File):
            self._field = ""
            self._write = self._open(event) if event.name == FILE_PART else _drop
        elif isinstance(event, Data):
            self._write(event.data)
            if not event.more_data and self._field:
                self._pairs.append((self._field, self._value.decode("utf-8", "replace")))

    def finished(self) -> Received:
        """What was received."""
        return Received(replace(gms_body.from_pairs(self._pairs), has_file=self._file_seen), self._incoming)

    def close(self) -> None:
        """Remove what came of the file."""
        if self._incoming is not None:
            self._incoming.close()

    def _open(self, part: File) -> Callable[[bytes], None]:
        if self._file_seen:
            raise Rejected(MISSING_OR_MALFORMED, FILE_PART)
        self._file_seen = True
        self._incoming = self._begin(gms_body.from_pairs(self._pairs), part.filename)
        return self._incoming.spool.write if self._incoming is not None else _drop

    def _remember(self, data: bytes) -> None:
        self._memory += len(data)
        if self._memory > MAX_FORM_MEMORY:
            raise RequestEntityTooLarge
        self._value += data


def _drop(data: bytes) -> None:
    """A part that nobody wants."""
