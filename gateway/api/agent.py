"""The agents' API under /agent/v1: what consoles and bots do, over REST with a bearer token (decision 12).

Live events come over Bayeux on /service/agent (package `comet`); this API lists, changes and reads. It
holds no rules: who may do what is decided by `chat.agents`, and each failure becomes a problem
(`problem.py`). Event objects are the bytes that the customer gets (`Event.wire`), never a second rendering.

`create_blueprint` is called once by `app` and registered with the Api of `openapi.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from flask import Response, g, request
from flask_smorest import Blueprint

from gateway.api import agent_schemas as schemas
from gateway.api import problem
from gateway.api.bearer import account_of
from gateway.api.gms_answer import REPLAY
from gateway.api.routes import Route, add
from gateway.chat.accounts import BOT, Account, Accounts
from gateway.chat.agents import Agents
from gateway.chat.customers import TypingState
from gateway.chat.export import iso_time
from gateway.chat.limits import MESSAGE_ID_LENGTH
from gateway.clock import Clock
from gateway.model.change import Committed
from gateway.model.events import Event
from gateway.model.participants import Participant
from gateway.model.session import ChatSession
from gateway.observe.metrics import Metrics
from gateway.rates import Rates

PREFIX = "/agent/v1"
CHANNEL = "/service/agent"
# The header with the caller's own id of an operation: repeated with it, the operation is done once.
IDEMPOTENCY_KEY = "Idempotency-Key"
# A message of 10,000 characters, all written as surrogate escapes, with its attributes stays far below this.
MAX_BODY_BYTES = 1_048_576


_CHANGES = (401, 403, 404, 409, 429, 500, 503)
_SENDS = (400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503)
_CHAT = "/chats/<chatId>"
_ROUTES = (
    Route("GET", "/me", "me", schemas.MeSchema, problems=(401, 429, 500, 503)),
    Route(
        "GET",
        "/chats",
        "list_chats",
        schemas.ChatListSchema,
        query=schemas.ListQuerySchema,
        problems=(401, 403, 422, 429, 500, 503),
    ),
    Route("GET", _CHAT, "get_chat", schemas.ChatSchema),
    Route(
        "GET",
        f"{_CHAT}/events",
        "read_events",
        schemas.EventsSchema,
        query=schemas.EventsQuerySchema,
        problems=(401, 403, 404, 422, 429, 500, 503),
    ),
    Route("POST", f"{_CHAT}/accept", "accept", schemas.ChatSchema, problems=_CHANGES),
    Route(
        "POST", f"{_CHAT}/messages", "send", schemas.EventsSchema, body=schemas.MessageSchema, problems=_SENDS
    ),
    Route(
        "POST", f"{_CHAT}/typing", "typing", schemas.EventsSchema, body=schemas.TypingSchema, problems=_SENDS
    ),
    Route(
        "POST", f"{_CHAT}/notices", "notice", schemas.EventsSchema, body=schemas.NoticeSchema, problems=_SENDS
    ),
    Route(
        "POST",
        f"{_CHAT}/push-url",
        "push_url",
        schemas.EventsSchema,
        body=schemas.PushUrlSchema,
        problems=_SENDS,
    ),
    Route("POST", f"{_CHAT}/leave", "leave", schemas.EventsSchema, problems=_CHANGES),
    Route("POST", f"{_CHAT}/park", "park", schemas.EventsSchema, problems=_CHANGES),
    Route("POST", f"{_CHAT}/restore", "restore", schemas.ChatSchema, problems=_CHANGES),
    Route("POST", f"{_CHAT}/close", "close", schemas.EventsSchema, problems=_CHANGES),
)


# The operations that take an id of the caller's, and how the document says so.
_NAMED = frozenset({"send", "notice", "push_url"})
_KEY_PARAMETER = {
    "in": "header",
    "name": IDEMPOTENCY_KEY,
    "schema": {"type": "string", "maxLength": MESSAGE_ID_LENGTH},
    "description": "The caller's own id of this operation: repeated with it, it is done once.",
}


class _Views:
    """The operations, run with `g.account` set; a docstring is its view's text in the OpenAPI document."""

    def __init__(self, agents: Agents, clock: Clock, comet_path: str) -> None:
        self._agents = agents
        self._clock = clock
        self._comet_path = comet_path

    def me(self) -> dict[str, Any]:
        """The calling account, and where its live events are."""
        account = _caller()
        return {"name": account.name, "role": account.role, "cometd": self._comet_path, "channel": CHANNEL}

    def list_chats(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """List waiting chats and the caller's own."""
        found = self._agents.list_chats(_caller(), query.get("state"))
        return {"items": [self._shown(session) for session in found]}

    def get_chat(self, chat_id: str) -> dict[str, Any]:
        """One chat."""
        return self._shown(self._agents.get(_caller(), chat_id))

    def read_events(self, query: Mapping[str, Any], chat_id: str) -> Response:
        """Read the transcript from a position on.

        Typing indications stay in it for 20 seconds; afterwards their indexes are gaps.
        """
        start = query["start"]
        events = self._agents.events(_caller(), chat_id, start)
        return _events(chat_id, events, events[-1].index + 1 if events else max(start, 1))

    def accept(self, chat_id: str) -> dict[str, Any]:
        """Take a waiting chat, or join one as a bot.

        The first agent wins; any other gets 409 with the winner's nickname in `by`. Repeating it is
        harmless. A bot joins without taking the chat out of the waiting list.
        """
        return self._shown(self._agents.accept(_caller(), chat_id))

    def send(self, body: Mapping[str, Any], chat_id: str) -> Response:
        """Send a message."""
        committed = self._agents.send(
            _caller(),
            chat_id,
            body["text"],
            message_type=body["message_type"],
            event_attributes=body.get("event_attributes"),
            message_id=_message_id(),
        )
        return _committed(committed)

    def typing(self, body: Mapping[str, Any], chat_id: str) -> Response:
        """Show or hide the typing indication."""
        state = TypingState.STARTED if body["state"] == "started" else TypingState.STOPPED
        return _committed(self._agents.typing(_caller(), chat_id, state, preview=body["text"]))

    def notice(self, body: Mapping[str, Any], chat_id: str) -> Response:
        """Send a custom notice."""
        committed = self._agents.notice(
            _caller(),
            chat_id,
            body["text"],
            event_attributes=body.get("event_attributes"),
            user_data=body.get("user_data"),
            message_id=_message_id(),
        )
        return _committed(committed)

    def push_url(self, body: Mapping[str, Any], chat_id: str) -> Response:
        """Show a web address to the customer."""
        committed = self._agents.push_url(_caller(), chat_id, body["url"], message_id=_message_id())
        return _committed(committed)

    def leave(self, chat_id: str) -> Response:
        """Leave a chat; without any agent it waits again."""
        return _committed(self._agents.leave(_caller(), chat_id))

    def park(self, chat_id: str) -> Response:
        """Leave an asynchronous chat until its customer writes again.

        Meanwhile it is not in the waiting list; anybody may accept it. 409 for other chats, and while another
        agent is in it.
        """
        return _committed(self._agents.park(_caller(), chat_id))

    def restore(self, chat_id: str) -> dict[str, Any]:
        """Bring a finished chat back.

        The option session-restore-extend-by says who may, otherwise the answer is 403. An agent has the chat
        at once, with a bot it enters the waiting list. 409 when the chat is not finished.
        """
        return self._shown(self._agents.restore(_caller(), chat_id))

    def close(self, chat_id: str) -> Response:
        """End a chat for everybody."""
        return _committed(self._agents.close(_caller(), chat_id))

    def _shown(self, session: ChatSession) -> dict[str, Any]:
        profile = session.profile
        own = profile.by_owner(_caller().name)
        waiting = session.queued
        return {
            "chatId": session.id,
            "service": profile.service,
            "endpoint": profile.endpoint,
            "state": session.state.value,
            "nickname": session.customer.nickname,
            "subject": profile.subject,
            "email": profile.email,
            "createdAt": iso_time(profile.created_ms),
            "waitingSeconds": max(0, self._clock.wall_ms() - profile.created_ms) // 1000 if waiting else None,
            "asynchronous": profile.async_mode,
            "parked": profile.parked,
            "participants": [_participant(party) for party in profile.participants],
            "me": own.id if own else None,
            "userData": dict(profile.user_data),
            "lastIndex": session.next_index - 1,
            "nextPosition": session.next_index,
            "readPosition": profile.read_positions.get(session.customer.id, 0),
        }


def create_blueprint(
    *,
    agents: Agents,
    accounts: Accounts,
    clock: Clock,
    metrics: Metrics,
    comet_path: str = "/genesys/cometd",
    rates: Rates | None = None,
) -> Blueprint:
    """The blueprint of /agent/v1; `comet_path` is the Bayeux endpoint with the mount prefix."""
    views = _Views(agents, clock, comet_path)
    blueprint = Blueprint("agent", __name__, url_prefix=PREFIX, description="What agents and bots do.")
    blueprint.ARGUMENTS_PARSER = schemas.JsonParser()
    guard(blueprint, accounts=accounts, metrics=metrics, rates=rates)
    for route in _ROUTES:
        more = {"parameters": [_KEY_PARAMETER]} if route.view in _NAMED else {}
        add(blueprint, route, getattr(views, route.view), **more)
    return blueprint


def guard(blueprint: Blueprint, *, accounts: Accounts, metrics: Metrics, rates: Rates | None = None) -> None:
    """What every part of this API has: bearer tokens, problems, headers, a body limit, Python's names."""
    problem.install(blueprint)

    @blueprint.url_value_preprocessor
    def rename(endpoint: str | None, values: dict[str, Any] | None) -> None:
        """Paths are documented in the API's own spelling, views use Python's."""
        for name, python_name in (("chatId", "chat_id"), ("fileId", "file_id")):
            if values and name in values:
                values[python_name] = values.pop(name)

    @blueprint.before_request
    def authenticate() -> None:
        request.max_content_length = MAX_BODY_BYTES
        if request.method != "OPTIONS":
            g.account = account_of(request, accounts)
            # A bot speaks in every chat at once: its rate is that of the customers whom it answers.
            if rates is not None and g.account.role != BOT:
                rates.agent(g.account.name)

    @blueprint.after_request
    def finish(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        metrics.bound("http_requests_total", "agent", str(response.status_code)).inc()
        return response


def _caller() -> Account:
    account: Account = g.account
    return account


def _message_id() -> str | None:
    """The caller's own id of this operation."""
    return request.headers.get(IDEMPOTENCY_KEY)


def _participant(party: Participant) -> dict[str, Any]:
    return {
        "participantId": party.id,
        "nickname": party.nickname,
        "type": party.type.value,
        "style": party.style,
        "present": party.present,
    }


def _committed(committed: Committed) -> Response:
    response = _events(committed.session.id, committed.events, committed.session.next_index)
    if committed.replayed:
        response.headers.add(*REPLAY)
    return response


def _events(chat_id: str, events: Iterable[Event], next_position: int) -> Response:
    body = b'{"chatId":%b,"items":[%b],"nextPosition":%d}' % (
        orjson.dumps(chat_id),
        b",".join([event.wire for event in events]),
        next_position,
    )
    return Response(body, content_type="application/json")
