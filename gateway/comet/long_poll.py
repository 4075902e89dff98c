"""Long-polling and callback-polling: one HTTP request, one batch, perhaps a wait (spec/bayeux.md 5, 6).

Runs at WSGI level, before Flask: routing and contexts would cost 35-75 us a request, JSON costs 0.3
(measured). A lone /meta/connect parks its greenlet until there is something to deliver.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs

from gateway.bayeux import Peer
from gateway.bayeux.options import CALLBACK_POLLING, LONG_POLLING
from gateway.comet import frames
from gateway.comet.batch import BadBatch
from gateway.comet.exchange import Exchange, Parked, Result
from gateway.comet.http import (
    Environ,
    Response,
    parse_body,
    parse_parameters,
    peer_is_gone,
    read_body,
    refusal,
)
from gateway.comet.hub import Hub
from gateway.config import SettingsSource
from gateway.observe.metrics import Metrics

JSON = "application/json;charset=UTF-8"
JAVASCRIPT = "text/javascript;charset=UTF-8"
MALFORMED = "400::malformed_batch"

# The reference server's characters and length, but a letter first, so that no callback is an expression.
_CALLBACK = re.compile(r"[A-Za-z_$][A-Za-z0-9_$.\-]{0,63}")


def callback_parameters(query: str) -> tuple[str | None, list[str]]:
    """The callback's name (None: not a plain name) and the `message` parameters; or BadBatch."""
    try:
        parameters = parse_qs(query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise BadBatch("too many parameters") from None
    name = (parameters.get("jsonp") or parameters.get("jsonpcallback") or [""])[0]
    return name if _CALLBACK.fullmatch(name) else None, parameters.get("message") or []


class Polling:
    """Answers polls; returns a response together with the result whose fate the writing decides."""

    def __init__(
        self, exchange: Exchange, hub: Hub, *, settings_source: SettingsSource, metrics: Metrics
    ) -> None:
        self._exchange = exchange
        self._hub = hub
        self._settings_source = settings_source
        self._metrics = metrics

    def post(self, environ: Environ, peer: Peer) -> tuple[Response, Result | None]:
        """A POSTed batch. BodyTooLarge when it exceeds `[cometd] maxMessageSize`."""
        body = read_body(environ, self._settings_source.current.cometd.max_message_size_bytes)
        try:
            batch = parse_body(body, environ.get("CONTENT_TYPE", ""))
        except BadBatch:
            return refusal("400 Bad Request", MALFORMED), None
        result = self._run(batch, peer, environ)
        return self._response(result, None), result

    def callback(self, environ: Environ, peer: Peer) -> tuple[Response, Result | None]:
        """A GET with `jsonp` and `message` (hardened: spec/bayeux.md 6, targets/reliability.md 4.2)."""
        try:
            name, values = callback_parameters(environ.get("QUERY_STRING", ""))
            if name is None:
                return refusal("400 Bad Request", "400::callback_invalid"), None
            batch = parse_parameters(values)
        except BadBatch:
            return refusal("400 Bad Request", MALFORMED), None
        result = self._run(batch, peer, environ)
        return self._response(result, name), result

    def _run(self, batch: list[dict[str, Any]], peer: Peer, environ: Environ) -> Result:
        result = self._exchange.process(batch, peer)
        if result.parked is not None:
            self._wait(result.parked, result, environ)
        return result

    def _wait(self, parked: Parked, result: Result, environ: Environ) -> None:
        """Hold the connect, then take what is due; a client that has gone gets nothing that it would lose."""
        session, held = parked.session, parked.held
        waiter = held.waiter
        if not session.pending and waiter.verdict is None:
            self._metrics.held_polls.inc()
            waiter.wait(parked.seconds)
            self._metrics.held_polls.dec()
        with self._hub.lock:
            if waiter.verdict == "superseded":
                result.messages.clear()
                return
            if waiter.verdict == "dropped":
                result.messages.append(frames.encode(self._hub.dropped_reply(held)))
                return
            self._exchange.finish(session, held, result)
        if peer_is_gone(environ):
            self._exchange.failed(result)
            result.deliveries.clear()

    def _response(self, result: Result, callback: str | None) -> Response:
        if not result.messages:
            # A connect cancelled by a newer one: the client ignores the body (spec/bayeux.md 0.7).
            status = self._settings_source.current.cometd.duplicate_meta_connect_status
            return refusal(f"{status} Superseded", "409::superseded")
        body = frames.array(result.messages)
        if callback is None:
            return Response("200 OK", JSON, body)
        # U+2028/2029 are line ends in old JavaScript; the comment defeats Rosetta Flash.
        body = body.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
        headers = (("Content-Disposition", "attachment; filename=f.txt"),)
        return Response("200 OK", JAVASCRIPT, b"/**/%b(%b)" % (callback.encode(), body), headers)


TRANSPORTS = {"POST": LONG_POLLING, "GET": CALLBACK_POLLING}
