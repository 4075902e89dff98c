"""The ephemeral tail: the typing events of the last 20 seconds, per chat, in memory only (decision 9).

Every backend owns one. Typing takes an index from the committed counter, so the tail can be merged with
stored events by index; it is lost with its process, which costs nobody more than a typing indicator.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from gateway.model.events import Event

# Long enough for a poll every few seconds to see the indicator, too short to show a stale one (decision 9).
TAIL_MS = 20_000
# A person starts and stops a few times in 20 s; more is a flood, and only the newest matter.
EVENTS_PER_CHAT = 32
# A bound for the memory of a node (about 1 KiB per chat); chats that typed last stay.
CHATS = 20_000


class Tail:
    """Bounded memory of typing events. Times come from the events and from the reader, never from a clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _chats
        self._chats: OrderedDict[str, tuple[Event, ...]] = OrderedDict()  # the chat that typed last is last

    def add(self, chat_id: str, events: Iterable[Event]) -> None:
        """Remember numbered typing events; the oldest beyond the bounds are dropped."""
        with self._lock:
            kept = (*self._chats.pop(chat_id, ()), *events)[-EVENTS_PER_CHAT:]
            if kept:
                self._chats[chat_id] = kept
                self._drop_old(kept[-1].utc_ms)

    def since(self, chat_id: str, start: int, *, now_ms: int) -> tuple[Event, ...]:
        """Typing events with `index >= start` that are younger than 20 s at `now_ms`, ascending."""
        with self._lock:
            events = self._chats.get(chat_id, ())
        return tuple(event for event in events if event.index >= start and now_ms - event.utc_ms < TAIL_MS)

    def merge(
        self, stored: Sequence[Event], chat_id: str, start: int, *, limit: int, now_ms: int
    ) -> tuple[Event, ...]:
        """`stored` (the first `limit` events from `start`) and the tail in index order, at most `limit`."""
        typing = self.since(chat_id, start, now_ms=now_ms)
        if not typing:
            return tuple(stored)
        return tuple(sorted((*stored, *typing), key=lambda event: event.index)[:limit])

    def forget(self, chat_id: str) -> None:
        """Drop a chat's typing events."""
        with self._lock:
            self._chats.pop(chat_id, None)

    def _drop_old(self, now_ms: int) -> None:
        """Chats in front typed longest ago: drop them while they are expired or too many."""
        while len(self._chats) > 1:
            oldest = next(iter(self._chats))
            expired = now_ms - self._chats[oldest][-1].utc_ms >= TAIL_MS
            if not expired and len(self._chats) <= CHATS:
                return
            del self._chats[oldest]
