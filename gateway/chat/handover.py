"""One chat, several people: refusing, transfer, consultation, supervision (our own API, decision 12).

Rules: only the agent whom the customer has may transfer or consult; a consultant and a silent supervisor are
hidden parties, and the ledger makes everything they do visible to the personnel alone; a transfer to an
agent leaves the chat with the old one until the new one accepts. Called by `api/desk`. Raises NotFound,
Forbidden, StateConflict, Rejected as `agents` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gateway.chat import limits, message_ids, offers, parting
from gateway.chat.accounts import BOT, Account
from gateway.chat.agents import Agents
from gateway.chat.decision import NOTHING, Decision
from gateway.chat.parties import OVER, OVERSEERS, PEOPLE, joined, joining, present, serving
from gateway.clock import Clock
from gateway.config import SettingsSource
from gateway.errors import Forbidden, NotFound, Rejected, StateConflict
from gateway.ids import Ids
from gateway.model.change import Committed
from gateway.model.events import Draft, EventType, Visibility
from gateway.model.participants import Mode, Participant
from gateway.model.placement import Answer, Offer, OfferKind, Placement
from gateway.model.session import ChatSession, ChatState, Trigger, next_state

NOTE_LENGTH = 2_000


class Handover:
    """What people do together in a chat. `is_person` says whether an account name can be asked."""

    def __init__(
        self,
        agents: Agents,
        *,
        is_person: Callable[[str], bool],
        ids: Ids,
        settings_source: SettingsSource,
        clock: Clock,
    ) -> None:
        self._agents = agents
        self._is_person = is_person
        self._ids = ids
        self._settings_source = settings_source
        self._clock = clock

    # -- offers -------------------------------------------------------------------------------------------

    def decline(self, account: Account, chat_id: str) -> ChatSession:
        """Refuse what was offered; StateConflict when nothing is (it timed out, or another was faster)."""

        def decide(session: ChatSession) -> Decision:
            if session.profile.place.offer_to(account.name) is None:
                raise StateConflict("this chat is not offered to you")
            return offers.answered(session, account.name, Answer.REJECTED)

        return self._agents.change(chat_id, decide).session

    def transfer(self, account: Account, chat_id: str, to: str, *, note: str = "") -> ChatSession:
        """Offer the chat to another account; the caller keeps it until that one accepts."""
        return self._ask(OfferKind.TRANSFER, account, chat_id, to, note=note)

    def consult(self, account: Account, chat_id: str, to: str, *, note: str = "") -> ChatSession:
        """Ask another account for advice: it joins unseen by the customer."""
        return self._ask(OfferKind.CONSULT, account, chat_id, to, note=note)

    def withdraw(self, account: Account, chat_id: str, to: str) -> ChatSession:
        """Take an own transfer or consultation offer back."""

        def decide(session: ChatSession) -> Decision:
            offer = session.profile.place.offer_to(to)
            if offer is None or offer.by != account.name:
                raise StateConflict("nothing is offered to that account by you")
            return offers.answered(session, to, Answer.WITHDRAWN)

        return self._agents.change(chat_id, decide).session

    def _ask(self, kind: OfferKind, account: Account, chat_id: str, to: str, *, note: str) -> ChatSession:
        if account.role not in PEOPLE:
            raise Forbidden("bots pass chats to a queue only")
        note = limits.bounded(note, NOTE_LENGTH, name="note")
        if not self._is_person(to):
            raise NotFound("no such agent")
        now_ms = self._clock.wall_ms()
        patience_ms = round(self._settings_source.current.agents.offer_timeout_s * 1000)
        offer = Offer(kind, to, now_ms, now_ms + patience_ms, by=account.name, note=note)

        def decide(session: ChatSession) -> Decision:
            serving(account, session)
            place = session.profile.place
            party = session.profile.by_owner(to)
            if party is not None and not (party.hidden and kind is OfferKind.TRANSFER):
                raise StateConflict("that agent takes part already")
            if place.offer_to(to) is not None:
                raise StateConflict("the chat is offered to that agent already")
            if kind is OfferKind.TRANSFER and any(each.kind is kind for each in place.offers):
                raise StateConflict("the chat is being transferred to another agent")
            return offers.moved(session, place.asking(offer))

        return self._agents.change(chat_id, decide).session

    def transfer_to_queue(self, account: Account, chat_id: str, queue: str, *, note: str = "") -> Committed:
        """Give the chat to a queue: the caller leaves in the same commit, the customer waits (again).

        So a bot hands a chat over to people: it moves a waiting chat from its own queue to one of theirs.
        """
        note = limits.bounded(note, NOTE_LENGTH, name="note")
        if not 3 <= len(queue) <= limits.ENDPOINT_LENGTH or queue.count(":") != 1 or not queue.isprintable():
            raise Rejected(limits.MISSING_OR_MALFORMED, "queue")
        place = Placement(queue, self._clock.wall_ms(), note=note)

        def decide(session: ChatSession) -> Decision:
            party = _passing_on(account, session)
            if len(session.profile.personnel) > 1:
                raise StateConflict("another agent is in the chat")
            decision = parting.party_leaves(session, party)
            profile = decision.profile or session.profile
            return decision._replace(profile=replace(profile, placement=place))

        return self._agents.change(chat_id, decide)

    # -- supervision --------------------------------------------------------------------------------------

    def monitor(self, account: Account, chat_id: str) -> ChatSession:
        """Watch silently; the envelope says `monitored` from now on. May be repeated."""
        _overseeing(account)
        user_id = self._ids.user()

        def decide(session: ChatSession) -> Decision:
            _open(session)
            if session.profile.by_owner(account.name) is not None:
                return NOTHING
            party = joining(account, session, user_id, mode=Mode.MONITOR)
            draft = Draft(EventType.PARTICIPANT_JOINED, party)
            return Decision(drafts=(draft,), profile=joined(session.profile, party))

        return self._agents.change(chat_id, decide).session

    def barge_in(self, account: Account, chat_id: str) -> ChatSession:
        """Join openly beside (or without) an agent, also out of a monitor's silence. May be repeated."""
        _overseeing(account)
        user_id = self._ids.user()

        def decide(session: ChatSession) -> Decision:
            _open(session)
            profile = session.profile
            silent = profile.by_owner(account.name)
            if silent is not None and not silent.hidden:
                return NOTHING
            drafts = []
            if silent is not None:
                drafts.append(parting.left(silent))
                profile = parting.without(profile, [silent])
            party = joining(account, session, user_id)
            place = profile.placement.settled() if profile.placement else None
            state = session.state
            if state is ChatState.WAITING:
                state = next_state(state, Trigger.AGENT_JOINED)
            else:
                place = profile.placement
            drafts.append(Draft(EventType.PARTICIPANT_JOINED, party))
            after = replace(joined(profile, party), placement=place)
            return Decision(drafts=tuple(drafts), profile=after, state=state)

        return self._agents.change(chat_id, decide).session

    def whisper(
        self, account: Account, chat_id: str, text: str, *, message_id: str | None = None
    ) -> Committed:
        """A message to the personnel of the chat; it never reaches the customer on any channel."""
        named = message_ids.of_agent(account, message_id)
        text = limits.message_text(text, self._agents.max_length(chat_id))

        def decide(session: ChatSession) -> Decision:
            if session.state is ChatState.ENDED:
                raise StateConflict("the chat has ended")
            author = present(account, session)
            if account.role not in PEOPLE:
                raise Forbidden("bots speak to the customer only")
            draft = Draft(EventType.MESSAGE, author, text=text, visibility=Visibility.AGENTS)
            return Decision(drafts=(draft,))

        return self._agents.change(chat_id, decide, message_id=named)


def _passing_on(account: Account, session: ChatSession) -> Participant:
    """The party that gives the chat away: its agent, or a bot while nobody has it."""
    if account.role != BOT:
        return serving(account, session)
    if session.state is not ChatState.WAITING:
        raise StateConflict(f"the chat is {session.state.value}")
    return present(account, session)


def _overseeing(account: Account) -> None:
    if account.role not in OVERSEERS:
        raise Forbidden("only supervisors may do this")


def _open(session: ChatSession) -> None:
    if session.state in OVER:
        raise StateConflict("the chat has ended")
