"""Bringing a finished session back, and parking one: pure decisions (spec/push.md 2.6, 8).

Who may is the option `session-restore-extend-by`; whether push goes on is `session-restore-push-send`.
Called by `agents`, which knows who may see the chat.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.chat import parting
from gateway.chat.decision import NOTHING, Decision
from gateway.config.views import FlexSettings
from gateway.errors import AlreadyAccepted, Forbidden, StateConflict
from gateway.model.events import Draft, EventType
from gateway.model.participants import PERSONNEL, Participant
from gateway.model.placement import Placement
from gateway.model.session import ChatProfile, ChatSession, ChatState, Trigger, next_state

# Values of the option that let a person, or a bot, bring a session back.
_FOR_PEOPLE = frozenset({"agent", "both"})
_FOR_BOTS = frozenset({"esp", "both"})


def restored(session: ChatSession, party: Participant, flex: FlexSettings, *, now_ms: int) -> Decision:
    """The chat goes on with its customer and `party`, who brings it back, in the queue of its service.

    An agent has the chat at once; with a bot it waits for one. Repeating it is harmless. Raises Forbidden
    when the option does not allow it, StateConflict (AlreadyAccepted) when the chat is not finished.
    """
    person = party.type in PERSONNEL
    if flex.session_restore_extend_by not in (_FOR_PEOPLE if person else _FOR_BOTS):
        raise Forbidden("session-restore-extend-by does not allow it")
    profile = session.profile
    if session.state is not ChatState.ENDED:
        if party.owner is not None and profile.by_owner(party.owner) is not None:
            return NOTHING
        if person and profile.personnel:
            raise AlreadyAccepted(profile.personnel[0].nickname)
        raise StateConflict("the chat has not ended")
    customer = replace(profile.customer, left=None)
    state = next_state(session.state, Trigger.RESTORED)
    return Decision(
        drafts=(Draft(EventType.PARTICIPANT_JOINED, customer), Draft(EventType.PARTICIPANT_JOINED, party)),
        profile=replace(
            _subscribed(profile, flex),
            participants=(customer, *profile.participants[1:], party),
            ended_ms=None,
            parked=False,
            placement=Placement(profile.endpoint, now_ms),
        ),
        state=next_state(state, Trigger.AGENT_JOINED) if person else state,
    )


def _subscribed(profile: ChatProfile, flex: FlexSettings) -> ChatProfile:
    """With the last subscription, or with it laid aside: silent, and without its long timeout."""
    last = profile.subscription or profile.silenced
    if flex.session_restore_push_send:
        return replace(profile, subscription=last, silenced=None)
    return replace(profile, subscription=None, silenced=last)


def parked(session: ChatSession, party: Participant) -> Decision:
    """The agent leaves an asynchronous chat that needs nobody until its customer is heard of again.

    Raises StateConflict for other chats, and while another agent is in it.
    """
    if session.ended_for_customer:
        raise StateConflict("the chat has ended")
    if not session.profile.async_mode:
        raise StateConflict("only an asynchronous chat can be parked")
    if (
        party.hidden
        or party.type not in PERSONNEL
        or any(one.id != party.id for one in session.profile.personnel)
    ):
        raise StateConflict("only the last agent can park a chat")
    leaving = parting.party_leaves(session, party)
    profile = leaving.profile or session.profile
    return leaving._replace(profile=replace(profile, parked=True))
