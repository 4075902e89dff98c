"""What the engine is told from outside: options, facts about a peer, and the security policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gateway.bayeux.errors import UNKNOWN_CLIENT
from gateway.bayeux.session import Session

LONG_POLLING = "long-polling"
CALLBACK_POLLING = "callback-polling"
WEBSOCKET = "websocket"

# A browser opens at most six HTTP/1.1 connections to one host: the sixth held poll would leave none for
# anything else, so from there on polls of further tabs are answered at once (decision 17).
CROWDED_BROWSER = 6


@dataclass(frozen=True, slots=True)
class Options:
    """The `[cometd]` options under their CometD meaning; milliseconds as on the wire."""

    timeout_ms: int = 30_000
    interval_ms: int = 0
    max_interval_ms: int = 75_000
    max_sessions_per_browser: int = -1
    multi_session_interval_ms: int = 2_000
    connection_types: tuple[str, ...] = (WEBSOCKET, LONG_POLLING, CALLBACK_POLLING)
    unknown_client: str = UNKNOWN_CLIENT
    max_queue: int = 256
    max_queue_bytes: int = 256 * 1024
    max_subscriptions: int = 1_000


@dataclass(slots=True)
class Peer:
    """The connection that a message arrived on.

    `browser` is the fingerprint of the BAYEUX_BROWSER cookie presented (None: no cookie); for a handshake
    without one, `new_browser` is the fingerprint of the cookie about to be set. `bound` is the session of
    a websocket. `principal` is what the edge made of the handshake's credentials, `denied` its refusal.
    `alone`: the message is the only one of its batch. `address` is the network address, for limits.
    """

    transport: str
    browser: str | None = None
    new_browser: str | None = None
    origin: str = ""
    bound: Session | None = None
    principal: object | None = None
    denied: bool = False
    alone: bool = True
    address: str = ""


class Policy(Protocol):
    """Who may do what (default deny; spec/bayeux.md 11)."""

    def can_handshake(self, peer: Peer) -> bool:
        """Whether new sessions are accepted at all."""
        ...

    def can_subscribe(self, session: Session, channel: str) -> bool:
        """`channel` may be a pattern; service channels are asked too (their subscription is a no-op)."""
        ...

    def can_publish(self, session: Session, channel: str) -> bool:
        """Whether the session may publish to this channel."""
        ...
