"""Idle control with faked time (spec/chat-api-v2.md 8.4, 8.5; spec/push.md 2.6, 8)."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from unit.chat.engine import ALICE, Engine
from unit.chat.idle_stand import ASYNC, ON, TEXTS, cancel, later, quiet, types, wires

from gateway.chat.customers import Party, TypingState
from gateway.model import payload
from gateway.model.events import EventType
from gateway.model.idle import COUNTING
from gateway.model.session import ChatState


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
