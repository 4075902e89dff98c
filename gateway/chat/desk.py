"""The desk: gives waiting chats to ready agents, ends offers in time, notices lost agents, tells consoles.

Theory of operation. What is true of a chat is in its profile (`model/placement.py`) and changes only through
the ledger; the desk is a loop over an index of it (`lines`). `sweep` runs when something has changed, and
every second. It ends overdue offers, takes lost agents off duty, and asks agents from the queues
(`routing/dispatch.py`). Each step is one commit that is decided anew under the chat's lock, so a race with an
acceptance or with the customer's leaving is lost harmlessly. Nothing of it is needed after a crash: queues,
offers and readiness are read from the store.

`tell` hears notices for consoles, `placed` each waiting chat whose position has changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from gateway.chat import offers
from gateway.chat.accounts import Account
from gateway.chat.agents import Agents
from gateway.chat.decision import Decision
from gateway.chat.duty import LOST, NO_ANSWER, Roster
from gateway.chat.ledger import Ledger
from gateway.chat.lines import Lines, owners
from gateway.chat.notices import Notice, Tell
from gateway.chat.waits import Waits
from gateway.clock import Clock
from gateway.config import SettingsSource
from gateway.errors import GatewayError
from gateway.model.accounts import Duty
from gateway.model.change import Committed
from gateway.model.placement import Answer, OfferKind
from gateway.model.session import ChatSession, ChatState
from gateway.routing.dispatch import Candidate, assign
from gateway.store.roles import Chats

_OPEN = frozenset({ChatState.WAITING, ChatState.ACTIVE, ChatState.WRAP_UP})

# Positions and waiting customers are looked through this often: that costs time with every open chat.
LOOK_S = 0.5
# The worker that this one replaces serves its last requests for a while (20 s as shipped), and nobody is told
# here what it commits: so long after the start the open chats are read again, at some cost for each.
RELOADS_S = (10.0, 30.0)

log = structlog.get_logger(__name__)

Placed = Callable[[str, int, "int | None"], None]


class Desk:
    """The distribution of one node."""

    def __init__(
        self,
        ledger: Ledger,
        store: Chats,
        agents: Agents,
        *,
        roster: Roster,
        settings_source: SettingsSource,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._agents = agents
        self.roster = roster
        self._settings_source = settings_source
        self._clock = clock
        self.lines = Lines()
        self.waits = Waits(store, settings_source, clock)
        started = clock.monotonic()
        self._loads = [started, *[started + after_s for after_s in RELOADS_S]]  # when to read all open chats
        self._looked: float | None = None
        self._wake = threading.Event()
        self._idle_since: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._listeners: list[Tell] = []
        self._placed: list[Placed] = []

    def on_notice(self, tell: Tell) -> None:
        """Call `tell` with every notice; it must not block."""
        self._listeners.append(tell)

    def on_placed(self, placed: Placed) -> None:
        """Call `placed(chat_id, position, estimate_s)` when a waiting customer's position has changed."""
        self._placed.append(placed)

    def tell(self, notice: Notice) -> None:
        """Tell the consoles."""
        for listener in self._listeners:
            listener(notice)

    # -- what happens -------------------------------------------------------------------------------------

    def publish(self, committed: Committed) -> None:
        """Keep the index up (bus observer)."""
        session = committed.session
        before = self.lines.put(session, now_ms=session.last_utc_ms)
        self.waits.note(committed)
        if before is not None and before.profile is session.profile and before.state is session.state:
            return
        for notice in _changes(before, session):
            self.tell(notice)
        self._wake.set()

    def set_duty(self, account: Account, *, ready: bool, reason: str = "") -> Duty:
        """The account's own word; becoming not ready gives back what the queues have offered to it."""
        self.roster.touch(account)
        duty = self.roster.set(account, ready=ready, reason=reason)
        self._duty_changed(duty, Answer.LOST)
        return duty

    def _duty_changed(self, duty: Duty, answer: Answer) -> None:
        if not duty.ready:
            for chat in self.lines.asked(duty.name):
                offer = chat.profile.place.offer_to(duty.name)
                if offer is not None and (offer.kind is OfferKind.QUEUE or duty.reason == LOST):
                    self._answer(chat.id, duty.name, answer)
        self.tell(Notice("duty", to=frozenset({duty.name}), overseers=True, detail=_shown(duty)))
        self._wake.set()

    # -- the loop -----------------------------------------------------------------------------------------

    def pause(self, seconds: float) -> None:
        """Wait until something has changed, at most so long."""
        self._wake.wait(seconds)
        self._wake.clear()

    def sweep(self) -> None:
        """Do everything that is due; trouble with the store postpones it to the next time."""
        try:
            if self._loads and self._clock.monotonic() >= self._loads[0]:
                self._load()
                self._loads.pop(0)
            self._take_off_lost()
            self._end_offers()
            self._distribute()
        except GatewayError as error:
            log.warning("desk_postponed", reason=str(error))
        now = self._clock.monotonic()
        if self._looked is None or now - self._looked >= LOOK_S:
            self._looked = now
            self._tell_lines()
            for notice in self.waits.levels(self.lines.chat):
                self.tell(notice)

    def _load(self) -> None:
        gone = self.lines.chats()
        for session in self._store.sessions_in(_OPEN):
            gone.discard(session.id)
            known = self.lines.chat(session.id)
            if known is None or known.version < session.version:
                self.lines.put(session, now_ms=session.last_utc_ms)
                self.waits.restore(session)
        for chat_id in gone:
            self._look_up(chat_id)

    def _look_up(self, chat_id: str) -> None:
        """The index may be behind: another process changed the chat, or it was deleted."""
        session = self._store.session(chat_id)
        if session is None:
            self.lines.forget(chat_id)
            self.waits.forget(chat_id)
        else:
            self.lines.put(session, now_ms=session.last_utc_ms)

    def _take_off_lost(self) -> None:
        for duty in self.roster.ready():
            if not self.roster.alive(duty.name):
                log.info("agent_lost", account=duty.name)
                self._duty_changed(self.roster.put(duty.name, ready=False, reason=LOST), Answer.LOST)
        if not self._settings_source.current.agents.requeue_on_loss:
            return
        for name in self.lines.servants():
            if self.roster.alive(name):
                continue
            for chat_id in self.lines.served(name):
                self._leave(name, chat_id)

    def _leave(self, name: str, chat_id: str) -> None:
        account = Account(name, self.roster.role(name) or "agent")
        try:
            self._agents.leave(account, chat_id)
            log.info("chat_requeued", chat_id=chat_id, account=name)
        except GatewayError as error:
            log.info("requeue_skipped", chat_id=chat_id, reason=str(error))

    def _end_offers(self) -> None:
        now_ms = self._clock.wall_ms()
        for chat in self.lines.offered():
            for offer in chat.profile.place.offers:
                if offer.until_ms > now_ms:
                    continue
                ended = self._answer(chat.id, offer.to, Answer.TIMEOUT, due_ms=now_ms)
                strict = self._settings_source.current.agents.not_ready_on_no_answer
                if ended and strict and offer.kind is OfferKind.QUEUE:
                    duty = self.roster.put(offer.to, ready=False, reason=NO_ANSWER)
                    self._duty_changed(duty, Answer.LOST)

    def _answer(self, chat_id: str, to: str, answer: Answer, *, due_ms: int | None = None) -> bool:
        """End an offer; whether it was still open."""
        ended = self._change(chat_id, lambda session: offers.answered(session, to, answer, due_ms=due_ms))
        if not ended:
            self._look_up(chat_id)
        return ended

    def _change(self, chat_id: str, choose: Callable[[ChatSession], Decision]) -> bool:
        """Commit what `choose` decides; whether it decided anything."""
        changed = False

        def decide(session: ChatSession) -> Decision:
            nonlocal changed
            decision = choose(session)
            changed = not decision.is_empty
            return decision

        self._ledger.change(chat_id, decide)
        return changed

    def _distribute(self) -> None:
        candidates = self._candidates()
        if not any(candidate.free > 0 for candidate in candidates):
            return
        for chat_id, name in assign(self.lines.unasked(), candidates):
            try:
                self._give(chat_id, name)
            except GatewayError as error:  # taken, ended, or the store is in trouble: look again next time
                log.info("offer_skipped", chat_id=chat_id, reason=str(error))
                self._look_up(chat_id)

    def _give(self, chat_id: str, name: str) -> None:
        self._idle_since[name] = self._clock.wall_ms()
        role = self.roster.role(name)
        if role is not None and self.roster.terms(name).auto_accept:
            self._agents.accept(Account(name, role), chat_id)
            return
        patience_ms = round(self._settings_source.current.agents.offer_timeout_s * 1000)
        offer = offers.queue_offer(name, now_ms=self._clock.wall_ms(), patience_ms=patience_ms)
        if not self._change(chat_id, lambda session: offers.offered(session, offer)):
            self._look_up(chat_id)  # it does not wait any more, and must not keep the agent from another

    def _candidates(self) -> list[Candidate]:
        found = []
        for duty in self.roster.ready():
            # Somebody who has not shown up since the start is not asked: nobody might be there.
            if self.roster.role(duty.name) is None:
                continue
            terms = self.roster.terms(duty.name)
            busy = len(self.lines.served(duty.name)) + len(self.lines.asked(duty.name))
            idle = self._idle_since.get(duty.name, duty.since_ms)
            found.append(Candidate(duty.name, terms.capacity - busy, busy, idle, terms.endpoints))
        return found

    def _tell_lines(self) -> None:
        """Whoever's position has changed, and the consoles, once however much has happened."""
        if not self.lines.moved:
            return
        self.lines.moved = False
        queues = self.lines.queues()
        told, self._told = self._told, {}
        for queue, chats in queues.items():
            for position, chat_id in enumerate(chats, start=1):
                self._told[chat_id] = position
                if told.get(chat_id) != position:
                    for placed in self._placed:
                        placed(chat_id, position, self.lines.estimate(queue, position))
        self.tell(Notice("queues", detail={queue: len(chats) for queue, chats in queues.items()}))


def _changes(before: ChatSession | None, after: ChatSession) -> list[Notice]:
    """What consoles must hear of a changed chat."""
    notices = _offer_changes(before, after)
    profile = after.profile
    changed = [
        name
        for name, differs in (
            ("state", before is None or before.state is not after.state),
            ("participants", before is None or before.profile.participants != profile.participants),
            ("userData", before is not None and before.profile.user_data != profile.user_data),
            ("notes", before is not None and before.profile.notes != profile.notes),
            ("disposition", before is not None and before.profile.disposition != profile.disposition),
        )
        if differs
    ]
    notices.extend(_read_changes(before, after))
    if changed:
        to = frozenset(party.owner for party in profile.present if party.owner)
        notices.append(Notice("chat", after.id, to=to, overseers=True, detail={"changed": changed}))
    return notices


def _read_changes(before: ChatSession | None, after: ChatSession) -> list[Notice]:
    """How far the customer has read, and the agents together."""
    if before is None or before.profile.read_positions is after.profile.read_positions:
        return []
    to = frozenset(party.owner for party in after.profile.present if party.owner)
    return [
        Notice("read", after.id, to=to, detail={"by": by, "position": position})
        for by, position, old in (
            ("customer", after.profile.read_by_customer, before.profile.read_by_customer),
            ("agent", after.profile.read_by_agents, before.profile.read_by_agents),
        )
        if position != old
    ]


def _offer_changes(before: ChatSession | None, after: ChatSession) -> list[Notice]:
    old = before.profile.place.offers if before is not None else ()
    new = after.profile.place.offers
    if old == new:
        return []
    notices = []
    for offer in new:
        if offer not in old:
            detail = {"kind": offer.kind.value, "by": offer.by, "note": offer.note, "untilMs": offer.until_ms}
            notices.append(Notice("offer", after.id, to=frozenset({offer.to}), detail=detail))
    for offer in old:
        if offer not in new:
            concerned = frozenset(name for name in (offer.to, offer.by) if name)
            accepted = after.profile.by_owner(offer.to) is not None
            detail = {"kind": offer.kind.value, "to": offer.to, "accepted": accepted}
            detail["by"] = next(iter(owners(after)), None)
            notices.append(Notice("offer-ended", after.id, to=concerned, detail=detail))
    return notices


def _shown(duty: Duty) -> dict[str, object]:
    return {"name": duty.name, "ready": duty.ready, "reason": duty.reason, "sinceMs": duty.since_ms}
