"""The customhttp request: body, headers, one POST, and what its answer means (spec/push.md 3).

The `message` bytes of a delivery go into the body as they are, so they stay the bytes of the live comet
frame, and those bytes are signed. Nothing of an answer is interpreted but its status and the headers
`retry-after` and `webhook-delivery`. Called by `worker`; keeps TLS contexts and idle connections.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from http.client import HTTPException, HTTPResponse

import orjson

from gateway import __version__
from gateway.clock import Clock
from gateway.model.deliveries import Delivery, DeliveryKind
from gateway.push.destination import Destination, Tls
from gateway.push.networks import Network, is_allowed
from gateway.push.signing import signature
from gateway.push.transport import (
    IDLE_S,
    Address,
    AddressRefused,
    Connection,
    Connections,
    Deadline,
    tls_context,
)

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
_BREAKS_A_HEADER = re.compile(r"[\r\n\0]")
# With this answer a receiver asks for no further attempts (spec/push.md 10.1).
ABORT_HEADER, ABORT = "webhook-delivery", "abort-message"


class Outcome(StrEnum):
    """What an attempt means for its delivery (spec/push.md 3.6)."""

    DELIVERED = "delivered"
    RETRYABLE = "retryable"
    PERMANENT = "permanent"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one POST: a status, or a short fixed word (an exception's text would hold the URL).

    `connected`: there was a connection. `abort`: the receiver wants no further attempt.
    """

    status: int | None = None
    error: str | None = None
    head: bytes = b""
    connected: bool = True
    retry_after: str | None = None
    abort: bool = False


@dataclass(frozen=True, slots=True)
class Posting:
    """A request ready to be sent, more than once if need be."""

    target: str = field(repr=False)
    content: bytes = field(repr=False)
    headers: dict[str, str] = field(repr=False)


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


def content(delivery: Delivery, destination: Destination) -> bytes:
    """The whole body of a notification. ValueError: its row lost the message."""
    return body(_message(delivery, destination), delivery.device_id)


def headers(
    delivery: Delivery, destination: Destination, *, attempt: int, now_ms: int, content: bytes
) -> dict[str, str]:
    """The headers of 3.1 and 10.2.1 for the body `content`.

    `attempt` counts from 1; the operator's headers cannot replace ours. ValueError for a body that cannot be
    signed.
    """
    now_s = now_ms // 1000
    ours = {
        "host": destination.place.authority,
        "content-type": "application/json; charset=utf-8",
        "user-agent": _USER_AGENT,
        "webhook-id": delivery.id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": signature(
            destination.signing_keys, webhook_id=delivery.id, timestamp_s=now_s, body=content
        ),
        "x-push-attempt": str(attempt),
        "x-push-event": event_name(delivery.event_type),
        "x-chat-id": delivery.chat_id,
        "x-user-id": delivery.user_id,
    }
    if delivery.idempotency_key is not None:
        ours["idempotency-key"] = delivery.idempotency_key
    if delivery.debug:
        ours["x-push-debug"] = "true"
    return {**destination.headers, **ours}


def event_name(event_type: str) -> str:
    """`ParticipantJoined` -> `chat.participant_joined`, the naming of Standard Webhooks."""
    return "chat." + _WORD_START.sub("_", event_type).lower()


class Sender:
    """Posts deliveries under one settings snapshot's network rules; usable by many threads."""

    def __init__(self, allowed_networks: Iterable[Network], clock: Clock) -> None:
        self._connections = Connections(partial(is_allowed, allowed=tuple(allowed_networks)), clock)
        self._clock = clock
        # A race makes the same context twice, the last one stays: no lock needed.
        self._contexts: dict[Tls, ssl.SSLContext] = {}

    def send(self, delivery: Delivery, destination: Destination, *, attempt: int) -> Reply:
        """Make one POST. Never raises for what the receiver, the network or the row does."""
        now_ms = self._clock.wall_ms()
        try:
            posted = content(delivery, destination)
            named = headers(delivery, destination, attempt=attempt, now_ms=now_ms, content=posted)
            _check_headers(named)
        except ValueError:
            return Reply(error=BAD_REQUEST)
        try:
            address = self._address(destination)
        except OSError:  # a file of certificates
            return Reply(error=TLS_FAILED, connected=False)
        request = Posting(destination.place.target, posted, named)
        deadline = Deadline(
            self._clock, total_s=destination.total_timeout_s, pause_s=destination.read_timeout_s
        )
        return self._exchange(address, request, deadline, destination.connect_timeout_s)

    def close_idle(self, idle_s: float = IDLE_S) -> None:
        """Close connections that nobody has used for `idle_s` seconds."""
        self._connections.close_idle(idle_s)

    def _exchange(self, address: Address, request: Posting, deadline: Deadline, connect_s: float) -> Reply:
        kept = self._connections.take(address, deadline)
        if kept is not None:
            try:
                return self._post(kept, address, request)
            except (HTTPException, OSError) as error:
                kept.close()
                # Not one byte came back: the receiver had given the connection up. Once more on a new one.
                if kept.wire.received or isinstance(error, TimeoutError):
                    return Reply(error=_word_for(error))
        try:
            fresh = self._connections.open(address, deadline, connect_s=connect_s)
        except (OSError, UnicodeError) as error:  # the resolver refuses odd names with the latter
            return Reply(error=_word_for(error), connected=False)
        try:
            return self._post(fresh, address, request)
        except (HTTPException, OSError) as error:
            fresh.close()
            return Reply(error=_word_for(error))

    def _post(self, connection: Connection, address: Address, request: Posting) -> Reply:
        response = connection.post(request.target, request.content, request.headers)
        if response.status < 200:
            response.close()
            raise ConnectionError("an interim answer instead of one")
        reply = Reply(
            status=response.status,
            head=_head(response),
            retry_after=response.headers.get("retry-after"),
            abort=response.headers.get(ABORT_HEADER, "").strip().lower() == ABORT,
        )
        reusable = not response.will_close and (response.isclosed() or response.length == 0)
        response.close()
        if reusable:
            self._connections.keep(address, connection)
        else:
            connection.close()
        return reply

    def _address(self, destination: Destination) -> Address:
        """OSError when a file of certificates cannot be used."""
        place, context = destination.place, None
        if place.secure:
            context = self._contexts.get(destination.tls)
            if context is None:
                context = self._contexts[destination.tls] = tls_context(
                    verify=destination.tls.verify,
                    ca_file=destination.tls.ca_file,
                    client_cert=destination.tls.client_cert,
                    client_key=destination.tls.client_key,
                )
        return Address(place.host, place.port, context)


def _message(delivery: Delivery, destination: Destination) -> bytes:
    """The JSON text of the member `message`."""
    if delivery.kind is DeliveryKind.TEXT:
        return orjson.dumps(destination.message)
    if delivery.message is None:
        raise ValueError("a row lost its message")
    return delivery.message


def _check_headers(named: Mapping[str, str]) -> None:
    """ValueError for a value that cannot be sent; http.client would find out only while sending."""
    text = "".join(named.values())
    text.encode("latin-1")
    if _BREAKS_A_HEADER.search(text):
        raise ValueError


def _head(response: HTTPResponse) -> bytes:
    """The first bytes of the answer, undecoded. Its status has decided: a cut body is no failure."""
    head = b""
    try:
        while len(head) < MAX_RESPONSE_BYTES:
            piece = response.read1(MAX_RESPONSE_BYTES - len(head))
            if not piece:
                break
            head += piece
    except (HTTPException, OSError, ValueError):
        pass
    return head


def _word_for(error: BaseException) -> str:
    """The short word for what happened."""
    if isinstance(error, AddressRefused):
        return REFUSED
    if isinstance(error, ssl.SSLError):
        return TLS_FAILED
    return TIMED_OUT if isinstance(error, TimeoutError) else UNREACHABLE
