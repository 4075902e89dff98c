"""The request body as the application sees it when it came in chunks.

gunicorn finds broken chunks only while the application reads, and reports them with its own parse errors,
which no framework knows: they would end as a 500. `ChunkedBody` turns them into an OSError, which werkzeug
answers with 400; an application that lets it pass gets the same 400 from the worker (`refusals`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from gunicorn.http.errors import ParseException

Result = TypeVar("Result")


class MalformedBody(OSError):
    """The body's chunks are not as RFC 9112 section 7.1 wants them; the connection cannot be used further."""


class ChunkedBody:
    """`wsgi.input` around gunicorn's body, with errors that an application understands."""

    __slots__ = ("_body",)

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int | None = None) -> bytes:
        return _checked(self._body.read, size)

    def readline(self, size: int | None = None) -> bytes:
        return _checked(self._body.readline, size)

    def readlines(self, hint: int | None = None) -> list[bytes]:
        return _checked(self._body.readlines, hint)

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line


def _checked(read: Callable[[int | None], Result], size: int | None) -> Result:
    try:
        return read(size)
    except ParseException as error:
        raise MalformedBody(type(error).__name__) from error
