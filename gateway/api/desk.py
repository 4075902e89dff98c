"""Readiness, queues, transfer, consultation and supervision under /agent/v1.

A part of the agents' API beside `agent.py` and `notebook.py`. It holds no rules: `chat.desk` and
`chat.handover` decide; each failure becomes a problem. `create_blueprint` is called once by `app`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Response
from flask_smorest import Blueprint

from gateway.api import agent_schemas, desk_schemas
from gateway.api.agent import (
    CHANGES,
    CHAT,
    KEY_PARAMETER,
    PREFIX,
    SENDS,
    caller,
    committed_events,
    guard,
    message_id,
)
from gateway.api.chat_view import ChatView
from gateway.api.routes import Route, add
from gateway.chat.accounts import Accounts
from gateway.chat.desk import Desk
from gateway.chat.export import iso_time
from gateway.chat.handover import Handover
from gateway.clock import Clock
from gateway.model.session import ChatSession
from gateway.observe.metrics import Metrics
from gateway.rates import Rates

_READS = (401, 403, 422, 429, 500, 503)
_WRITES = SENDS
_ROUTES = (
    Route("GET", "/duty", "get_duty", desk_schemas.DutySchema, problems=(401, 429, 500, 503)),
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
    Route("GET", "/queues", "list_queues", desk_schemas.QueuesSchema, problems=(401, 429, 500, 503)),
    Route("GET", "/offers", "list_offers", agent_schemas.ChatListSchema, problems=(401, 429, 500, 503)),
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
)


class _Views:
    """The operations, run with `g.account` set; a docstring is its view's text in the OpenAPI document."""

    def __init__(self, desk: Desk, handover: Handover, *, clock: Clock) -> None:
        self._desk = desk
        self._handover = handover
        self._clock = clock
        self._view = ChatView(clock, desk)

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
        done = self._handover.whisper(caller(), chat_id, body["text"], message_id=message_id())
        return committed_events(done)

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
    desk: Desk,
    handover: Handover,
    *,
    accounts: Accounts,
    clock: Clock,
    metrics: Metrics,
    rates: Rates | None = None,
) -> Blueprint:
    """The blueprint of this part of /agent/v1."""
    views = _Views(desk, handover, clock=clock)
    blueprint = Blueprint("desk", __name__, url_prefix=PREFIX, description="Distribution, teamwork.")
    blueprint.ARGUMENTS_PARSER = agent_schemas.JsonParser()
    guard(blueprint, accounts=accounts, metrics=metrics, rates=rates, touch=desk.roster.touch)
    for route in _ROUTES:
        more = {"parameters": [KEY_PARAMETER]} if route.view == "whisper" else {}
        add(blueprint, route, getattr(views, route.view), **more)
    return blueprint


def page(found: Sequence[Any], query: Mapping[str, Any], shown: Callable[[Any], Any]) -> dict[str, Any]:
    """One page of a list."""
    limit, offset = query["limit"], query["offset"]
    items = [shown(each) for each in found[offset : offset + limit]]
    return {"items": items, "total": len(found), "limit": limit, "offset": offset}
