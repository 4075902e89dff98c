"""Chat API v2 over REST: the tree `{mount_prefix}/2` (spec/chat-api-v2.md 2, 9, 10).

One edge serves the whole tree, so that every path, method and trailing slash is answered at once, without a
redirect, in the GMS shape and with CORS headers. Every answer is immediate (short polling).

`ChatEdge.respond` is the whole of it: a request in, an answer out, never an exception. Served requests come
through `ChatEndpoint`, a WSGI middleware before Flask: routing, contexts and hooks would cost a third of a
`send` (measured). The blueprint puts the same edge into Flask's URL map, for the paths beside the tree and
for applications that do without the middleware.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Request, Response, request
from werkzeug.exceptions import (
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    TooManyRequests,
    UnsupportedMediaType,
)
from werkzeug.routing import PathConverter

from gateway.api import gms_body, multipart
from gateway.api.chat_ntf import ChatNtf
from gateway.api.gms_access import Origins, require_credentials
from gateway.api.gms_answer import METHODS, REPLAY, answer, error_answer
from gateway.api.gms_body import Body
from gateway.api.gms_files import GmsFiles
from gateway.api.gms_operations import ChatApi, PlaceOf, Replay, nowhere
from gateway.api.multipart import Received
from gateway.chat.customers import Customers, Party
from gateway.chat.files import Files
from gateway.chat.limits import MISSING_OR_MALFORMED
from gateway.clock import Clock, SystemClock
from gateway.config import SettingsSource
from gateway.errors import BadKey, RateLimited, Rejected
from gateway.model import payload
from gateway.observe.metrics import Metrics
from gateway.rates import Rates

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

NAME = "gms"
SURFACE = "chat"
UPLOAD = ("file",)
TREE = "/2"

# All of them reach the view, which answers 405 itself.
_ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
# Eight digits, as in the answers of the original; it only has to find a log line.
_REFERENCES = 100_000_000


def create_blueprint(**parts: Any) -> Blueprint:
    """The blueprint of an edge of its own; arguments as for `ChatEdge`."""
    return blueprint_of(ChatEdge(**parts))


def blueprint_of(edge: ChatEdge) -> Blueprint:
    """The tree, and what is unknown beside it, as a blueprint that carries the mount prefix."""
    blueprint = Blueprint(NAME, __name__, url_prefix=edge.prefix or None)
    blueprint.record_once(lambda state: state.app.url_map.converters.update(anything=_Anything))

    def view(path: str = "", elsewhere: str = "") -> Response:
        return edge.respond(request, None if elsewhere else path)

    # What else lies under a prefix is unknown in the same shape; at the root it belongs to other surfaces.
    beside = ["/<anything:elsewhere>"] if edge.prefix else []
    for rule in (TREE, TREE + "/<anything:path>", *beside):
        blueprint.add_url_rule(
            rule,
            "tree",
            view,
            methods=_ALL_METHODS,
            provide_automatic_options=False,
            strict_slashes=False,
            merge_slashes=False,
        )
    return blueprint


class ChatEndpoint:
    """WSGI middleware: the chat tree goes straight to the edge, everything else passes on."""

    def __init__(self, application: Wsgi, edge: ChatEdge) -> None:
        self._application = application
        self._edge = edge
        self._tree = edge.prefix + TREE + "/"

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request of the tree, or pass it on."""
        if not environ.get("PATH_INFO", "").startswith(self._tree):
            return self._application(environ, start_response)
        received = Request(environ)
        return self._edge.respond(received, received.path[len(self._tree) :])(environ, start_response)


class _Anything(PathConverter):
    """Any path; the stock converter knows neither line breaks nor a leading slash."""

    part_isolating = False
    regex = "(?s:.+)"


@dataclass(frozen=True, slots=True)
class _Target:
    """What a path means: a start (`service`), an operation on a chat (all three), or chat-ntf."""

    service: str = ""
    chat_id: str = ""
    operation: tuple[str, ...] = ()
    ntf: bool = False

    @classmethod
    def of(cls, path: str) -> _Target:
        """Read the path below `/2`; NotFound when it is none of ours. One trailing slash is ignored."""
        match path.removesuffix("/").split("/"):
            case ["chat-ntf"]:
                return cls(ntf=True, chat_id=payload.DEPRECATED.chat_id)
            case ["chat", service] if service:
                return cls(service)
            case ["chat", service, chat_id, *operation] if service and chat_id and operation:
                return cls(service, chat_id, tuple(operation))
        raise NotFound


@dataclass(slots=True)
class _Call:
    """One request on its way, with what an error answer must name."""

    request: Request
    alias: str
    chat_id: str = ""


class ChatEdge:
    """Origin, credentials, body, caller, rate, operation, in this order; errors in the GMS shape.

    `alias` names this node to REST clients, a short digit string. `rates` are shared with the other edges.
    """

    def __init__(
        self,
        *,
        customers: Customers,
        files: Files,
        settings: SettingsSource,
        metrics: Metrics,
        alias: str = "1",
        rates: Rates | None = None,
        place_of: PlaceOf = nowhere,
        clock: Clock | None = None,
        new_reference: Callable[[], int] = lambda: secrets.randbelow(_REFERENCES),
    ) -> None:
        self.prefix = settings.current.server.mount_prefix
        self._files = GmsFiles(files, customers, settings)
        self._api = ChatApi(customers, self._files, alias=alias, place_of=place_of)
        self._origins = Origins(settings)
        self._rates = rates or Rates(settings, clock or SystemClock(), metrics)
        self._ntf = ChatNtf(customers, settings, files=self._files, rates=self._rates)
        self._settings = settings
        self._metrics = metrics
        self._alias = alias
        self._new_reference = new_reference

    def respond(self, request: Request, path: str | None) -> Response:
        """The answer to one request; `path` is what follows the tree's root, None for a place beside it."""
        call = _Call(request, self._alias)
        try:
            response = self._answer(call, path)
        except Exception as error:  # noqa: BLE001 - translated; what is unforeseen is logged with its trace
            response = error_answer(
                error, chat_id=call.chat_id, alias=call.alias, reference=self._new_reference()
            )
        if "Vary" not in response.headers:  # a preflight has its CORS headers already
            response.headers.extend(self._origins.headers(request.headers))
        self._metrics.bound("http_requests_total", SURFACE, str(response.status_code)).inc()
        return response

    def _answer(self, call: _Call, path: str | None) -> Response:
        if path is None:
            raise NotFound
        target = _Target.of(path)
        call.chat_id = target.chat_id
        request = call.request
        if request.method == "OPTIONS":
            return self._preflight(request)
        if request.method != "POST":
            raise MethodNotAllowed
        self._origins.require(request.headers)
        if target.ntf:
            call.alias = payload.DEPRECATED.alias
            self._refuse_compressed(request)
            return self._ntf.respond(request, lambda: self._body(request, target, is_upload=True))
        return self._chat(request, target)

    def _chat(self, request: Request, target: _Target) -> Response:
        require_credentials(request.headers, self._settings.current.for_service(target.service))
        self._refuse_compressed(request)
        if target.operation == UPLOAD:
            return self._upload(request, target)
        body = self._body(request, target, is_upload=False)
        if not target.operation:
            self._count_start(request.remote_addr or "")
            return _marked(self._api.start(target.service, body))
        operation = self._api.operation(target.operation)
        if operation is None:
            raise Rejected(MISSING_OR_MALFORMED, "operation")
        party = self._authenticate(target, body, request.remote_addr or "")
        done = operation(party, body)
        return done if isinstance(done, Response) else _marked(done)

    def _upload(self, request: Request, target: _Target) -> Response:
        """A file, read as it arrives; any other body holds none and is only looked at for its sender."""

        def authenticate(body: Body) -> Party:
            return self._authenticate(target, body, request.remote_addr or "")

        boundary = multipart.boundary_of(request.content_type)
        if boundary is None:
            body = self._body(request, target, is_upload=True)
            received, party = Received(body, None), authenticate(body)
        else:
            received, party = self._files.receive(request, boundary, authenticate=authenticate)
        return answer(self._files.upload(party, received, self._api.identity(party)))

    def _count_start(self, address: str) -> None:
        """A flood of new chats is the one limit that HTTP itself reports (8.6)."""
        try:
            self._rates.chat(address)
        except RateLimited as error:
            raise TooManyRequests(retry_after=error.retry_after_s) from None

    def _authenticate(self, target: _Target, body: Body, address: str) -> Party:
        """The caller, whose request counts; guesses are counted, and not looked at above the limit."""
        secret = body.text("secureKey")
        self._rates.admit(secret, address=address, chat_id=target.chat_id)
        try:
            party = self._api.authenticate(target.service, target.chat_id, body)
        except BadKey:
            self._rates.failed(address=address, chat_id=target.chat_id)
            raise
        self._rates.request(secret, party.session.id)
        return party

    def _refuse_compressed(self, request: Request) -> None:
        """415: a bomb is never inflated."""
        if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise UnsupportedMediaType

    def _body(self, request: Request, target: _Target, *, is_upload: bool) -> Body:
        """The parsed body: 413 above the limit, but an upload is refused as such."""
        limit = self._settings.current.server.max_body_size_bytes
        # One more than allowed: of a body in chunks werkzeug drops what exceeds its limit in silence.
        request.max_content_length = limit + 1
        try:
            raw = request.get_data(cache=False)
            if len(raw) > limit:
                raise RequestEntityTooLarge
        except RequestEntityTooLarge:
            if is_upload:
                raise self._files.too_large() from None
            raise
        # Elsewhere a query string is ignored: keys do not belong into access logs (7.5 allows it here).
        query = request.query_string if target.ntf else b""
        return gms_body.parse(raw, request.content_type, query=query)

    def _preflight(self, request: Request) -> Response:
        response = Response(status=204)
        response.headers["Allow"] = METHODS
        response.headers.extend(self._origins.preflight(request.headers))
        return response


def _marked(done: bytes) -> Response:
    """The answer; one that repeats an earlier one says so."""
    response = answer(done)
    if isinstance(done, Replay):
        response.headers.add(*REPLAY)
    return response
