"""Where each customer with a reliable subscription is, and what that clears (spec/push.md 4.3).

Theory of operation. Every way in which a client gets the transcript ends here with "it has been given
everything below this position". The position is remembered in memory for each chat with a reliable
subscription; the store is written only while something is pending, so an undisturbed chat costs one look-up
per message. After a restart the stored position may be too low, which repeats a notification and loses
none.

`retrieved` is for callers that may wait for the store. `note` is for the hub, which holds its lock: it only
remembers, and the resend loop settles what was noted before it acts. Chats without a reliable subscription
are unknown here. A store that cannot be written costs a repeated notification, never the client's answer.
"""

from __future__ import annotations

import structlog

from gateway.errors import Unavailable
from gateway.model.pending import Pending, PendingStep
from gateway.native import native_lock
from gateway.routing import resend
from gateway.store.push_roles import Pendings

log = structlog.get_logger(__name__)


class _Place:
    """Of one chat: the next position that the client wants, and whether retrieval may clear something."""

    __slots__ = ("armed", "next")

    def __init__(self, next_position: int, *, armed: bool) -> None:
        self.next = next_position
        self.armed = armed


class Retrievals:
    """The places of one node's chats."""

    def __init__(self, store: Pendings) -> None:
        self._store = store
        self._lock = native_lock()  # guards _places and _noted; nothing under it waits
        self._places: dict[str, _Place] = {}
        self._noted: set[str] = set()

    def load(self) -> None:
        """Know what an earlier process left pending."""
        for pending in self._store.armed_pendings():
            self.follow(pending)

    def follow(self, pending: Pending) -> None:
        """The record that was just written; what was retrieved beyond it meanwhile is settled next."""
        with self._lock:
            place = self._places.get(pending.chat_id)
            if place is None:
                self._places[pending.chat_id] = _Place(pending.retrieved_next, armed=pending.clearable)
                return
            place.armed = pending.clearable
            if place.armed and place.next > pending.retrieved_next:
                self._noted.add(pending.chat_id)
            place.next = max(place.next, pending.retrieved_next)

    def forget(self, chat_id: str) -> None:
        """The chat is over, or not reliable any more."""
        with self._lock:
            self._places.pop(chat_id, None)
            self._noted.discard(chat_id)

    def known(self, chat_id: str) -> int:
        """The lowest position that the client may not have; 0 when this process has not seen it."""
        place = self._places.get(chat_id)
        return place.next if place is not None else 0

    def note(self, chat_id: str, next_position: int) -> None:
        """The client was given everything below `next_position`. Never blocks; hot path: one look-up."""
        place = self._places.get(chat_id)
        if place is None or next_position <= place.next:
            return
        with self._lock:
            place.next = max(place.next, next_position)
            if place.armed:
                self._noted.add(chat_id)

    def retrieved(self, chat_id: str, next_position: int, *, since: int = 0) -> None:
        """The same from a request of a chat with a reliable subscription; settled before this returns.

        `since`: the answer began there and the client did not say that it has what lies before.
        """
        if chat_id not in self._places:
            self._meet(chat_id)
        if since > self.known(chat_id) or chat_id not in self._places:
            return
        self.note(chat_id, next_position)
        if chat_id in self._noted:
            self._settle(chat_id)

    def settle_noted(self) -> None:
        """Write what was noted. Called by the resend loop before it looks what is due."""
        for chat_id in list(self._noted):
            self._settle(chat_id)

    def _meet(self, chat_id: str) -> None:
        """The first request of a chat since the start of the process."""
        try:
            stored = self._store.pending(chat_id)
        except Unavailable:
            return
        if stored is not None:
            self.follow(stored)

    def _settle(self, chat_id: str) -> None:
        with self._lock:
            self._noted.discard(chat_id)
        try:
            self._write(chat_id)
        except Unavailable as error:
            log.warning("push_retrieval_not_stored", chat_id=chat_id, reason=str(error))
            with self._lock:
                self._noted.add(chat_id)

    def _write(self, chat_id: str) -> None:
        """Bring the record to the known place; if it was changed meanwhile, look again (compare-and-set)."""
        written = False
        while not written:
            before = self._store.pending(chat_id)
            if before is None:
                self.forget(chat_id)
                return
            after = resend.on_retrieved(before, self.known(chat_id))
            if after is before:
                self.follow(before)
                return
            step = PendingStep.of(before, after)
            (written,) = self._store.advance([step])
        self.follow(step.after)
