"""The Bayeux endpoint: a WSGI middleware that answers `<prefix>/cometd` and all below it before Flask.

Everything else, and websocket upgrades, pass on to the wrapped application (Flask). Method, origin, cookies
and CORS are settled here; the transports only see batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import structlog

from gateway.bayeux.options import CALLBACK_POLLING, LONG_POLLING, WEBSOCKET
from gateway.comet import browser_cookie
from gateway.comet.exchange import Exchange, Result
from gateway.comet.http import (
    SECURITY_HEADERS,
    BodyTooLarge,
    Environ,
    Response,
    body_then,
    peer_of,
    refusal,
)
from gateway.comet.long_poll import Polling
from gateway.comet.websocket import SOCKET_KEY, WebSockets
from gateway.config import Settings, SettingsSource
from gateway.config.origins import OriginPolicy
from gateway.ids import Ids
from gateway.observe.metrics import Metrics

StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

SURFACE = "cometd"
_METHODS = "POST, GET, OPTIONS"

log = structlog.get_logger(__name__)


class CometEndpoint:
    """WSGI middleware in front of Flask."""

    def __init__(
        self,
        application: Wsgi,
        *,
        polling: Polling,
        websockets: WebSockets,
        exchange: Exchange,
        settings_source: SettingsSource,
        ids: Ids,
        metrics: Metrics,
    ) -> None:
        self._application = application
        self._polling = polling
        self._websockets = websockets
        self._exchange = exchange
        self._settings_source = settings_source
        self._ids = ids
        self._metrics = metrics
        settings = settings_source.current
        self._path = settings.server.mount_prefix.rstrip("/") + "/cometd"
        self._below = self._path + "/"
        self._origins_from: Settings | None = None
        self._origins = OriginPolicy(())

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request of the endpoint, or pass it on."""
        path = environ.get("PATH_INFO", "")
        if path != self._path and not path.startswith(self._below):
            return self._application(environ, start_response)
        origins = self._current_origins()
        origin, host = environ.get("HTTP_ORIGIN"), environ.get("HTTP_HOST")
        method = environ["REQUEST_METHOD"]
        if method == "OPTIONS":
            requested = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS")
            headers = origins.preflight(origin, host, requested=requested)
            start_response("204 No Content", [*headers, ("Content-Length", "0")])
            return [b""]
        cors = origins.headers(origin, host)
        if not origins.allows(origin or _referrer(environ, method), host):
            return self._send(refusal("403 Forbidden", "403::origin_denied"), cors, start_response)
        if method == "GET" and environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            return self._upgrade(environ, start_response, cors)
        try:
            return self._poll(environ, start_response, cors)
        except BodyTooLarge:
            return self._send(refusal("413 Content Too Large", "413::body_too_large"), cors, start_response)
        except OSError:  # the client broke off while it was sending
            return self._send(refusal("400 Bad Request", "400::incomplete_body"), cors, start_response)
        except Exception:  # noqa: BLE001 - the last wall before a client; the trace stays in the log
            log.exception("bayeux_request_failed")
            failure = refusal("503 Service Unavailable", "503::temporarily_unavailable")
            return self._send(failure, cors, start_response)

    # --- polling -----------------------------------------------------------------------------------------

    def _poll(
        self, environ: Environ, start_response: StartResponse, cors: list[tuple[str, str]]
    ) -> Iterable[bytes]:
        method, settings = environ["REQUEST_METHOD"], self._settings_source.current.cometd
        if environ.get("HTTP_CONTENT_ENCODING"):
            return self._send(refusal("415 Unsupported Media Type", "415::encoding"), cors, start_response)
        if method not in ("POST", "GET") or (method == "GET" and not settings.callback_polling):
            response = refusal("405 Method Not Allowed", "405::method_not_allowed")
            return self._send(response, [*cors, ("Allow", _METHODS)], start_response)
        browser = browser_cookie.presented(environ.get("HTTP_COOKIE"), settings.browser_cookie_name)
        value = browser_cookie.fresh(self._ids) if browser is None else ""
        peer = peer_of(
            environ,
            LONG_POLLING if method == "POST" else CALLBACK_POLLING,
            browser=browser,
            new_browser=browser_cookie.fingerprint(value) if value else None,
        )
        answer = self._polling.post if method == "POST" else self._polling.callback
        response, result = answer(environ, peer)
        if result is not None and result.opened is not None and value:
            https = environ.get("wsgi.url_scheme") == "https"
            cors = [*cors, ("Set-Cookie", browser_cookie.header(value, settings, https=https))]
        return self._send(response, cors, start_response, result=result)

    def _send(
        self,
        response: Response,
        extra: list[tuple[str, str]],
        start_response: StartResponse,
        *,
        result: Result | None = None,
    ) -> Iterable[bytes]:
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            *SECURITY_HEADERS,
            *response.headers,
            *extra,
        ]
        start_response(response.status, headers)
        self._metrics.bound("http_requests_total", SURFACE, response.status[:3]).inc()
        if result is None:
            return [response.body]
        return body_then(
            response.body,
            written=lambda: self._exchange.written(result),
            failed=lambda: self._exchange.failed(result),
        )

    # --- websocket ----------------------------------------------------------------------------------------

    def _upgrade(
        self, environ: Environ, start_response: StartResponse, cors: list[tuple[str, str]]
    ) -> Iterable[bytes]:
        """Check what a hand-shaking library would not, then let flask-sock do the upgrade and serve it."""
        if environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13" or not environ.get("HTTP_SEC_WEBSOCKET_KEY"):
            headers = [*cors, ("Sec-WebSocket-Version", "13")]
            return self._send(refusal("426 Upgrade Required", "426::version"), headers, start_response)
        # No compression, no subprotocol (module docstring of `websocket`).
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        environ.pop("HTTP_SEC_WEBSOCKET_PROTOCOL", None)
        settings = self._settings_source.current.cometd
        browser = browser_cookie.presented(environ.get("HTTP_COOKIE"), settings.browser_cookie_name)
        peer = peer_of(environ, WEBSOCKET, browser=browser, new_browser=None)
        answer: Iterable[bytes] = []
        over: type[Exception] = ConnectionError
        try:
            answer = self._application(environ, start_response)
        except (StopIteration, ConnectionError) as error:  # how flask-sock tells servers that it is done
            if SOCKET_KEY not in environ:
                raise
            over = type(error)  # the exception itself would keep Flask's whole request alive
        sock = environ.pop(SOCKET_KEY, None)
        if sock is None:
            return answer
        # Nothing of the request is needed any more. Without these two lines it would live as long as the
        # socket: 13 of 36 KB per idle client (measured).
        answer = []
        environ.clear()
        self._websockets.serve(sock, peer, settings)
        raise over

    def _current_origins(self) -> OriginPolicy:
        settings = self._settings_source.current
        if settings is not self._origins_from:
            self._origins = OriginPolicy(settings.server.cors_allow_origins)
            self._origins_from = settings
        return self._origins


def _referrer(environ: Environ, method: str) -> str | None:
    """The origin of the page that a script request (JSONP) comes from; browsers send no Origin with it."""
    parts = urlsplit(environ.get("HTTP_REFERER", "")) if method == "GET" else None
    return f"{parts.scheme}://{parts.netloc}" if parts is not None and parts.netloc else None
