"""Readiness, queues, transfer, consultation, supervision, notes and canned replies under /agent/v1.

The second half of the agents' API (`agent.py`). It holds no rules: `chat.desk`, `chat.handover` and
`chat.notebook` decide; each failure becomes a problem. `create_blueprint` is called once by `app`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response
from flask_smorest import Blueprint

from gateway.api import agent_schemas, desk_schemas
from gateway.api.agent import CHANGES, CHAT, PREFIX, SENDS, caller, committed_events, guard
from gateway.api.chat_view import ChatView, iso_time
from gateway.api.routes import Route, add
from gateway.chat.accounts import Accounts
from gateway.chat.desk import Desk
from gateway.chat.handover import Handover
from gateway.chat.notebook import Notebook
from gateway.clock import Clock
from gateway.config import SettingsSource
from gateway.model.accounts import CannedReply
from gateway.model.session import ChatSession
from gateway.observe.metrics import Metrics

_READS = (401, 403, 422, 500, 503)
_WRITES = (400, 401, 403, 404, 409, 413, 415, 422, 500, 503)
_NOTE = f"{CHAT}/notes/<int:noteId>"
_REPLY = "/canned-replies/<replyId>"
_ROUTES = (
    Route("GET", "/duty", "get_duty", desk_schemas.DutySchema, problems=(401, 500, 503)),
    Route(
        "PUT", "/duty", "set_duty", desk_schemas.DutySchema, body=desk_schemas.SetDutySchema, problems=_WRITES
    ),
    Route(
        "GET",
        "/agents",
        "list_agents",
        desk_schemas.DutyPageSchema,
        query=desk_schemas.PageQuerySchema,
        problems=_READS,
    ),
    Route("GET", "/queues", "list_queues", desk_schemas.QueuesSchema, problems=(401, 500, 503)),
    Route("GET", "/offers", "list_offers", agent_schemas.ChatListSchema, problems=(401, 500, 503)),
    Route("POST", f"{CHAT}/decline", "decline", agent_schemas.ChatSchema, problems=CHANGES),
    Route(
        "POST",
        f"{CHAT}/transfer",
        "transfer",
        agent_schemas.ChatSchema,
        body=desk_schemas.TransferSchema,
        problems=_WRITES,
    ),
    Route(
        "POST",
        f"{CHAT}/consult",
        "consult",
        agent_schemas.ChatSchema,
        body=desk_schemas.AskSchema,
        problems=_WRITES,
    ),
    Route(
        "POST",
        f"{CHAT}/withdraw",
        "withdraw",
        agent_schemas.ChatSchema,
        body=desk_schemas.WithdrawSchema,
        problems=_WRITES,
    ),
    Route("POST", f"{CHAT}/monitor", "monitor", agent_schemas.ChatSchema, problems=CHANGES),
    Route("POST", f"{CHAT}/barge-in", "barge_in", agent_schemas.ChatSchema, problems=CHANGES),
    Route(
        "POST",
        f"{CHAT}/whispers",
        "whisper",
        agent_schemas.EventsSchema,
        body=desk_schemas.WhisperSchema,
        problems=SENDS,
    ),
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
    Route("DELETE", _REPLY, "drop_reply", desk_schemas.NothingSchema, problems=(401, 403, 404, 500, 503)),
)


@dataclass(frozen=True, slots=True)
class DeskParts:
    """The use cases behind this API."""

    desk: Desk
    handover: Handover
    notebook: Notebook


class _Views:
    """The operations, run with `g.account` set; a docstring is its view's text in the OpenAPI document."""

    def __init__(self, parts: DeskParts, *, settings_source: SettingsSource, clock: Clock) -> None:
        self._desk = parts.desk
        self._handover = parts.handover
        self._notebook = parts.notebook
        self._settings_source = settings_source
        self._clock = clock
        self._view = ChatView(clock, parts.desk)

    # -- duty ---------------------------------------------------------------------------------------------

    def get_duty(self) -> dict[str, Any]:
        """The caller's own readiness and load."""
        return self._duty(caller().name)

    def set_duty(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Become ready or not ready.

        A ready agent is offered waiting chats up to its capacity. Not ready gives open offers of queues back.
        """
        self._desk.set_duty(caller(), ready=body["ready"], reason=body["reason"])
        return self._duty(caller().name)

    def list_agents(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Everybody who can be asked, by name."""
        return page(self._desk.roster.known(), query, self._duty)

    def list_queues(self) -> dict[str, Any]:
        """Queues in which somebody waits."""
        roster, queues = self._desk.roster, self._desk.lines.queues()
        serving = [roster.terms(duty.name).endpoints for duty in roster.ready()]
        return {"items": [self._queue(name, queues[name], serving) for name in sorted(queues)]}

    def list_offers(self) -> dict[str, Any]:
        """Chats that are offered to the caller; `accept` takes one, `decline` refuses it."""
        return {"items": [self._shown(chat) for chat in self._desk.lines.asked(caller().name)]}

    # -- several people in one chat -----------------------------------------------------------------------

    def decline(self, chat_id: str) -> dict[str, Any]:
        """Refuse an offered chat; the queue asks the next agent."""
        return self._shown(self._handover.decline(caller(), chat_id))

    def transfer(self, body: Mapping[str, Any], chat_id: str) -> dict[str, Any]:
        """Hand the chat over to an agent or to a queue.

        An agent is asked, and the caller keeps the chat until that one accepts. To a queue it goes at once.
        """
        if body["agent"] is not None:
            return self._shown(self._handover.transfer(caller(), chat_id, body["agent"], note=body["note"]))
        done = self._handover.transfer_to_queue(caller(), chat_id, body["queue"], note=body["note"])
        return self._shown(done.session)

    def consult(self, body: Mapping[str, Any], chat_id: str) -> dict[str, Any]:
        """Ask a second agent for advice; the customer learns nothing of it."""
        return self._shown(self._handover.consult(caller(), chat_id, body["agent"], note=body["note"]))

    def withdraw(self, body: Mapping[str, Any], chat_id: str) -> dict[str, Any]:
        """Take an own transfer or consultation offer back."""
        return self._shown(self._handover.withdraw(caller(), chat_id, body["agent"]))

    def monitor(self, chat_id: str) -> dict[str, Any]:
        """Watch a chat silently (supervisors); `leave` ends it."""
        return self._shown(self._handover.monitor(caller(), chat_id))

    def barge_in(self, chat_id: str) -> dict[str, Any]:
        """Join a chat openly (supervisors)."""
        return self._shown(self._handover.barge_in(caller(), chat_id))

    def whisper(self, body: Mapping[str, Any], chat_id: str) -> Response:
        """Send a message that only the personnel of the chat get."""
        return committed_events(self._handover.whisper(caller(), chat_id, body["text"]))

    # -- writing down -------------------------------------------------------------------------------------

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

    # -- shapes -------------------------------------------------------------------------------------------

    def _shown(self, session: ChatSession) -> dict[str, Any]:
        return self._view.shown(session, caller())

    def _duty(self, name: str) -> dict[str, Any]:
        roster, lines = self._desk.roster, self._desk.lines
        duty, terms = roster.duty(name), roster.terms(name)
        return {
            "name": name,
            "role": caller().role if name == caller().name else roster.role(name),
            "ready": duty.ready,
            "reason": duty.reason,
            "since": iso_time(duty.since_ms) if duty.since_ms else None,
            "connected": roster.connected(name),
            "capacity": terms.capacity,
            "chats": len(lines.served(name)),
            "offered": len(lines.asked(name)),
            "endpoints": list(terms.endpoints),
            "autoAccept": terms.auto_accept,
        }

    def _queue(self, queue: str, chats: Sequence[str], serving: Sequence[Sequence[str]]) -> dict[str, Any]:
        lines = self._desk.lines
        oldest = lines.chat(chats[0])
        since_ms = oldest.profile.place.since_ms if oldest is not None else self._clock.wall_ms()
        return {
            "queue": queue,
            "waiting": len(chats),
            "oldestSeconds": max(0, self._clock.wall_ms() - since_ms) // 1000,
            "readyAgents": sum(not endpoints or queue in endpoints for endpoints in serving),
            "estimatedWaitSeconds": lines.estimate(queue, len(chats) + 1),
        }


def create_blueprint(
    parts: DeskParts,
    *,
    accounts: Accounts,
    settings_source: SettingsSource,
    clock: Clock,
    metrics: Metrics,
) -> Blueprint:
    """The blueprint of this half of /agent/v1."""
    views = _Views(parts, settings_source=settings_source, clock=clock)
    blueprint = Blueprint("desk", __name__, url_prefix=PREFIX, description="Distribution, teamwork.")
    blueprint.ARGUMENTS_PARSER = agent_schemas.JsonParser()
    guard(blueprint, accounts=accounts, metrics=metrics, touch=parts.desk.roster.touch)
    for route in _ROUTES:
        add(blueprint, route, getattr(views, route.view))
    return blueprint


def page(found: Sequence[Any], query: Mapping[str, Any], shown: Callable[[Any], Any]) -> dict[str, Any]:
    """One page of a list."""
    limit, offset = query["limit"], query["offset"]
    items = [shown(each) for each in found[offset : offset + limit]]
    return {"items": items, "total": len(found), "limit": limit, "offset": offset}


def _reply(reply: CannedReply) -> dict[str, Any]:
    return {
        "replyId": reply.id,
        "shortcut": reply.shortcut,
        "text": reply.text,
        "service": reply.service,
        "shared": not reply.owner,
        "updatedAt": iso_time(reply.updated_ms),
    }
