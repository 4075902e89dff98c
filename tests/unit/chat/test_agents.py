"""The use cases of agents, supervisors and bots (decision 12, spec/chat-api-v2.md 8.1)."""

from __future__ import annotations

import orjson
import pytest
from unit.chat.engine import ALICE, BOB, ROBOT, SARA, Engine

from gateway.chat.customers import TypingState
from gateway.errors import AlreadyAccepted, Forbidden, NotFound, Rejected, StateConflict
from gateway.model.events import Visibility
from gateway.model.session import ChatState


@pytest.fixture
def chat_id(engine: Engine) -> str:
    """A waiting chat."""
    return engine.start().session.id


def last_wire(engine: Engine) -> dict:
    return orjson.loads(engine.published[-1].events[-1].wire)


def test_the_first_to_accept_has_the_chat(engine, chat_id):
    """Accepting joins as Agent and activates; the next agent learns who was first; the winner may repeat."""
    session = engine.agents.accept(ALICE, chat_id)
    assert (session.state, session.next_index) == (ChatState.ACTIVE, 3)
    assert last_wire(engine)["from"] == {"nickname": "Alice", "participantId": 2, "type": "Agent"}
    with pytest.raises(AlreadyAccepted) as error:
        engine.agents.accept(BOB, chat_id)
    assert error.value.by == "Alice"
    assert session == engine.agents.accept(ALICE, chat_id)


def test_a_bot_joins_without_taking_the_chat(engine, chat_id):
    """Decision 20: a bot is External with style BOT, and the chat stays on the waiting list."""
    assert ChatState.WAITING is engine.agents.accept(ROBOT, chat_id).state
    wire = last_wire(engine)
    assert (
        wire["from"]["type"],
        wire["eventAttributes"]["GCTI_SYSTEM"]["party-info.style"],
    ) == ("External", "BOT")
    assert ChatState.ACTIVE is engine.agents.accept(ALICE, chat_id).state
    assert ChatState.ACTIVE is engine.agents.leave(ROBOT, chat_id).session.state


def test_a_supervisor_accepts_like_an_agent(engine, chat_id):
    """The wire type is Supervisor."""
    engine.agents.accept(SARA, chat_id)
    assert last_wire(engine)["from"]["type"] == "Supervisor"


def test_lists(engine, chat_id):
    """Waiting chats for everyone, one's own ones, and both."""
    mine, other = engine.start().session.id, engine.start().session.id
    engine.agents.accept(ALICE, mine)
    engine.agents.accept(BOB, other)
    for state, expected in (("waiting", [chat_id]), ("mine", [mine]), (None, [chat_id, mine])):
        found = [session.id for session in engine.agents.list_chats(ALICE, state)]
        assert sorted(expected) == sorted(found)
    with pytest.raises(Rejected):
        engine.agents.list_chats(ALICE, "all")


def test_only_present_parties_may_act(engine, chat_id):
    """Everybody else is Forbidden, an unknown chat is NotFound."""
    engine.agents.accept(ALICE, chat_id)
    agents = engine.agents
    for account, target, expected in (
        (BOB, chat_id, Forbidden),
        (SARA, chat_id, Forbidden),
        (ALICE, "?", NotFound),
    ):
        for act in (
            lambda account, target: agents.send(account, target, "hi"),
            lambda account, target: agents.typing(account, target, TypingState.STARTED),
            lambda account, target: agents.notice(account, target, "note"),
            lambda account, target: agents.push_url(account, target, "http://a.example/"),
            lambda account, target: agents.leave(account, target),
        ):
            with pytest.raises(expected):
                act(account, target)
    with pytest.raises(Forbidden):
        agents.close(BOB, chat_id)
    with pytest.raises(NotFound):
        agents.get(ALICE, "?")


def test_what_an_agent_does_reaches_the_customer(engine):
    """Message, notice and push URL are ordinary events of the transcript."""
    party = engine.start()
    chat_id = party.session.id
    engine.agents.accept(ALICE, chat_id)
    engine.agents.send(ALICE, chat_id, "hello", message_type="text")
    engine.agents.notice(ALICE, chat_id, None, event_attributes={"a": {"b": "c"}}, user_data={"k": "v"})
    engine.agents.push_url(ALICE, chat_id, "https://a.example/")
    wires = [orjson.loads(event.wire) for event in engine.customers.transcript(party, 3).events]
    assert [wire["type"] for wire in wires] == ["Message", "CustomNotice", "PushUrl"]
    assert (wires[1]["eventAttributes"], wires[1]["userData"]) == ({"a": {"b": "c"}}, {"k": "v"})


def test_the_last_agent_leaving_returns_the_chat_to_the_queue(engine, chat_id):
    """Leaving does not end an open chat, and another agent may take it (8.1)."""
    engine.agents.accept(ALICE, chat_id)
    left = engine.agents.leave(ALICE, chat_id)
    assert (left.session.state, [e.visibility for e in left.events]) == (ChatState.WAITING, [Visibility.ALL])
    assert ChatState.ACTIVE is engine.agents.accept(BOB, chat_id).state
    assert engine.store.session(chat_id).profile.by_owner("Bob").id == 3


def test_close_removes_everybody_the_customer_last(engine):
    """The customer's ParticipantLeft (reason 4) is the last event and ends the chat."""
    party = engine.start()
    chat_id = party.session.id
    engine.agents.accept(ROBOT, chat_id)
    engine.agents.accept(ALICE, chat_id)
    closed = engine.agents.close(ALICE, chat_id)
    assert [(e.author, e.ends_chat) for e in closed.events] == [(2, False), (3, False), (1, True)]
    attributes = orjson.loads(closed.events[-1].wire)["eventAttributes"]
    assert attributes == {"GCTI_SYSTEM": {"quit-reason-code": "4"}}
    assert ChatState.ENDED is closed.session.state
    with pytest.raises(StateConflict):
        engine.agents.close(ALICE, chat_id)


def test_a_supervisor_may_close_any_chat(engine, chat_id):
    """Also one that nobody has accepted."""
    assert ChatState.ENDED is engine.agents.close(SARA, chat_id).session.state


def test_in_wrap_up_agents_can_only_leave_or_close(engine):
    """After the customer has gone nothing can be said (R22); leaving ends the chat, for agents' eyes only."""
    party = engine.start()
    chat_id = party.session.id
    engine.agents.accept(ALICE, chat_id)
    engine.customers.leave(party)
    for act in (
        lambda: engine.agents.send(ALICE, chat_id, "late"),
        lambda: engine.agents.typing(ALICE, chat_id, TypingState.STARTED),
        lambda: engine.agents.accept(BOB, chat_id),
    ):
        with pytest.raises(StateConflict):
            act()
    closed = engine.agents.close(ALICE, chat_id)
    assert [event.visibility for event in closed.events] == [Visibility.AGENTS]


def test_who_may_read(engine):
    """Waiting chats: all; taken ones: their party and supervisors; ended ones: who took part."""
    party = engine.start()
    chat_id = party.session.id
    assert len(engine.agents.events(BOB, chat_id, 1)) == 1
    engine.agents.accept(ALICE, chat_id)
    for account in (ALICE, SARA):
        assert len(engine.agents.events(account, chat_id, 0)) == 2
    with pytest.raises(Forbidden):
        engine.agents.events(BOB, chat_id, 1)
    engine.agents.close(ALICE, chat_id)
    assert [event.index for event in engine.agents.events(ALICE, chat_id, 3)] == [3, 4]
    with pytest.raises(Forbidden):
        engine.agents.get(BOB, chat_id)


def test_agents_see_what_the_customer_does_not(engine):
    """Events of every visibility are in the agents' transcript."""
    party = engine.start()
    engine.agents.accept(ALICE, party.session.id)
    engine.customers.leave(party)
    engine.agents.leave(ALICE, party.session.id)
    assert [event.index for event in engine.agents.events(ALICE, party.session.id, 1)] == [1, 2, 3, 4]
    assert [event.index for event in engine.customers.transcript(party, 1).events] == [1, 2, 3]


def test_limits_hold_for_agents_too(engine, chat_id):
    """Empty and too long messages are refused."""
    engine.agents.accept(ALICE, chat_id)
    for code, text in ((101, ""), (204, "x" * 10_001)):
        with pytest.raises(Rejected) as error:
            engine.agents.send(ALICE, chat_id, text)
        assert code == error.value.code
    with pytest.raises(Rejected):
        engine.agents.notice(ALICE, chat_id, "")
