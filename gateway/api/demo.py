"""What the demo page needs: a receiver that plays the operator's HTTP server, and an agent for whoever comes.

`[push] customhttp.url` of examples/demo.ini points to POST /demo/receiver; the newest notifications are kept
in the memory of this process, nothing is interpreted. POST /demo/agent gives the page a token of the demo
agent, so that a newcomer is in the console with one click. Registered in demo mode only; without it all paths
are 404.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus

import orjson
from flask import Blueprint, Request, Response, jsonify, request
from werkzeug.exceptions import BadRequest, UnprocessableEntity, UnsupportedMediaType

from gateway.api import problem
from gateway.api.bearer import check_origin
from gateway.chat.accounts import AGENT, Accounts
from gateway.chat.export import iso_time
from gateway.clock import Clock
from gateway.errors import Forbidden

# The name of whoever answers from the demo page's console.
AGENT_NAME = "Demo agent"
CAPACITY = 200
# The largest notification: 10,000 characters, 16 KiB of attributes, the envelope; 200 of them are 25 MB.
MAX_BODY_BYTES = 131_072
# What a receiver looks at (spec/push.md 3.1); credentials are not shown.
SHOWN_HEADERS = (
    "content-type",
    "user-agent",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "x-chat-id",
    "x-user-id",
    "x-push-attempt",
    "x-push-debug",
)
MAX_HEADER_LENGTH = 512


@dataclass(frozen=True, slots=True)
class Received:
    """One notification; `number` counts from 1 and never repeats, `rendered` is its JSON text."""

    number: int
    rendered: bytes


class Inbox:
    """The newest notifications, in order of arrival."""

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        # Guards both: the number given and the place in the queue must agree.
        self._lock = threading.Lock()
        self._items: deque[Received] = deque(maxlen=capacity)
        self._count = 0

    def add(self, received_at: str, headers: dict[str, str], body: bytes) -> int:
        """Keep a notification; `body` must be valid JSON, it is shown as it came. Returns its number."""
        with self._lock:
            self._count += 1
            rendered = b'{"number":%d,"receivedAt":%b,"headers":%b,"body":%b}' % (
                self._count,
                orjson.dumps(received_at),
                orjson.dumps(headers),
                body,
            )
            self._items.append(Received(self._count, rendered))
            return self._count

    def after(self, number: int) -> tuple[list[Received], int]:
        """Everything kept that is newer than `number`, newest last, and the newest number given so far."""
        with self._lock:
            return [item for item in self._items if item.number > number], self._count


class DemoAgent:
    """The one token that all visitors of the demo page share in the life of this process."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        # Guards the token: two first visitors at once get the same.
        self._lock = threading.Lock()
        self._token = ""

    def token(self) -> str:
        """A token that counts; those of earlier processes do not any more."""
        with self._lock:
            if not self._is_valid():
                self._token = self._accounts.renew(AGENT, AGENT_NAME)
            return self._token

    def _is_valid(self) -> bool:
        try:
            return self._token != "" and bool(self._accounts.authenticate(self._token))
        except Forbidden:
            return False  # an administrator has revoked it


def create_blueprint(*, clock: Clock, accounts: Accounts, inbox: Inbox | None = None) -> Blueprint:
    """The blueprint of /demo/receiver, /demo/received and /demo/agent."""
    kept = inbox or Inbox()
    demo_agent = DemoAgent(accounts)
    blueprint = Blueprint("demo", __name__)
    problem.install(blueprint)

    @blueprint.post("/demo/receiver")
    def receive() -> Response:
        request.max_content_length = MAX_BODY_BYTES
        # A page of another origin cannot send this type without a preflight, so it cannot fill the list.
        if not request.is_json:
            raise UnsupportedMediaType("the body must be application/json")
        body = request.get_data()
        try:
            orjson.loads(body)
        except orjson.JSONDecodeError:
            raise BadRequest("the body is not valid JSON") from None
        kept.add(iso_time(clock.wall_ms()), _shown_headers(request), body)
        return Response(status=HTTPStatus.NO_CONTENT)

    @blueprint.get("/demo/received")
    def received() -> Response:
        # `last` lets a page notice that the gateway was restarted and numbers began again.
        items, last = kept.after(_number(request.args.get("after", "0")))
        body = b'{"items":[%b],"last":%d}' % (b",".join([item.rendered for item in items]), last)
        return Response(body, content_type="application/json", headers={"Cache-Control": "no-store"})

    @blueprint.post("/demo/agent")
    def agent() -> Response:
        check_origin(request)  # no page of another site signs anybody in
        answer = jsonify(name=AGENT_NAME, token=demo_agent.token())
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return blueprint


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise UnprocessableEntity("after must be the number of a notification")
    return int(text)


def _shown_headers(request: Request) -> dict[str, str]:
    values = ((name, request.headers.get(name)) for name in SHOWN_HEADERS)
    # WSGI hands header bytes over as latin-1 text, which is always valid Unicode.
    return {name: value[:MAX_HEADER_LENGTH] for name, value in values if value is not None}
