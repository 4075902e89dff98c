"""Idle control: alerts and closes chats in which nobody does anything (spec/chat-api-v2.md 8.4, 8.5).

Theory of operation. For each open chat that has rules there is a `_Watch`: since when its next step is
waited for, on the monotonic clock, so that a jump of the wall clock closes nobody. The bus tells of
activity; a chat's place in the heap is a lower bound of its next step, so activity does not touch the heap.
The first sweep of a process, and the first after a change of the options, loads the open chats: their
waiting goes on from what is stored, the newest event that counts or the profile's `IdleMark`. Which step
comes next, and how long that takes, is asked of the options of that moment.

Protocol requests do not count here, and nothing here counts for protocol inactivity (`timeouts`).
`sweep` is called by a thread of `services` every second, `observe` by the ledger.
"""

from __future__ import annotations

import heapq
import threading
from typing import NamedTuple

import structlog

from gateway.chat import idle
from gateway.chat.decision import NOTHING, Decision
from gateway.chat.ledger import Ledger
from gateway.clock import Clock
from gateway.cluster.bus import Bus
from gateway.config import Settings, SettingsSource
from gateway.errors import GatewayError
from gateway.model.change import Committed
from gateway.model.idle import IdleMark, IdleRules
from gateway.model.participants import system_participant
from gateway.model.session import ChatSession, ChatState
from gateway.observe.metrics import Metrics
from gateway.store.roles import Chats

# No step comes sooner after a start, as nobody could prevent one while the gateway was away: the slowest poll
# of a Widget.
GRACE_S = 30.0
# After trouble with the store.
LOOK_AGAIN_S = 60.0
# Events read at once in search of the newest that counts; nearly always it is among the last few.
WINDOW = 32

_OPEN = frozenset({ChatState.WAITING, ChatState.ACTIVE})

log = structlog.get_logger(__name__)


class _Watch(NamedTuple):
    """Since when (monotonic seconds) the step after `mark` is waited for, as of this version of the chat."""

    since: float
    mark: IdleMark | None
    version: int


class IdleControl:
    """The idle control of one node's chats."""

    def __init__(
        self,
        ledger: Ledger,
        store: Chats,
        *,
        bus: Bus,
        settings_source: SettingsSource,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._settings_source = settings_source
        self._clock = clock
        self._metrics = metrics
        self._lock = threading.Lock()  # guards _heap, _due and _watches
        self._heap: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}  # the one entry of the heap that counts, by chat
        self._watches: dict[str, _Watch] = {}
        self._loaded = False
        settings_source.subscribe(self._reconfigured)
        bus.subscribe(self.observe)

    def observe(self, committed: Committed) -> None:
        """Bus observer: activity, alerts and the end of chats."""
        session = committed.session
        rules = idle.rules_for(self._settings_source.current, session.profile)
        if rules is None or session.ended_for_customer:
            self._forget(session.id)
            return
        watch, mark = self._watches.get(session.id), session.profile.idle
        if rules.activity(committed.events) or (watch is not None and watch.mark != mark):
            since = self._clock.monotonic()
        elif watch is not None:
            since = watch.since
        else:  # unknown here: the next sweep reads what is stored, not this request
            self._loaded = False
            return
        self._watch(session.id, _Watch(since, mark, session.version), rules)

    def sweep(self) -> int:
        """Take every step that is due; returns how many were taken."""
        if not self._loaded:
            self._load()
        taken = 0
        for chat_id in self._take_due():
            try:
                taken += self._look_at(chat_id)
            except GatewayError as error:  # the store is in trouble: nothing is lost, look again later
                log.warning("idle_control_postponed", chat_id=chat_id, reason=str(error))
                self._put(chat_id, self._clock.monotonic() + LOOK_AGAIN_S)
            except Exception:  # noqa: BLE001 - one bad row must not keep the others from their steps
                log.exception("idle_control_failed", chat_id=chat_id)
                self._put(chat_id, self._clock.monotonic() + LOOK_AGAIN_S)
        return taken

    # -- steps --------------------------------------------------------------------------------------------

    def _look_at(self, chat_id: str) -> int:
        session = self._store.session(chat_id)
        settings = self._settings_source.current
        rules = idle.rules_for(settings, session.profile) if session is not None else None
        if session is None or rules is None or session.ended_for_customer:
            self._forget(chat_id)
            return 0
        if self._is_stale(session):
            self._resume(session, rules)
            return 0
        taken: str | None = None

        def decide(current: ChatSession) -> Decision:
            nonlocal taken
            taken = None
            if current.ended_for_customer or self._remaining(current, rules) > 0:
                return NOTHING  # somebody did something while we waited for the lock
            if self._is_stale(current):
                return NOTHING
            taken = rules.step(idle.alerts_of(current.profile)).value
            author = system_participant(settings.for_service(current.profile.service).system_nickname)
            return idle.next_step(current, rules, author=author, now_ms=self._clock.wall_ms())

        after = self._ledger.change(chat_id, decide).session
        if taken is None:
            if not after.ended_for_customer:
                self._put(chat_id, self._clock.monotonic() + max(0.0, self._remaining(after, rules)))
            return 0
        log.info("idle_step", chat_id=chat_id, step=taken)
        self._metrics.bound("idle_steps_total", taken).inc()
        return 1

    def _is_stale(self, session: ChatSession) -> bool:
        """Whether another process (a worker being replaced) changed the chat: what it did may count."""
        watch = self._watches.get(session.id)
        return watch is None or watch.version != session.version

    def _remaining(self, session: ChatSession, rules: IdleRules) -> float:
        """Seconds to the next step."""
        watch = self._watches.get(session.id)
        since = watch.since if watch is not None else self._clock.monotonic()
        return since + rules.wait_s(idle.alerts_of(session.profile)) - self._clock.monotonic()

    # -- what is watched ----------------------------------------------------------------------------------

    def _load(self) -> None:
        settings = self._settings_source.current
        self._loaded = True  # before reading: a reload meanwhile asks for another round
        try:
            for session in self._store.sessions_in(_OPEN):
                rules = idle.rules_for(settings, session.profile)
                if rules is None or session.ended_for_customer:
                    self._forget(session.id)
                    continue
                watch = self._watches.get(session.id)
                if watch is None:
                    self._resume(session, rules)
                else:
                    self._watch(session.id, watch, rules)
        except Exception:
            self._loaded = False
            raise

    def _reconfigured(self, old: Settings, new: Settings) -> None:
        if (old.inactivity, old.flex) != (new.inactivity, new.flex):
            self._loaded = False

    def _resume(self, session: ChatSession, rules: IdleRules) -> None:
        """Go on from what is stored."""
        mark = session.profile.idle
        since_ms = mark.at_ms if mark is not None and mark.alerts else self._active_ms(session, rules)
        quiet_s = max(0.0, (self._clock.wall_ms() - since_ms) / 1000)
        wait_s = rules.wait_s(idle.alerts_of(session.profile))
        quiet_s = min(quiet_s, max(0.0, wait_s - GRACE_S))
        self._watch(session.id, _Watch(self._clock.monotonic() - quiet_s, mark, session.version), rules)

    def _active_ms(self, session: ChatSession, rules: IdleRules) -> int:
        """When the newest activity was: a stored event that counts, or a cancelled timer."""
        mark = session.profile.idle
        floor_ms = max(session.profile.created_ms, mark.at_ms if mark is not None else 0)
        end = session.next_index
        while end > 1:
            start = max(1, end - WINDOW)
            events = self._store.events(session.id, start, limit=end - start)
            for event in reversed(events):
                if rules.activity((event,)):
                    return max(event.utc_ms, floor_ms)
            end = start
        return floor_ms

    def _watch(self, chat_id: str, watch: _Watch, rules: IdleRules) -> None:
        with self._lock:
            self._watches[chat_id] = watch
        self._put(chat_id, watch.since + rules.wait_s(watch.mark.alerts if watch.mark else 0))

    def _forget(self, chat_id: str) -> None:
        if chat_id in self._watches:
            with self._lock:
                self._watches.pop(chat_id, None)
                self._due.pop(chat_id, None)

    # -- the heap -----------------------------------------------------------------------------------------

    def _put(self, chat_id: str, due: float) -> None:
        """Look at the chat not later than `due`."""
        with self._lock:
            if chat_id in self._watches and due < self._due.get(chat_id, float("inf")):
                self._due[chat_id] = due
                heapq.heappush(self._heap, (due, chat_id))

    def _take_due(self) -> list[str]:
        now = self._clock.monotonic()
        due = []
        with self._lock:
            while self._heap and self._heap[0][0] <= now:
                at, chat_id = heapq.heappop(self._heap)
                if self._due.get(chat_id) == at:
                    del self._due[chat_id]
                    due.append(chat_id)
        return due
