"""The open chats of this node as the desk needs them: who waits where, what is offered, who has how much.

An index over the store, kept up by the bus and rebuilt at the start; it decides nothing. Called under no lock
but its own; all methods are short and free of I/O.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence

from gateway.model.participants import PERSONNEL
from gateway.model.session import ChatSession, ChatState
from gateway.native import native_lock
from gateway.routing.dispatch import Queued, estimated_wait_s

# Departures that an estimate looks back on: enough to be calm, few enough to follow the hour.
DEPARTURES = 20


class Lines:
    """Waiting chats, offered chats and the load of each account."""

    def __init__(self) -> None:
        self._lock = native_lock()  # guards everything below
        self._open: dict[str, ChatSession] = {}
        self._waiting: dict[str, ChatSession] = {}
        self._offered: dict[str, ChatSession] = {}
        self._served: dict[str, set[str]] = defaultdict(set)
        self._departures: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=DEPARTURES))
        self._orders: dict[str, list[tuple[int, int, str]]] = defaultdict(list)  # each queue, sorted
        self.moved = True  # whether a line has changed since it was last looked at

    def put(self, session: ChatSession, *, now_ms: int) -> ChatSession | None:
        """The chat as it is now; returns how it was known before (None: not at all)."""
        with self._lock:
            before = self._open.get(session.id)
            if before is not None and before.version > session.version:
                return session
            if before is not None and before.profile is session.profile and before.state is session.state:
                self._open[session.id] = session
                return before
            self._drop(session.id, before)
            if session.state is not ChatState.ENDED:
                self._add(session)
            self._note_departure(before, session, now_ms)
            return before

    def forget(self, chat_id: str) -> None:
        """The chat is not stored any more."""
        with self._lock:
            self._drop(chat_id, self._open.get(chat_id))

    def _add(self, session: ChatSession) -> None:
        self._open[session.id] = session
        if session.queued:
            self._waiting[session.id] = session
            queued = _queued(session)
            insort(self._orders[queued.queue], queued.order)
            self.moved = True
        if session.profile.place.offers:
            self._offered[session.id] = session
        for owner in owners(session):
            self._served[owner].add(session.id)

    def _drop(self, chat_id: str, before: ChatSession | None) -> None:
        self._open.pop(chat_id, None)
        waited = self._waiting.pop(chat_id, None)
        if waited is not None:
            queued = _queued(waited)
            line = self._orders[queued.queue]
            del line[bisect_left(line, queued.order)]
            if not line:
                del self._orders[queued.queue]
            self.moved = True
        self._offered.pop(chat_id, None)
        for owner in owners(before) if before is not None else ():
            self._served[owner].discard(chat_id)
            if not self._served[owner]:
                del self._served[owner]

    def _note_departure(self, before: ChatSession | None, after: ChatSession, now_ms: int) -> None:
        if before is not None and before.queued and after.state is ChatState.ACTIVE:
            self._departures[before.profile.place.queue].append(now_ms)

    # -- reading ------------------------------------------------------------------------------------------

    def chat(self, chat_id: str) -> ChatSession | None:
        """An open chat."""
        return self._open.get(chat_id)

    def chats(self) -> set[str]:
        """The open chats, as far as they are known here."""
        with self._lock:
            return set(self._open)

    def offered(self) -> list[ChatSession]:
        """Chats with an open offer."""
        with self._lock:
            return list(self._offered.values())

    def served(self, name: str) -> frozenset[str]:
        """The chats that this account serves openly."""
        with self._lock:
            return frozenset(self._served.get(name, ()))

    def servants(self) -> list[str]:
        """Accounts with at least one chat."""
        with self._lock:
            return list(self._served)

    def asked(self, name: str) -> list[ChatSession]:
        """Chats that are offered to this account."""
        return [chat for chat in self.offered() if chat.profile.place.offer_to(name) is not None]

    def unasked(self) -> list[Queued]:
        """Waiting chats that are offered to nobody."""
        with self._lock:
            found = [chat for chat in self._waiting.values() if not chat.profile.place.ringing]
        return [_queued(chat) for chat in found]

    def queues(self) -> Mapping[str, Sequence[str]]:
        """queue -> waiting chats in order."""
        with self._lock:
            return {queue: [order[-1] for order in line] for queue, line in self._orders.items()}

    def position(self, chat_id: str) -> tuple[int, int | None] | None:
        """Place in the queue (from 1) and estimated seconds; None when the chat does not wait."""
        with self._lock:
            chat = self._waiting.get(chat_id)
            if chat is None:
                return None
            queued = _queued(chat)
            place = 1 + bisect_left(self._orders[queued.queue], queued.order)
        return place, self.estimate(queued.queue, place)

    def estimate(self, queue: str, position: int) -> int | None:
        """Seconds until this position of the queue is served, as far as one can tell."""
        with self._lock:
            return estimated_wait_s(position, list(self._departures.get(queue, ())))


def owners(session: ChatSession) -> Iterable[str]:
    """The accounts of people whom the customer has."""
    return [
        party.owner
        for party in session.profile.participants
        if party.owner and party.left is None and party.type in PERSONNEL and not party.hidden
    ]


def _queued(chat: ChatSession) -> Queued:
    place = chat.profile.place
    return Queued(chat.id, place.queue, (place.since_ms, chat.profile.created_ms, chat.id), place.declined)
