"""Idle control after restarts, beside other processes and with a store in trouble; asynchronous chats."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from typing import Any

import orjson
import pytest
from unit.chat.engine import ALICE, PUSH_KEYS, Engine
from unit.chat.idle_stand import ASYNC, ON, TEXTS, cancel, later, quiet, types, wires

from gateway.errors import ChatGone
from gateway.model.session import ChatState


@pytest.fixture
def engine() -> Engine:
    """Idle control with the defaults of the manual: 255 s and 45 s."""
    return Engine(ON + TEXTS)


def test_a_restart_goes_on_with_what_is_stored(engine):
    """Before an alert the newest activity counts, behind one the alert; other requests do not."""
    party, alerted = engine.start(), engine.start()
    quiet(engine, 200)
    engine.customers.send(party, "hi")
    engine.customers.rename(party, "Eve")
    quiet(engine, 60)
    assert (["IdleAlert"], []) == (types(engine, alerted), types(engine, party))
    engine.clock.advance(3)
    engine.build()
    quiet(engine, 191)
    assert [] == types(engine, party)
    quiet(engine, 1)
    assert ["IdleAlert"] == types(engine, party)


def test_a_restart_in_the_alert_phase_closes(engine):
    """The step is stored: no second alert. What came due while the gateway was away waits 30 s more."""
    party = engine.start()
    quiet(engine, 255)
    engine.clock.advance(3600)
    engine.build()
    quiet(engine, 29)
    assert ["IdleAlert"] == types(engine, party)
    quiet(engine, 2)
    assert ["IdleAlert", "IdleClose", "ParticipantLeft"] == types(engine, party)


def test_a_cancelled_timer_survives_a_restart(engine):
    """Although it left no event."""
    party = engine.start()
    quiet(engine, 200)
    cancel(engine, party)
    quiet(engine, 100)
    engine.build()
    quiet(engine, 154)
    assert [] == types(engine, party)
    quiet(engine, 2)
    assert ["IdleAlert"] == types(engine, party)


def test_after_a_restart_a_message_counts_before_the_first_sweep(engine):
    """The bus meets a chat that is not loaded yet."""
    party = engine.start()
    quiet(engine, 250)
    engine.build()
    engine.customers.send(party, "hi")
    quiet(engine, 254)
    assert [] == types(engine, party)


def test_the_search_for_activity_goes_back_far(engine):
    """A hundred events that do not count lie between the newest activity and the restart."""
    party = engine.start()
    quiet(engine, 100)
    for number in range(100):
        engine.customers.rename(party, f"Eve {number}")
    engine.build()
    quiet(engine, 156)
    assert ["IdleAlert"] == types(engine, party)


def test_a_wall_clock_jump_closes_nobody(engine):
    """Waiting runs on the monotonic clock (R21)."""
    party = engine.start()
    quiet(engine, 10)
    engine.clock.jump_wall(86_400)
    quiet(engine, 200)
    assert [] == types(engine, party)


def test_a_message_that_comes_first_wins(engine):
    """The chat is due and a message is committed before the step gets the chat's lock: no alert."""
    party = engine.start()
    quiet(engine, 254)
    change = engine.ledger.change

    def after_a_message(chat_id: str, decide: Any) -> Any:
        engine.idle._ledger.change = change
        engine.customers.send(party, "hi")
        return change(chat_id, decide)

    engine.idle._ledger.change = after_a_message
    quiet(engine, 1)
    assert [] == types(engine, party)
    quiet(engine, 255)
    assert ["IdleAlert"] == types(engine, party)


def test_what_another_process_did_counts(engine):
    """While a worker is being replaced both look at the chat: no step comes of knowing only half of it."""
    party, alerted = engine.start(), engine.start()
    here = engine.idle
    quiet(engine, 254)
    engine.bus._observers = ()
    engine.build()  # the other process, over the same store; `here` hears nothing of what it does
    engine.customers.send(party, "hi")
    quiet(engine, 31)
    assert ["IdleAlert"] == types(engine, alerted)
    for _ in range(14):
        here.sweep()
        engine.clock.advance(1)
    assert ([], ["IdleAlert"]) == (types(engine, party), types(engine, alerted))


def test_a_conflict_with_another_process_takes_no_second_step(engine):
    """The other process alerts between our look and our commit: decided again, we do nothing."""
    party = engine.start()
    here = engine.idle
    quiet(engine, 254)
    engine.bus._observers = ()
    engine.build()
    commit = engine.store.commit

    def overtaken(change: Any) -> None:
        engine.store.commit = commit
        engine.idle.sweep()
        engine.clock.advance(40)
        engine.idle.sweep()
        commit(change)

    engine.clock.advance(1)
    engine.store.commit = overtaken
    here.sweep()
    assert ["IdleAlert"] == types(engine, party)


def test_a_store_in_trouble_postpones(engine):
    """Nothing is lost: the step is taken once the store can write."""
    party = engine.start()
    engine.store.down = True
    quiet(engine, 300)
    engine.store.down = False
    quiet(engine, 20)
    assert ["IdleAlert"] == types(engine, party)


def test_a_chat_that_cannot_be_read_holds_nobody_up(engine):
    """One broken row: the other chats get their steps, and it is looked at again."""
    broken, party = engine.start(), engine.start()
    read = engine.store.session

    def session(chat_id: str) -> Any:
        if chat_id == broken.session.id:
            raise ValueError("not a profile")
        return read(chat_id)

    engine.store.session = session
    quiet(engine, 256)
    assert ["IdleAlert"] == types(engine, party)
    engine.store.session = read
    quiet(engine, 60)
    assert ["IdleAlert"] == types(engine, broken)


def test_what_is_met_before_it_is_loaded(engine):
    """An event of an unknown chat that is no activity: the next sweep reads since when it is quiet."""
    party = engine.start()
    quiet(engine, 200)
    engine.build()
    engine.idle.sweep()
    engine.idle._forget(party.session.id)
    engine.customers.rename(party, "Eve")
    quiet(engine, 56)
    assert ["IdleAlert"] == types(engine, party)


def test_an_ended_chat_is_let_go(engine):
    """Wrap-up and ended chats are not watched."""
    party = engine.start()
    engine.agents.accept(ALICE, party.session.id)
    engine.customers.leave(party)
    assert {} == engine.idle._watches
    quiet(engine, 400)
    assert ChatState.WRAP_UP is engine.store.session(party.session.id).state


def test_an_asynchronous_chat_has_its_own_options():
    """A day, then an hour; `enabled` does not matter; the workflow finds out (push.md 2.6)."""
    engine = Engine("[inactivity-control]\n" + TEXTS)
    party = engine.start(user_data=ASYNC | {"order": "42"})
    later(engine, 86_399)
    assert [] == types(engine, party)
    later(engine, 1)
    (alert,) = wires(engine, party)
    assert {"next-idle-timer-type": "CLOSE", "next-idle-timer-secs": "3600"} == alert["userData"]
    data = engine.store.session(party.session.id).profile.user_data
    # The chat started at 2019-09-16T19:32:41Z: alert a day later, the close is due an hour after that.
    assert {
        **ASYNC,
        "order": "42",
        "GCTI_Chat_AsyncStatus": "3",
        "GCTI_Chat_AsyncCheckAt": "2019-09-17T20:32:41Z",
    } == data
    later(engine, 3600)
    assert ["IdleAlert", "IdleClose", "ParticipantLeft"] == types(engine, party)


def test_activity_takes_the_asynchronous_status_back():
    """What the alert wrote goes when the chat wakes up."""
    engine = Engine()
    party = engine.start(user_data=ASYNC)
    for wake in (cancel, lambda e, p: e.customers.send(p, "hi")):
        later(engine, 86_400)
        assert "3" == engine.store.session(party.session.id).profile.user_data["GCTI_Chat_AsyncStatus"]
        wake(engine, party)
        assert ASYNC == engine.store.session(party.session.id).profile.user_data


def test_alert_and_close_are_notified():
    """They are the wake-up of asynchronous chats; being removed is told with code 7 (push.md 6)."""
    engine = Engine(
        "[chat]\npush_notification_include_payload=true\n[push]\npushEnabled=comet,customhttp\n"
        "customhttp.url=https://receiver.example/\n"
    )
    party = engine.start(user_data=ASYNC | PUSH_KEYS)
    later(engine, 86_400)
    later(engine, 3600)
    rows = engine.store.list_deliveries(chat_id=party.session.id, states=frozenset(), limit=9)
    bodies = [orjson.loads(row.message) for row in reversed(rows)]
    assert ["IdleAlert", "IdleClose", "ParticipantLeft"] == [body["messages"][0]["type"] for body in bodies]
    assert [3600, None, None] == [body.get("idleTimerExpire") for body in bodies]
    assert [False, False, True] == [body["chatEnded"] for body in bodies]
    system = bodies[2]["messages"][0]["eventAttributes"]["GCTI_SYSTEM"]
    assert {"quit-reason-code": "7"} == system
    with pytest.raises(ChatGone):
        engine.customers.send(party, "late")
