"""Customers who wait for a reply in a chat that has an agent: since when, and how badly (two thresholds).

In memory; rebuilt from the end of the transcript after a start. Called by `desk`.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.chat.notices import Notice
from gateway.clock import Clock
from gateway.config import SettingsSource
from gateway.model.change import Committed
from gateway.model.events import Event, EventType
from gateway.model.participants import PERSONNEL
from gateway.model.session import ChatSession, ChatState
from gateway.native import native_lock
from gateway.store.roles import Chats

# How far back a restart looks for the first unanswered message.
LOOK_BACK = 50


class Waits:
    """chat id -> time of the first message of the customer that nobody has answered."""

    def __init__(self, store: Chats, settings_source: SettingsSource, clock: Clock) -> None:
        self._store = store
        self._settings_source = settings_source
        self._clock = clock
        self._lock = native_lock()  # guards the two dictionaries
        self._since: dict[str, int] = {}
        self._told: dict[str, int] = {}

    def since_ms(self, chat_id: str) -> int | None:
        """When the customer wrote what is still unanswered, Unix ms."""
        return self._since.get(chat_id)

    def level(self, session: ChatSession) -> int:
        """0: not waiting or not long, 1: warning, 2: alarm."""
        since = self._since.get(session.id)
        if since is None or session.state is not ChatState.ACTIVE:
            return 0
        waited_s = (self._clock.wall_ms() - since) / 1000
        service = self._settings_source.current.for_service(session.profile.service)
        if waited_s >= service.customer_waits_alarm_s:
            return 2
        return 1 if waited_s >= service.customer_waits_warning_s else 0

    def note(self, committed: Committed) -> None:
        """Follow the messages of a chat."""
        session = committed.session
        for event in committed.events:
            self._follow(session, event)
        if session.state is ChatState.ENDED:
            self.forget(session.id)

    def forget(self, chat_id: str) -> None:
        """The chat is over, or is not there any more."""
        with self._lock:
            self._since.pop(chat_id, None)
            self._told.pop(chat_id, None)

    def restore(self, session: ChatSession) -> None:
        """Read the end of the transcript after a start."""
        for event in self._store.last_events(session.id, LOOK_BACK):
            self._follow(session, event)

    def levels(self, chat: Callable[[str], ChatSession | None]) -> list[Notice]:
        """Notices for every chat whose level has changed since they were last asked for."""
        with self._lock:
            known = {*self._since, *self._told}
        notices = []
        for chat_id in known:
            session = chat(chat_id)
            level = self.level(session) if session is not None else 0
            if self._told.get(chat_id, 0) == level:
                continue
            with self._lock:
                self._told[chat_id] = level
                if not level:
                    del self._told[chat_id]
            if session is not None:
                notices.append(self._notice(session, level))
        return notices

    def _notice(self, session: ChatSession, level: int) -> Notice:
        to = frozenset(party.owner for party in session.profile.personnel if party.owner)
        detail = {"level": level, "sinceMs": self._since.get(session.id)}
        return Notice("customer-waits", session.id, to=to, overseers=True, detail=detail)

    def _follow(self, session: ChatSession, event: Event) -> None:
        if event.type is not EventType.MESSAGE:
            return
        if event.author == session.customer.id:
            if session.id not in self._since:
                with self._lock:
                    self._since.setdefault(session.id, event.utc_ms)
        elif event.for_customer and session.participant_type(event.author) in PERSONNEL:
            with self._lock:
                self._since.pop(session.id, None)
