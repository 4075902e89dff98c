"""Answers that the worker gives itself, because no request reached the application or the application failed.

The body is `application/problem+json`, never HTML and never a word of the request (decision 13). Which of
gunicorn's parse errors means which status is the table below; anything that is not a parse error is our
fault, a 500.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from gunicorn.http import errors

from gateway.worker.body import MalformedBody

# The first class that fits decides, so narrow classes come before their bases.
_STATUS_BY_ERROR: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (errors.InvalidResponseHeader, HTTPStatus.INTERNAL_SERVER_ERROR),
    (errors.InvalidResponseHeaderName, HTTPStatus.INTERNAL_SERVER_ERROR),
    (errors.ConfigurationProblem, HTTPStatus.INTERNAL_SERVER_ERROR),
    (errors.LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG),
    (errors.LimitRequestHeaders, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    (errors.ExpectationFailed, HTTPStatus.EXPECTATION_FAILED),
    (errors.UnsupportedTransferCoding, HTTPStatus.NOT_IMPLEMENTED),
    (errors.ForbiddenProxyRequest, HTTPStatus.FORBIDDEN),
    (errors.ParseException, HTTPStatus.BAD_REQUEST),
    (MalformedBody, HTTPStatus.BAD_REQUEST),
)


def status_of(error: BaseException) -> HTTPStatus:
    """Return the HTTP status that this error of parsing or serving a request is answered with."""
    for family, status in _STATUS_BY_ERROR:
        if isinstance(error, family):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def refuse(sock: Any, status: HTTPStatus) -> None:
    """Write a complete answer if the socket takes it at once; the caller closes. Never blocks."""
    body = orjson.dumps({"type": "about:blank", "title": status.phrase, "status": status.value})
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n"
        f"Content-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    try:
        sock.settimeout(0)
        sock.send(head.encode("ascii") + body)
    except OSError:
        pass  # nobody is there to read it
