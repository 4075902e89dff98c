"""The use cases of agents, supervisors and bots (our own API, decision 12).

Rules: the first person to accept a waiting chat has it; a bot joins without taking it; only a present party
may speak; supervisors and administrators may read every chat. Called by `api/agent`.
Raises NotFound (no such chat), Forbidden (not the caller's), StateConflict (wrong state), Rejected (limits).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.chat import limits, message_ids, offers, parting, restore
from gateway.chat.accounts import AGENT, BOT, Account
from gateway.chat.customers import TypingState
from gateway.chat.decision import NOTHING, Decision
from gateway.chat.ledger import Ledger
from gateway.chat.parties import OVER, OVERSEERS, joining, may_see, present
from gateway.chat.transcripts import TranscriptReader
from gateway.clock import Clock
from gateway.config import SettingsSource
from gateway.errors import ChatGone, Forbidden, NotFound, Rejected, StateConflict
from gateway.ids import Ids
from gateway.model.change import Committed, MessageId
from gateway.model.events import Draft, Event, EventType, QuitReason
from gateway.model.participants import Participant
from gateway.model.session import Age, ChatSession, ChatState
from gateway.observe.metrics import Metrics
from gateway.rates import Rates
from gateway.store.roles import Chats, OpenChats

# Chats of a page, when the caller does not say.
_PAGE = 100


class Agents:
    """What the personnel can do."""

    def __init__(
        self,
        ledger: Ledger,
        store: Chats,
        *,
        ids: Ids,
        settings_source: SettingsSource,
        clock: Clock,
        metrics: Metrics,
        rates: Rates | None = None,
    ) -> None:
        self._rates = rates
        self._ledger = ledger
        self._store = store
        self._ids = ids
        self._settings_source = settings_source
        self._clock = clock
        self._metrics = metrics
        self._reader = TranscriptReader(store, clock)

    def list_chats(
        self, account: Account, state: str | None, *, after: Age | None = None, limit: int = _PAGE
    ) -> Sequence[ChatSession]:
        """`"waiting"`: all waiting chats; `"mine"`: the caller's; None: both; `"parked"`. Oldest first.

        `after`: only those behind this place of the list, which need not be in it any more; at most `limit`.
        """
        if state not in (None, "waiting", "mine", "parked"):
            raise Rejected(limits.MISSING_OR_MALFORMED, "state")
        wanted = OpenChats(
            waiting=state in (None, "waiting"),
            parked=state == "parked",
            account=account.name if state in (None, "mine") else None,
        )
        return self._store.open_chats(wanted, after=after, limit=limit)

    def get(self, account: Account, chat_id: str) -> ChatSession:
        """A chat that the caller may see; NotFound when there is none, Forbidden when it is another's."""
        session = self._store.session(chat_id)
        if session is None:
            raise NotFound("no such chat")
        if not may_see(account, session):
            raise Forbidden("not your chat")
        return session

    def events(self, account: Account, chat_id: str, start: int) -> list[Event]:
        """Events from index `start` on, with recent typing; rights as in `get`.

        People see events of every visibility; a bot sees what the customer sees, so that it cannot repeat
        to him what is not meant for him.
        """
        self.get(account, chat_id)
        found = self._reader.for_agent(chat_id, start)
        return [event for event in found if event.for_customer] if account.role == BOT else found

    def accept(self, account: Account, chat_id: str) -> ChatSession:
        """Join the chat. A person takes it (AlreadyAccepted when another has), a bot joins a waiting one.

        Whoever was asked (transfer, consultation) joins as he was asked. Nothing for who is in the chat
        already, but a silent supervisor takes a waiting one.
        """
        user_id = self._ids.user()

        def decide(session: ChatSession) -> Decision:
            if session.state in OVER:
                raise StateConflict("the chat has ended")
            asked = session.profile.place.offer_to(account.name)
            own = session.profile.by_owner(account.name)
            takes = own is None or (own.hidden and session.state is ChatState.WAITING)
            if asked is None and not takes:
                return NOTHING
            return offers.accepted(session, account, user_id)

        return self.change(chat_id, decide).session

    def send(
        self,
        account: Account,
        chat_id: str,
        text: str,
        *,
        message_type: str | None = None,
        event_attributes: Mapping[str, Any] | None = None,
        message_id: str | None = None,
    ) -> Committed:
        """A message to everyone; Rejected 101 (empty) or 204 (too long).

        `message_id`, here and in the other operations that take one: as for customers, one per account.
        """
        text = limits.message_text(text, self.max_length(chat_id))
        kind = limits.message_type(message_type)
        attributes = limits.event_attributes(event_attributes)
        return self._say(
            account,
            chat_id,
            lambda author: Draft(
                EventType.MESSAGE, author, text=text, message_type=kind, event_attributes=attributes
            ),
            message_id=message_id,
        )

    def typing(
        self, account: Account, chat_id: str, state: TypingState, preview: str | None = None
    ) -> Committed:
        """Typing on or off; the preview is cut to the message length. Too frequent ones are merged."""
        if self._rates is not None and not self._rates.typing(chat_id, f"agent:{account.name}", state.value):
            return Committed(self.get(account, chat_id), ())
        text = limits.clean(preview)[: self.max_length(chat_id)] if preview else None
        return self._say(account, chat_id, lambda author: Draft(EventType(state.value), author, text=text))

    def notice(
        self,
        account: Account,
        chat_id: str,
        text: str | None,
        *,
        event_attributes: Mapping[str, Any] | None = None,
        user_data: Mapping[str, str] | None = None,
        message_id: str | None = None,
    ) -> Committed:
        """A custom notice with a text or attributes."""
        text = limits.notice_text(text)
        attributes = limits.event_attributes(event_attributes)
        data = limits.user_data(user_data) if user_data else None
        if text is None and not attributes:
            raise Rejected(limits.MISSING_OR_MALFORMED, "message")
        return self._say(
            account,
            chat_id,
            lambda author: Draft(
                EventType.CUSTOM_NOTICE, author, text=text, user_data=data, event_attributes=attributes
            ),
            message_id=message_id,
        )

    def push_url(
        self, account: Account, chat_id: str, url: str, *, message_id: str | None = None
    ) -> Committed:
        """A web address for the customer: absolute http or https."""
        url = limits.push_url(url)
        return self._say(
            account,
            chat_id,
            lambda author: Draft(EventType.PUSH_URL, author, text=url),
            message_id=message_id,
        )

    def leave(self, account: Account, chat_id: str) -> Committed:
        """Leave the chat; the last person returns an open chat to the queue and ends one in wrap-up."""

        def decide(session: ChatSession) -> Decision:
            party = present(account, session)
            if session.state is ChatState.WRAP_UP and not party.hidden:
                self._check_disposition(account, session)
            return parting.party_leaves(session, party)

        return self.change(chat_id, decide)

    def park(self, account: Account, chat_id: str) -> Committed:
        """Leave an asynchronous chat until its customer is heard of again; no agent is needed meanwhile."""
        return self.change(chat_id, lambda session: restore.parked(session, present(account, session)))

    def restore(self, account: Account, chat_id: str) -> ChatSession:
        """Bring a finished chat back and join it (spec/push.md 8); for those who may see it."""
        user_id, now_ms = self._ids.user(), self._clock.wall_ms()

        def decide(session: ChatSession) -> Decision:
            if not may_see(account, session):
                raise Forbidden("not your chat")
            party = joining(account, session, user_id)
            return restore.restored(session, party, self._settings_source.current.flex, now_ms=now_ms)

        return self.change(chat_id, decide).session

    def close(self, account: Account, chat_id: str) -> Committed:
        """End the chat for everybody (the customer with reason 4); for present parties and overseers."""

        def decide(session: ChatSession) -> Decision:
            if session.state is ChatState.ENDED:
                raise StateConflict("the chat has ended")
            if account.role not in OVERSEERS and present(account, session).hidden:
                raise Forbidden("only the agent of the chat")
            self._check_disposition(account, session)
            return parting.closed(session, QuitReason.REMOVED)

        return self.change(chat_id, decide)

    def _say(
        self,
        account: Account,
        chat_id: str,
        draft: Callable[[Participant], Draft],
        *,
        message_id: str | None = None,
    ) -> Committed:
        named = message_ids.of_agent(account, message_id)

        def decide(session: ChatSession) -> Decision:
            if session.state in OVER:
                raise StateConflict("the chat has ended")
            return Decision(drafts=(draft(present(account, session)),))

        return self.change(chat_id, decide, message_id=named)

    def _check_disposition(self, account: Account, session: ChatSession) -> None:
        """`[chat] disposition_required`: agents finish a chat only after they have said how it ended."""
        service = self._settings_source.current.for_service(session.profile.service)
        if account.role == AGENT and service.disposition_required and session.profile.disposition is None:
            raise StateConflict("a disposition is required first")

    def change(
        self,
        chat_id: str,
        decide: Callable[[ChatSession], Decision],
        *,
        message_id: MessageId | None = None,
    ) -> Committed:
        """Commit a decision of another use case of agents; NotFound when there is no such chat."""
        try:
            return self._ledger.change(chat_id, decide, message_id=message_id)
        except ChatGone:
            raise NotFound("no such chat") from None

    def max_length(self, chat_id: str) -> int:
        """The longest message of the chat's service; NotFound when there is no such chat."""
        session = self._store.session(chat_id)
        if session is None:
            raise NotFound("no such chat")
        return self._settings_source.current.for_service(session.profile.service).max_message_length
