"""Shapes of /admin/v1/chats (`admin_chats`): the OpenAPI document; request schemas also check."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from gateway.api.agent_schemas import MAX_POSITION, EventSchema
from gateway.chat.archive import MAX_PAGE, STATES
from gateway.model.session import ChatState

FORMATS = ("json", "text")
_TEXT_LENGTH = 500
_STATE = validate.OneOf([state.value for state in ChatState])


def _words(description: str) -> fields.String:
    return fields.String(
        load_default="", validate=validate.Length(max=_TEXT_LENGTH), metadata={"description": description}
    )


def _time(description: str, *, optional: bool = False) -> fields.String:
    return fields.String(
        required=True,
        allow_none=optional,
        metadata={"format": "date-time", "description": description},
    )


class SearchSchema(ma.Schema):
    """Which chats to find; everything given must match. Words are found by their beginnings."""

    text = _words("Words of one message.")
    customer = _words("Words of the customer's nickname or e-mail address.")
    agent = _words("Words of the nickname or account of an agent, supervisor or bot.")
    service = fields.String(load_default="", validate=validate.Length(max=64))
    state = fields.String(
        validate=validate.OneOf(tuple(STATES)), metadata={"description": "`open`: every state but ended."}
    )
    since = fields.AwareDateTime(
        data_key="from", default_timezone=UTC, metadata={"description": "Begun then or later (RFC 3339)."}
    )
    until = fields.AwareDateTime(
        data_key="to", default_timezone=UTC, metadata={"description": "Begun before then."}
    )
    cursor = fields.Integer(
        validate=validate.Range(min=1, max=MAX_POSITION),
        metadata={"description": "`next` of the page before."},
    )
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=MAX_PAGE))


class ListedChatSchema(ma.Schema):
    """A chat without anything that was said or attached in it."""

    chatId = fields.String(required=True)
    service = fields.String(required=True)
    state = fields.String(required=True, validate=_STATE)
    nickname = fields.String(required=True, metadata={"description": "The customer's."})
    email = fields.String(required=True)
    agents = fields.List(
        fields.String(), required=True, metadata={"description": "Agents and supervisors who are in it."}
    )
    createdAt = _time("Its start.")
    lastEventAt = _time("Its newest event.")
    endedAt = _time("Its end; null while it is open.", optional=True)
    lastIndex = fields.Integer(required=True, metadata={"description": "Index of its newest event."})
    transports = fields.List(
        fields.String(), required=True, metadata={"description": "Of the customer's CometD sessions."}
    )
    push = fields.String(required=True, allow_none=True, metadata={"description": "Type of its device."})
    reliable = fields.Boolean(required=True, metadata={"description": "Reminded until it is fetched."})


class ListedChatsSchema(ma.Schema):
    """Chats, newest first."""

    items = fields.List(fields.Nested(ListedChatSchema), required=True)
    next = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "The next page's `cursor`; null at the end."},
    )


class PartySchema(ma.Schema):
    """Somebody who took part."""

    participantId = fields.Integer(required=True)
    nickname = fields.String(required=True)
    type = fields.String(required=True)
    style = fields.String(required=True, allow_none=True)
    account = fields.String(required=True, allow_none=True)


class StoredChatSchema(ma.Schema):
    """A chat with its people and attached data, without its events."""

    chatId = fields.String(required=True)
    service = fields.String(required=True)
    endpoint = fields.String(required=True)
    state = fields.String(required=True, validate=_STATE)
    nickname = fields.String(required=True)
    email = fields.String(required=True)
    subject = fields.String(required=True)
    createdAt = _time("Its start.")
    endedAt = _time("Its end; null while it is open.", optional=True)
    participants = fields.List(fields.Nested(PartySchema), required=True)
    userData = fields.Dict(required=True, keys=fields.String(), values=fields.String())
    lastIndex = fields.Integer(required=True)


class ExportedSchema(StoredChatSchema):
    """A chat with all its events."""

    events = fields.List(fields.Nested(EventSchema), required=True)


class FormatSchema(ma.Schema):
    """How to export."""

    format = fields.String(load_default="json", validate=validate.OneOf(FORMATS))


class CustomerSchema(ma.Schema):
    """Whose chats to delete: those with this e-mail address, and those with this entry in their user data."""

    email = fields.String(validate=validate.Length(min=1, max=254))
    key = fields.String(validate=validate.Length(min=1, max=128))
    value = fields.String(validate=validate.Length(max=8192))

    @ma.validates_schema
    def names_somebody(self, data: Mapping[str, Any], **_: Any) -> None:
        """One of the two is needed, a key only with its value."""
        if "email" not in data and "key" not in data:
            raise ma.ValidationError("email, or key and value", "email")
        if ("key" in data) != ("value" in data):
            raise ma.ValidationError("key and value belong together", "value")


class DeletedSchema(ma.Schema):
    """What was deleted."""

    deleted = fields.Integer(required=True)
