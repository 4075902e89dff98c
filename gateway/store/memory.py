"""`MemoryStore`: the executable specification of every role, and the store of tests and of throw-away demos.

The shortest clear code that keeps the contracts of `roles.py`, under one lock. Nothing survives the
process; everything else is exactly what the durable backends do (tests/store runs the same suite, and
random histories must give the same answers).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from gateway.errors import Conflict, Unavailable
from gateway.model.change import Change, MessageId
from gateway.model.deliveries import DEAD_LETTERS, Attempt, Delivery, DeliveryState
from gateway.model.events import Event
from gateway.model.files import StoredFile
from gateway.model.inspection import Cursor, ReplayRecord
from gateway.model.pending import Pending
from gateway.model.session import ChatSession, ChatState
from gateway.store.memory_archive import MemoryArchive
from gateway.store.memory_files import MemoryFiles
from gateway.store.memory_log import MemoryDeliveryLog
from gateway.store.memory_pendings import MemoryPendings
from gateway.store.memory_personnel import MemoryPersonnel
from gateway.store.memory_upkeep import MemoryUpkeep
from gateway.store.poison import poison
from gateway.store.push_roles import Lane, StoredDestination
from gateway.store.roles import StoredCometSession, Token
from gateway.store.tail import Tail

_UNFINISHED = frozenset({DeliveryState.QUEUED, DeliveryState.LEASED})


@dataclass(slots=True)
class _Row:
    """An outbox row: `ready_ms` is when it may be claimed, `seq` its place in the order of insertion."""

    delivery: Delivery
    seq: int
    ready_ms: int
    owner: str | None = None
    yields_ms: int | None = None

    @property
    def unfinished(self) -> bool:
        return self.delivery.state in _UNFINISHED

    @property
    def place(self) -> Cursor:
        return (self.delivery.created_ms, self.seq)

    @property
    def lane(self) -> Lane:
        return self.delivery.provider or None, self.delivery.debug

    @property
    def line(self) -> tuple[str, str]:
        """What is delivered in order."""
        return self.delivery.chat_id, self.delivery.device_id


class MemoryStore(
    MemoryArchive, MemoryFiles, MemoryDeliveryLog, MemoryPendings, MemoryPersonnel, MemoryUpkeep
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
        self._outbox: dict[str, _Row] = {}
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

    # --- Deliveries --------------------------------------------------------------------------------------

    def due_lanes(self, *, now_ms: int) -> Sequence[Lane]:
        with self._open():
            due = {row.lane for row in self._outbox.values() if row.unfinished and row.ready_ms <= now_ms}
            return tuple(sorted(due, key=lambda lane: (lane[0] or "", lane[1])))

    def claim(
        self,
        owner: str,
        *,
        now_ms: int,
        lease_ms: int,
        limit: int,
        lanes: Mapping[Lane, int] | None = None,
    ) -> Sequence[Delivery]:
        with self._open():
            due = [row for row in self._outbox.values() if row.unfinished and row.ready_ms <= now_ms]
            due = [row for row in due if self._is_next(row, now_ms)]
            due.sort(key=lambda row: (row.ready_ms, row.seq))
            if lanes is not None:
                chosen = [[row for row in due if row.lane == lane][: lanes[lane]] for lane in lanes]
                due = [row for rows in chosen for row in rows]
            claimed: list[Delivery] = []
            for row in due[: max(0, limit)]:
                if not self._is_next(
                    row, now_ms
                ):  # a row that was passed over is claimed along with this one
                    continue
                error = poison(row.delivery.kind, row.delivery.message)
                if error is not None:
                    number = row.delivery.attempts + 1
                    attempt = Attempt(row.delivery.id, number, now_ms, 0, error=error)
                    self._record(row, DeliveryState.FAILED, attempt)
                    continue
                row.delivery = replace(row.delivery, state=DeliveryState.LEASED)
                row.owner, row.ready_ms = owner, now_ms + lease_ms
                claimed.append(row.delivery)
            return tuple(claimed)

    def finish(
        self,
        delivery_id: str,
        owner: str,
        *,
        state: DeliveryState,
        attempt: Attempt | None,
        retry_at_ms: int | None = None,
        yields_ms: int | None = None,
    ) -> bool:
        with self._open():
            row = self._outbox.get(delivery_id)
            if row is None or row.owner != owner:
                return False
            self._record(row, state, attempt)
            if retry_at_ms is not None:
                row.ready_ms = retry_at_ms
            if row.yields_ms is None:
                row.yields_ms = yields_ms
            return True

    def delivery(self, delivery_id: str) -> Delivery | None:
        with self._open():
            row = self._outbox.get(delivery_id)
            return row.delivery if row else None

    def list_deliveries(
        self, *, chat_id: str | None, states: frozenset[DeliveryState], limit: int
    ) -> Sequence[Delivery]:
        with self._open():
            rows = sorted(self._outbox.values(), key=lambda row: -row.seq)
            found = [row.delivery for row in rows if not states or row.delivery.state in states]
            return tuple([found_one for found_one in found if chat_id in (None, found_one.chat_id)][:limit])

    def attempts(self, delivery_id: str) -> Sequence[Attempt]:
        with self._open():
            return tuple(self._attempts.get(delivery_id, ()))

    def pending_count(self) -> int:
        with self._open():
            return sum(row.unfinished for row in self._outbox.values())

    def dead_letter_count(self) -> int:
        with self._open():
            rows = [row.delivery for row in self._outbox.values()]
            return sum(row.state in DEAD_LETTERS and not row.debug for row in rows)

    def _is_next(self, row: _Row, now_ms: int) -> bool:
        """The order rule: of the same chat and device nothing is in flight, and no unfinished row that does
        not yield stands before this one."""
        others = [other for other in self._outbox.values() if other.unfinished and other.line == row.line]
        if any(other.owner is not None and other.ready_ms > now_ms for other in others):
            return False
        return not any(
            (other.delivery.position, other.seq) < (row.delivery.position, row.seq)
            and (other.yields_ms is None or other.yields_ms > now_ms)
            for other in others
        )

    def _record(self, row: _Row, state: DeliveryState, attempt: Attempt | None) -> None:
        made = row.delivery.attempts + (attempt is not None)
        row.delivery = replace(row.delivery, state=state, attempts=made)
        row.owner, row.ready_ms = None, row.delivery.due_ms
        if attempt is not None:
            self._attempts.setdefault(row.delivery.id, []).append(attempt)

    def _insert(self, delivery: Delivery) -> None:
        self._inserted += 1
        row = self._outbox[delivery.id] = _Row(delivery, self._inserted, delivery.due_ms)
        self._collapse(row)

    # --- Destinations ------------------------------------------------------------------------------------

    def save_destination(self, destination: StoredDestination) -> None:
        with self._open():
            self._destinations[destination.key] = destination

    def destinations(self) -> Sequence[StoredDestination]:
        with self._open():
            return tuple(sorted(self._destinations.values(), key=lambda one: one.key))

    def forget_destination(self, key: str) -> None:
        with self._open():
            self._destinations.pop(key, None)

    # --- Tokens ------------------------------------------------------------------------------------------

    def add_token(self, token: Token) -> None:
        with self._open():
            if token.fingerprint in self._tokens:
                raise ValueError("a token fingerprint is used twice")
            self._tokens[token.fingerprint] = token

    def token(self, fingerprint: str) -> Token | None:
        with self._open():
            token = self._tokens.get(fingerprint)
            return token if token and token.revoked_ms is None else None

    def tokens(self) -> Sequence[Token]:
        with self._open():
            return tuple(sorted(self._tokens.values(), key=lambda token: token.created_ms))

    def revoke_token(self, fingerprint: str, *, now_ms: int) -> bool:
        with self._open():
            token = self._tokens.get(fingerprint)
            if token is not None and token.revoked_ms is None:
                self._tokens[fingerprint] = replace(token, revoked_ms=now_ms)
            return token is not None

    # --- CometSessions -----------------------------------------------------------------------------------

    def save_comet(self, session: StoredCometSession) -> None:
        with self._open():
            self._comet[session.client_id] = session

    def comet(self, client_id: str) -> StoredCometSession | None:
        with self._open():
            return self._comet.get(client_id)

    def comet_by_browser(self, browser: str, origin: str) -> Sequence[StoredCometSession]:
        with self._open():
            found = [one for one in self._comet.values() if (one.browser, one.origin) == (browser, origin)]
            return tuple(sorted(found, key=lambda one: (-one.updated_ms, one.client_id)))

    def forget_comet(self, client_id: str) -> None:
        with self._open():
            self._comet.pop(client_id, None)

    def purge_comet(self, before_ms: int) -> int:
        with self._open():
            old = [one.client_id for one in self._comet.values() if one.updated_ms < before_ms]
            for client_id in old:
                del self._comet[client_id]
            return len(old)

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
