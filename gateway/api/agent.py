"""The agents' API under /agent/v1: what consoles and bots do, over REST with a bearer token (decision 12).

Live events come over Bayeux on /service/agent (package `comet`); this API lists, changes and reads. It
holds no rules: who may do what is decided by `chat.agents`, and each failure becomes a problem
(`problem.py`). Event objects are the bytes that the customer gets (`Event.wire`), never a second rendering.

`create_blueprint` is called once by `app` and registered with the Api of `openapi.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from flask import Response, g, request
from flask_smorest import Blueprint

from gateway.api import agent_schemas as schemas
from gateway.api import problem
from gateway.api.bearer import account_of
from gateway.api.chat_view import ChatView
from gateway.api.gms_answer import REPLAY
from gateway.api.routes import Route, add
from gateway.chat.accounts import BOT, Account, Accounts
from gateway.chat.agents import Agents
from gateway.chat.customers import TypingState
from gateway.chat.desk import Desk
from gateway.chat.limits import MESSAGE_ID_LENGTH
from gateway.clock import Clock
from gateway.model.change import Committed
from gateway.model.events import Event
from gateway.model.session import ChatSession
from gateway.observe.metrics import Metrics
from gateway.rates import Rates

PREFIX = "/agent/v1"
CHANNEL = "/service/agent"
# The header with the caller's own id of an operation: repeated with it, the operation is done once.
IDEMPOTENCY_KEY = "Idempotency-Key"
# A message of 10,000 characters, all written as surrogate escapes, with its attributes stays far below this.
MAX_BODY_BYTES = 1_048_576


# Path parameters: the API's spelling and Python's.
_NAMES = (("chatId", "chat_id"), ("fileId", "file_id"), ("noteId", "note_id"), ("replyId", "reply_id"))
CHANGES = (401, 403, 404, 409, 429, 500, 503)
SENDS = (400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503)
CHAT = "/chats/<chatId>"
_ROUTES = (
    Route("GET", "/me", "me", schemas.MeSchema, problems=(401, 429, 500, 503)),
    Route(
        "GET",
        "/chats",
        "list_chats",
        schemas.ChatPageSchema,
        query=schemas.ListQuerySchema,
        problems=(401, 403, 422, 429, 500, 503),
    ),
    Route("GET", CHAT, "get_chat", schemas.ChatSchema),
    Route(
        "GET",
        f"{CHAT}/events",
        "read_events",
        schemas.EventsSchema,
        query=schemas.EventsQuerySchema,
        problems=(401, 403, 404, 422, 429, 500, 503),
    ),
    Route("POST", f"{CHAT}/accept", "accept", schemas.ChatSchema, problems=CHANGES),
    Route(
        "POST", f"{CHAT}/messages", "send", schemas.EventsSchema, body=schemas.MessageSchema, problems=SENDS
    ),
    Route(
        "POST", f"{CHAT}/typing", "typing", schemas.EventsSchema, body=schemas.TypingSchema, problems=SENDS
    ),
    Route(
        "POST", f"{CHAT}/notices", "notice", schemas.EventsSchema, body=schemas.NoticeSchema, problems=SENDS
    ),
    Route(
        "POST",
        f"{CHAT}/push-url",
        "push_url",
        schemas.EventsSchema,
        body=schemas.PushUrlSchema,
        problems=SENDS,
    ),
    Route("POST", f"{CHAT}/leave", "leave", schemas.EventsSchema, problems=CHANGES),
    Route("POST", f"{CHAT}/park", "park", schemas.EventsSchema, problems=CHANGES),
    Route("POST", f"{CHAT}/restore", "restore", schemas.ChatSchema, problems=CHANGES),
    Route("POST", f"{CHAT}/close", "close", schemas.EventsSchema, problems=CHANGES),
)


# The operations that take an id of the caller's, and how the document says so.
_NAMED = frozenset({"send", "notice", "push_url"})
KEY_PARAMETER = {
    "in": "header",
    "name": IDEMPOTENCY_KEY,
    "schema": {"type": "string", "maxLength": MESSAGE_ID_LENGTH},
    "description": "The caller's own id of this operation: repeated with it, it is done once.",
}


class _Views:
    """The operations, run with `g.account` set; a docstring is its view's text in the OpenAPI document."""

    def __init__(self, agents: Agents, view: ChatView, comet_path: str) -> None:
        self._agents = agents
        self._view = view
        self._comet_path = comet_path

    def me(self) -> dict[str, Any]:
        """The calling account, and where its live events are."""
        account = caller()
        return {"name": account.name, "role": account.role, "cometd": self._comet_path, "channel": CHANNEL}

    def list_chats(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """List waiting chats and the caller's own.

        Go on with `cursor` until it is null. What comes and goes between two pages moves no other chat.
        """
        limit: int = query["limit"]
        found = self._agents.list_chats(
            caller(), query.get("state"), after=query.get("cursor"), limit=limit + 1
        )
        shown = found[:limit]
        cursor = schemas.age_text(shown[-1].age) if len(found) > limit else None
        return {"items": [self._shown(session) for session in shown], "cursor": cursor}

    def get_chat(self, chat_id: str) -> dict[str, Any]:
        """One chat."""
        return self._shown(self._agents.get(caller(), chat_id))

    def read_events(self, query: Mapping[str, Any], chat_id: str) -> Response:
        """Read the transcript from a position on.

        Typing indications stay in it for 20 seconds; afterwards their indexes are gaps.
        """
        start = query["start"]
        events = self._agents.events(caller(), chat_id, start)
        return events_answer(chat_id, events, events[-1].index + 1 if events else max(start, 1))

    def accept(self, chat_id: str) -> dict[str, Any]:
        """Take a waiting chat, or join one as a bot.

        The first agent wins; any other gets 409 with the winner's nickname in `by`. Repeating it is
        harmless. A bot joins without taking the chat out of the waiting list.
        """
        return self._shown(self._agents.accept(caller(), chat_id))

    def send(self, body: Mapping[str, Any], chat_id: str) -> Response:
        """Send a message."""
        committed = self._agents.send(
            caller(),
            chat_id,
            body["text"],
            message_type=body["message_type"],
            event_attributes=body.get("event_attributes"),
            message_id=message_id(),
        )
        return committed_events(committed)

    def typing(self, body: Mapping[str, Any], chat_id: str) -> Response:
        """Show or hide the typing indication."""
        state = TypingState.STARTED if body["state"] == "started" else TypingState.STOPPED
        return committed_events(self._agents.typing(caller(), chat_id, state, preview=body["text"]))

    def notice(self, body: Mapping[str, Any], chat_id: str) -> Response:
        """Send a custom notice."""
        committed = self._agents.notice(
            caller(),
            chat_id,
            body["text"],
            event_attributes=body.get("event_attributes"),
            user_data=body.get("user_data"),
            message_id=message_id(),
        )
        return committed_events(committed)

    def push_url(self, body: Mapping[str, Any], chat_id: str) -> Response:
        """Show a web address to the customer."""
        committed = self._agents.push_url(caller(), chat_id, body["url"], message_id=message_id())
        return committed_events(committed)

    def leave(self, chat_id: str) -> Response:
        """Leave a chat; without any agent it waits again."""
        return committed_events(self._agents.leave(caller(), chat_id))

    def park(self, chat_id: str) -> Response:
        """Leave an asynchronous chat until its customer writes again.

        Meanwhile it is not in the waiting list; anybody may accept it. 409 for other chats, and while another
        agent is in it.
        """
        return committed_events(self._agents.park(caller(), chat_id))

    def restore(self, chat_id: str) -> dict[str, Any]:
        """Bring a finished chat back.

        The option session-restore-extend-by says who may, otherwise the answer is 403. An agent has the chat
        at once, with a bot it enters the waiting list. 409 when the chat is not finished.
        """
        return self._shown(self._agents.restore(caller(), chat_id))

    def close(self, chat_id: str) -> Response:
        """End a chat for everybody."""
        return committed_events(self._agents.close(caller(), chat_id))

    def _shown(self, session: ChatSession) -> dict[str, Any]:
        return self._view.shown(session, caller())


def create_blueprint(
    *,
    agents: Agents,
    accounts: Accounts,
    clock: Clock,
    metrics: Metrics,
    comet_path: str = "/genesys/cometd",
    rates: Rates | None = None,
    desk: Desk | None = None,
    touch: Callable[[Account], None] | None = None,
) -> Blueprint:
    """The blueprint of /agent/v1; `comet_path` is the Bayeux endpoint with the mount prefix."""
    views = _Views(agents, ChatView(clock, desk), comet_path)
    blueprint = Blueprint("agent", __name__, url_prefix=PREFIX, description="What agents and bots do.")
    blueprint.ARGUMENTS_PARSER = schemas.JsonParser()
    guard(blueprint, accounts=accounts, metrics=metrics, rates=rates, touch=touch)
    for route in _ROUTES:
        more = {"parameters": [KEY_PARAMETER]} if route.view in _NAMED else {}
        add(blueprint, route, getattr(views, route.view), **more)
    return blueprint


def guard(
    blueprint: Blueprint,
    *,
    accounts: Accounts,
    metrics: Metrics,
    rates: Rates | None = None,
    touch: Callable[[Account], None] | None = None,
) -> None:
    """What every part of this API has: credentials, problems, headers, a body limit, Python's names.

    `touch` hears of every caller (a sign of life).
    """
    problem.install(blueprint)

    @blueprint.url_value_preprocessor
    def rename(endpoint: str | None, values: dict[str, Any] | None) -> None:
        """Paths are documented in the API's own spelling, views use Python's."""
        for name, python_name in _NAMES:
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
            if touch is not None:
                touch(g.account)

    @blueprint.after_request
    def finish(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        metrics.bound("http_requests_total", "agent", str(response.status_code)).inc()
        return response


def caller() -> Account:
    """The account that made the request (set by `guard`)."""
    account: Account = g.account
    return account


def message_id() -> str | None:
    """The caller's own id of this operation."""
    return request.headers.get(IDEMPOTENCY_KEY)


def committed_events(committed: Committed) -> Response:
    """The events of a change."""
    response = events_answer(committed.session.id, committed.events, committed.session.next_index)
    if committed.replayed:
        response.headers.add(*REPLAY)
    return response


def events_answer(chat_id: str, events: Iterable[Event], next_position: int) -> Response:
    """Transcript events: their own bytes, never a second rendering."""
    body = b'{"chatId":%b,"items":[%b],"nextPosition":%d}' % (
        orjson.dumps(chat_id),
        b",".join([event.wire for event in events]),
        next_position,
    )
    return Response(body, content_type="application/json")
