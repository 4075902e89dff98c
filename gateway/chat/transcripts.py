"""Reading transcripts by position (spec/chat-api-v2.md 5), for customers and for agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import ChatGone
from gateway.model.events import EPHEMERAL, Event
from gateway.model.session import ChatSession
from gateway.store.roles import Chats

# Cap of one answer, far above any chat (spec/chat-api-v2.md 5).
MAX_EVENTS = 10_000
# No index is larger than what JavaScript counts exactly; stores keep 64 bits.
MAX_POSITION = 2**53


@dataclass(frozen=True, slots=True)
class Transcript:
    """Events in index order and the position to ask for next; `session` is not older than the events."""

    session: ChatSession
    events: tuple[Event, ...]
    next_position: int
    chat_ended: bool


class TranscriptReader:
    """Reads events; the session is read before them, so `next_position` never skips one."""

    def __init__(self, store: Chats, clock: Clock, *, max_events: int = MAX_EVENTS) -> None:
        self._store = store
        self._clock = clock
        self._max_events = max_events

    def for_customer(self, chat_id: str, position: int | None, *, reader: int) -> Transcript:
        """What the customer with participant id `reader` may see from `position` on.

        None and 0: the whole stored transcript; N >= 1: from N on, with the typing events of the last 20 s,
        except the reader's own (decision 9); -k: the last k events. Raises ChatGone for an unknown chat.
        """
        session = self._store.session(chat_id)
        if session is None:
            raise ChatGone(chat_id)
        found = self._read(chat_id, position)
        next_position = session.next_index
        if len(found) == self._max_events:  # capped: the client goes on from where this answer ends
            next_position = found[-1].index + 1
        elif found:
            next_position = max(next_position, found[-1].index + 1)
        events = tuple([event for event in found if event.for_customer and not _own_typing(event, reader)])
        # The end may have been committed between the two reads: then the events know it, the session not yet.
        # An older end is that of a chat which was brought back.
        news = [event for event in found if event.index >= session.next_index]
        ended = session.ended_for_customer or any(event.ends_chat for event in news)
        return Transcript(session, events, next_position, ended)

    def as_of(self, session: ChatSession, position: int | None, *, until: int) -> Transcript:
        """What the customer saw from `position` on when index `until` was committed, whatever came later.

        The same for ever, so without typing events; without a position there are no events.
        """
        if position is None or position > until:
            return Transcript(session, (), until + 1, False)
        first = max(position, 1) if position >= 0 else max(1, until - self._max_events + 1)
        stored = self._store.events(session.id, first, limit=min(until - first + 1, self._max_events))
        stored = [event for event in stored if event.index <= until]
        events = [event for event in stored if event.for_customer]
        if position < 0:
            events = events[position:]
        capped = len(stored) == self._max_events and stored[-1].index < until
        return Transcript(session, tuple(events), (stored[-1].index if capped else until) + 1, False)

    def for_agent(self, chat_id: str, start: int) -> list[Event]:
        """Events of every visibility with index >= start, with the typing events of the last 20 s."""
        return list(self._read(chat_id, max(start, 1)))

    def _read(self, chat_id: str, position: int | None) -> Sequence[Event]:
        if not position:
            return self._store.events(chat_id, 1, limit=self._max_events)
        if position < 0:
            return self._store.last_events(chat_id, min(-position, self._max_events))
        now_ms = self._clock.wall_ms()
        position = min(position, MAX_POSITION)
        return self._store.recent(chat_id, position, limit=self._max_events, now_ms=now_ms)


def _own_typing(event: Event, reader: int) -> bool:
    return event.author == reader and event.type in EPHEMERAL
