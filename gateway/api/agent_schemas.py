"""Shapes of the agents' API: what requests must look like, what answers look like, and the parser in between.

The schemas are the OpenAPI document; request schemas also check. Limits of content (lengths, quotas) belong
to `chat`; here is only what keeps any JSON value in any field from reaching it.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import marshmallow as ma
import orjson
from flask import Request
from marshmallow import fields, validate
from webargs.core import missing
from webargs.flaskparser import FlaskParser, abort

# Transcript positions fit a JSON number and an SQLite integer.
MAX_POSITION = 2**53 - 1
# Chats of one page: a list that fills any screen, and an answer of at most a few megabytes.
DEFAULT_CHATS, MAX_CHATS = 100, 200
_AGE = re.compile(r"([0-9]{1,15})-([0-9A-Za-z]{1,64})")


class JsonParser(FlaskParser):
    """Reads bodies with orjson: no NaN, no lone surrogates, no recursion to exhaust.

    A body of another media type is 415, an unreadable one 400, a missing one an empty object.
    """

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        body = req.get_data(cache=True)
        if not body:
            return missing
        if not req.is_json:
            abort(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, message="the body must be application/json")
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            abort(HTTPStatus.BAD_REQUEST, message="the body is not valid JSON")


def _user_data(description: str) -> fields.Dict:
    values = fields.String()
    return fields.Dict(keys=values, values=values, data_key="userData", metadata={"description": description})


def _attributes() -> fields.Dict:
    description = "Structured attributes, handed on as they are; the member GCTI_SYSTEM is the gateway's own."
    return fields.Dict(
        keys=fields.String(),
        data_key="eventAttributes",
        metadata={"description": description},
    )


class ProblemSchema(ma.Schema):
    """An error (RFC 9457), sent as application/problem+json."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(metadata={"description": "What is wrong, for people."})
    by = fields.String(metadata={"description": "Who accepted the chat first (409 of accept)."})
    code = fields.Integer(metadata={"description": "The Chat API error code behind the problem."})
    errors = fields.Dict(metadata={"description": "Validation messages per member (422)."})


class MeSchema(ma.Schema):
    """The calling account and where its live events are."""

    name = fields.String(required=True, metadata={"description": "Nickname of the account in its chats."})
    role = fields.String(required=True, validate=validate.OneOf(("admin", "supervisor", "agent", "bot")))
    cometd = fields.String(required=True, metadata={"description": "Path of the Bayeux endpoint."})
    channel = fields.String(required=True, metadata={"description": "Channel of the live events."})


class ParticipantSchema(ma.Schema):
    """One party of a chat."""

    participantId = fields.Integer(required=True)
    nickname = fields.String(required=True)
    type = fields.String(
        required=True, validate=validate.OneOf(("Client", "Agent", "Supervisor", "External"))
    )
    style = fields.String(allow_none=True, metadata={"description": "BOT for a bot, otherwise null."})
    present = fields.Boolean(required=True)
    mode = fields.String(
        required=True,
        validate=validate.OneOf(("open", "consult", "monitor")),
        metadata={"description": "open: the customer sees the party; otherwise only the personnel do."},
    )


class OfferSchema(ma.Schema):
    """Somebody is asked to join."""

    kind = fields.String(required=True, validate=validate.OneOf(("queue", "transfer", "consult")))
    to = fields.String(required=True, metadata={"description": "The account that is asked."})
    by = fields.String(required=True, allow_none=True, metadata={"description": "Who asks; null: the queue."})
    note = fields.String(required=True)
    until = fields.String(required=True, metadata={"format": "date-time"})


class CustomerWaitsSchema(ma.Schema):
    """Whether the customer waits for an answer to a message."""

    level = fields.Integer(required=True, metadata={"description": "0: no, 1: warning, 2: alarm."})
    since = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})


class ChatNoteSchema(ma.Schema):
    """A note of the personnel."""

    noteId = fields.Integer(required=True)
    author = fields.String(required=True)
    text = fields.String(required=True)
    at = fields.String(required=True, metadata={"format": "date-time"})


class ChatDispositionSchema(ma.Schema):
    """How the chat ended."""

    code = fields.String(required=True)
    author = fields.String(required=True)
    comment = fields.String(required=True)
    at = fields.String(required=True, metadata={"format": "date-time"})


class ChatSchema(ma.Schema):
    """A chat as an agent sees it."""

    chatId = fields.String(required=True)
    service = fields.String(required=True)
    endpoint = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(("waiting", "active", "wrap-up", "ended")))
    nickname = fields.String(required=True, metadata={"description": "The customer's nickname."})
    subject = fields.String(required=True)
    email = fields.String(required=True)
    createdAt = fields.String(required=True, metadata={"format": "date-time"})
    waitingSeconds = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Age of a waiting chat, otherwise null."}
    )
    asynchronous = fields.Boolean(required=True, metadata={"description": "The chat may sleep for days."})
    parked = fields.Boolean(
        required=True, metadata={"description": "It waits for its customer, not for an agent."}
    )
    participants = fields.List(fields.Nested(ParticipantSchema), required=True)
    me = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "participantId of the calling account while it takes part, otherwise null."},
    )
    userData = _user_data("Attached data of the chat.")
    lastIndex = fields.Integer(required=True, metadata={"description": "Index of the newest event."})
    nextPosition = fields.Integer(required=True, metadata={"description": "Position to read on from."})
    readPosition = fields.Integer(
        required=True, metadata={"description": "How far the customer has read; 0 when unknown."}
    )
    agentReadPosition = fields.Integer(required=True, metadata={"description": "How far the agents read."})
    monitored = fields.Boolean(required=True, metadata={"description": "A supervisor watches silently."})
    queue = fields.String(required=True, metadata={"description": "Its queue, tenant:endpoint."})
    queuedAt = fields.String(required=True, metadata={"format": "date-time"})
    queuePosition = fields.Integer(required=True, allow_none=True, metadata={"description": "1 is next."})
    estimatedWaitSeconds = fields.Integer(required=True, allow_none=True)
    customerWaits = fields.Nested(CustomerWaitsSchema, required=True)
    transferNote = fields.String(required=True, metadata={"description": "From the agent before."})
    notes = fields.List(fields.Nested(ChatNoteSchema), required=True)
    disposition = fields.Nested(ChatDispositionSchema, required=True, allow_none=True)
    offers = fields.List(fields.Nested(OfferSchema), required=True)


class ChatListSchema(ma.Schema):
    """Chats, oldest first."""

    items = fields.List(fields.Nested(ChatSchema), required=True)


class ChatPageSchema(ChatListSchema):
    """A page of chats, oldest first."""

    cursor = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The next page's `cursor`; null at the end."},
    )


class AuthorSchema(ma.Schema):
    """Who caused an event."""

    nickname = fields.String(required=True)
    participantId = fields.Integer(required=True)
    type = fields.String(required=True)


class EventSchema(ma.Schema):
    """One transcript event, the same object that the customer gets."""

    author = fields.Nested(AuthorSchema, required=True, data_key="from")
    index = fields.Integer(required=True)
    type = fields.String(required=True, metadata={"description": "Message, ParticipantJoined, PushUrl, ..."})
    utcTime = fields.Integer(required=True, metadata={"description": "Unix time in milliseconds."})
    text = fields.String()
    messageType = fields.String()
    userData = _user_data("Data of the event; values are strings.")
    eventAttributes = _attributes()
    visibility = fields.String(
        metadata={"description": "`agents`: the customer never gets this event. Absent: everybody does."}
    )


class EventsSchema(ma.Schema):
    """Transcript events in index order."""

    chatId = fields.String(required=True)
    items = fields.List(fields.Nested(EventSchema), required=True)
    nextPosition = fields.Integer(required=True, metadata={"description": "`from` of the next request."})


class AgeField(fields.Field):
    """A place in a list of chats (`model.session.Age`) as text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[int, str]:
        found = _AGE.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ma.ValidationError("Not a cursor of this list.")
        return int(found[1]), found[2]


def age_text(age: tuple[int, str]) -> str:
    """A place in a list of chats as it is shown."""
    return f"{age[0]}-{age[1]}"


class ListQuerySchema(ma.Schema):
    """Which chats to list."""

    limit = fields.Integer(load_default=DEFAULT_CHATS, validate=validate.Range(min=1, max=MAX_CHATS))
    cursor = AgeField(metadata={"type": "string", "description": "`cursor` of the page before."})

    state = fields.String(
        validate=validate.OneOf(("waiting", "mine", "parked")),
        metadata={
            "description": "waiting: nobody has accepted them; mine: the caller takes part; absent: both. "
            "parked: asynchronous chats that sleep until their customer writes."
        },
    )


class EventsQuerySchema(ma.Schema):
    """From where to read."""

    start = fields.Integer(
        data_key="from",
        load_default=1,
        validate=validate.Range(min=0, max=MAX_POSITION),
        metadata={"description": "First index wanted; 0 or 1 is the whole transcript."},
    )


class MessageSchema(ma.Schema):
    """A message to send."""

    text = fields.String(required=True)
    message_type = fields.String(data_key="messageType", load_default=None, allow_none=True)
    event_attributes = _attributes()


class TypingSchema(ma.Schema):
    """A typing indication."""

    state = fields.String(load_default="started", validate=validate.OneOf(("started", "stopped")))
    text = fields.String(load_default=None, allow_none=True, metadata={"description": "Preview of the text."})


class NoticeSchema(ma.Schema):
    """A custom notice: a text, attributes, or both."""

    text = fields.String(load_default=None, allow_none=True)
    user_data = _user_data("Data of the notice; values are strings.")
    event_attributes = _attributes()


class PushUrlSchema(ma.Schema):
    """A web address to show to the customer."""

    url = fields.String(required=True, metadata={"format": "uri"})


class FileSchema(ma.Schema):
    """A file of a chat."""

    fileId = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": "What the uploader called it, cleaned."})
    type = fields.String(required=True, metadata={"description": "Media type, by content and extension."})
    size = fields.Integer(required=True, metadata={"description": "Bytes."})
    sha256 = fields.String(required=True)
    participantId = fields.Integer(required=True, metadata={"description": "Who uploaded it."})
    createdAt = fields.String(required=True, metadata={"format": "date-time"})
    state = fields.String(
        required=True,
        validate=validate.OneOf(("pending", "clean")),
        metadata={"description": "pending: waits for its scan and cannot be fetched yet."},
    )


class FileListSchema(ma.Schema):
    """Files, oldest first, and the limits of an upload."""

    items = fields.List(fields.Nested(FileSchema), required=True)
    maxFileSize = fields.Integer(required=True)
    maxTotalSize = fields.Integer(
        required=True, metadata={"description": "For all files that agents upload in one chat."}
    )
    types = fields.List(fields.String(), required=True, metadata={"description": "Extensions."})


class UploadedSchema(ma.Schema):
    """A file that was uploaded, and its event."""

    file = fields.Nested(FileSchema, required=True)
    items = fields.List(fields.Nested(EventSchema), required=True)
    nextPosition = fields.Integer(required=True)
