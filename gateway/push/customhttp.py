"""The customhttp request: body, headers, one POST, and what its answer means (spec/push.md 3).

The `message` bytes of a delivery go into the body as they are, so they stay the bytes of the live comet
frame. Nothing of an answer is interpreted but its status. Called by `worker`; keeps no state but TLS
contexts.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import orjson
from requests import PreparedRequest, Request, RequestException, Response
from urllib3.exceptions import HTTPError

from gateway import __version__
from gateway.clock import Clock
from gateway.model.deliveries import Delivery, DeliveryKind
from gateway.push.destination import Destination, Tls
from gateway.push.networks import Network, is_allowed
from gateway.push.transport import AddressRefused, Exchange, ExchangeAdapter, tls_context

# What the delivery log keeps of an answer; Standard Webhooks receivers answer with far less (3.6).
MAX_RESPONSE_BYTES = 20_000

# What can go wrong without an answer, as log and delivery log say it.
REFUSED = "address is not allowed"
TIMED_OUT = "timeout"
UNREACHABLE = "connection failed"
TLS_FAILED = "TLS failed"
BAD_REQUEST = "request cannot be built"

_USER_AGENT = f"open-chat-gateway/{__version__}"
_RETRYABLE = frozenset({408, 425, 429})
_WORD_START = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Outcome(StrEnum):
    """What an attempt means for its delivery (spec/push.md 3.6)."""

    DELIVERED = "delivered"
    RETRYABLE = "retryable"
    PERMANENT = "permanent"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one POST: a status, or a short fixed word (an exception's text would hold the URL)."""

    status: int | None = None
    error: str | None = None
    head: bytes = b""


def classify(status: int | None, error: str | None) -> Outcome:
    """What an attempt means (3.6). Redirects were not followed; time-outs and lost connections may pass."""
    if status is None:
        return Outcome.RETRYABLE if error in (TIMED_OUT, UNREACHABLE) else Outcome.PERMANENT
    if 200 <= status < 300:
        return Outcome.DELIVERED
    if status == 410:
        return Outcome.GONE
    return Outcome.RETRYABLE if status in _RETRYABLE or status >= 500 else Outcome.PERMANENT


def body(message: bytes, device_id: str) -> bytes:
    """The JSON object of 3.2 - 3.4; `message` is JSON text, which the store checks when a row is claimed."""
    return b'{"message":%b,"deviceId":%b}' % (message, orjson.dumps(device_id))


def headers(delivery: Delivery, destination: Destination, *, attempt: int, now_ms: int) -> dict[str, str]:
    """The headers of 3.1. `attempt` counts from 1; the operator's headers cannot replace ours."""
    ours = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": _USER_AGENT,
        "webhook-id": delivery.id,
        "webhook-timestamp": str(now_ms // 1000),
        "x-push-attempt": str(attempt),
        "x-push-event": event_name(delivery.event_type),
        "x-chat-id": delivery.chat_id,
        "x-user-id": delivery.user_id,
    }
    if delivery.debug:
        ours["x-push-debug"] = "true"
    return {**destination.headers, **ours}


def event_name(event_type: str) -> str:
    """`ParticipantJoined` -> `chat.participant_joined`, the naming of Standard Webhooks."""
    return "chat." + _WORD_START.sub("_", event_type).lower()


class Sender:
    """Posts deliveries under one settings snapshot's network rules; usable by many threads."""

    def __init__(self, allowed_networks: Iterable[Network], clock: Clock) -> None:
        self._may_connect = partial(is_allowed, allowed=tuple(allowed_networks))
        self._clock = clock
        # A race makes the same context twice, the last one stays: no lock needed.
        self._contexts: dict[Tls, ssl.SSLContext] = {}

    def send(self, delivery: Delivery, destination: Destination, *, attempt: int) -> Reply:
        """Make one POST. Never raises for what the receiver, the network or the row does."""
        try:
            request = self._prepare(delivery, destination, attempt)
        except (ValueError, RequestException):
            return Reply(error=BAD_REQUEST)
        exchange = Exchange(
            self._may_connect,
            connect_s=destination.connect_timeout_s,
            total_s=destination.total_timeout_s,
            clock=self._clock,
        )
        try:
            adapter = ExchangeAdapter(exchange, self._context(destination.tls))
        except OSError:
            return Reply(error=TLS_FAILED)
        with exchange:
            try:
                return _post(adapter, request, destination, exchange)
            except (RequestException, HTTPError, OSError) as error:
                return Reply(error=TIMED_OUT if exchange.expired else _word_for(error))
            finally:
                adapter.close()

    def _prepare(self, delivery: Delivery, destination: Destination, attempt: int) -> PreparedRequest:
        if delivery.kind is DeliveryKind.TEXT:
            message = orjson.dumps(destination.message)
        elif delivery.message is not None:
            message = delivery.message
        else:
            raise ValueError("a row lost its message")
        named = headers(delivery, destination, attempt=attempt, now_ms=self._clock.wall_ms())
        "".join(named.values()).encode("latin-1")  # http.client would find out only while sending
        content = body(message, delivery.device_id)
        return Request("POST", destination.url, headers=named, data=content).prepare()

    def _context(self, tls: Tls) -> ssl.SSLContext:
        context = self._contexts.get(tls)
        if context is None:
            context = self._contexts[tls] = tls_context(verify=tls.verify, ca_file=tls.ca_file)
        return context


def _post(
    adapter: ExchangeAdapter, request: PreparedRequest, destination: Destination, exchange: Exchange
) -> Reply:
    timeouts = (destination.connect_timeout_s, destination.read_timeout_s)
    response = adapter.send(request, stream=True, timeout=timeouts, verify=destination.tls.verify)
    try:
        if exchange.expired:
            raise TimeoutError  # http.client takes a head that was cut off for a complete one
        return Reply(status=response.status_code, head=_head(response))
    finally:
        response.close()


def _head(response: Response) -> bytes:
    """The first bytes of the answer, undecoded. Its status has decided: a cut body is no failure."""
    head = b""
    try:
        while len(head) < MAX_RESPONSE_BYTES:
            piece = response.raw.read1(MAX_RESPONSE_BYTES - len(head), decode_content=False)
            if not piece:
                break
            head += piece
    except (HTTPError, OSError):
        pass
    return head


def _word_for(error: BaseException) -> str:
    """The short word for the innermost known cause."""
    for cause in _causes(error):
        if isinstance(cause, AddressRefused):
            return REFUSED
        if isinstance(cause, ssl.SSLError):
            return TLS_FAILED
        if isinstance(cause, TimeoutError):
            return TIMED_OUT
    return UNREACHABLE


def _causes(error: BaseException) -> Iterable[BaseException]:
    """The exception, what it was raised from, and what libraries carry as an argument or `reason`."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        candidate = waiting.pop(0)
        if isinstance(candidate, BaseException) and candidate not in seen:
            seen.append(candidate)
            waiting += [candidate.__cause__, candidate.__context__, getattr(candidate, "reason", None)]
            waiting += candidate.args
    return seen
