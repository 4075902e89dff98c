"""Notes, dispositions, read positions, canned replies, history and search under /agent/v1.

A part of the agents' API beside `agent.py` and `desk.py`. It holds no rules: `chat.notebook` and
`chat.history` decide; each failure becomes a problem. `create_blueprint` is called once by `app`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_smorest import Blueprint

from gateway.api import agent_schemas, desk_schemas
from gateway.api.admin_chats import archive_query
from gateway.api.admin_chats_schemas import SearchSchema
from gateway.api.agent import CHANGES, CHAT, PREFIX, SENDS, caller, guard
from gateway.api.chat_view import ChatView
from gateway.api.desk import page
from gateway.api.routes import Route, add
from gateway.chat.accounts import Account, Accounts
from gateway.chat.export import iso_time
from gateway.chat.history import History
from gateway.chat.notebook import Notebook
from gateway.config import SettingsSource
from gateway.model.accounts import CannedReply
from gateway.model.session import ChatSession
from gateway.observe.metrics import Metrics
from gateway.rates import Rates

_READS = (401, 403, 422, 429, 500, 503)
_WRITES = SENDS
_NOTE = f"{CHAT}/notes/<int:noteId>"
_REPLY = "/canned-replies/<replyId>"
_ROUTES = (
    Route(
        "POST",
        f"{CHAT}/notes",
        "add_note",
        agent_schemas.ChatSchema,
        body=desk_schemas.NoteSchema,
        problems=_WRITES,
    ),
    Route(
        "PUT", _NOTE, "edit_note", agent_schemas.ChatSchema, body=desk_schemas.NoteSchema, problems=_WRITES
    ),
    Route("DELETE", _NOTE, "drop_note", agent_schemas.ChatSchema, problems=CHANGES),
    Route(
        "GET",
        f"{CHAT}/history",
        "read_history",
        desk_schemas.HistorySchema,
        query=desk_schemas.HistoryQuerySchema,
        problems=(401, 403, 404, 422, 429, 500, 503),
    ),
    Route(
        "GET",
        "/transcripts",
        "search_chats",
        desk_schemas.HistorySchema,
        query=SearchSchema,
        problems=_READS,
    ),
    Route(
        "GET",
        "/dispositions",
        "list_dispositions",
        desk_schemas.DispositionsSchema,
        query=desk_schemas.DispositionsQuerySchema,
        problems=_READS,
    ),
    Route(
        "PUT",
        f"{CHAT}/disposition",
        "dispose",
        agent_schemas.ChatSchema,
        body=desk_schemas.DispositionSchema,
        problems=_WRITES,
    ),
    Route(
        "POST",
        f"{CHAT}/read",
        "read",
        agent_schemas.ChatSchema,
        body=desk_schemas.ReadSchema,
        problems=_WRITES,
    ),
    Route(
        "GET",
        "/canned-replies",
        "list_replies",
        desk_schemas.ReplyPageSchema,
        query=desk_schemas.RepliesQuerySchema,
        problems=_READS,
    ),
    Route(
        "POST",
        "/canned-replies",
        "add_reply",
        desk_schemas.ReplySchema,
        body=desk_schemas.ReplyBodySchema,
        problems=_WRITES,
    ),
    Route(
        "PUT",
        _REPLY,
        "put_reply",
        desk_schemas.ReplySchema,
        body=desk_schemas.ReplyBodySchema,
        problems=_WRITES,
    ),
    Route(
        "DELETE", _REPLY, "drop_reply", desk_schemas.NothingSchema, problems=(401, 403, 404, 429, 500, 503)
    ),
)


class _Views:
    """The operations, run with `g.account` set; a docstring is its view's text in the OpenAPI document."""

    def __init__(
        self, notebook: Notebook, history: History, *, view: ChatView, settings_source: SettingsSource
    ) -> None:
        self._notebook = notebook
        self._history = history
        self._view = view
        self._settings_source = settings_source

    def read_history(self, query: Mapping[str, Any], chat_id: str) -> dict[str, Any]:
        """Earlier chats with the same e-mail address, newest first.

        Those that the caller may read: to agents the ones that they took part in, to supervisors all. A page
        may be shorter than `limit`; go on with `cursor` until it is null.
        """
        found = self._history.earlier(caller(), chat_id, cursor=query.get("cursor"), limit=query["limit"])
        return {"items": [self._shown(chat) for chat in found.chats], "cursor": found.cursor}

    def search_chats(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Find chats that the caller may read, newest first; everything given must match.

        To agents the ones that they took part in and those that wait, to supervisors all. A page may be
        shorter than `limit`; go on with `cursor` until it is null.
        """
        found = self._history.search(
            caller(), archive_query(query), cursor=query.get("cursor"), limit=query["limit"]
        )
        return {"items": [self._shown(chat) for chat in found.chats], "cursor": found.cursor}

    def add_note(self, body: Mapping[str, Any], chat_id: str) -> dict[str, Any]:
        """Add a note; customers never see notes."""
        return self._shown(self._notebook.add_note(caller(), chat_id, body["text"]))

    def edit_note(self, body: Mapping[str, Any], chat_id: str, note_id: int) -> dict[str, Any]:
        """Change a note."""
        return self._shown(self._notebook.edit_note(caller(), chat_id, note_id, body["text"]))

    def drop_note(self, chat_id: str, note_id: int) -> dict[str, Any]:
        """Delete a note."""
        return self._shown(self._notebook.edit_note(caller(), chat_id, note_id, None))

    def list_dispositions(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """The codes of a service."""
        service = self._settings_source.current.for_service(query["service"])
        return {"items": list(service.dispositions), "required": service.disposition_required}

    def dispose(self, body: Mapping[str, Any], chat_id: str) -> dict[str, Any]:
        """Say how the chat ended; also after its end."""
        done = self._notebook.dispose(caller(), chat_id, body["code"], comment=body["comment"])
        return self._shown(done)

    def read(self, body: Mapping[str, Any], chat_id: str) -> dict[str, Any]:
        """Say how far the caller has read."""
        return self._shown(self._notebook.read(caller(), chat_id, body["position"]))

    def list_replies(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Shared canned replies and the caller's own, by shortcut."""
        return page(self._notebook.replies(caller(), query["service"]), query, _reply)

    def add_reply(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Add a canned reply."""
        return _reply(self._notebook.put_reply(caller(), None, **body))

    def put_reply(self, body: Mapping[str, Any], reply_id: str) -> dict[str, Any]:
        """Replace a canned reply."""
        return _reply(self._notebook.put_reply(caller(), reply_id, **body))

    def drop_reply(self, reply_id: str) -> dict[str, Any]:
        """Delete a canned reply."""
        self._notebook.drop_reply(caller(), reply_id)
        return {}

    def _shown(self, session: ChatSession) -> dict[str, Any]:
        return self._view.shown(session, caller())


def create_blueprint(
    notebook: Notebook,
    history: History,
    *,
    view: ChatView,
    accounts: Accounts,
    settings_source: SettingsSource,
    metrics: Metrics,
    rates: Rates | None = None,
    touch: Callable[[Account], None] | None = None,
) -> Blueprint:
    """The blueprint of this part of /agent/v1."""
    views = _Views(notebook, history, view=view, settings_source=settings_source)
    blueprint = Blueprint("notebook", __name__, url_prefix=PREFIX, description="What agents write down.")
    blueprint.ARGUMENTS_PARSER = agent_schemas.JsonParser()
    guard(blueprint, accounts=accounts, metrics=metrics, rates=rates, touch=touch)
    for route in _ROUTES:
        add(blueprint, route, getattr(views, route.view))
    return blueprint


def _reply(reply: CannedReply) -> dict[str, Any]:
    return {
        "replyId": reply.id,
        "shortcut": reply.shortcut,
        "text": reply.text,
        "service": reply.service,
        "shared": not reply.owner,
        "updatedAt": iso_time(reply.updated_ms),
    }
