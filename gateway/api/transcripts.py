"""Transcripts for supervisors and administrators: `/admin/v1/chats`, search, export, deletion.

Supervisors and administrators read; only administrators delete. It holds no rules of chats: those are
`chat/archive.py`. Each export and deletion is logged with the account that asked for it.

`create_blueprint` is called once by `app` and registered with the Api of `openapi.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
import structlog
from flask import Response, g, request
from flask_smorest import Blueprint
from marshmallow import fields, validate

from gateway.api import agent_schemas as schemas
from gateway.api import problem
from gateway.api.bearer import account_of
from gateway.chat import export
from gateway.chat.accounts import ADMIN, SUPERVISOR, Accounts
from gateway.chat.archive import MAX_PAGE, Archive, Customer
from gateway.errors import Forbidden
from gateway.model.session import ChatState
from gateway.observe.metrics import Metrics
from gateway.rates import Rates
from gateway.store.roles import ArchiveQuery

PREFIX = "/admin/v1/chats"
MAX_BODY_BYTES = 65_536
_READERS = frozenset({ADMIN, SUPERVISOR})
_TEXT_LENGTH = 500
# A chat's transcript as a file; the id has letters and digits only.
_TYPES = {"json": "application/json", "text": "text/plain; charset=utf-8"}

log = structlog.get_logger(__name__)


def _words(description: str) -> fields.String:
    return fields.String(
        load_default="", validate=validate.Length(max=_TEXT_LENGTH), metadata={"description": description}
    )


class SearchSchema(ma.Schema):
    """Which chats to find; everything given must match. Words are found by their beginnings."""

    text = _words("Words of one message.")
    customer = _words("Words of the customer's nickname or e-mail address.")
    agent = _words("Words of the nickname or account of an agent, supervisor or bot.")
    service = fields.String(load_default="", validate=validate.Length(max=64))
    state = fields.String(validate=validate.OneOf([state.value for state in ChatState]))
    since = fields.AwareDateTime(
        data_key="from", default_timezone=UTC, metadata={"description": "Begun then or later (RFC 3339)."}
    )
    until = fields.AwareDateTime(
        data_key="to", default_timezone=UTC, metadata={"description": "Begun before then."}
    )
    cursor = fields.Integer(
        validate=validate.Range(min=1, max=schemas.MAX_POSITION),
        metadata={"description": "`cursor` of the page before."},
    )
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=MAX_PAGE))


class PartySchema(ma.Schema):
    """Somebody who took part."""

    participantId = fields.Integer(required=True)
    nickname = fields.String(required=True)
    type = fields.String(required=True)
    style = fields.String(required=True, allow_none=True)
    account = fields.String(required=True, allow_none=True)


class StoredChatSchema(ma.Schema):
    """A stored chat without its events."""

    chatId = fields.String(required=True)
    service = fields.String(required=True)
    endpoint = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf([state.value for state in ChatState]))
    nickname = fields.String(required=True)
    email = fields.String(required=True)
    subject = fields.String(required=True)
    createdAt = fields.String(required=True, metadata={"format": "date-time"})
    endedAt = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    participants = fields.List(fields.Nested(PartySchema), required=True)
    userData = fields.Dict(required=True, keys=fields.String(), values=fields.String())
    lastIndex = fields.Integer(required=True)


class StoredChatsSchema(ma.Schema):
    """Chats, newest first."""

    items = fields.List(fields.Nested(StoredChatSchema), required=True)
    cursor = fields.Integer(
        required=True, allow_none=True, metadata={"description": "For the next page; null at the end."}
    )


class ExportedSchema(StoredChatSchema):
    """A chat with all its events."""

    events = fields.List(fields.Nested(schemas.EventSchema), required=True)


class FormatSchema(ma.Schema):
    """How to export."""

    format = fields.String(load_default="json", validate=validate.OneOf(tuple(_TYPES)))


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


def create_blueprint(
    *, archive: Archive, accounts: Accounts, metrics: Metrics, rates: Rates | None = None
) -> Blueprint:
    """The blueprint of /admin/v1/chats."""
    blueprint = Blueprint("transcripts", __name__, url_prefix=PREFIX, description="Stored chats.")
    blueprint.ARGUMENTS_PARSER = schemas.JsonParser()
    problem.install(blueprint)

    @blueprint.before_request
    def authenticate() -> None:
        request.max_content_length = MAX_BODY_BYTES
        if request.method != "OPTIONS":
            g.account = account_of(request, accounts)
            if rates is not None:
                rates.agent(g.account.name)
            deletes = request.method in ("DELETE", "POST")
            if g.account.role not in _READERS or (deletes and g.account.role != ADMIN):
                raise Forbidden("for administrators" if deletes else "for supervisors and administrators")

    @blueprint.after_request
    def finish(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        metrics.bound("http_requests_total", "admin", str(response.status_code)).inc()
        return response

    def search(query: Mapping[str, Any]) -> dict[str, Any]:
        """Find stored chats, newest first.

        What was said is found when its chat has ended or has been quiet for some seconds.
        """
        page = archive.search(archive_query(query), cursor=query.get("cursor"), limit=query["limit"])
        return {"items": [export.summary(chat) for chat in page.chats], "cursor": page.cursor}

    def show(chatId: str) -> dict[str, Any]:
        """One chat without its events."""
        return export.summary(archive.chat(chatId))

    def exported(query: Mapping[str, Any], chatId: str) -> Response:
        """One chat with all its events, as JSON or as text."""
        wanted = query["format"]
        body = archive.as_json(chatId) if wanted == "json" else archive.as_text(chatId)
        log.info("chat_exported", chat_id=chatId, account=g.account.name)
        response = Response(body, content_type=_TYPES[wanted])
        response.headers["Content-Disposition"] = "attachment"
        return response

    def purge(chatId: str) -> Response:
        """Delete a chat with everything that belongs to it. An open one ends for everybody first."""
        archive.purge(chatId)
        log.info("chat_deleted", chat_id=chatId, account=g.account.name)
        return Response(status=204)

    def purge_customer(body: Mapping[str, Any]) -> dict[str, Any]:
        """Delete all chats of a customer."""
        deleted, _ = archive.purge_customer(Customer(**body))
        log.info("customer_deleted", chats=deleted, account=g.account.name)
        return {"deleted": deleted}

    _add(blueprint, "GET", "", search, answer=StoredChatsSchema, query=SearchSchema, problems=(422,))
    _add(blueprint, "GET", "/<chatId>", show, answer=StoredChatSchema, problems=(404,))
    _add(
        blueprint,
        "GET",
        "/<chatId>/export",
        exported,
        answer=ExportedSchema,
        query=FormatSchema,
        problems=(404, 422),
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    _add(blueprint, "DELETE", "/<chatId>", purge, status=204, problems=(404,))
    _add(
        blueprint,
        "POST",
        "/purge",
        purge_customer,
        answer=DeletedSchema,
        body=CustomerSchema,
        problems=(400, 413, 415, 422),
    )
    return blueprint


def _add(
    blueprint: Blueprint,
    method: str,
    rule: str,
    view: Any,
    *,
    answer: type[ma.Schema] | None = None,
    query: type[ma.Schema] | None = None,
    body: type[ma.Schema] | None = None,
    status: int = 200,
    problems: tuple[int, ...] = (),
    **more: Any,
) -> None:
    """One operation; `more` are members of its OpenAPI object."""
    name = view.__name__
    if query is not None:
        view = blueprint.arguments(query, location="query")(view)
    if body is not None:
        view = blueprint.arguments(body)(view)
    view = blueprint.response(status, answer)(view)
    for code in (401, 403, 429, 500, 503, *problems):
        view = blueprint.alt_response(code, schema=schemas.ProblemSchema, content_type=problem.CONTENT_TYPE)(
            view
        )
    view = blueprint.doc(operationId=f"{name}_transcripts", security=[{"bearer": []}], **more)(view)
    blueprint.add_url_rule(rule, name, view, methods=[method])


def archive_query(query: Mapping[str, Any]) -> ArchiveQuery:
    """What a `SearchSchema` asks for."""
    return ArchiveQuery(
        text=query["text"],
        customer=query["customer"],
        agent=query["agent"],
        service=query["service"],
        state=ChatState(query["state"]) if "state" in query else None,
        from_ms=_milliseconds(query.get("since")),
        until_ms=_milliseconds(query.get("until")),
    )


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)
