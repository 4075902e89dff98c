"""The chat session: its state, its counters and its legal transitions (a table).

`ChatSession` holds what nearly every change touches; `ChatProfile` holds the rest, so that a store
rewrites the large part only when it is another object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.errors import StateConflict
from gateway.model.idle import IdleMark
from gateway.model.participants import PERSONNEL, Mode, Participant, ParticipantType
from gateway.model.placement import Placement
from gateway.model.subscription import Subscription

# The place of a chat in a list, oldest first: when it began (milliseconds), and its id among equals.
Age = tuple[int, str]


class ChatState(StrEnum):
    """Life of a chat (spec/chat-api-v2.md 8.1; WRAP_UP is Q-12)."""

    WAITING = "waiting"
    ACTIVE = "active"
    WRAP_UP = "wrap-up"
    ENDED = "ended"


class Trigger(StrEnum):
    """What can move a chat from one state to the next."""

    AGENT_JOINED = "agent joined"
    LAST_AGENT_LEFT = "last agent left"
    CUSTOMER_LEFT = "customer left"
    CLOSED = "closed"
    RESTORED = "restored"


# (state, trigger) -> next state; a missing pair is illegal.
TRANSITIONS: Mapping[tuple[ChatState, Trigger], ChatState] = {
    (ChatState.WAITING, Trigger.AGENT_JOINED): ChatState.ACTIVE,
    (ChatState.WAITING, Trigger.CUSTOMER_LEFT): ChatState.ENDED,
    (ChatState.WAITING, Trigger.CLOSED): ChatState.ENDED,
    (ChatState.ACTIVE, Trigger.AGENT_JOINED): ChatState.ACTIVE,
    (ChatState.ACTIVE, Trigger.LAST_AGENT_LEFT): ChatState.WAITING,
    (ChatState.ACTIVE, Trigger.CUSTOMER_LEFT): ChatState.WRAP_UP,
    (ChatState.ACTIVE, Trigger.CLOSED): ChatState.ENDED,
    (ChatState.WRAP_UP, Trigger.LAST_AGENT_LEFT): ChatState.ENDED,
    (ChatState.WRAP_UP, Trigger.CLOSED): ChatState.ENDED,
    (ChatState.ENDED, Trigger.RESTORED): ChatState.WAITING,
}


def next_state(state: ChatState, trigger: Trigger) -> ChatState:
    """The state after `trigger`; StateConflict when the table does not allow it."""
    try:
        return TRANSITIONS[state, trigger]
    except KeyError:
        raise StateConflict(f"{trigger.value} is not possible while the chat is {state.value}") from None


@dataclass(frozen=True, slots=True)
class Note:
    """A remark of the personnel about the customer or the case; never shown to the customer."""

    id: int
    author: str
    text: str
    utc_ms: int


@dataclass(frozen=True, slots=True)
class Disposition:
    """How a chat ended, in the words of the installation (`[chat] dispositions`)."""

    code: str
    author: str
    comment: str
    utc_ms: int


@dataclass(frozen=True, slots=True)
class ChatProfile:
    """What is said once about a chat and changes seldom.

    `idle`: how far idle control has come, None before there is anything to remember. `parked`: an agent left
    this asynchronous chat until the customer is heard of again. `silenced`: the subscription of a chat that
    was brought back without push, kept for the next time (spec/push.md 8).
    """

    service: str
    created_ms: int
    participants: tuple[Participant, ...]
    endpoint: str
    subject: str = ""
    email: str = ""
    user_data: Mapping[str, str] = field(default_factory=dict)
    subscription: Subscription | None = None
    read_positions: Mapping[int, int] = field(default_factory=dict)
    async_mode: bool = False
    ended_ms: int | None = None
    idle: IdleMark | None = None
    parked: bool = False
    silenced: Subscription | None = None
    placement: Placement | None = None
    notes: tuple[Note, ...] = ()
    disposition: Disposition | None = None

    @property
    def customer(self) -> Participant:
        """The party that made Request Chat."""
        return self.participants[0]

    @property
    def present(self) -> tuple[Participant, ...]:
        """Everyone who still takes part."""
        return tuple(party for party in self.participants if party.present)

    @property
    def personnel(self) -> tuple[Participant, ...]:
        """The agents and supervisors whom the customer has (neither bots nor hidden parties count)."""
        return tuple(
            party
            for party in self.participants
            if party.left is None and party.type in PERSONNEL and party.mode is Mode.OPEN
        )

    @property
    def hidden(self) -> tuple[Participant, ...]:
        """The present parties of which the customer does not know."""
        return tuple(party for party in self.participants if party.present and party.hidden)

    @property
    def read_by_customer(self) -> int:
        """How far the customer has read; 0 when unknown."""
        return self.read_positions.get(self.customer.id, 0)

    @property
    def read_by_agents(self) -> int:
        """How far anybody of the personnel whom the customer knows has read; 0 when unknown."""
        known = [p.id for p in self.participants if p.type in PERSONNEL and not p.hidden]
        return max([self.read_positions.get(each, 0) for each in known], default=0)

    @property
    def monitored(self) -> bool:
        """Whether a supervisor watches silently (spec/chat-api-v2.md 14, Q-9)."""
        for party in self.participants:  # noqa: SIM110 - asked per message: `any` over a generator costs three times that
            if party.mode is Mode.MONITOR and party.present:
                return True
        return False

    @property
    def place(self) -> Placement:
        """The placement; of a chat that nobody has moved yet, the queue and the time of its start."""
        return self.placement or Placement(self.endpoint, self.created_ms)

    def by_user_id(self, user_id: str) -> Participant | None:
        """The party with this wire id, present or not."""
        return next((party for party in self.participants if party.user_id == user_id), None)

    def by_owner(self, owner: str) -> Participant | None:
        """The present party of this agent or bot account."""
        return next((party for party in self.participants if party.present and party.owner == owner), None)


@dataclass(frozen=True, slots=True)
class ChatSession:
    """One chat as stored. `version` grows by one with each change; `next_index` is the next event's number.

    `last_utc_ms` keeps event times from running backwards when the wall clock does.
    """

    id: str
    version: int
    state: ChatState
    next_index: int
    last_utc_ms: int
    profile: ChatProfile

    @property
    def customer(self) -> Participant:
        """The party that made Request Chat."""
        return self.profile.participants[0]

    @property
    def ended_for_customer(self) -> bool:
        """`chatEnded`: the customer is gone or the chat is over."""
        # Asked four times per message: not by way of two further properties.
        return self.state is ChatState.ENDED or self.profile.participants[0].left is not None

    @property
    def queued(self) -> bool:
        """Whether the chat is in the waiting list: a parked one waits for its customer, not for an agent."""
        return self.state is ChatState.WAITING and not self.profile.parked

    @property
    def age(self) -> Age:
        """Its place in a list, which it keeps for life."""
        return self.profile.created_ms, self.id

    @property
    def reliable(self) -> bool:
        """Whether the customer is reminded until the transcript is retrieved (spec/push.md 4)."""
        subscription = self.profile.subscription
        return subscription is not None and subscription.resend

    def participant_type(self, participant_id: int) -> ParticipantType:
        """The wire type of an author; 0 is the system."""
        if participant_id == 0:
            return ParticipantType.EXTERNAL
        return self.profile.participants[participant_id - 1].type
