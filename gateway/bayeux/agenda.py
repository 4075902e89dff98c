"""The agenda: which sessions have something due, and when.

A heap with at most a few entries per session. An entry that comes up too early (the session has shown life
since) finds out by itself and goes back in, so a sign of life costs no heap operation.
"""

from __future__ import annotations

import heapq

from gateway.bayeux.options import WEBSOCKET
from gateway.bayeux.session import Session


class Agenda:
    """Deadlines of all sessions; seconds of the caller's clock."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Session]] = []
        self._count = 0  # orders entries of the same moment

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, session: Session, when: float) -> None:
        """Look at the session at `when`, or earlier if that was agreed already."""
        if session.agenda is None or when < session.agenda:
            session.agenda = when
            self._count += 1
            heapq.heappush(self._entries, (when, self._count, session))

    def due(self, now: float) -> list[Session]:
        """Sessions whose held websocket connect or whose life is over by now."""
        result: list[Session] = []
        while self._entries and self._entries[0][0] <= now:
            when, _, session = heapq.heappop(self._entries)
            if session.agenda == when:
                session.agenda = None
            moment = None if session.closed else _moment(session)
            if moment is None:
                continue
            if moment <= now:
                result.append(session)
            else:
                self.put(session, moment)
        return result


def _moment(session: Session) -> float | None:
    """When the session's next deadline is; a held poll over HTTP has its own waiter."""
    if session.held is not None and session.held.transport == WEBSOCKET:
        return session.held.deadline
    return session.expires
