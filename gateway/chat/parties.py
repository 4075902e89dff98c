"""The personnel's parties in a chat: how an account joins, who may do what (all use cases of agents)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway.chat.accounts import ADMIN, AGENT, BOT, SUPERVISOR, Account
from gateway.errors import Forbidden, StateConflict
from gateway.model.participants import BOT_STYLE, Mode, Participant, ParticipantType
from gateway.model.session import ChatProfile, ChatSession, ChatState

_TYPES: Mapping[str, ParticipantType] = {
    ADMIN: ParticipantType.SUPERVISOR,
    SUPERVISOR: ParticipantType.SUPERVISOR,
    AGENT: ParticipantType.AGENT,
    BOT: ParticipantType.EXTERNAL,
}
# Roles that may read chats they do not take part in.
OVERSEERS = frozenset({ADMIN, SUPERVISOR})
# Roles of people: they take chats, transfer them and are asked.
PEOPLE = frozenset({ADMIN, SUPERVISOR, AGENT})
OVER = frozenset({ChatState.WRAP_UP, ChatState.ENDED})


def joining(account: Account, session: ChatSession, user_id: str, *, mode: Mode = Mode.OPEN) -> Participant:
    """The party that this account becomes."""
    return Participant(
        id=len(session.profile.participants) + 1,
        user_id=user_id,
        nickname=account.name,
        type=_TYPES[account.role],
        style=BOT_STYLE if account.role == BOT else None,
        owner=account.name,
        mode=mode,
    )


def joined(profile: ChatProfile, party: Participant) -> ChatProfile:
    """The profile with one more party."""
    return replace(profile, participants=(*profile.participants, party))


def present(account: Account, session: ChatSession) -> Participant:
    """The caller's own party, else Forbidden."""
    party = session.profile.by_owner(account.name)
    if party is None:
        raise Forbidden("not a participant of this chat")
    return party


def serving(account: Account, session: ChatSession) -> Participant:
    """The caller's own party in a chat that it serves openly, else Forbidden or StateConflict."""
    party = present(account, session)
    if party.hidden or account.role == BOT:
        raise Forbidden("only the agent of the chat")
    if session.state is not ChatState.ACTIVE:
        raise StateConflict(f"the chat is {session.state.value}")
    return party


def may_see(account: Account, session: ChatSession) -> bool:
    """Overseers everything; others waiting chats, own and offered ones, ended ones they took part in."""
    if account.role in OVERSEERS or session.state is ChatState.WAITING:
        return True
    if session.state is ChatState.ENDED:
        return any(party.owner == account.name for party in session.profile.participants)
    if session.profile.by_owner(account.name) is not None:
        return True
    return session.profile.place.offer_to(account.name) is not None
