"""Who is connected: the Bayeux sessions of this node as an operator sees them.

Values only, taken under the hub's lock and bounded, so that looking never holds up a delivery for long. A
client id is what a client proves itself with, so only its beginning leaves this module, as in the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from gateway.bayeux import Session
from gateway.chat.accounts import Account
from gateway.clock import Clock
from gateway.comet.attachments import attachments_of
from gateway.comet.hub import Hub

SHOWN_OF_ID = 6


@dataclass(frozen=True, slots=True)
class Reading:
    """One chat that a session receives: `cursor` handed out, `confirmed` known to have arrived."""

    chat_id: str
    cursor: int
    confirmed: int


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """One session. `connected`: it has an open websocket or a held poll; `queued`: messages that wait."""

    id: str
    transport: str
    connected: bool
    age_ms: int
    queued: int
    account: str | None
    chats: tuple[Reading, ...]


class Census:
    """Counts and describes the sessions of one node."""

    def __init__(self, hub: Hub, clock: Clock) -> None:
        self._hub = hub
        self._clock = clock

    @property
    def total(self) -> int:
        """How many sessions there are."""
        return len(self._hub.machine.sessions)

    def sessions(self, limit: int) -> list[SessionStatus]:
        """The newest sessions."""
        now = self._clock.monotonic()
        with self._hub.lock:
            newest = islice(reversed(self._hub.machine.sessions.values()), limit)
            return [_status(session, now) for session in newest]

    def transports(self, chat_id: str) -> list[str]:
        """The transports by which the customer of this chat is connected over CometD, each once."""
        with self._hub.lock:
            sessions = self._hub.sessions_of(chat_id)
            return sorted({_transport(session) for session in sessions})


def _status(session: Session, now: float) -> SessionStatus:
    account = session.principal
    return SessionStatus(
        id=session.id[:SHOWN_OF_ID],
        transport=_transport(session),
        connected=session.channel is not None or session.held is not None,
        age_ms=max(0, round((now - session.created) * 1000)),
        queued=len(session.outbox),
        account=account.name if isinstance(account, Account) else None,
        chats=tuple(
            Reading(each.chat_id, cursor=each.cursor, confirmed=each.confirmed)
            for each in attachments_of(session)
        ),
    )


def _transport(session: Session) -> str:
    """How it talks now; what it said in its handshake while nothing is open."""
    if session.channel is not None:
        return "websocket"
    return session.held.transport if session.held is not None else session.transport
