"""Shapes of what runs now (`admin_live`); they are the OpenAPI document, and request schemas also check."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from gateway.api.admin_schemas import MAX_ID

DEFAULT_ROWS, MAX_ROWS = 200, 1000


def _time(description: str) -> fields.String:
    return fields.String(required=True, metadata={"format": "date-time", "description": description})


def _total() -> fields.Integer:
    return fields.Integer(required=True, metadata={"description": "How many there are in all."})


class LimitSchema(ma.Schema):
    """How many rows."""

    limit = fields.Integer(load_default=DEFAULT_ROWS, validate=validate.Range(min=1, max=MAX_ROWS))


class ReadingSchema(ma.Schema):
    """A chat that a session receives."""

    id = fields.String(required=True)
    cursor = fields.Integer(required=True, metadata={"description": "Index handed out."})
    confirmed = fields.Integer(required=True, metadata={"description": "Index known to have arrived."})


class SessionSchema(ma.Schema):
    """A Bayeux session."""

    id = fields.String(required=True, metadata={"description": "The beginning of its client id."})
    transport = fields.String(required=True)
    connected = fields.Boolean(required=True, metadata={"description": "A websocket or a poll is open."})
    createdAt = _time("Its handshake.")
    queued = fields.Integer(required=True, metadata={"description": "Messages that wait in its outbox."})
    account = fields.String(required=True, allow_none=True, metadata={"description": "Of an agent or a bot."})
    chats = fields.List(fields.Nested(ReadingSchema), required=True)


class SessionsSchema(ma.Schema):
    """The newest sessions of this node."""

    items = fields.List(fields.Nested(SessionSchema), required=True)
    total = _total()


class NodeSchema(ma.Schema):
    """A node."""

    id = fields.String(required=True)
    address = fields.String(required=True, metadata={"description": "Its machine's name."})
    version = fields.String(required=True)
    startedAt = _time("Its start.")
    heartbeatAt = _time("When it was last heard of.")
    state = fields.String(required=True, validate=validate.OneOf(("running", "draining")))
    leader = fields.Boolean(required=True)
    sessions = fields.Integer(required=True)
    chats = fields.Integer(required=True)
    websockets = fields.Integer(required=True)
    heldPolls = fields.Integer(required=True)


class NodesSchema(ma.Schema):
    """All nodes."""

    items = fields.List(fields.Nested(NodeSchema), required=True)


class FiguresSchema(ma.Schema):
    """Counters and gauges by the names of /metrics."""

    at = _time("When they were read.")
    values = fields.Dict(keys=fields.String(), values=fields.Float(), required=True)


class TestSchema(ma.Schema):
    """Which destination to test."""

    provider = fields.String(
        load_default="",
        validate=validate.Length(max=MAX_ID),
        metadata={"description": "Empty: the destination of [push]."},
    )
    debug = fields.Boolean(load_default=False)


class TestResultSchema(ma.Schema):
    """What the receiver answered."""

    id = fields.String(required=True, metadata={"description": "The `webhook-id`."})
    delivered = fields.Boolean(required=True, metadata={"description": "2xx."})
    status = fields.Integer(required=True, allow_none=True, metadata={"description": "null: no answer."})
    error = fields.String(required=True, allow_none=True)
    durationMs = fields.Integer(required=True)
    responseHead = fields.String(required=True, metadata={"description": "Secrets are masked."})
