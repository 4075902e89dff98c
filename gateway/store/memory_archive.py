"""Role `Archive` of the executable specification; mixed into `MemoryStore`, whose data and lock it uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import orjson

from gateway.model.events import Event
from gateway.model.session import ChatSession, ChatState
from gateway.store.roles import ArchiveQuery, Place
from gateway.store.words import found_in, people_of, query_words


@dataclass(slots=True)
class _Indexed:
    """What can be found of a chat: `next_index` says up to where."""

    next_index: int = 0
    texts: list[str] = field(default_factory=list)
    customer: str = ""
    agent: str = ""


class MemoryArchive:
    """See `roles.Archive` for the contracts."""

    _sessions: dict[str, ChatSession]
    _events: dict[str, list[Event]]

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, Place] = {}
        self._index: dict[str, _Indexed] = {}

    def _open(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def search(
        self, query: ArchiveQuery, *, before: Place | None, limit: int
    ) -> Sequence[tuple[Place, ChatSession]]:
        with self._open():
            found = [each for each in self._placed() if before is None or each[0] < before]
            return tuple([each for each in reversed(found) if self._matches(query, each[1])][:limit])

    def chats_after(
        self, place: Place, *, limit: int, ended_before_ms: int | None = None
    ) -> Sequence[tuple[Place, ChatSession]]:
        with self._open():
            found = [each for each in self._placed() if each[0] > place]
            if ended_before_ms is not None:
                found = [each for each in found if _ended_before(each[1], ended_before_ms)]
            return tuple(found[:limit])

    def index_some(self, *, quiet_before_ms: int) -> int:
        with self._open():
            return sum(self._index_chat(session) for session in self._unindexed(quiet_before_ms))

    def _placed(self) -> list[tuple[Place, ChatSession]]:
        return sorted((place, self._sessions[chat_id]) for chat_id, place in self._places.items())

    def _unindexed(self, quiet_before_ms: int) -> Iterator[ChatSession]:
        """Ended chats, and only when there are none the open ones that have been quiet."""
        late = [
            session
            for session in self._sessions.values()
            if self._index.get(session.id, _Indexed()).next_index < session.next_index
        ]
        ended = [session for session in late if session.state is ChatState.ENDED]
        yield from ended or [session for session in late if session.last_utc_ms < quiet_before_ms]

    def _index_chat(self, session: ChatSession) -> int:
        one = self._index.setdefault(session.id, _Indexed())
        events = [event for event in self._events[session.id] if event.index >= one.next_index]
        one.texts += [str(orjson.loads(event.wire).get("text", "")) for event in events]
        one.customer, one.agent = people_of(session)
        one.next_index = session.next_index
        return max(1, len(events))

    def _matches(self, query: ArchiveQuery, session: ChatSession) -> bool:
        one = self._index.get(session.id, _Indexed())
        columns = ((query.text, one.texts), (query.customer, [one.customer]), (query.agent, [one.agent]))
        for text, found in columns:
            wanted = query_words(text)
            if text and not (wanted and any(found_in(wanted, each) for each in found)):
                return False
        created = session.profile.created_ms
        return (
            query.service in ("", session.profile.service)
            and (not query.states or session.state in query.states)
            and (query.from_ms is None or created >= query.from_ms)
            and (query.until_ms is None or created < query.until_ms)
        )


def _ended_before(session: ChatSession, before_ms: int) -> bool:
    return session.state is ChatState.ENDED and session.last_utc_ms < before_ms
