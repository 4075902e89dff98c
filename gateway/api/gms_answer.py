"""Answers of the GMS paths: headers, and the one translation of errors into the GMS shape (9, decision 13).

Every body is built by `model/payload.py`. Failures of the request are HTTP 400 with `errors`, a chat that is
gone is HTTP 200 with statusCode 2 and code 249 (one answer for unknown chat, wrong key and ended chat), and
temporary trouble is HTTP 200 with statusCode 1, which clients answer by asking again; only a file that cannot
be had yet is a 503, because a browser would save a 200 as the file.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from flask import Response
from werkzeug.exceptions import HTTPException, TooManyRequests

from gateway.errors import ChatGone, Conflict, NotReady, RateLimited, Rejected, Unauthorised, Unavailable
from gateway.files.limits import NO_FILE, FileRefused
from gateway.model import payload

CONTENT_TYPE = "application/json;charset=utf-8"
METHODS = "POST, OPTIONS"
_HEADERS = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))

GONE = 249
UNREADABLE = 100

# Rejections that are not HTTP 400 (9.3).
_STATUS: Mapping[int, int] = {NO_FILE: 404}
_CHALLENGE = 'Basic realm="chat", charset="UTF-8"'

log = structlog.get_logger(__name__)


class OriginRefused(Exception):
    """The request comes from a web origin that is not on the list (decision 18)."""


# Says that an operation with this message id had been done before; the body is the one of that time.
REPLAY = ("Idempotent-Replay", "1")


def answer(body: bytes, status: int = 200) -> Response:
    """A JSON answer with the headers that every GMS answer has."""
    return Response(body, status=status, headers=_HEADERS, content_type=CONTENT_TYPE)


def error_answer(error: Exception, *, chat_id: str, alias: str, reference: int) -> Response:
    """The answer to a request that failed. `reference` ties the answer of a gone chat to its log line."""
    if isinstance(error, ChatGone):
        log.info("chat_gone", chat_id=chat_id, reference=reference)
        advice = f"Media server was not able to execute request. referenceId[{reference}]"
        return answer(
            payload.failure(GONE, advice, status_code=2, chat_id=chat_id, alias=alias, chat_ended=True)
        )
    if isinstance(error, RateLimited):  # counted by the metric; a log line each would reward a flood
        response = answer(payload.failure(None, "", status_code=1, chat_id=chat_id, alias=alias))
        response.headers["Retry-After"] = str(error.retry_after_s)
        return response
    if isinstance(error, Unavailable | Conflict):
        log.warning("request_postponed", chat_id=chat_id, reason=str(error))
        status = 503 if isinstance(error, NotReady) else 200
        return answer(payload.failure(None, "", status_code=1, chat_id=chat_id, alias=alias), status)
    if isinstance(error, Rejected):
        return _rejected(error, chat_id=chat_id, alias=alias)
    if isinstance(error, OriginRefused):
        body = payload.failure(UNREADABLE, "origin not allowed", status_code=2, chat_id=chat_id, alias=alias)
        return answer(body, 403)
    if isinstance(error, HTTPException):
        return _http(error, chat_id=chat_id, alias=alias)
    log.error("unhandled_error", chat_id=chat_id, exc_info=error)
    return answer(payload.failure(None, "", status_code=1, chat_id=chat_id, alias=alias), 500)


def _rejected(error: Rejected, *, chat_id: str, alias: str) -> Response:
    status = _STATUS.get(error.code, 400)
    if isinstance(error, Unauthorised):
        status = 401
    elif isinstance(error, FileRefused):
        status = 403
    body = payload.failure(error.code, error.advice, status_code=2, chat_id=chat_id, alias=alias)
    response = answer(body, status)
    if status == 401:
        response.headers["WWW-Authenticate"] = _CHALLENGE
    return response


def _http(error: HTTPException, *, chat_id: str, alias: str) -> Response:
    """What the framework refuses: unknown path, method, size, encoding. Too many requests may be repeated."""
    status = error.code or 500
    again = isinstance(error, TooManyRequests)
    body = payload.failure(
        None if again else UNREADABLE,
        error.name.lower(),
        status_code=1 if again else 2,
        chat_id=chat_id,
        alias=alias,
    )
    response = answer(body, status)
    if status == 405:
        response.headers["Allow"] = METHODS
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(error.retry_after)
    return response
