"""Reliable delivery in the engine: what an event, a retrieval, a subscription and the timer do to a chat.

Real engine and store, faked time; spec/push.md 4, 6, 8, 9.4.9. The orders of a race are forced.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from unit.chat.reliable_stand import KEYS, ReliableEngine

from gateway.chat.customers import Customers, Party
from gateway.errors import Unavailable
from gateway.model.deliveries import DeliveryState
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
