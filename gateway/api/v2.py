"""Chat API v2 over REST: the tree `{mount_prefix}/2` as one Flask blueprint (spec/chat-api-v2.md 2, 9, 10).

One view serves the whole tree, so that every path, method and trailing slash is answered at once, without a
redirect, in the GMS shape and with CORS headers. Every answer is immediate (short polling). Made by the
application, which registers it as it is: the blueprint carries the mount prefix.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import MethodNotAllowed, NotFound, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.routing import PathConverter

from gateway.api import gms_body, gms_files
from gateway.api.chat_ntf import ChatNtf
from gateway.api.gms_access import Origins, require_credentials
from gateway.api.gms_answer import METHODS, answer, error_answer
from gateway.api.gms_body import Body
from gateway.api.gms_operations import ChatApi
from gateway.api.gms_rates import Rates
from gateway.chat.customers import Customers
from gateway.chat.limits import MISSING_OR_MALFORMED
from gateway.clock import Clock, SystemClock
from gateway.config import SettingsSource
from gateway.errors import Rejected
from gateway.model import payload
from gateway.observe.metrics import Metrics

NAME = "gms"
SURFACE = "chat"

# All of them reach the view, which answers 405 itself.
_ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
# Eight digits, as in the answers of the original; it only has to find a log line.
_REFERENCES = 100_000_000


def create_blueprint(
    *,
    customers: Customers,
    settings: SettingsSource,
    metrics: Metrics,
    alias: str = "1",
    clock: Clock | None = None,
    new_reference: Callable[[], int] = lambda: secrets.randbelow(_REFERENCES),
) -> Blueprint:
    """The blueprint of `{mount_prefix}/2`. `alias` names this node to REST clients, a short digit string."""
    api = ChatApi(customers, settings, alias=alias)
    ntf = ChatNtf(customers, settings)
    origins = Origins(settings)
    rates = Rates(clock or SystemClock(), settings.current.limits)
    edge = _Edge(api, ntf, origins=origins, rates=rates, settings=settings)
    prefix = settings.current.server.mount_prefix
    blueprint = Blueprint(NAME, __name__, url_prefix=prefix or None)
    blueprint.record_once(lambda state: state.app.url_map.converters.update(anything=_Anything))
    # What else lies under a prefix is unknown in the same shape; at the root it belongs to other surfaces.
    for rule in ("/2", "/2/<anything:path>", *(["/<anything:elsewhere>"] if prefix else [])):
        blueprint.add_url_rule(
            rule,
            "tree",
            edge.view,
            methods=_ALL_METHODS,
            provide_automatic_options=False,
            strict_slashes=False,
            merge_slashes=False,
        )

    @blueprint.errorhandler(Exception)
    def refuse(error: Exception) -> Response:
        chat_id = g.get("chat_id", "")
        return error_answer(error, chat_id=chat_id, alias=g.get("alias", alias), reference=new_reference())

    @blueprint.after_request
    def finish(response: Response) -> Response:
        if "Vary" not in response.headers:  # a preflight has its CORS headers already
            response.headers.extend(origins.headers(request.headers))
        metrics.bound("http_requests_total", SURFACE, str(response.status_code)).inc()
        return response

    return blueprint


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


class _Edge:
    """The view: origin, credentials, body, caller, rate, operation, in this order."""

    def __init__(
        self, api: ChatApi, ntf: ChatNtf, *, origins: Origins, rates: Rates, settings: SettingsSource
    ) -> None:
        self._api = api
        self._ntf = ntf
        self._origins = origins
        self._rates = rates
        self._settings = settings

    def view(self, path: str = "", elsewhere: str = "") -> Response:
        """Answer one request; what goes wrong is raised and translated by the blueprint's handler."""
        if elsewhere:
            raise NotFound
        target = _Target.of(path)
        g.chat_id = target.chat_id
        if request.method == "OPTIONS":
            return self._preflight()
        if request.method != "POST":
            raise MethodNotAllowed
        self._origins.require(request.headers)
        if target.ntf:
            g.alias = payload.DEPRECATED.alias
            return answer(self._ntf.answer(self._body(target, is_upload=True), request.headers))
        return answer(self._chat(target))

    def _chat(self, target: _Target) -> bytes:
        require_credentials(request.headers, self._settings.current.for_service(target.service))
        body = self._body(target, is_upload=target.operation == ("file",))
        if not target.operation:
            self._rates.count_start(request.remote_addr or "")
            return self._api.start(target.service, body)
        operation = self._api.operation(target.operation)
        if operation is None:
            raise Rejected(MISSING_OR_MALFORMED, "operation")
        party = self._api.authenticate(target.service, target.chat_id, body)
        self._rates.count_request(party.session.id)
        return operation(party, body)

    def _body(self, target: _Target, *, is_upload: bool) -> Body:
        """The parsed body: 413 above the limit (an upload is refused as such), 415 when it is compressed."""
        if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise UnsupportedMediaType
        request.max_content_length = self._settings.current.server.max_body_size_bytes
        try:
            raw = request.get_data(cache=False)
        except RequestEntityTooLarge:
            if is_upload:
                raise gms_files.upload_disabled() from None
            raise
        # Elsewhere a query string is ignored: keys do not belong into access logs (7.5 allows it here).
        query = request.query_string if target.ntf else b""
        return gms_body.parse(raw, request.content_type, query=query)

    def _preflight(self) -> Response:
        response = Response(status=204)
        response.headers["Allow"] = METHODS
        response.headers.extend(self._origins.preflight(request.headers))
        return response
