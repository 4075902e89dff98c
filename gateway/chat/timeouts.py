"""What happens when nothing happens: typing expiry, protocol inactivity, wrap-up.

Theory of operation. Each chat has one entry in a heap, keyed by the monotonic time at which it must be looked
at again; `sweep` looks only at entries that are due. An entry is a lower bound: a chat that was active
meanwhile is simply put back with its new due time, so requests never touch the heap. New chats and changes of
state arrive by the bus; the first sweep loads the open chats that the store holds from before the start. Wall
time is used only to age a wrap-up that began before this process, so a clock jump removes nobody
(targets/reliability.md R21). Ended chats are let go of here and stay in the store.

Called by a thread of `services` every second and, as a bus observer, by the ledger.
"""

from __future__ import annotations

import heapq
import threading
from enum import IntEnum

import structlog

from gateway.chat import parting
from gateway.chat.decision import NOTHING, Decision
from gateway.chat.ledger import Ledger
from gateway.chat.presence import Presence
from gateway.clock import Clock
from gateway.cluster.bus import Bus
from gateway.config import SettingsSource
from gateway.errors import ChatGone, GatewayError
from gateway.model.change import Committed
from gateway.model.events import Draft, Event, EventType, QuitReason
from gateway.model.participants import Participant
from gateway.model.session import ChatSession, ChatState
from gateway.store.roles import Store

# an agent has this long to wrap up after the customer has gone.
WRAP_UP_S = 600.0
# Look at an open chat at least this often: a reload or a lost subscription may have shortened its timeout.
LOOK_AGAIN_S = 60.0
# CometD clients repeat startTyping only every 5 s, so theirs lasts longer (6.4: 20 s against 15 s).
COMET_TYPING_EXTRA_S = 5.0

_OPEN_STATES = frozenset(ChatState) - {ChatState.ENDED}

log = structlog.get_logger(__name__)


class _Stage(IntEnum):
    OPEN = 0
    WRAP_UP = 1


# An ended chat has no stage.
_STAGES = {
    ChatState.WAITING: _Stage.OPEN,
    ChatState.ACTIVE: _Stage.OPEN,
    ChatState.WRAP_UP: _Stage.WRAP_UP,
}
_ENDS_TYPING = frozenset({EventType.MESSAGE, EventType.TYPING_STOPPED, EventType.PARTICIPANT_LEFT})


class Timeouts:
    """The sweeper of one node's chats."""

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        *,
        bus: Bus,
        presence: Presence,
        settings_source: SettingsSource,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._presence = presence
        self._settings_source = settings_source
        self._clock = clock
        self._lock = threading.Lock()  # guards _heap, _stages and _typing
        self._heap: list[tuple[float, str, _Stage]] = []
        self._stages: dict[str, _Stage] = {}
        self._typing: dict[tuple[str, int], float] = {}
        self._loaded = False
        bus.subscribe(self.observe)

    def observe(self, committed: Committed) -> None:
        """Bus observer: follow new chats, changes of state and typing."""
        session = committed.session
        stage = _STAGES.get(session.state)
        if stage is None:
            self._forget(session.id)
            return
        if self._stages.get(session.id) is not stage:
            if stage is _Stage.OPEN and committed.events and committed.events[0].index > 1:
                self._presence.returned(session.id)  # brought back, or not yet loaded
            self._follow(session, stage, self._first_look(session, stage, ended_s_ago=0.0))
        for event in committed.events:
            self._note_typing(session, event)

    @property
    def open_chats(self) -> int:
        """How many chats of this node have not ended (the gauge `chats_open`)."""
        with self._lock:
            return len(self._stages)

    def sweep(self) -> int:
        """Do everything that is due; returns how many chats or indicators were acted on."""
        if not self._loaded:
            self._load()
        acted = sum(self._stop_typing(*key) for key in self._expired_typing())
        for chat_id, stage in self._due():
            try:
                acted += self._look_at(chat_id, stage)
            except GatewayError as error:  # the store is in trouble: nothing is lost, look again later
                log.warning("sweep_postponed", chat_id=chat_id, reason=str(error))
                self._put(chat_id, stage, LOOK_AGAIN_S)
        return acted

    # -- the heap -----------------------------------------------------------------------------------------

    def _load(self) -> None:
        now_ms = self._clock.wall_ms()
        for session in self._store.sessions_in(_OPEN_STATES):
            if session.id in self._stages:
                continue
            stage = _STAGES[session.state]
            ended_s_ago = max(0.0, (now_ms - (session.profile.ended_ms or now_ms)) / 1000)
            self._follow(session, stage, self._first_look(session, stage, ended_s_ago=ended_s_ago))
        self._loaded = True

    def _follow(self, session: ChatSession, stage: _Stage, delay: float) -> None:
        with self._lock:
            self._stages[session.id] = stage
        self._put(session.id, stage, delay)

    def _put(self, chat_id: str, stage: _Stage, delay: float) -> None:
        with self._lock:
            heapq.heappush(self._heap, (self._clock.monotonic() + delay, chat_id, stage))

    def _due(self) -> list[tuple[str, _Stage]]:
        """Take the due entries out; those of a stage that the chat has left are dropped here."""
        now = self._clock.monotonic()
        due = []
        with self._lock:
            while self._heap and self._heap[0][0] <= now:
                _, chat_id, stage = heapq.heappop(self._heap)
                if self._stages.get(chat_id) is stage:
                    due.append((chat_id, stage))
        return due

    def _first_look(self, session: ChatSession, stage: _Stage, *, ended_s_ago: float) -> float:
        if stage is _Stage.OPEN:
            # A new chat is attached to CometD only after its first commit, and then has another timeout.
            comet = self._settings_source.current.for_service(session.profile.service)
            return min(self._timeout(session), comet.comet_disconnect_timeout_s, LOOK_AGAIN_S)
        return max(0.0, WRAP_UP_S - ended_s_ago)

    # -- chats --------------------------------------------------------------------------------------------

    def _look_at(self, chat_id: str, stage: _Stage) -> int:
        session = self._store.session(chat_id)
        if session is None:
            self._forget(chat_id)
            return 0
        if stage is _Stage.OPEN:
            return self._remove_if_quiet(session)
        self._ledger.change(chat_id, _end_wrap_up)
        return 1

    def _remove_if_quiet(self, session: ChatSession) -> int:
        """Protocol inactivity (8.2): the customer leaves with reason 3; otherwise look again when due."""
        remaining = self._remaining(session)
        if remaining > 0:
            self._put(session.id, _Stage.OPEN, min(remaining, LOOK_AGAIN_S))
            return 0

        def decide(current: ChatSession) -> Decision:
            if self._remaining(current) > 0:  # a request came in while we waited for the lock
                return NOTHING
            return parting.customer_leaves(current, QuitReason.INACTIVE)

        committed = self._ledger.change(session.id, decide)
        if committed.events:
            log.info("customer_removed", chat_id=session.id, reason=QuitReason.INACTIVE.name)
            return 1
        self._put(session.id, _Stage.OPEN, LOOK_AGAIN_S)
        return 0

    def _remaining(self, session: ChatSession) -> float:
        quiet_since = self._presence.quiet_since(session.id)
        timeout = self._timeout(session)
        return timeout if quiet_since is None else quiet_since + timeout - self._clock.monotonic()

    def _timeout(self, session: ChatSession) -> float:
        settings = self._settings_source.current
        profile = session.profile
        if (profile.subscription is not None and settings.flex.push_enabled) or profile.async_mode:
            return settings.flex.push_timeout_s
        if self._presence.uses_comet(session.id):
            return settings.for_service(profile.service).comet_disconnect_timeout_s
        return settings.flex.disconnect_timeout_s

    def _forget(self, chat_id: str) -> None:
        with self._lock:
            self._stages.pop(chat_id, None)
        self._presence.forget(chat_id)

    # -- typing (6.4) -------------------------------------------------------------------------------------

    def _note_typing(self, session: ChatSession, event: Event) -> None:
        key = (session.id, event.author)
        if event.type is EventType.TYPING_STARTED:
            timeout = self._settings_source.current.for_service(session.profile.service).typing_timeout_s
            comet = event.author == session.customer.id and self._presence.is_live(session.id)
            extra = COMET_TYPING_EXTRA_S if comet else 0.0
            with self._lock:
                self._typing[key] = self._clock.monotonic() + timeout + extra
        elif event.type in _ENDS_TYPING and key in self._typing:
            with self._lock:
                self._typing.pop(key, None)

    def _expired_typing(self) -> list[tuple[str, int]]:
        now = self._clock.monotonic()
        with self._lock:
            expired = [key for key, deadline in self._typing.items() if deadline <= now]
            for key in expired:
                del self._typing[key]
        return expired

    def _stop_typing(self, chat_id: str, participant_id: int) -> int:
        def decide(session: ChatSession) -> Decision:
            author: Participant = session.profile.participants[participant_id - 1]
            if not author.present or session.ended_for_customer:
                return NOTHING
            return Decision(drafts=(Draft(EventType.TYPING_STOPPED, author),))

        try:
            return len(self._ledger.change(chat_id, decide).events)
        except ChatGone:
            return 0
        except GatewayError as error:  # typing is a hint: not worth a retry
            log.info("typing_expiry_dropped", chat_id=chat_id, reason=str(error))
            return 0


def _end_wrap_up(session: ChatSession) -> Decision:
    if session.state is not ChatState.WRAP_UP:
        return NOTHING
    return parting.closed(session, QuitReason.SYSTEM)
