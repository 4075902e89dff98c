"""Who leaves when: pure decisions about the end of a party's stay and of a chat (spec/chat-api-v2.md 8.1).

Invariants: a chat's events end with ParticipantLeft; the customer's own one carries `ends_chat` and comes
last; bots leave with the customer. After the customer has gone everything is visible to agents only. Called
by `customers`, `agents` and `timeouts`; the state table of model/session.py decides what is legal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gateway.chat.decision import NOTHING, Decision
from gateway.model.events import Draft, EventType, QuitReason, Visibility
from gateway.model.participants import PERSONNEL, Participant
from gateway.model.session import ChatProfile, ChatSession, ChatState, Trigger, next_state


def customer_leaves(session: ChatSession, reason: QuitReason) -> Decision:
    """The customer goes or is removed; nothing when that has happened already (leaving is idempotent)."""
    profile = session.profile
    if session.ended_for_customer:
        return NOTHING
    state = next_state(session.state, Trigger.CUSTOMER_LEFT)
    going = [party for party in profile.present[1:] if party.type not in PERSONNEL]
    if state is ChatState.ENDED:
        going.extend(profile.hidden)
    drafts = [left(party) for party in going]
    drafts.append(left(profile.customer, reason=reason, ends_chat=True))
    after = without(profile, [*going, profile.customer], reason)
    return Decision(drafts=tuple(drafts), profile=_settled(after), state=state)


def party_leaves(session: ChatSession, party: Participant) -> Decision:
    """An agent, supervisor or bot goes; the last person returns an open chat to the queue, or ends it.

    Nobody listens behind the back of a customer who has no agent: hidden parties go with the last one. What
    the party offered to others is withdrawn.
    """
    profile = session.profile
    others = [person for person in profile.personnel if person.id != party.id]
    last = party in profile.personnel and not others
    going = [party, *(profile.hidden if last else ())]
    after = without(profile, going, QuitReason.LOGOUT)
    if any(offer.by is not None and offer.by == party.owner for offer in profile.place.offers):
        offers = tuple(offer for offer in profile.place.offers if offer.by != party.owner)
        after = replace(after, placement=replace(profile.place, offers=offers))
    return Decision(
        drafts=tuple(left(each, visibility=_visibility(session)) for each in going),
        profile=after,
        state=next_state(session.state, Trigger.LAST_AGENT_LEFT) if last else None,
    )


def closed(session: ChatSession, reason: QuitReason) -> Decision:
    """Everybody leaves, the customer last; StateConflict when the chat has ended before."""
    profile = session.profile
    state = next_state(session.state, Trigger.CLOSED)
    leaving = list(profile.present)
    drafts = [
        left(party, visibility=_visibility(session)) for party in leaving if party.id != profile.customer.id
    ]
    if profile.customer.present:
        drafts.append(left(profile.customer, reason=reason, ends_chat=True))
    after = _settled(without(profile, leaving, reason))
    return Decision(drafts=tuple(drafts), profile=after, state=state)


def left(
    party: Participant,
    *,
    reason: QuitReason | None = None,
    ends_chat: bool = False,
    visibility: Visibility = Visibility.ALL,
) -> Draft:
    """ParticipantLeft; only the customer's own one carries a reason code (spec/chat-api-v2.md 4.5)."""
    return Draft(EventType.PARTICIPANT_LEFT, party, reason=reason, ends_chat=ends_chat, visibility=visibility)


def _settled(profile: ChatProfile) -> ChatProfile:
    """Nobody is asked to take this chat any more."""
    if profile.placement is None or profile.placement.settled() is profile.placement:
        return profile
    return replace(profile, placement=profile.placement.settled())


def _visibility(session: ChatSession) -> Visibility:
    return Visibility.AGENTS if session.state is ChatState.WRAP_UP else Visibility.ALL


def without(
    profile: ChatProfile, leaving: Iterable[Participant], reason: QuitReason = QuitReason.LOGOUT
) -> ChatProfile:
    """The profile after these parties have gone."""
    gone = {party.id for party in leaving}
    participants = tuple(
        replace(party, left=reason.value) if party.id in gone else party for party in profile.participants
    )
    return replace(profile, participants=participants)
