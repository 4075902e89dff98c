"""Live events for agents, supervisors and bots on `/service/agent` (decision 12).

Frames are `data: {"type", "chatId", "event"}`:

* `waiting`: the chat is in the waiting list now (`event` null);
* `taken`: it has left the waiting list, accepted or ended (`event` null);
* `event`: something happened in a chat that the account takes part in (bots: as the customer sees it);
* everything else is a `Notice` for people, with a member `detail`.

The feed is live only and lives in the session's bounded outbox; an agent that falls behind or reconnects
reads `GET /agent/v1/chats/{chatId}/events?from=N`, where nothing is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from gateway.bayeux import Session
from gateway.chat.accounts import BOT, Account
from gateway.chat.notices import Notice
from gateway.chat.parties import OVERSEERS
from gateway.comet.frames import event_message
from gateway.comet.hub import Hub
from gateway.comet.policy import AGENT_CHANNEL
from gateway.model.change import Committed
from gateway.model.events import EventType
from gateway.model.session import ChatState

_CHANNEL = orjson.dumps(AGENT_CHANNEL)


@dataclass(frozen=True, slots=True)
class _Frames:
    """The frames of one change: for everybody, and for those who take part."""

    everybody: tuple[bytes, ...]
    participants: tuple[bytes, ...]
    bots: tuple[bytes, ...]


class AgentFeed:
    """A bus observer that serves every agent session of this node."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._sessions: dict[str, Session] = {}
        # Open chats by what the agents were told last: in the waiting list, or not in it.
        self._waiting: set[str] = set()
        self._elsewhere: set[str] = set()

    def opened(self, session: Session) -> None:
        """An agent's session shook hands."""
        self._sessions[session.id] = session

    def publish(self, committed: Committed) -> None:
        """Tell the agents (bus observer)."""
        moved = self._moved(committed)
        if not self._sessions:
            return
        frames = self._frames(committed, moved)
        owners = _concerned(committed)
        for session in list(self._sessions.values()):
            if session.closed:
                del self._sessions[session.id]
                continue
            account = session.principal
            mine = isinstance(account, Account) and account.name in owners
            own = frames.bots if mine and account.role == BOT else frames.participants
            for frame in (*frames.everybody, *(own if mine else ())):
                self._hub.send(session, frame)

    def tell(self, notice: Notice) -> None:
        """Carry a notice to the consoles that it is for."""
        frame = b""
        for session in self._open_sessions():
            account = session.principal
            if not isinstance(account, Account) or not _is_for(notice, account):
                continue
            frame = frame or _notice_frame(notice)
            self._hub.send(session, frame)

    def connected(self, name: str) -> bool:
        """Whether this account has live events open."""
        return any(session.principal.name == name for session in self._open_sessions())

    def drop_refused(self, still_good: Callable[[Account], bool]) -> int:
        """Take the sessions away whose credential counts no more (revoked, disabled, logged out)."""
        dropped = 0
        for session in self._open_sessions():
            if not still_good(session.principal):
                self._hub.drop(session, "credential")
                dropped += 1
        return dropped

    def _open_sessions(self) -> list[Session]:
        return [session for session in list(self._sessions.values()) if not session.closed]

    def _moved(self, committed: Committed) -> str | None:
        """Whether the chat has entered or left the waiting list with this change."""
        chat = committed.session
        if chat.queued:
            moved = None if chat.id in self._waiting else "waiting"
            self._waiting.add(chat.id)
            self._elsewhere.discard(chat.id)
            return moved
        # A chat that this process has not seen yet may have waited before a restart.
        moved = None if chat.id in self._elsewhere else "taken"
        self._waiting.discard(chat.id)
        self._elsewhere.add(chat.id)
        if chat.state is ChatState.ENDED:
            self._elsewhere.discard(chat.id)
        return moved

    def _frames(self, committed: Committed, moved: str | None) -> _Frames:
        chat_id = orjson.dumps(committed.session.id)
        everybody = ()
        if moved is not None:
            everybody = (_frame(moved.encode(), chat_id, b"null"),)
        events = committed.events
        shown = [event for event in events if event.for_customer]
        return _Frames(
            everybody,
            tuple([_frame(b"event", chat_id, event.wire) for event in events]),
            tuple([_frame(b"event", chat_id, event.wire) for event in shown]),
        )


def _is_for(notice: Notice, account: Account) -> bool:
    if account.role == BOT:
        return False
    if notice.for_all or account.name in notice.to:
        return True
    return notice.overseers and account.role in OVERSEERS


def _notice_frame(notice: Notice) -> bytes:
    data = {"type": notice.kind, "chatId": notice.chat_id, "event": None, "detail": dict(notice.detail)}
    return event_message(_CHANNEL, orjson.dumps(data))


def _concerned(committed: Committed) -> set[str]:
    """Accounts that take part, and those that left with this very change (they learn of it)."""
    leaving = {event.author for event in committed.events if event.type is EventType.PARTICIPANT_LEFT}
    parties = committed.session.profile.participants
    return {party.owner for party in parties if party.owner and (party.present or party.id in leaving)}


def _frame(kind: bytes, chat_id: bytes, event: bytes) -> bytes:
    return event_message(_CHANNEL, b'{"type":"%b","chatId":%b,"event":%b}' % (kind, chat_id, event))
