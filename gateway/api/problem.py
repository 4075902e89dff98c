"""Errors of our own APIs: `application/problem+json` (RFC 9457), one shape for every failure, never HTML.

`install` is called for each blueprint of an own API and once for the application, where it answers what no
route matched. The GMS paths have their own handlers. `answer` is the whole translation, so that an edge
with a different scope can decide itself when to use it.

A problem says what the caller can act on. The text of an exception that we did not raise on purpose never
leaves the process; it is in the log under `unhandled_error`.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from flask import Blueprint, Flask, Response
from werkzeug.exceptions import HTTPException

from gateway.errors import (
    AlreadyAccepted,
    ChatGone,
    Conflict,
    Forbidden,
    GatewayError,
    NotFound,
    RateLimited,
    Rejected,
    StateConflict,
    Unauthorised,
    Unavailable,
)

CONTENT_TYPE = "application/problem+json"
# The name of its schema in the OpenAPI document.
SCHEMA = "Problem"
# Seconds until a repeated call makes sense: a store that is busy or restarting is back within a few.
RETRY_AFTER_SECONDS = 2
CHALLENGE = 'Bearer realm="gateway"'

# The most specific class first; what is not listed is a bug and answers 500.
_STATUS: tuple[tuple[type[GatewayError], HTTPStatus], ...] = (
    (Unauthorised, HTTPStatus.UNAUTHORIZED),
    (Rejected, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ChatGone, HTTPStatus.NOT_FOUND),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (StateConflict, HTTPStatus.CONFLICT),
    (Conflict, HTTPStatus.SERVICE_UNAVAILABLE),
    (RateLimited, HTTPStatus.TOO_MANY_REQUESTS),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
_FIXED_DETAIL: Mapping[type[GatewayError], str] = {
    ChatGone: "no such chat, or it has ended",
    Conflict: "the chat changed at the same moment; repeat the request",
    RateLimited: "too many requests; nothing was done",
    Unavailable: "the gateway cannot do this now; nothing was done, repeat the request",
}
# The Chat API's codes in words; the advice names the member.
_REJECTIONS: Mapping[int, str] = {101: "missing or malformed", 204: "too long"}

log = structlog.get_logger(__name__)


def problem(
    status: int, detail: str | None = None, *, headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """A problem answer: `status`, its standard `title`, `detail` for people and extension `members`.

    401 carries a Bearer challenge and 503 a `Retry-After` unless `headers` say otherwise.
    """
    body: dict[str, Any] = {"type": "about:blank", "title": _title(status), "status": status}
    if detail:
        body["detail"] = detail
    body.update(members)
    response = Response(orjson.dumps(body), status=status, content_type=CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = CHALLENGE
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    response.headers.update(headers or {})
    return response


def answer(error: Exception) -> Response:
    """The problem answer for any exception; an unexpected one is logged and says nothing about itself."""
    if isinstance(error, HTTPException):
        return _from_http(error)
    if isinstance(error, GatewayError):
        return _from_gateway(error)
    log.error("unhandled_error", exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the gateway failed; the log has the reason")


def install(scope: Flask | Blueprint) -> None:
    """Answer every exception that is raised within `scope` as a problem."""
    for kind in (HTTPException, GatewayError, Exception):
        scope.register_error_handler(kind, answer)


def _from_gateway(error: GatewayError) -> Response:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), None)
    if status is None:
        log.error("unhandled_error", exc_info=error)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the gateway failed; the log has the reason")
    detail = _FIXED_DETAIL.get(type(error)) or str(error) or None
    if isinstance(error, AlreadyAccepted):
        return problem(status, detail, by=error.by)
    if isinstance(error, RateLimited):
        return problem(status, detail, headers={"Retry-After": str(error.retry_after_s)})
    if isinstance(error, Rejected):
        return problem(status, f"{_REJECTIONS.get(error.code, 'refused')}: {error.advice}", code=error.code)
    return problem(status, detail)


def _from_http(error: HTTPException) -> Response:
    """Werkzeug's and webargs' errors; redirects pass, validation messages become the member `errors`."""
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if status < HTTPStatus.BAD_REQUEST:
        return error.get_response()  # type: ignore[return-value]
    headers = {name: value for name, value in error.get_headers() if name.lower() in ("allow", "retry-after")}
    data = getattr(error, "data", None) or {}
    messages = data.get("errors") or data.get("messages")
    if messages:
        return problem(
            status, "the request does not fit its schema", headers=headers, errors=_plain(messages)
        )
    return problem(status, data.get("message") or error.description, headers=headers)


def _plain(messages: Any) -> Any:
    """Validation messages as JSON: keys may be list positions, values anything a validator put there."""
    if isinstance(messages, Mapping):
        return {str(key)[:200]: _plain(value) for key, value in messages.items()}
    if isinstance(messages, (list, tuple)):
        return [_plain(value) for value in messages]
    return str(messages)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
