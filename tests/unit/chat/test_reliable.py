"""Reliable delivery in the engine: what an event, a retrieval, a subscription and the timer do to a chat.

Real engine and store, faked time; spec/push.md 4, 6, 8, 9.4.9. The orders of a race are forced.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from unit.chat.engine import ALICE, PUSH_KEYS
from unit.chat.reliable_stand import KEYS, ReliableEngine, told

from gateway.chat.customers import Customers, Party
from gateway.errors import ChatGone, Unavailable
from gateway.model.deliveries import DeliveryState
from gateway.model.events import QuitReason
from gateway.model.pending import PendingStep


@pytest.fixture
def engine() -> ReliableEngine:
    """An engine with reliable push."""
    return ReliableEngine()


def test_worked_example(engine: ReliableEngine) -> None:
    """The example of section 4 through the engine, with the positions of this chat: 3 for 16, 4 for 17."""
    party = engine.chat()
    assert engine.say(party) == 3
    assert [("0", "3", 4)] == engine.sent()
    assert [("1", "3", 4)] == engine.after(15)
    assert [("2", "3", 4)] == engine.after(15)
    engine.clock.advance(3)
    assert engine.say(party) == 4
    assert [("0", "3", 5)] == engine.sent()
    engine.clock.advance(7)
    assert [3, 4] == [event.index for event in engine.customers.transcript(party, 3).events]
    assert [] == engine.after(8)
    assert [] == engine.after(86_400)


def test_each_pointer_is_a_new_notification(engine: ReliableEngine) -> None:
    """Check 5, second half: reminders of one position have new ids and one idempotency key."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    for _ in range(3):
        engine.after(15)
    rows = engine.store.list_deliveries(chat_id=party.session.id, states=frozenset(), limit=9)
    about_three = [row for row in rows if row.position == 3]
    assert len({row.id for row in about_three}) == len(about_three) == 4
    assert {f"{party.session.id}:1:3"} == {row.idempotency_key for row in about_three}


def test_limit_leaves_a_record(engine: ReliableEngine) -> None:
    """4.4: after five resends the delivery log says `exhausted`; the next event starts again."""
    party = engine.chat()
    engine.say(party)
    found = engine.sent() + [one for _ in range(9) for one in engine.after(15)]
    assert [(str(n), "3", 4) for n in range(6)] == found
    rows = engine.store.list_deliveries(
        chat_id=party.session.id, states=frozenset({DeliveryState.EXHAUSTED}), limit=9
    )
    (error,) = [attempt.error for row in rows for attempt in engine.store.attempts(row.id)]
    assert "resend_exhausted" == error
    assert (5, 1) == (engine.sample("push_resends_total"), engine.sample("push_dead_letters"))
    engine.say(party)
    assert [("0", "3", 5)] == engine.sent()


def test_options_are_read_at_each_tick(engine: ReliableEngine) -> None:
    """Delay and attempts changed by a reload count for what is pending."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    engine.configure(engine._ini + "[settings]\nflex-push-resend-delay=40\nflex-push-resend-attempts=1\n")
    assert [("1", "3", 4)] == engine.after(15)
    assert [] == engine.after(39)
    assert [] == engine.after(1)
    assert not engine.pending(party).armed


def test_long_tail_goes_on(engine: ReliableEngine) -> None:
    """`long_tail`: after the attempts come eight more, and retrieval ends them, too."""
    engine.configure(engine._ini + "long_tail=true\n[settings]\nflex-push-resend-attempts=0\n")
    party = engine.chat()
    engine.say(party)
    engine.sent()
    assert [("1", "3", 4)] == engine.after(6)
    assert [("2", "3", 4)] == engine.after(36)
    engine.customers.transcript(party, 3)
    assert [] == engine.after(100_000)


# --- what clears ---------------------------------------------------------------------------------------

CLEARING: dict[str, Callable[[Customers, Party], object]] = {
    "refresh from the position": lambda customers, party: customers.transcript(party, 3),
    "refresh of everything": lambda customers, party: customers.transcript(party, None),
    "refresh from 0": lambda customers, party: customers.transcript(party, 0),
    "empty answer to a higher position": lambda customers, party: customers.transcript(party, 4),
    "position far beyond the end": lambda customers, party: customers.transcript(party, 2**53),
    "the last events, nothing between": lambda customers, party: customers.transcript(party, -1),
    "read receipt": lambda customers, party: customers.read(party, 3),
    "data with a higher position": lambda customers, party: customers.update_data(
        party, KEYS | {"GCTI_GMS_PushDeviceId": "device-2"}, "rest", seen=4
    ),
}


@pytest.mark.parametrize("retrieve", CLEARING.values(), ids=CLEARING.keys())
def test_retrieval_clears(engine: ReliableEngine, retrieve: Callable[[Customers, Party], object]) -> None:
    """4.3: each form of it ends the reminders."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    retrieve(engine.customers, party)
    assert [] == engine.after(15)
    assert not engine.pending(party).armed


NOT_CLEARING: dict[str, Callable[[Customers, Party], object]] = {
    "own message": lambda customers, party: customers.send(party, "hi"),
    "receipt for something older": lambda customers, party: customers.read(party, 2),
    "data without position": lambda customers, party: customers.update_data(party, {"a": "b"}, "rest"),
}


@pytest.mark.parametrize("do", NOT_CLEARING.values(), ids=NOT_CLEARING.keys())
def test_other_requests_do_not_clear(
    engine: ReliableEngine, do: Callable[[Customers, Party], object]
) -> None:
    """Whatever does not deliver the transcript leaves the reminders alone."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    do(engine.customers, party)
    assert [("1", "3", 4)] == engine.after(15)


def test_the_last_events_do_not_clear_what_lies_before_them(engine: ReliableEngine) -> None:
    """`transcriptPosition=-1` shows the newest event and says nothing about an older one."""
    party = engine.chat()
    engine.say(party, "one")
    engine.say(party, "two")
    engine.sent()
    assert [4] == [event.index for event in engine.customers.transcript(party, -1).events]
    assert [("1", "3", 5)] == engine.after(15)


def test_partial_retrieval_moves_the_position(engine: ReliableEngine) -> None:
    """A receipt for a part: the next pointer names the rest and counts from 0."""
    party = engine.chat()
    engine.say(party, "one")
    engine.say(party, "two")
    assert [("0", "3", 4)] == engine.sent()
    engine.customers.read(party, 3)
    assert [("0", "4", 5)] == engine.after(15)


def test_position_is_exact_without_writes(engine: ReliableEngine) -> None:
    """What was retrieved while nothing was pending costs no write, and the next pointer knows it."""
    party = engine.chat()
    engine.customers.send(party, "mine")
    before = engine.pending(party)
    engine.customers.transcript(party, 3)
    assert before == engine.pending(party)
    engine.say(party)
    assert [("0", "4", 5)] == engine.sent()


def test_after_a_restart_the_position_may_only_be_too_low(engine: ReliableEngine) -> None:
    """A new process does not know the last retrieval: it points to something that was seen, never beyond."""
    party = engine.chat()
    engine.customers.send(party, "mine")
    engine.customers.transcript(party, 3)
    engine.build()
    engine.say(party)
    assert [("0", "3", 5)] == engine.sent()


# --- restart, store trouble -----------------------------------------------------------------------------


def test_push_check_07_pending_survives_a_restart(engine: ReliableEngine) -> None:
    """4.7: reminders go on where they were; what became due meanwhile is sent at once; retrieval clears."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    engine.clock.advance(100)
    engine.build()
    assert [("1", "3", 4)] == engine.after(0)
    engine.build()
    engine.customers.transcript(party, 3)
    assert [] == engine.after(15)


def test_retrieval_that_cannot_be_stored_does_not_fail_the_client(engine: ReliableEngine) -> None:
    """A full disk: the refresh is answered; the record is cleared as soon as it can be."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    advance, engine.store.advance = engine.store.advance, _unavailable
    assert [3] == [event.index for event in engine.customers.transcript(party, 3).events]
    assert engine.pending(party).armed
    engine.store.advance = advance
    assert [] == engine.after(15)


def _unavailable(_steps: object) -> tuple[bool, ...]:
    raise Unavailable("disk full")


# --- races: compare-and-set ---------------------------------------------------------------------------


def test_retrieval_between_the_timers_read_and_its_write(engine: ReliableEngine) -> None:
    """The timer loses: no pointer after the client was given everything."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    _before(engine, lambda: engine.customers.transcript(party, 3))
    assert [] == engine.after(15)
    assert not engine.pending(party).armed


def test_event_between_the_timers_read_and_its_write(engine: ReliableEngine) -> None:
    """The timer loses against a new round: one pointer, attempt 0, not two."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    _before(engine, lambda: engine.say(party, "another"))
    assert [("0", "3", 5)] == engine.after(15)


def test_timer_between_a_retrievals_read_and_its_write(engine: ReliableEngine) -> None:
    """The retrieval loses once, looks again, and clears."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    engine.clock.advance(15)
    _before(engine, engine.resender.tick)
    engine.customers.transcript(party, 3)
    assert [("1", "3", 4)] == engine.sent()
    assert [] == engine.after(15)


def test_timer_between_an_events_decision_and_its_commit(engine: ReliableEngine) -> None:
    """The event's commit is a Conflict, is decided again, and is neither lost nor doubled."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    engine.clock.advance(15)
    commit = engine.store.commit

    def late(change: object) -> None:
        engine.store.commit = commit
        engine.resender.tick()
        commit(change)

    engine.store.commit = late
    assert engine.say(party, "another") == 4
    assert [("1", "3", 4)] == engine.sent()
    assert [("0", "3", 5)] == engine.after(0) or engine.pending(party).last_pos == 4
    engine.customers.transcript(party, 3)
    assert [] == engine.after(15)


def test_retrieval_between_an_events_decision_and_its_commit(engine: ReliableEngine) -> None:
    """The client fetches the older event while the newer one is committed: only the newer one is owed."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    engine.clock.advance(5)
    commit = engine.store.commit

    def late(change: object) -> None:
        engine.store.commit = commit
        engine.customers.transcript(party, 3)
        commit(change)

    engine.store.commit = late
    engine.say(party, "another")
    assert [("0", "4", 5)] == engine.sent()


def _before(engine: ReliableEngine, what: Callable[[], object]) -> None:
    """Let something happen between the next read of a record and its compare-and-set."""
    advance = engine.store.advance

    def late(steps: list[PendingStep]) -> object:
        engine.store.advance = advance
        what()
        return advance(steps)

    engine.store.advance = late


# --- a receiver that does not answer --------------------------------------------------------------------


def test_hanging_receiver_has_one_pointer_per_chat(engine: ReliableEngine) -> None:
    """An hour of silence and sixty messages: one row on its way, and the newest round follows it."""
    party = engine.chat()
    for _ in range(60):
        engine.say(party)
        engine.pass_time(60)
    unfinished = frozenset({DeliveryState.QUEUED, DeliveryState.LEASED})
    assert 1 == len(engine.store.list_deliveries(chat_id=None, states=unfinished, limit=99))
    assert [("0", "3", 4)] == engine.sent(state=DeliveryState.FAILED)
    assert [("0", "3", 63)] == engine.after(0)


# --- removal and leaving ------------------------------------------------------------------------------


def test_removal_is_told_until_a_2xx(engine: ReliableEngine) -> None:
    """4.6: -1 is repeated while the receiver fails, ends with its 2xx, and no retrieval clears it."""
    party = engine.chat()
    engine.agents.close(ALICE, party.session.id)
    (body,) = engine.bodies(state=DeliveryState.FAILED)
    assert (("0", "-1", 5), True) == (told(body), body["chatEnded"])
    engine.customers.transcript(party, 1)
    assert [("1", "-1", 5)] == engine.after(15)
    assert [] == engine.after(15)
    assert not engine.pending(party).armed


def test_removal_voids_what_was_pending(engine: ReliableEngine) -> None:
    """The pointer to messages that nobody can fetch any more is not repeated."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    engine.agents.close(ALICE, party.session.id)
    assert [("0", "-1", 6)] == engine.sent()
    assert [] == engine.after(15)


def test_what_follows_a_removal_does_not_silence_it(engine: ReliableEngine) -> None:
    """The agent leaves after the customer was removed: -1 is repeated all the same."""
    engine.configure(engine._ini + "[settings]\nflex-push-timeout=60\n")
    party = engine.chat()
    engine.timeouts.sweep()
    engine.clock.advance(61)
    engine.timeouts.sweep()
    (body,) = engine.bodies(state=DeliveryState.FAILED)
    assert (("0", "-1", 4), False) == (told(body), body["chatEnded"])
    engine.agents.leave(ALICE, party.session.id)
    engine.pass_time(15)
    (body,) = engine.bodies()
    assert (("1", "-1", 4), True) == (told(body), body["chatEnded"])
    assert [] == engine.after(15)


def test_own_leaving_ends_the_reminders(engine: ReliableEngine) -> None:
    """Section 6: the customer's own logout is told only with NotifyRequestor; reminders end in any case."""
    silent, relayed = engine.chat(), engine.chat(GCTI_GMS_NotifyRequestor="true")
    for party in (silent, relayed):
        engine.say(party)
        engine.sent()
        engine.customers.leave(party)
    assert [("0", "-1", 5)] == engine.sent()
    assert [] == engine.after(15)


def test_push_check_12_removal_by_silence_is_told(engine: ReliableEngine) -> None:
    """Check 12: reminders keep nobody in the chat; the silent customer leaves with reason 3, told as -1."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    engine.timeouts.sweep()
    for _ in range(24):
        engine.after(3601)
        engine.timeouts.sweep()
    engine.after(0)
    session = engine.store.session(party.session.id)
    assert QuitReason.INACTIVE.value == session.customer.left
    assert ("-1", True) == (_last(engine, party)[1], engine.pending(party).removal)


def _last(engine: ReliableEngine, party: Party) -> tuple[str, str, int]:
    import orjson

    rows = engine.store.list_deliveries(chat_id=party.session.id, states=frozenset(), limit=1)
    return told(orjson.loads(rows[0].message or b""))


def test_push_check_12_first_half(engine: ReliableEngine) -> None:
    """Check 12: a subscribed customer who is silent for 46 s stays, without subscription he is removed."""
    subscribed, other = engine.chat(), engine.start()
    engine.timeouts.sweep()
    engine.after(46)
    engine.timeouts.sweep()
    left = [engine.store.session(party.session.id).customer.left for party in (subscribed, other)]
    assert [None, QuitReason.INACTIVE.value] == left


def test_push_check_12_refresh_restarts_the_flex_timeout_and_a_push_does_not(engine: ReliableEngine) -> None:
    """Section 8: only the customer's requests keep him; messages and reminders to him do not."""
    engine.configure(engine._ini + "[settings]\nflex-push-timeout=100\n")
    fresh, quiet = engine.chat(), engine.chat()
    engine.timeouts.sweep()
    for _ in range(3):
        engine.after(34)
        engine.say(quiet)
        engine.customers.transcript(engine.customers.by_key(fresh.secure_key), 1)
        engine.timeouts.sweep()
    left = [engine.store.session(party.session.id).customer.left for party in (fresh, quiet)]
    assert [None, QuitReason.INACTIVE.value] == left


# --- subscriptions --------------------------------------------------------------------------------------


def test_subscription_ended(engine: ReliableEngine) -> None:
    """1.3: `GCTI_Chat_PushSubscribe=false` ends the reminders at once."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    engine.customers.update_data(party, {"GCTI_Chat_PushSubscribe": "false"}, "rest")
    assert [] == engine.after(15)
    assert not engine.pending(party).armed


def test_device_replaced(engine: ReliableEngine) -> None:
    """9.4.9: another device is told at once what was not fetched, and gets the reminders."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    engine.customers.update_data(party, {"GCTI_GMS_PushDeviceId": "device-2"}, "rest")
    (row,) = engine.store.claim("w", now_ms=engine.clock.wall_ms(), lease_ms=9, limit=9)
    assert ("device-2", 3) == (row.device_id, row.position)


def test_the_same_keys_again_send_nothing(engine: ReliableEngine) -> None:
    """A client that repeats its keys with every call is not told each time."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    engine.customers.update_data(party, KEYS, "rest")
    assert [] == engine.sent()


def test_subscribed_later(engine: ReliableEngine) -> None:
    """9.4.9: push counts from now on, except for what the client says that it does not have."""
    unaware, aware = engine.start(), engine.start()
    for party in (unaware, aware):
        engine.agents.accept(ALICE, party.session.id)
        engine.say(party)
    engine.customers.update_data(unaware, KEYS, "rest")
    engine.customers.update_data(aware, KEYS, "rest", seen=2)
    assert [("0", "2", 4)] == engine.sent()
    engine.say(unaware)
    assert [("0", "4", 5)] == engine.sent()


def test_without_resend_nothing_is_kept(engine: ReliableEngine) -> None:
    """A plain subscription has no record, and its notifications are not repeated."""
    party = engine.start(user_data=PUSH_KEYS)
    engine.agents.accept(ALICE, party.session.id)
    assert None is engine.store.pending(party.session.id)
    rows = engine.store.claim("w", now_ms=engine.clock.wall_ms(), lease_ms=9, limit=9)
    assert [None] == [row.idempotency_key for row in rows]


def test_client_of_an_ended_chat_is_forgotten(engine: ReliableEngine) -> None:
    """Memory follows the open chats."""
    left, closed = engine.chat(), engine.chat()
    engine.customers.leave(left)
    engine.agents.close(ALICE, closed.session.id)
    engine.sent()
    engine.after(15)
    assert {} == engine.retrievals._places
    with pytest.raises(ChatGone):
        engine.customers.send(left, "hi")


# --- no node, either/or ---------------------------------------------------------------------------------


def test_push_check_07_group_without_node(engine: ReliableEngine) -> None:
    """Section 5: no node of the group, so nothing is sent and nothing is lost; the timer finds a node."""
    engine.restart(engine._ini + "[cluster]\nname=another\n")
    party = engine.chat()
    engine.say(party)
    assert [] == engine.after(15)
    assert [] == engine.after(100)
    engine.restart(engine._ini.replace("another", "gms-cluster"))
    assert [("0", "3", 4)] == engine.after(15)


def test_push_check_07_next_message_after_a_node_registered(engine: ReliableEngine) -> None:
    """Re-association is lazy: the next event is pushed at once."""
    engine.restart(engine._ini + "[cluster]\nname=another\n")
    party = engine.chat()
    engine.say(party)
    engine.restart(engine._ini.replace("another", "gms-cluster"))
    engine.say(party)
    assert [("0", "3", 5)] == engine.sent()


def test_either_or_waits_for_comet(engine: ReliableEngine) -> None:
    """9.4.5: with `push_notification_to_active_client=false` a live client has the grace time to take it."""
    engine.configure("[chat]\npush_notification_to_active_client=false\n" + engine._ini)
    taken, missed = engine.chat(), engine.chat()
    for party in (taken, missed):
        engine.presence.attached(party.session.id)
        engine.say(party)
    engine.retrievals.note(taken.session.id, 4)
    assert [] == engine.sent()
    assert [("0", "3", 4)] == engine.after(10)


# --- inline events and the key ----------------------------------------------------------------------------


def test_inline_events_are_what_was_not_retrieved(engine: ReliableEngine) -> None:
    """3.5: stored ones and the new one, in order, with the event and at the timer."""
    engine.configure(engine._ini + "reliable_inline_events=true\n")
    party = engine.chat()
    engine.say(party, "one")
    engine.bodies()
    engine.clock.advance(2)
    engine.say(party, "two")
    (at_once,) = engine.bodies()
    engine.pass_time(15)
    (later,) = engine.bodies()
    for body in (at_once, later):
        assert ["PUSH-NOTIFICATION", "one", "two"] == [event["text"] for event in body["messages"]]


def test_push_check_10_key_of_the_customer(engine: ReliableEngine) -> None:
    """`secure-key` listed: the pointer carries the very key with which the transcript can be fetched."""
    engine.configure(engine._ini + "allow_insecure=true\n[settings]\nflex-push-content=secure-key\n")
    party = engine.chat()
    engine.say(party)
    (body,) = engine.bodies()
    assert party.secure_key == body["secureKey"] == body["messages"][0]["userData"]["secure-key"]
    assert party.session.id == engine.customers.by_key(body["secureKey"]).session.id
