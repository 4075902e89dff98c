"""The archive: finding, exporting and deleting chats, also after their end; and the upkeep behind it.

Invariants: whoever deletes a chat that is still open ends it first, for everybody; what has been deleted is
in no table any more; everything long is done in short transactions, so that messages never wait for it.
Called by `api/transcripts`, by the command line (without a ledger: it leaves open chats alone) and by a
thread of `services` (`sweep`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import structlog

from gateway.chat import export, parting
from gateway.chat.decision import NOTHING, Decision
from gateway.chat.ledger import Ledger
from gateway.clock import Clock
from gateway.config import SettingsSource
from gateway.errors import ChatGone, NotFound, Rejected, StateConflict
from gateway.model.events import Event, QuitReason
from gateway.model.session import ChatSession, ChatState
from gateway.store.roles import ArchiveQuery, Place, Store

# What a search can ask for: one state, or all but the last.
STATES: Mapping[str, frozenset[ChatState]] = {
    "open": frozenset(ChatState) - {ChatState.ENDED},
    **{state.value: frozenset({state}) for state in ChatState},
}
# Chats of one page at most, and of one step through all of them.
MAX_PAGE = 100
_STEP = 100
# Events read at once for an export.
_EVENTS_STEP = 1_000
# What is said becomes searchable when its chat has been quiet for so long, or has ended.
QUIET_MS = 10_000
# Retention counts in days; looking once an hour is exact enough and costs nothing.
RETENTION_SWEEP_S = 3600.0
DAY_MS = 86_400_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """Chats, newest first, and where the next page begins (None: there is none)."""

    chats: tuple[ChatSession, ...]
    cursor: Place | None


@dataclass(frozen=True, slots=True)
class Customer:
    """Whose data is meant: an e-mail address (case does not matter), or a user data key with its value."""

    email: str = ""
    key: str = ""
    value: str = ""

    def made(self, session: ChatSession) -> bool:
        """Whether this customer started the chat."""
        profile = session.profile
        if self.email and profile.email.lower() != self.email.lower():
            return False
        return not self.key or profile.user_data.get(self.key) == self.value


class Archive:
    """What supervisors and administrators can do with stored chats."""

    def __init__(
        self,
        store: Store,
        *,
        purge: Callable[[str], None],
        settings_source: SettingsSource,
        clock: Clock,
        ledger: Ledger | None = None,
    ) -> None:
        """`purge` forgets one ended chat with everything that is its own, its files too."""
        self._store = store
        self._forget = purge
        self._settings_source = settings_source
        self._clock = clock
        self._ledger = ledger
        self._next_retention = 0.0

    def search(self, query: ArchiveQuery, *, cursor: Place | None = None, limit: int = MAX_PAGE) -> Page:
        """One page of the chats that match; Rejected(101) for a limit outside 1 to MAX_PAGE."""
        if not 1 <= limit <= MAX_PAGE:
            raise Rejected(101, "limit")
        found = self._store.search(query, before=cursor, limit=limit + 1)
        more = len(found) > limit
        return Page(tuple([chat for _, chat in found[:limit]]), found[limit - 1][0] if more else None)

    def chat(self, chat_id: str) -> ChatSession:
        """One chat, or NotFound."""
        session = self._store.session(chat_id)
        if session is None:
            raise NotFound("no such chat")
        return session

    def events(self, chat_id: str) -> Iterator[Event]:
        """The whole transcript, those for agents too, read piece by piece."""
        start = 1
        while found := self._store.events(chat_id, start, limit=_EVENTS_STEP):
            yield from found
            start = found[-1].index + 1

    def as_json(self, chat_id: str) -> bytes:
        """The chat as JSON, or NotFound."""
        return export.as_json(self.chat(chat_id), self.events(chat_id))

    def as_text(self, chat_id: str) -> str:
        """The chat as text, or NotFound."""
        return export.as_text(self.chat(chat_id), self.events(chat_id))

    # --- deletion -----------------------------------------------------------------------------------------

    def purge(self, chat_id: str) -> None:
        """Delete a chat with everything that belongs to it; an open one ends for everybody first.

        NotFound when there is none; StateConflict when it is open and cannot be ended from here.
        """
        session = self.chat(chat_id)
        if session.state is not ChatState.ENDED:
            if self._ledger is None:
                raise StateConflict("the chat is open; end it first, or use the API")
            self._end(chat_id)
        self._forget(chat_id)

    def purge_customer(self, customer: Customer) -> tuple[int, int]:
        """Delete all chats of a customer: how many were deleted, and how many could not be (still open).

        Every stored chat is looked at, not the search index, which may be behind. Rejected(101) when nothing
        says whose data is meant.
        """
        if not customer.email and not customer.key:
            raise Rejected(101, "email or userData")
        deleted = left = 0
        for session in self._chats():
            if customer.made(session):
                try:
                    self.purge(session.id)
                    deleted += 1
                except NotFound:
                    continue
                except StateConflict:
                    left += 1
        return deleted, left

    def _end(self, chat_id: str) -> None:
        def decide(session: ChatSession) -> Decision:
            return (
                NOTHING if session.state is ChatState.ENDED else parting.closed(session, QuitReason.REMOVED)
            )

        assert self._ledger is not None
        try:
            self._ledger.change(chat_id, decide)
        except ChatGone:
            raise NotFound("no such chat") from None

    def _chats(self, *, ended_before_ms: int | None = None) -> Iterator[ChatSession]:
        """All chats, oldest first, read page by page: what is deleted meanwhile does not disturb it."""
        place = 0
        while page := self._store.chats_after(place, limit=_STEP, ended_before_ms=ended_before_ms):
            yield from [session for _, session in page]
            place = page[-1][0]

    # --- upkeep -------------------------------------------------------------------------------------------

    def sweep(self, pause: Callable[[], bool] = lambda: False) -> int:
        """Index what is new and, once an hour, delete what is too old; how many chats were deleted.

        `pause` is called between short transactions and says whether to stop.
        """
        while self._store.index_some(quiet_before_ms=self._clock.wall_ms() - QUIET_MS):
            if pause():
                return 0
        now = self._clock.monotonic()
        if now < self._next_retention:
            return 0
        self._next_retention = now + RETENTION_SWEEP_S
        return self._purge_old(pause)

    def _purge_old(self, pause: Callable[[], bool]) -> int:
        kept_days = [
            service.transcript_retention_days for service in self._settings_source.current.services()
        ]
        shortest = min([days for days in kept_days if days], default=0)
        if not shortest:
            return 0
        deleted = 0
        now_ms = self._clock.wall_ms()
        for session in self._chats(ended_before_ms=now_ms - shortest * DAY_MS):
            if self._too_old(session, now_ms):
                self._forget(session.id)
                deleted += 1
                if pause():
                    break
        if deleted:
            log.info("chats_purged", count=deleted, reason="retention")
        return deleted

    def _too_old(self, session: ChatSession, now_ms: int) -> bool:
        """Counted from the end; never while the customer may still read the chat."""
        service = self._settings_source.current.for_service(session.profile.service)
        ended_ms = session.profile.ended_ms or session.last_utc_ms
        kept_ms = max(service.transcript_retention_days * DAY_MS, round(service.ended_retention_s * 1000))
        return bool(service.transcript_retention_days) and now_ms >= ended_ms + kept_ms
