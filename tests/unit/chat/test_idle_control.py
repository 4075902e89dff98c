"""Idle control with faked time (spec/chat-api-v2.md 8.4, 8.5; spec/push.md 2.6, 8)."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from unit.chat.engine import ALICE, PUSH_KEYS, Engine

from gateway.chat.customers import Party, TypingState
from gateway.errors import ChatGone
from gateway.model import payload
from gateway.model.events import EventType
from gateway.model.idle import COUNTING
from gateway.model.session import ChatState

ON = "[inactivity-control]\nenabled=true\n"
TEXTS = "message-alert=still there?\nmessage-alert2=last call\nmessage-close=closed\n"
ASYNC = {"GCTI_Chat_AsyncMode": "true"}
CANCEL = {"purpose": "cancel-idle-timer"}


def quiet(engine: Engine, seconds: int) -> None:
    """Nobody does anything for so long; idle control looks every second, as in production."""
    for _ in range(seconds):
        engine.clock.advance(1)
        engine.idle.sweep()


def later(engine: Engine, seconds: float) -> None:
    """The same in one step, for waits of days."""
    engine.clock.advance(seconds)
    engine.idle.sweep()


def wires(engine: Engine, party: Party) -> list[dict[str, Any]]:
    """What idle control wrote, and how customers left."""
    shown = [orjson.loads(event.wire) for event in engine.store.events(party.session.id, 1, limit=1000)]
    return [wire for wire in shown if wire["type"] in ("IdleAlert", "IdleClose", "ParticipantLeft")]


def types(engine: Engine, party: Party) -> list[str]:
    return [wire["type"] for wire in wires(engine, party)]


def cancel(engine: Engine, party: Party) -> None:
    engine.customers.notice(party, None, event_attributes=CANCEL, message_type=None)


@pytest.fixture
def engine() -> Engine:
    """Idle control with the defaults of the manual: 255 s and 45 s."""
    return Engine(ON + TEXTS)


def test_an_ordinary_chat_may_be_quiet_unless_enabled():
    """`enabled` is false by default."""
    engine = Engine()
    party = engine.start()
    later(engine, 100_000)
    assert [] == types(engine, party)


def test_alert_and_close(engine):
    """Alert after 255 s from the system, announcing the close in 45 s; then close, reason 7, end."""
    party = engine.start()
    engine.agents.accept(ALICE, party.session.id)
    quiet(engine, 254)
    assert [] == types(engine, party)
    quiet(engine, 1)
    (alert,) = wires(engine, party)
    assert {"nickname": "system", "participantId": 0, "type": "External"} == alert["from"]
    assert "still there?" == alert["text"]
    assert {"next-idle-timer-type": "CLOSE", "next-idle-timer-secs": "45"} == alert["userData"]
    quiet(engine, 44)
    assert 1 == len(wires(engine, party))
    quiet(engine, 1)
    _, close, agent_left, left = wires(engine, party)
    assert ("IdleClose", "closed") == (close["type"], close["text"])
    assert (2, 1) == (agent_left["from"]["participantId"], left["from"]["participantId"])
    assert {"GCTI_SYSTEM": {"quit-reason-code": "7"}} == left["eventAttributes"]
    session = engine.store.session(party.session.id)
    assert (ChatState.ENDED, "7") == (session.state, session.customer.left)
    assert engine.published[-1].events[-1].ends_chat
    quiet(engine, 400)
    assert 4 == len(wires(engine, party))
    assert [1.0, 1.0] == [engine.sample("idle_steps_total", step=step) for step in ("alert", "close")]


def test_two_alerts():
    """With timeout-alert2 the first alert announces another one, the second announces the close."""
    engine = Engine(ON + TEXTS + "timeout-alert=10\ntimeout-alert2=5\ntimeout-close=7\n")
    party = engine.start()
    quiet(engine, 15)
    first, second = wires(engine, party)
    assert {"next-idle-timer-type": "ALERT", "next-idle-timer-secs": "5"} == first["userData"]
    assert {"next-idle-timer-type": "CLOSE", "next-idle-timer-secs": "7"} == second["userData"]
    assert "last call" == second["text"]
    quiet(engine, 7)
    assert ["IdleAlert", "IdleAlert", "IdleClose", "ParticipantLeft"] == types(engine, party)


def test_an_empty_text_shows_nothing():
    """The steps are taken in silence: the chat ends when it would, without a word (8.4)."""
    engine = Engine(ON + "message-alert=\nmessage-close=\n")
    party = engine.start()
    quiet(engine, 255)
    assert [] == types(engine, party)
    assert 45 == engine.customers.idle_expire(engine.store.session(party.session.id))
    quiet(engine, 44)
    assert [] == types(engine, party)
    quiet(engine, 1)
    assert ["ParticipantLeft"] == types(engine, party)


Act = Callable[[Engine, Party], Any]
ACTS: dict[str, Act] = {
    "message": lambda e, p: e.customers.send(p, "hi"),
    "agent message": lambda e, p: e.agents.send(ALICE, p.session.id, "hi"),
    "join": lambda e, p: e.agents.accept(ALICE, p.session.id),
    "leave": lambda e, p: e.agents.leave(ALICE, p.session.id),
    "push url": lambda e, p: e.customers.push_url(p, "https://a.example/"),
    "custom notice": lambda e, p: e.customers.notice(p, "n", event_attributes=None, message_type=None),
    "typing": lambda e, p: e.customers.typing(p, TypingState.STARTED, "h"),
    "typing off": lambda e, p: e.customers.typing(p, TypingState.STOPPED, None),
    "nickname": lambda e, p: e.customers.rename(p, "Eve"),
    "cancel": cancel,
    "refresh": lambda e, p: e.customers.transcript(e.customers.by_key(p.secure_key), 1),
    "data": lambda e, p: e.customers.update_data(p, {"a": "b"}, "rest"),
    "read receipt": lambda e, p: e.customers.read(p, 1),
}
ALWAYS = {"message", "agent message", "join", "leave", "cancel"}
COUNTED = {
    "none": ALWAYS,
    "major": ALWAYS | {"push url"},
    "major2": ALWAYS | {"push url", "custom notice"},
    "typing": ALWAYS | {"push url", "typing"},
    "all": ALWAYS | {"push url", "custom notice", "typing", "typing off", "nickname"},
}


@pytest.mark.parametrize("mode", ["ordinary", "asynchronous"])
@pytest.mark.parametrize("notices", COUNTED)
@pytest.mark.parametrize("name", ACTS)
def test_what_counts_as_activity(name: str, notices: str, mode: str):
    """The table of include-notices and async-idle-notices: before an alert, and while one stands."""
    options = {
        "ordinary": f"{ON}timeout-alert=10\ntimeout-close=10\ninclude-notices={notices}\n",
        "asynchronous": "[settings]\nasync-idle-alert=10\nasync-idle-close=10\n"
        f"async-idle-notices={notices}\n",
    }
    engine = Engine(options[mode])
    party = engine.start(user_data=ASYNC if mode == "asynchronous" else {})
    if name != "join":
        engine.agents.accept(ALICE, party.session.id)
    quiet(engine, 6)
    ACTS[name](engine, party)
    quiet(engine, 9)
    counts = name in COUNTED[notices]
    assert (0 if counts else 1) == types(engine, party).count("IdleAlert")
    if name in ("leave", "join"):  # done once only
        return
    quiet(engine, 5 if counts else 0)
    assert 1 == types(engine, party).count("IdleAlert")
    ACTS[name](engine, party)
    quiet(engine, 9)
    assert (0 if counts else 1) == types(engine, party).count("IdleClose")


def test_files_count_from_major_on():
    """File uploaded and file deleted are major notices (12.2)."""
    files = {EventType.FILE_UPLOADED, EventType.FILE_DELETED}
    for name, counting in COUNTING.items():
        assert (set() if name == "none" else files) == files & counting


def test_answers_count_down_while_an_alert_stands(engine):
    """`idleTimerExpire` is in each answer of the alert phase, falls, and goes with the activity (4.1)."""
    party = engine.start()
    session = engine.store.session
    assert engine.customers.idle_expire(session(party.session.id)) is None
    quiet(engine, 255)
    assert 45 == engine.customers.idle_expire(session(party.session.id))
    quiet(engine, 15)
    assert 30 == engine.customers.idle_expire(session(party.session.id))
    engine.clock.jump_wall(-3600)
    assert 45 == engine.customers.idle_expire(session(party.session.id))
    engine.customers.send(party, "still here")
    assert engine.customers.idle_expire(session(party.session.id)) is None
    quiet(engine, 254)
    assert 1 == len(wires(engine, party))
    quiet(engine, 1)
    assert 2 == len(wires(engine, party))


def test_frames_carry_the_seconds_too(engine):
    """A live frame of the alert phase has the seconds of its moment, also when it is rendered later."""
    party = engine.start()
    quiet(engine, 255)
    quiet(engine, 5)
    engine.customers.rename(party, "Eve")
    quiet(engine, 20)
    alert, renamed = engine.store.events(party.session.id, 2, limit=9)
    assert 45 == orjson.loads(payload.live(alert))["idleTimerExpire"]
    assert 40 == orjson.loads(payload.live(renamed))["idleTimerExpire"]
    assert payload.live(renamed) == payload.push(renamed)
    engine.customers.send(party, "hi")
    said = engine.store.events(party.session.id, 4, limit=9)[0]
    assert "idleTimerExpire" not in orjson.loads(payload.live(said))


def test_the_two_clocks_are_apart():
    """A refresh keeps the customer in the chat and does not reset idle control; an alert keeps nobody."""
    engine = Engine(ON + "timeout-alert=30\ntimeout-close=100\n[settings]\nflex-disconnect-timeout=40\n")
    polls, silent = engine.start(), engine.start()
    for _ in range(4):
        quiet(engine, 10)
        engine.timeouts.sweep()
        engine.customers.by_key(polls.secure_key)
    assert ["IdleAlert"] == types(engine, polls)
    assert ["IdleAlert", "ParticipantLeft"] == types(engine, silent)
    assert "3" == engine.store.session(silent.session.id).customer.left
    quiet(engine, 90)
    assert "7" == engine.store.session(polls.session.id).customer.left


def test_the_cancel_notice_leaves_no_event(engine):
    """It takes back a standing alert, and starts the waiting anew before one; nobody sees it (6.9)."""
    party = engine.start()
    quiet(engine, 255)
    cancel(engine, party)
    assert [1, 2] == [event.index for event in engine.store.events(party.session.id, 1, limit=9)]
    assert engine.customers.idle_expire(engine.store.session(party.session.id)) is None
    quiet(engine, 254)
    assert 1 == len(wires(engine, party))
    cancel(engine, party)
    quiet(engine, 254)
    assert 1 == len(wires(engine, party))
    quiet(engine, 1)
    assert 2 == len(wires(engine, party))


def test_cancelling_costs_no_memory(engine):
    """However often a client cancels, its chat has one place in the heap."""
    party = engine.start()
    for _ in range(50):
        cancel(engine, party)
        quiet(engine, 1)
    assert 1 == len(engine.idle._heap)


def test_options_are_read_live():
    """Switched on, shortened and switched off again while chats run."""
    engine = Engine()
    party, other = engine.start(), engine.start()
    quiet(engine, 100)
    engine.configure(ON + "timeout-alert=140\ntimeout-close=50\n")
    quiet(engine, 39)
    assert [] == types(engine, party)
    quiet(engine, 1)
    assert ["IdleAlert"] == types(engine, party)
    engine.customers.send(other, "hi")
    engine.configure(ON + "timeout-alert=30\ntimeout-close=10\n")
    quiet(engine, 10)
    assert ["IdleAlert", "IdleClose", "ParticipantLeft"] == types(engine, party)
    quiet(engine, 20)
    assert ["IdleAlert", "IdleAlert"] == types(engine, other)
    engine.configure("")
    quiet(engine, 500)
    assert ChatState.WAITING is engine.store.session(other.session.id).state


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
