"""Parked chats, and finished sessions brought back (spec/push.md 2.6, 8; spec/chat-api-v2.md 8.5)."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from unit.chat.engine import ALICE, BOB, PUSH_KEYS, ROBOT, SARA, Engine
from unit.chat.reliable_stand import ReliableEngine

from gateway.chat.customers import Party, TypingState
from gateway.chat.decision import Decision
from gateway.errors import AlreadyAccepted, ChatGone, Forbidden, NotFound, StateConflict
from gateway.model.session import ChatState

ASYNC = {"GCTI_Chat_AsyncMode": "true"}
BOTH = "[settings]\nsession-restore-extend-by=both\n"
PUSH = "[push]\npushEnabled=comet,customhttp\ncustomhttp.url=https://receiver.example/\n"


def finished(engine: Engine, **user_data: str) -> Party:
    """A chat that Alice had and closed."""
    party = engine.start(user_data=user_data)
    engine.agents.accept(ALICE, party.session.id)
    engine.agents.close(ALICE, party.session.id)
    return party


def pushed(engine: Engine, party: Party) -> list[str]:
    rows = engine.store.list_deliveries(chat_id=party.session.id, states=frozenset(), limit=99)
    return [row.event_type for row in reversed(rows)]


@pytest.fixture
def engine() -> Engine:
    return Engine(BOTH)


# --- asynchronous chats whose agent goes ------------------------------------------------------------------


def test_an_agent_leaves_an_asynchronous_chat_and_comes_back(engine):
    """Leaving does not end it; the customer goes on writing, and the same agent accepts it again (8.5)."""
    party = engine.start(user_data=ASYNC)
    engine.agents.accept(ALICE, party.session.id)
    assert ChatState.WAITING is engine.agents.leave(ALICE, party.session.id).session.state
    engine.customers.send(party, "anybody?")
    assert ChatState.ACTIVE is engine.agents.accept(ALICE, party.session.id).state
    parties = engine.store.session(party.session.id).profile.participants
    assert [(2, "0"), (3, None)] == [(one.id, one.left) for one in parties[1:]]
    engine.agents.send(ALICE, party.session.id, "back again")
    assert "back again" == orjson.loads(engine.customers.transcript(party, -1).events[0].wire)["text"]


def test_a_parked_chat_sleeps_until_its_customer_writes(engine):
    """It is in no waiting list, the customer is told that the agent left, typing does not wake it."""
    party = engine.start(user_data=ASYNC)
    chat_id = party.session.id
    engine.agents.accept(ALICE, chat_id)
    left = engine.agents.park(ALICE, chat_id)
    assert ["ParticipantLeft"] == [event.type.value for event in left.events]
    assert ChatState.WAITING is left.session.state
    assert not engine.agents.list_chats(BOB, "waiting")
    assert not engine.agents.list_chats(BOB, None)
    assert [chat_id] == [one.id for one in engine.agents.list_chats(BOB, "parked")]
    engine.customers.typing(party, TypingState.STARTED, "h")
    assert not engine.store.session(chat_id).queued
    engine.customers.send(party, "hello")
    assert [chat_id] == [one.id for one in engine.agents.list_chats(BOB, "waiting")]
    assert not engine.agents.list_chats(BOB, "parked")


@pytest.mark.parametrize("account", [ALICE, BOB, ROBOT])
def test_whoever_comes_wakes_a_parked_chat(engine, account):
    """Any agent may accept it; a bot puts it into the waiting list (the workflow that wakes it up)."""
    party = engine.start(user_data=ASYNC)
    engine.agents.accept(ALICE, party.session.id)
    engine.agents.park(ALICE, party.session.id)
    session = engine.agents.accept(account, party.session.id)
    assert (account is ROBOT) == session.queued
    assert not session.profile.parked
    if account is not ROBOT:
        assert engine.agents.leave(account, party.session.id).session.queued


def test_what_cannot_be_parked(engine):
    """An ordinary chat, one with another agent in it, by a bot, by a stranger, after the end."""
    ordinary, two, over = engine.start(), engine.start(user_data=ASYNC), engine.start(user_data=ASYNC)
    for party in (ordinary, two, over):
        engine.agents.accept(ROBOT, party.session.id)
        engine.agents.accept(ALICE, party.session.id)
    engine.customers.leave(over)
    session = engine.store.session(two.session.id)
    second = replace(session.profile.participants[2], id=4, user_id="B", owner="Bob", nickname="Bob")

    def join(session):
        return Decision(
            profile=replace(session.profile, participants=(*session.profile.participants, second))
        )

    engine.ledger.change(two.session.id, join)
    for account, party in ((ALICE, ordinary), (ALICE, two), (ROBOT, two), (ALICE, over)):
        with pytest.raises(StateConflict):
            engine.agents.park(account, party.session.id)
    with pytest.raises(Forbidden):
        engine.agents.park(SARA, two.session.id)
    with pytest.raises(NotFound):
        engine.agents.park(ALICE, "?")


def test_a_parked_chat_survives_a_restart_and_is_still_watched():
    """Parked is stored; idle control closes it like any other."""
    engine = Engine("[settings]\nasync-idle-alert=100\nasync-idle-close=50\n")
    party = engine.start(user_data=ASYNC)
    engine.agents.accept(ALICE, party.session.id)
    engine.agents.park(ALICE, party.session.id)
    engine.build()
    for _ in range(100):
        engine.clock.advance(1)
        engine.idle.sweep()
    assert not engine.agents.list_chats(ALICE, "waiting")
    engine.clock.advance(50)
    engine.idle.sweep()
    assert "7" == engine.store.session(party.session.id).customer.left


# --- sessions that are brought back -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "allowed"),
    [("none", []), ("agent", [ALICE, SARA]), ("esp", [ROBOT]), ("both", [ALICE, SARA, ROBOT])],
)
def test_who_may_bring_a_session_back(option, allowed):
    """session-restore-extend-by: nobody, agents and supervisors, bots, or all of them."""
    engine = Engine(f"[settings]\nsession-restore-extend-by={option}\n")
    for account in (ALICE, SARA, ROBOT):
        party = engine.start()
        engine.agents.accept(ROBOT, party.session.id)
        engine.agents.accept(ALICE, party.session.id)
        engine.agents.close(ALICE, party.session.id)
        if account in allowed:
            assert not engine.agents.restore(account, party.session.id).ended_for_customer
        else:
            with pytest.raises(Forbidden):
                engine.agents.restore(account, party.session.id)


def test_a_restored_chat_goes_on(engine):
    """Customer and agent are in it again; numbers go on, the old key works, nothing says that it ended."""
    party = finished(engine)
    with pytest.raises(ChatGone):
        engine.customers.send(party, "late")
    session = engine.agents.restore(ALICE, party.session.id)
    assert (ChatState.ACTIVE, None) == (session.state, session.profile.ended_ms)
    engine.customers.send(engine.customers.by_key(party.secure_key), "I am back")
    found = engine.customers.transcript(party, 1)
    shown = [(event.index, event.type.value, event.author) for event in found.events]
    assert [
        (1, "ParticipantJoined", 1),
        (2, "ParticipantJoined", 2),
        (3, "ParticipantLeft", 2),
        (4, "ParticipantLeft", 1),
        (5, "ParticipantJoined", 1),
        (6, "ParticipantJoined", 3),
        (7, "Message", 1),
    ] == shown
    assert (False, 8) == (found.chat_ended, found.next_position)
    engine.agents.send(ALICE, party.session.id, "welcome back")
    assert engine.agents.close(ALICE, party.session.id).session.ended_for_customer


def test_a_bot_brings_it_into_the_waiting_list(engine):
    """The workflow restores, an agent accepts."""
    party = engine.start()
    engine.agents.accept(ROBOT, party.session.id)
    engine.customers.leave(party)
    assert engine.agents.restore(ROBOT, party.session.id).queued
    assert ChatState.ACTIVE is engine.agents.accept(ALICE, party.session.id).state


def test_also_after_the_retention(engine):
    """The customer could not read the ended chat any more; restored, it is his again (6.3)."""
    party = finished(engine)
    engine.clock.advance(100_000)
    with pytest.raises(ChatGone):
        engine.customers.by_key(party.secure_key)
    engine.agents.restore(ALICE, party.session.id)
    assert 6 == len(engine.customers.transcript(engine.customers.by_key(party.secure_key), 1).events)


def test_only_a_finished_chat_of_ones_own(engine):
    """Strangers, unknown chats, open ones and wrap-up; repeating is harmless, a second agent learns of it."""
    party = finished(engine)
    chat_id = party.session.id
    with pytest.raises(Forbidden):
        engine.agents.restore(BOB, chat_id)
    with pytest.raises(NotFound):
        engine.agents.restore(ALICE, "?")
    first = engine.agents.restore(ALICE, chat_id)
    assert first == engine.agents.restore(ALICE, chat_id)
    with pytest.raises(AlreadyAccepted) as error:
        engine.agents.restore(SARA, chat_id)
    assert "Alice" == error.value.by
    waiting, wrap_up = engine.start(), engine.start()
    engine.agents.accept(ALICE, wrap_up.session.id)
    engine.customers.leave(wrap_up)
    for account, one in ((ALICE, waiting), (ROBOT, waiting), (SARA, wrap_up)):
        with pytest.raises(StateConflict):
            engine.agents.restore(account, one.session.id)


def test_the_customer_has_time_to_come_back(engine):
    """The disconnect timer starts with the restoration, not with the customer's last request of long ago."""
    party = finished(engine)
    engine.timeouts.sweep()
    engine.clock.advance(5000)
    engine.agents.restore(ALICE, party.session.id)
    for _ in range(89):
        engine.clock.advance(1)
        engine.timeouts.sweep()
    assert engine.store.session(party.session.id).customer.present
    for _ in range(2):
        engine.clock.advance(1)
        engine.timeouts.sweep()
    assert "3" == engine.store.session(party.session.id).customer.left


def test_push_stays_silent_without_the_option():
    """session-restore-push-send=false: no notification, and the short timeout (push.md 8)."""
    engine = Engine(PUSH + BOTH)
    party = finished(engine, **PUSH_KEYS)
    before = pushed(engine, party)
    engine.agents.restore(ALICE, party.session.id)
    engine.agents.send(ALICE, party.session.id, "hello")
    assert before == pushed(engine, party)
    for _ in range(92):
        engine.clock.advance(1)
        engine.timeouts.sweep()
    assert "3" == engine.store.session(party.session.id).customer.left


def test_push_resumes_with_the_option():
    """session-restore-push-send=true: the last stored subscription and flex-push-timeout hold again."""
    engine = Engine(PUSH + BOTH + "session-restore-push-send=true\nflex-push-timeout=500\n")
    party = finished(engine, **PUSH_KEYS)
    before = pushed(engine, party)
    engine.agents.restore(ALICE, party.session.id)
    engine.agents.send(ALICE, party.session.id, "hello")
    assert [*before, "ParticipantJoined", "Message"] == pushed(engine, party)
    for _ in range(499):
        engine.clock.advance(1)
        engine.timeouts.sweep()
    assert engine.store.session(party.session.id).customer.present


def test_the_subscription_is_kept_while_it_is_silent():
    """A second restoration, with the option on, takes the one that the first laid aside."""
    engine = Engine(PUSH + BOTH)
    party = finished(engine, **PUSH_KEYS)
    engine.agents.restore(ALICE, party.session.id)
    engine.agents.close(ALICE, party.session.id)
    engine.configure(PUSH + BOTH + "session-restore-push-send=true\n")
    before = pushed(engine, party)
    engine.agents.restore(ALICE, party.session.id)
    assert [*before, "ParticipantJoined"] == pushed(engine, party)


def test_a_silent_customer_may_subscribe_again_or_give_it_up():
    """New keys count at once; GCTI_Chat_PushSubscribe=false also forgets what was laid aside."""
    engine = Engine(PUSH + BOTH + "session-restore-push-send=false\n")
    again, never = finished(engine, **PUSH_KEYS), finished(engine, **PUSH_KEYS)
    for party in (again, never):
        engine.agents.restore(ALICE, party.session.id)
    engine.customers.update_data(again, {"GCTI_GMS_PushDeviceId": "device-2"}, "rest")
    before = pushed(engine, again)
    engine.agents.send(ALICE, again.session.id, "hello")
    assert [*before, "Message"] == pushed(engine, again)
    engine.customers.update_data(never, {"GCTI_Chat_PushSubscribe": "false"}, "rest")
    engine.agents.close(ALICE, never.session.id)
    engine.configure(PUSH + BOTH + "session-restore-push-send=true\n")
    before = pushed(engine, never)
    engine.agents.restore(ALICE, never.session.id)
    assert before == pushed(engine, never)


@pytest.mark.parametrize("told", [True, False])
def test_reliable_pointers_go_on(told):
    """After the removal (-1) the next pointer names a position again, whether or not -1 was delivered."""
    engine = ReliableEngine(BOTH + "session-restore-push-send=true\n")
    party = engine.chat()
    engine.agents.close(ALICE, party.session.id)
    if told:
        assert [("0", "-1", 5)] == engine.sent()
    engine.pass_time(60)
    engine.agents.restore(ALICE, party.session.id)
    assert not engine.pending(party).removal
    engine.sent()
    position = engine.say(party)
    engine.pass_time(60)
    (*_, last) = engine.sent() or engine.after(60)
    assert ("3", position + 1) == last[1:]
    engine.customers.transcript(party, 3)
    assert [] == engine.after(60)


def test_a_removal_that_was_not_told_is_not_told_later():
    """Restored without push: the pending -1 would be a lie; a new reliable subscription starts from now."""
    engine = ReliableEngine(BOTH)
    party = engine.chat()
    engine.agents.close(ALICE, party.session.id)
    engine.sent()
    engine.agents.restore(ALICE, party.session.id)
    assert (False, False) == (engine.pending(party).removal, engine.pending(party).armed)
    assert [] == engine.after(600)
    engine.customers.update_data(party, {"GCTI_GMS_PushDeviceId": "device-2"}, "rest")
    position = engine.say(party)
    assert [("0", str(position), position + 1)] == engine.sent()
