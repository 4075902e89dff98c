"""Offers of a chat to an agent and their answers: pure decisions over `model/placement.py`.

Invariants: the queue asks one agent at a time; an answer counts only while the offer is open, so of an
acceptance, a refusal and a timeout exactly the first to commit has an effect. Called by `agents`, `handover`
and `desk`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.chat.accounts import BOT, Account
from gateway.chat.decision import NOTHING, Decision
from gateway.chat.parties import joined, joining
from gateway.chat.parting import left, without
from gateway.errors import AlreadyAccepted, StateConflict
from gateway.model.events import Draft, EventType, QuitReason
from gateway.model.participants import Mode, Participant
from gateway.model.placement import Answer, Effect, Offer, OfferKind, Placement, effect_of
from gateway.model.session import ChatSession, ChatState, Trigger, next_state


def offered(session: ChatSession, offer: Offer) -> Decision:
    """Ask from the queue; nothing when the chat does not wait for an answer any more."""
    place = session.profile.place
    if not session.queued or place.ringing or offer.to in place.declined:
        return NOTHING
    if session.profile.by_owner(offer.to) is not None:
        return NOTHING
    return moved(session, place.asking(offer))


def answered(session: ChatSession, to: str, answer: Answer, *, due_ms: int | None = None) -> Decision:
    """The offer to this account ends without an acceptance; nothing when it has ended before.

    With `due_ms` only an offer that is over by then is ended.
    """
    place = session.profile.place
    offer = place.offer_to(to)
    if offer is None or (due_ms is not None and offer.until_ms > due_ms):
        return NOTHING
    effect = effect_of(offer.kind, answer)
    after = place.without(offer)
    if effect is Effect.PASS_ON:
        after = replace(after, declined=(*after.declined, to))
    return moved(session, after)


def accepted(session: ChatSession, account: Account, user_id: str) -> Decision:
    """The account joins: as it was asked, or by itself from the waiting list.

    Nobody is in a chat twice: who has watched or advised unseen leaves that place in the same commit, and
    who is in the chat openly needs no second place to give advice.
    """
    profile = session.profile
    offer = profile.place.offer_to(account.name)
    effect = Effect.JOIN if offer is None else effect_of(offer.kind, Answer.ACCEPTED)
    if effect is Effect.HAND_OVER and offer is not None:
        return _handed_over(session, account, user_id, offer)
    own = profile.by_owner(account.name)
    gone = [own] if own is not None else []
    if effect is Effect.JOIN_HIDDEN and offer is not None:
        place = profile.place.without(offer)
        if own is not None and not own.hidden:
            return moved(session, place)
        party = joining(account, session, user_id, mode=Mode.CONSULT)
        return _joins(session, party, gone, place=place)
    if profile.personnel:
        raise AlreadyAccepted(profile.personnel[0].nickname)
    party = joining(account, session, user_id)
    if account.role == BOT:
        return _joins(session, party, gone, place=profile.placement)
    decision = _joins(session, party, gone, place=_kept(profile.placement))
    return decision._replace(state=next_state(session.state, Trigger.AGENT_JOINED))


def _joins(
    session: ChatSession, party: Participant, gone: Sequence[Participant], *, place: Placement | None
) -> Decision:
    """One party comes, others go, the chat stands at `place`."""
    drafts = (*[left(each) for each in gone], Draft(EventType.PARTICIPANT_JOINED, party))
    after = joined(without(session.profile, gone), party)
    return Decision(drafts=drafts, profile=replace(after, placement=place))


def _handed_over(session: ChatSession, account: Account, user_id: str, offer: Offer) -> Decision:
    """The new agent joins and the old one leaves, in one commit: the chat is never without an agent."""
    if session.state is not ChatState.ACTIVE:
        raise StateConflict(f"the chat is {session.state.value}")
    profile = session.profile
    party = joining(account, session, user_id)
    old = profile.by_owner(offer.by or "")
    gone = [each for each in (profile.by_owner(account.name), old) if each is not None]
    after = joined(replace(profile, placement=_kept(replace(profile.place, note=offer.note))), party)
    after = replace(
        after,
        participants=tuple(
            replace(each, left=QuitReason.LOGOUT.value) if each in gone else each
            for each in after.participants
        ),
    )
    drafts = (Draft(EventType.PARTICIPANT_JOINED, party), *[left(each) for each in gone])
    return Decision(drafts=drafts, profile=after)


def moved(session: ChatSession, place: Placement) -> Decision:
    """The chat stands elsewhere."""
    return Decision(profile=replace(session.profile, placement=place))


def queue_offer(to: str, *, now_ms: int, patience_ms: int) -> Offer:
    """The queue's question."""
    return Offer(OfferKind.QUEUE, to, now_ms, now_ms + patience_ms)


def _kept(place: Placement | None) -> Placement | None:
    return place.settled() if place is not None else None
