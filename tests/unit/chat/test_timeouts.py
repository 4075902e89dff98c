"""Timeouts with faked time: typing, inactivity, wrap-up, retention (spec/chat-api-v2.md 6.4, 8.2, Q-12)."""

from __future__ import annotations

import pytest
from unit.chat.engine import ALICE, PUSH_KEYS, Engine

from gateway.chat.customers import TypingState
from gateway.errors import ChatGone
from gateway.model.events import QuitReason
from gateway.model.session import ChatState


def pass_time(engine: Engine, seconds: float) -> None:
    """Let time pass second by second with the sweeper running, as in production."""
    for _ in range(round(seconds)):
        engine.clock.advance(1)
        engine.timeouts.sweep()


def typing_events(engine: Engine) -> list[str]:
    events = [event for done in engine.published for event in done.events]
    return [event.type.value for event in events if event.type.value.startswith("Typing")]


def test_typing_that_is_not_refreshed_is_stopped(engine):
    """15 s after the last startTyping of a REST customer the server emits TypingStopped, once."""
    party = engine.start()
    engine.customers.typing(party, TypingState.STARTED, None)
    pass_time(engine, 10)
    engine.customers.typing(party, TypingState.STARTED, None)
    pass_time(engine, 14)
    assert typing_events(engine) == ["TypingStarted"] * 2
    pass_time(engine, 5)
    assert typing_events(engine) == ["TypingStarted", "TypingStarted", "TypingStopped"]


def test_typing_lasts_longer_for_comet(engine):
    """CometD clients repeat it every 5 s: 20 s."""
    party = engine.start()
    engine.presence.attached(party.session.id)
    engine.customers.typing(party, TypingState.STARTED, None)
    pass_time(engine, 19)
    assert typing_events(engine) == ["TypingStarted"]
    pass_time(engine, 1)
    assert typing_events(engine) == ["TypingStarted", "TypingStopped"]


def test_an_agents_typing_has_the_short_time(engine):
    """Whatever the customer uses: agents type over REST, 15 s."""
    party = engine.start()
    engine.agents.accept(ALICE, party.session.id)
    engine.presence.attached(party.session.id)
    engine.agents.typing(ALICE, party.session.id, TypingState.STARTED)
    pass_time(engine, 15)
    assert typing_events(engine) == ["TypingStarted", "TypingStopped"]


def test_a_message_or_leaving_implies_the_stop(engine):
    """No separate event then, and none later."""
    party = engine.start()
    engine.agents.accept(ALICE, party.session.id)
    engine.customers.typing(party, TypingState.STARTED, None)
    engine.customers.send(party, "done")
    engine.agents.typing(ALICE, party.session.id, TypingState.STARTED)
    engine.agents.leave(ALICE, party.session.id)
    pass_time(engine, 30)
    assert typing_events(engine) == ["TypingStarted"] * 2


def test_a_silent_rest_customer_is_removed_after_45_seconds(engine):
    """Reason 3, which only customhttp may show; any request starts the time anew."""
    party = engine.start()
    pass_time(engine, 44)
    engine.customers.authenticate(
        chat_id=party.session.id, user_id=None, secure_key=party.secure_key, service=None
    )
    pass_time(engine, 44)
    assert ChatState.WAITING is engine.store.session(party.session.id).state
    pass_time(engine, 1)
    session = engine.store.session(party.session.id)
    assert (session.state, session.customer.left) == (ChatState.ENDED, "3")
    assert QuitReason.INACTIVE is engine.published[-1].events[-1].reason


def test_a_comet_customer_is_removed_90_seconds_after_detaching(engine):
    """While attached nothing runs; the timer starts with the last detachment."""
    party = engine.start()
    engine.presence.attached(party.session.id)
    pass_time(engine, 300)
    engine.presence.detached(party.session.id)
    pass_time(engine, 89)
    assert ChatState.WAITING is engine.store.session(party.session.id).state
    pass_time(engine, 1)
    assert ChatState.ENDED is engine.store.session(party.session.id).state


@pytest.mark.parametrize("user_data", [PUSH_KEYS, {"GCTI_Chat_AsyncMode": "true"}])
def test_subscribed_and_async_customers_have_the_push_timeout(user_data):
    """flex-push-timeout replaces the short one (push.md 8, 8.5)."""
    engine = Engine("[settings]\nflex-push-timeout=300\n")
    party = engine.start(user_data=user_data)
    pass_time(engine, 299)
    assert ChatState.WAITING is engine.store.session(party.session.id).state
    pass_time(engine, 1)
    assert ChatState.ENDED is engine.store.session(party.session.id).state


def test_a_reload_shortens_a_running_timeout(engine):
    """New timeouts count within a minute, also for chats that run."""
    party = engine.start(user_data=PUSH_KEYS)
    pass_time(engine, 100)
    engine.configure("[settings]\nflex-push-timeout=60\n")
    pass_time(engine, 60)
    assert ChatState.ENDED is engine.store.session(party.session.id).state


def test_wrap_up_is_ended_after_ten_minutes(engine):
    """The agent who forgets to leave is removed; the customer learns nothing of it."""
    party = engine.start()
    engine.agents.accept(ALICE, party.session.id)
    engine.customers.leave(party)
    pass_time(engine, 599)
    assert ChatState.WRAP_UP is engine.store.session(party.session.id).state
    pass_time(engine, 1)
    assert ChatState.ENDED is engine.store.session(party.session.id).state
    assert len(engine.customers.transcript(party, 1).events) == 3


def test_an_ended_chat_is_gone_for_its_customer_after_the_retention(engine):
    """10 minutes of refresh after the end, then code 249 (6.3); the transcript stays for the operator."""
    party = engine.start()
    assert engine.timeouts.open_chats == 1
    engine.customers.leave(party)
    assert engine.timeouts.open_chats == 0
    pass_time(engine, 599)
    again = engine.customers.by_key(party.secure_key)
    assert engine.customers.transcript(again, 1).chat_ended
    pass_time(engine, 1)
    with pytest.raises(ChatGone):
        engine.customers.by_key(party.secure_key)
    assert len(engine.store.events(party.session.id, 1, limit=10)) == 2


def test_notifications_of_an_ended_chat_are_kept():
    """Delivery rows outlive the chat: they are the operator's record."""
    engine = Engine("[push]\npushEnabled=comet,customhttp\ncustomhttp.url=https://receiver.example/\n")
    party = engine.start(user_data=PUSH_KEYS)
    engine.agents.accept(ALICE, party.session.id)
    engine.agents.close(ALICE, party.session.id)
    pass_time(engine, 700)
    assert engine.store.list_deliveries(chat_id=party.session.id, states=frozenset(), limit=10)


def test_a_restart_removes_nobody_early_and_goes_on(engine):
    """After a restart open chats count as touched."""
    quiet = engine.start()
    pass_time(engine, 40)
    engine.clock.advance(300)
    engine.build()
    pass_time(engine, 80)
    assert ChatState.WAITING is engine.store.session(quiet.session.id).state
    pass_time(engine, 10)
    assert ChatState.ENDED is engine.store.session(quiet.session.id).state


def test_a_wall_clock_jump_removes_nobody(engine):
    """Timeouts run on the monotonic clock (R21)."""
    party, ended = engine.start(), engine.start()
    engine.customers.leave(ended)
    engine.clock.jump_wall(86_400)
    pass_time(engine, 10)
    assert ChatState.WAITING is engine.store.session(party.session.id).state
    assert engine.store.session(ended.session.id) is not None


def test_a_store_in_trouble_postpones(engine):
    """The sweep goes on when the store cannot write, and does its work once it can."""
    party = engine.start()
    engine.store.down = True
    pass_time(engine, 100)
    engine.store.down = False
    pass_time(engine, 60)
    assert ChatState.ENDED is engine.store.session(party.session.id).state
