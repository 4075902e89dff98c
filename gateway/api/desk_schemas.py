"""Shapes of the distribution and of working together (`desk.py`); limits of content belong to `chat`."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from gateway.api.agent_schemas import MAX_POSITION, ChatSchema
from gateway.chat import archive

NAME = validate.Length(min=1, max=100)
# Lists of the personnel are short; a page holds all of most installations.
MAX_PAGE = 200


class PageQuerySchema(ma.Schema):
    """Which part of a list."""

    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=MAX_PAGE))
    offset = fields.Integer(load_default=0, validate=validate.Range(min=0, max=1_000_000))


class PageSchema(ma.Schema):
    """What every page says about its list."""

    total = fields.Integer(required=True)
    limit = fields.Integer(required=True)
    offset = fields.Integer(required=True)


class DutySchema(ma.Schema):
    """Whether an account takes chats, and how many it has."""

    name = fields.String(required=True)
    role = fields.String(required=True, allow_none=True)
    ready = fields.Boolean(required=True)
    reason = fields.String(required=True, metadata={"description": "`lost`, `no answer`, or own words."})
    since = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    connected = fields.Boolean(required=True, metadata={"description": "Whether live events are open."})
    capacity = fields.Integer(required=True)
    chats = fields.Integer(required=True, metadata={"description": "Chats that it serves now."})
    offered = fields.Integer(required=True, metadata={"description": "Chats that are offered to it now."})
    endpoints = fields.List(
        fields.String(), required=True, metadata={"description": "Its queues; none: all."}
    )
    autoAccept = fields.Boolean(required=True)


class SetDutySchema(ma.Schema):
    """Ready or not."""

    ready = fields.Boolean(required=True)
    reason = fields.String(load_default="", validate=validate.Length(max=100))


class DutyPageSchema(PageSchema):
    """The personnel."""

    items = fields.List(fields.Nested(DutySchema), required=True)


class QueueSchema(ma.Schema):
    """One queue."""

    queue = fields.String(required=True, metadata={"description": "tenant:endpoint"})
    waiting = fields.Integer(required=True)
    oldestSeconds = fields.Integer(required=True)
    readyAgents = fields.Integer(required=True)
    estimatedWaitSeconds = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Of somebody who comes now; null: unknown."},
    )


class QueuesSchema(ma.Schema):
    """Queues in which somebody waits."""

    items = fields.List(fields.Nested(QueueSchema), required=True)


class AskSchema(ma.Schema):
    """Whom to ask, and what to say."""

    agent = fields.String(required=True, validate=NAME)
    note = fields.String(load_default="")


class TransferSchema(ma.Schema):
    """To whom: exactly one of `agent` and `queue`."""

    agent = fields.String(load_default=None, allow_none=True, validate=NAME)
    queue = fields.String(load_default=None, allow_none=True)
    note = fields.String(load_default="", metadata={"description": "For the next agent only."})

    @ma.validates_schema
    def one_target(self, data: dict, **_kwargs: object) -> None:
        """A transfer has one target."""
        if (data["agent"] is None) == (data["queue"] is None):
            raise ma.ValidationError("exactly one of agent and queue", "agent")


class WithdrawSchema(ma.Schema):
    """Whose offer to take back."""

    agent = fields.String(required=True, validate=NAME)


class WhisperSchema(ma.Schema):
    """A message to the personnel only."""

    text = fields.String(required=True)


class NoteSchema(ma.Schema):
    """A note."""

    text = fields.String(required=True)


class DispositionSchema(ma.Schema):
    """How the chat ended."""

    code = fields.String(required=True)
    comment = fields.String(load_default="")


class DispositionsQuerySchema(ma.Schema):
    """Of which service."""

    service = fields.String(load_default="", validate=validate.Length(max=64))


class DispositionsSchema(ma.Schema):
    """The list to choose from; empty: any text."""

    items = fields.List(fields.String(), required=True)
    required = fields.Boolean(required=True)


class ReadSchema(ma.Schema):
    """How far the caller has read."""

    position = fields.Integer(required=True, validate=validate.Range(min=0, max=MAX_POSITION))


class ReplyBodySchema(ma.Schema):
    """A canned reply."""

    shortcut = fields.String(required=True)
    text = fields.String(required=True)
    service = fields.String(load_default="", metadata={"description": "Empty: every service."})
    shared = fields.Boolean(load_default=False, metadata={"description": "For everybody; supervisors only."})


class ReplySchema(ReplyBodySchema):
    """A canned reply as stored."""

    replyId = fields.String(required=True)
    updatedAt = fields.String(required=True, metadata={"format": "date-time"})


class ReplyPageSchema(PageSchema):
    """Canned replies by shortcut."""

    items = fields.List(fields.Nested(ReplySchema), required=True)


class RepliesQuerySchema(PageQuerySchema):
    """Of which service."""

    service = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=64))


class HistoryQuerySchema(ma.Schema):
    """Which part of a customer's history."""

    cursor = fields.Integer(
        validate=validate.Range(min=1, max=MAX_POSITION),
        metadata={"description": "`cursor` of the page before."},
    )
    limit = fields.Integer(load_default=20, validate=validate.Range(min=1, max=archive.MAX_PAGE))


class HistorySchema(ma.Schema):
    """Chats that were, newest first."""

    items = fields.List(fields.Nested(ChatSchema), required=True)
    cursor = fields.Integer(
        required=True, allow_none=True, metadata={"description": "For the next page; null at the end."}
    )


class NothingSchema(ma.Schema):
    """Done; there is nothing to say."""
