"""All chats that are stored, open and ended, under `/admin/v1/chats`: list and search, export, deletion.

Supervisors and administrators read; only administrators delete. It holds no rules of chats: those are
`chat/archive.py`. Each export and deletion is logged with the account that asked for it.

`create_blueprint` is called once by `app` and registered with the Api of `openapi.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import structlog
from flask import Response, g
from flask_smorest import Blueprint

from gateway.api import admin_chats_schemas as schemas
from gateway.api.admin import PREFIX, guard
from gateway.api.routes import Route, add
from gateway.chat import export
from gateway.chat.accounts import ADMIN, SUPERVISOR, Accounts
from gateway.chat.archive import STATES, Archive, Customer
from gateway.chat.export import iso_time
from gateway.model.session import ChatSession
from gateway.observe.metrics import Metrics
from gateway.rates import Rates
from gateway.store.roles import ArchiveQuery

_TYPES = {"json": "application/json", "text": "text/plain; charset=utf-8"}
_ALWAYS = (401, 403, 429, 500, 503)
_CHAT = "/<chatId>"
_ROUTES = (
    Route(
        "GET",
        "",
        "find_chats",
        schemas.ListedChatsSchema,
        query=schemas.SearchSchema,
        problems=(*_ALWAYS, 422),
    ),
    Route("GET", _CHAT, "show_chat", schemas.StoredChatSchema),
    Route(
        "GET",
        f"{_CHAT}/export",
        "export_chat",
        schemas.ExportedSchema,
        query=schemas.FormatSchema,
        problems=(*_ALWAYS, 404, 422),
    ),
    Route("DELETE", _CHAT, "purge_chat", None, status=204),
    Route(
        "POST",
        "/purge",
        "purge_customer",
        schemas.DeletedSchema,
        body=schemas.CustomerSchema,
        problems=(*_ALWAYS, 400, 413, 415, 422),
    ),
)
# An export is JSON or text.
_TEXT = {"responses": {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}}

log = structlog.get_logger(__name__)


class Connections(Protocol):
    """Who knows how customers are connected; see `comet.census`."""

    def transports(self, chat_id: str) -> list[str]:
        """The transports of a chat's customer."""
        ...


class _Views:
    """The operations, run with `g.account` set; a docstring is its view's text in the OpenAPI document."""

    def __init__(self, archive: Archive, connections: Connections) -> None:
        self._archive = archive
        self._connections = connections

    def find_chats(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Find chats, open and ended, newest first.

        What was said is found when its chat has ended or has been quiet for some seconds.
        """
        page = self._archive.search(archive_query(query), cursor=query.get("cursor"), limit=query["limit"])
        items = [chat_listed(chat, self._connections.transports(chat.id)) for chat in page.chats]
        return {"items": items, "next": page.cursor}

    def show_chat(self, chat_id: str) -> dict[str, Any]:
        """One chat without its events."""
        return export.summary(self._archive.chat(chat_id))

    def export_chat(self, query: Mapping[str, Any], chat_id: str) -> Response:
        """One chat with all its events, as JSON or as text."""
        wanted = query["format"]
        body = self._archive.as_json(chat_id) if wanted == "json" else self._archive.as_text(chat_id)
        log.info("chat_exported", chat_id=chat_id, account=g.account.name)
        response = Response(body, content_type=_TYPES[wanted])
        response.headers["Content-Disposition"] = "attachment"
        return response

    def purge_chat(self, chat_id: str) -> Response:
        """Delete a chat with everything that belongs to it. An open one ends for everybody first."""
        self._archive.purge(chat_id)
        log.info("chat_deleted", chat_id=chat_id, account=g.account.name)
        return Response(status=204)

    def purge_customer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Delete all chats of a customer."""
        deleted, _ = self._archive.purge_customer(Customer(**body))
        log.info("customer_deleted", chats=deleted, account=g.account.name)
        return {"deleted": deleted}


def create_blueprint(
    archive: Archive,
    connections: Connections,
    *,
    accounts: Accounts,
    metrics: Metrics,
    rates: Rates | None = None,
) -> Blueprint:
    """The blueprint of /admin/v1/chats."""
    views = _Views(archive, connections)
    blueprint = Blueprint(
        "admin_chats",
        __name__,
        url_prefix=f"{PREFIX}/chats",
        description="All stored chats, for supervisors and administrators.",
    )
    readers = frozenset({ADMIN, SUPERVISOR})
    guard(blueprint, accounts=accounts, metrics=metrics, rates=rates, readers=readers)
    for route in _ROUTES:
        more = _TEXT if route.view == "export_chat" else {}
        add(blueprint, route, getattr(views, route.view), **more)
    return blueprint


def chat_listed(chat: ChatSession, transports: Sequence[str]) -> dict[str, Any]:
    """A chat without anything that was said or attached in it."""
    profile, subscription = chat.profile, chat.profile.subscription
    return {
        "chatId": chat.id,
        "service": profile.service,
        "state": chat.state.value,
        "nickname": chat.customer.nickname,
        "email": profile.email,
        "agents": [party.nickname for party in profile.personnel],
        "createdAt": iso_time(profile.created_ms),
        "lastEventAt": iso_time(chat.last_utc_ms),
        "endedAt": None if profile.ended_ms is None else iso_time(profile.ended_ms),
        "lastIndex": chat.next_index - 1,
        "transports": list(transports),
        "push": None if subscription is None else subscription.device_type,
        "reliable": chat.reliable,
    }


def archive_query(query: Mapping[str, Any]) -> ArchiveQuery:
    """What a `SearchSchema` asks for."""
    return ArchiveQuery(
        text=query["text"],
        customer=query["customer"],
        agent=query["agent"],
        service=query["service"],
        states=STATES[query["state"]] if "state" in query else frozenset(),
        from_ms=_milliseconds(query.get("since")),
        until_ms=_milliseconds(query.get("until")),
    )


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)
