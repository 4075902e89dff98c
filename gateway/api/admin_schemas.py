"""Shapes of the administrators' API; they are the OpenAPI document, and request schemas also check."""

from __future__ import annotations

import re
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from gateway.model.deliveries import DeliveryKind, DeliveryState
from gateway.model.inspection import Cursor, StatusClass

PAGE, MAX_PAGE = 50, 200
MAX_ID = 256
# Times and row numbers fit SQLite's integers; more digits are no time.
_CURSOR = re.compile(r"([0-9]{1,15})-([0-9]{1,15})")
_STATES = tuple(state.value for state in DeliveryState)
_STATUS_CLASSES = tuple(name.value for name in StatusClass)
_KINDS = tuple(kind.value for kind in DeliveryKind)


class CursorField(fields.Field):
    """`next` of a page, to be given back as it came."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Cursor:
        found = _CURSOR.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ma.ValidationError("Not a cursor of a listing.")
        return int(found[1]), int(found[2])


def cursor_text(cursor: Cursor | None) -> str | None:
    """A cursor as it is shown."""
    return None if cursor is None else f"{cursor[0]}-{cursor[1]}"


def _id(description: str) -> fields.String:
    return fields.String(validate=validate.Length(max=MAX_ID), metadata={"description": description})


def _time(description: str) -> fields.AwareDateTime:
    return fields.AwareDateTime(
        format="iso", default_timezone=None, metadata={"description": f"{description} With a time zone."}
    )


class FilterSchema(ma.Schema):
    """Which notifications are meant; what is absent does not restrict."""

    chatId = _id("Of this chat.")
    deviceId = _id("To this device.")
    provider = _id("To this provider; empty: to the destination of [push].")
    debug = fields.Boolean(metadata={"description": "To debug destinations, or to production ones."})
    kind = fields.String(validate=validate.OneOf(_KINDS))
    since = _time("Created at this time or later.")
    until = _time("Created before this time.")
    statusClass = fields.List(
        fields.String(validate=validate.OneOf(_STATUS_CLASSES)),
        metadata={"description": "Whose last attempt was answered so; none: without an answer."},
    )


class ListQuerySchema(FilterSchema):
    """A page of the log, newest first."""

    state = fields.List(
        fields.String(validate=validate.OneOf(_STATES)),
        metadata={"description": "In one of these states; repeat the parameter for several."},
    )
    cursor = CursorField(metadata={"type": "string", "description": "`next` of the page before."})
    limit = fields.Integer(load_default=PAGE, validate=validate.Range(min=1, max=MAX_PAGE))


class WindowSchema(FilterSchema):
    """Which dead letters to send again."""

    since = fields.AwareDateTime(
        format="iso",
        default_timezone=None,
        required=True,
        metadata={"description": "Created at this time or later. With a time zone."},
    )
    state = fields.List(
        fields.String(validate=validate.OneOf(("failed", "exhausted", "skipped"))),
        metadata={"description": "Those in these states; absent: failed and exhausted."},
    )
    dryRun = fields.Boolean(load_default=False, metadata={"description": "Only count."})


class WindowResultSchema(ma.Schema):
    """What a replay of a window found and did."""

    matched = fields.Integer(required=True, metadata={"description": "How many fit, at most 10,000."})
    replayed = fields.Integer(required=True)
    more = fields.Boolean(
        required=True, metadata={"description": "More fit than one request replays; repeat it."}
    )
    dryRun = fields.Boolean(required=True)


class AttemptSchema(ma.Schema):
    """One HTTP request made for a notification."""

    number = fields.Integer(required=True)
    startedAt = fields.String(required=True, metadata={"format": "date-time"})
    durationMs = fields.Integer(required=True)
    status = fields.Integer(required=True, allow_none=True, metadata={"description": "null: no answer."})
    error = fields.String(required=True, allow_none=True)


class FullAttemptSchema(AttemptSchema):
    """An attempt with the beginning of its answer."""

    responseHead = fields.String(
        required=True, metadata={"description": "The body's first 20,000 bytes; secrets are masked."}
    )


class ReplayRecordSchema(ma.Schema):
    """Who asked for a replay."""

    attempt = fields.Integer(required=True, metadata={"description": "The number of the attempt it led to."})
    at = fields.String(required=True, metadata={"format": "date-time"})
    by = fields.String(required=True, metadata={"description": "The account, or who ran the command line."})


class DeliverySchema(ma.Schema):
    """A notification as it is listed."""

    id = fields.String(required=True, metadata={"description": "The `webhook-id`."})
    chatId = fields.String(required=True)
    userId = fields.String(required=True)
    deviceId = fields.String(required=True)
    position = fields.Integer(required=True)
    eventType = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(_KINDS))
    provider = fields.String(required=True, metadata={"description": "Empty: the destination of [push]."})
    debug = fields.Boolean(required=True)
    state = fields.String(required=True, validate=validate.OneOf(_STATES))
    attempts = fields.Integer(required=True)
    replays = fields.Integer(
        required=True, metadata={"description": "How many attempts an operator asked for."}
    )
    createdAt = fields.String(required=True, metadata={"format": "date-time"})
    dueAt = fields.String(required=True, metadata={"format": "date-time"})


class ListedSchema(DeliverySchema):
    """A notification with its last attempt."""

    last = fields.Nested(AttemptSchema, required=True, allow_none=True)


class PageSchema(ma.Schema):
    """A page of the log; it may be short although `next` leads on: a search stops at times."""

    items = fields.List(fields.Nested(ListedSchema), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "null: the end."})


class DetailSchema(DeliverySchema):
    """A notification in full."""

    headers = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        allow_none=True,
        metadata={"description": "Of its last attempt, the operator's values masked; null: no destination."},
    )
    body = fields.String(
        required=True, allow_none=True, metadata={"description": "null where `log_bodies` keeps it back."}
    )
    history = fields.List(fields.Nested(FullAttemptSchema), required=True)
    replayedBy = fields.List(
        fields.Nested(ReplayRecordSchema), required=True, metadata={"description": "Oldest first."}
    )


class DestinationSchema(ma.Schema):
    """A destination and its circuit breaker."""

    id = fields.String(required=True, metadata={"description": "The key as it stands in paths."})
    key = fields.String(required=True, metadata={"description": "Address and provider."})
    provider = fields.String(required=True)
    debug = fields.Boolean(required=True)
    state = fields.String(required=True, validate=validate.OneOf(("closed", "open", "half-open", "disabled")))
    since = fields.String(required=True, metadata={"format": "date-time"})
    until = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    failures = fields.Integer(required=True)
    successes = fields.Integer(required=True)
    inFlight = fields.Integer(required=True)
    waiting = fields.Integer(required=True)


class DestinationsSchema(ma.Schema):
    """All destinations that this node has sent to."""

    items = fields.List(fields.Nested(DestinationSchema), required=True)


class OptionSchema(ma.Schema):
    """One option as it is in force."""

    section = fields.String(required=True)
    name = fields.String(required=True)
    value = fields.String(required=True, metadata={"description": "As in an ini file; secrets are masked."})
    origin = fields.String(required=True, metadata={"description": "default, file:line or env NAME."})
    secret = fields.Boolean(required=True)


class ConfigSchema(ma.Schema):
    """The effective configuration."""

    items = fields.List(fields.Nested(OptionSchema), required=True)
    warnings = fields.List(fields.String(), required=True)
