"""`MemoryStore`: the executable specification of every role, and the store of tests and of throw-away demos.

The shortest clear code that keeps the contracts of `roles.py`, under one lock. Nothing survives the
process; everything else is exactly what the durable backends do (tests/store runs the same suite, and
random histories must give the same answers).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from gateway.errors import Conflict, Unavailable
from gateway.model.change import Change, MessageId
from gateway.model.deliveries import Attempt
from gateway.model.events import Event
from gateway.model.files import StoredFile
from gateway.model.inspection import ReplayRecord
from gateway.model.pending import Pending
from gateway.model.session import Age, ChatSession, ChatState
from gateway.store.memory_archive import MemoryArchive
from gateway.store.memory_deliveries import MemoryDeliveries, Row
from gateway.store.memory_files import MemoryFiles
from gateway.store.memory_log import MemoryDeliveryLog
from gateway.store.memory_pendings import MemoryPendings
from gateway.store.memory_personnel import MemoryPersonnel
from gateway.store.memory_sessions import MemorySessions
from gateway.store.push_roles import StoredDestination
from gateway.store.roles import OpenChats, StoredCometSession, Token
from gateway.store.tail import Tail


class MemoryStore(
    MemoryDeliveries,
    MemoryArchive,
    MemoryFiles,
    MemoryDeliveryLog,
    MemoryPendings,
    MemoryPersonnel,
    MemorySessions,
):
    """All roles of `roles.Store` in dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()  # guards everything below, so that each method is one atomic step
        self._closed = False
        self._sessions: dict[str, ChatSession] = {}
        self._events: dict[str, list[Event]] = {}
        self._parties: dict[str, tuple[str, str]] = {}
        self._message_ids: dict[str, dict[MessageId, int]] = {}
        self._tail = Tail()
        self._files: dict[str, StoredFile] = {}
        self._outbox: dict[str, Row] = {}
        self._inserted = 0
        self._attempts: dict[str, list[Attempt]] = {}
        self._replays: dict[str, list[ReplayRecord]] = {}
        self._destinations: dict[str, StoredDestination] = {}
        self._pendings: dict[str, Pending] = {}
        self._tokens: dict[str, Token] = {}
        self._comet: dict[str, StoredCometSession] = {}

    # --- Chats -------------------------------------------------------------------------------------------

    def commit(self, change: Change) -> None:
        with self._open():
            session = change.session
            stored = self._sessions.get(session.id)
            if (stored.version if stored else 0) != session.version - 1:
                raise Conflict(session.id)
            if change.pending is not None and not self._fits(change.pending):
                raise Conflict(session.id)
            if any(delivery.id in self._outbox for delivery in change.deliveries):
                raise ValueError("a delivery id is used twice")
            known = self._message_ids.setdefault(session.id, {})
            if change.message_id is not None:
                if change.message_id in known:
                    raise ValueError("a message id is used twice")
                known[change.message_id] = change.events[0].index
            if stored and not change.profile_changed:
                session = replace(session, profile=stored.profile)
            else:
                self._index_parties(session)
            if stored is None:
                self._places[session.id] = max(self._places.values(), default=0) + 1
            self._sessions[session.id] = session
            self._events.setdefault(session.id, []).extend(change.events)
            for delivery in change.deliveries:
                self._insert(delivery)
            if change.pending is not None:
                self._step(change.pending)
            for file in change.files:
                known = self._files.get(file.id, file)
                self._files[file.id] = replace(known, state=file.state)
            self._tail.add(session.id, change.ephemeral)

    def session(self, chat_id: str) -> ChatSession | None:
        with self._open():
            return self._sessions.get(chat_id)

    def find_party(self, key_hash: str) -> tuple[str, str] | None:
        with self._open():
            return self._parties.get(key_hash)

    def events(self, chat_id: str, start: int, *, limit: int) -> Sequence[Event]:
        with self._open():
            stored = self._events.get(chat_id, [])
            return tuple([event for event in stored if event.index >= start][:limit])

    def recent(self, chat_id: str, start: int, *, limit: int, now_ms: int) -> Sequence[Event]:
        stored = self.events(chat_id, start, limit=limit)
        return self._tail.merge(stored, chat_id, start, limit=limit, now_ms=now_ms)

    def last_events(self, chat_id: str, count: int) -> Sequence[Event]:
        with self._open():
            visible = [event for event in self._events.get(chat_id, []) if event.for_customer]
            return tuple(visible[max(0, len(visible) - count) :])

    def message_index(self, chat_id: str, message_id: MessageId) -> int | None:
        with self._open():
            return self._message_ids.get(chat_id, {}).get(message_id)

    def sessions_in(self, states: frozenset[ChatState]) -> Sequence[ChatSession]:
        with self._open():
            found = [session for session in self._sessions.values() if session.state in states]
            return tuple(sorted(found, key=lambda session: session.profile.created_ms))

    def open_chats(self, wanted: OpenChats, *, after: Age | None, limit: int) -> Sequence[ChatSession]:
        with self._open():
            found = [each for each in self._sessions.values() if _is_listed(each, wanted)]
            found = [each for each in found if after is None or each.age > after]
            return tuple(sorted(found, key=lambda session: session.age)[:limit])

    def purge(self, chat_id: str) -> None:
        with self._open():
            self._sessions.pop(chat_id, None)
            self._events.pop(chat_id, None)
            self._message_ids.pop(chat_id, None)
            self._places.pop(chat_id, None)
            self._index.pop(chat_id, None)
            self._drop_parties(chat_id)
            self._tail.forget(chat_id)
            self._pendings.pop(chat_id, None)
            self._files = {key: file for key, file in self._files.items() if file.chat_id != chat_id}
            for row in [row for row in self._outbox.values() if row.delivery.chat_id == chat_id]:
                del self._outbox[row.delivery.id]
                self._attempts.pop(row.delivery.id, None)
                self._replays.pop(row.delivery.id, None)

    def _index_parties(self, session: ChatSession) -> None:
        self._drop_parties(session.id)
        for party in session.profile.participants:
            if party.key_hash is not None:
                self._parties[party.key_hash] = (session.id, party.user_id)

    def _drop_parties(self, chat_id: str) -> None:
        self._parties = {key: party for key, party in self._parties.items() if party[0] != chat_id}

    # --- The store itself --------------------------------------------------------------------------------

    def check(self) -> None:
        with self._open():
            pass

    def flush(self) -> None:
        self.check()

    def close(self) -> None:
        with self._lock:
            self._closed = True

    @contextmanager
    def _open(self) -> Iterator[None]:
        """The lock, held while the store is open."""
        with self._lock:
            if self._closed:
                raise Unavailable("the store is closed")
            yield


def _is_listed(session: ChatSession, wanted: OpenChats) -> bool:
    if session.state is ChatState.WAITING and (wanted.parked if session.profile.parked else wanted.waiting):
        return True
    if session.state is ChatState.ENDED or wanted.account is None:
        return False
    return session.profile.by_owner(wanted.account) is not None
