"""The ledger: numbering, conflicts, publication, deliveries; and the per-chat locks."""

from __future__ import annotations

import contextlib
import threading

import pytest
from unit.chat.engine import ALICE, PUSH_KEYS, Engine

from gateway.chat.decision import NOTHING
from gateway.chat.locks import ChatLocks
from gateway.errors import ChatGone, Unavailable


def test_a_conflict_reads_and_decides_again(engine):
    """When another process was faster the decision is made anew on the current session."""
    party = engine.start()
    engine.store.conflicts = 3
    assert engine.customers.send(party, "hi").events[0].index == 2


def test_endless_conflicts_end_as_unavailable(engine):
    """The number of attempts is bounded, and nothing is published."""
    party = engine.start()
    published = len(engine.published)
    engine.store.conflicts = 1000
    with pytest.raises(Unavailable):
        engine.customers.send(party, "hi")
    assert published == len(engine.published)


def test_an_empty_decision_commits_and_publishes_nothing(engine):
    """It returns the session as it is."""
    party = engine.start()
    before = (len(engine.store.commits), len(engine.published))
    assert ((), party.session) == (
        engine.ledger.change(party.session.id, lambda _: NOTHING).events,
        engine.store.session(party.session.id),
    )
    assert before == (len(engine.store.commits), len(engine.published))


def test_an_unknown_chat_is_gone(engine):
    """There is nothing to change."""
    with pytest.raises(ChatGone):
        engine.ledger.change("unknown", lambda _: NOTHING)


def test_a_message_does_not_rewrite_the_profile(engine):
    """The large part of a session is written only when it changed."""
    party = engine.start()
    engine.customers.send(party, "hi")
    engine.customers.rename(party, "Annie")
    assert [change.profile_changed for change in engine.store.commits] == [True, False, True]


def test_deliveries_are_part_of_the_same_change():
    """An agent's message to a subscribed customer is committed together with its notification (push.md 9)."""
    engine = Engine("[push]\npushEnabled=comet,customhttp\ncustomhttp.url=https://receiver.example/\n")
    party = engine.start(user_data=PUSH_KEYS)
    engine.agents.accept(ALICE, party.session.id)
    engine.agents.send(ALICE, party.session.id, "hello")
    change = engine.store.commits[-1]
    assert [f"msg_{party.session.id}_c1_3"] == [delivery.id for delivery in change.deliveries]
    assert [event.index for event in change.events] == [3]


def test_concurrent_senders_get_gapless_indexes_in_commit_order(engine):
    """Many threads on one chat: each index once, and observers see them ascending (R7)."""
    party = engine.start()
    threads = [
        threading.Thread(target=lambda: [engine.customers.send(party, "x") for _ in range(25)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = [event.index for done in engine.published for event in done.events]
    assert list(range(1, 202)) == seen
    assert seen == [event.index for event in engine.store.events(party.session.id, 1, limit=1000)]


def test_locks_exist_only_while_they_are_used():
    """Memory follows the load, also when the body raises."""
    locks = ChatLocks()
    with contextlib.suppress(KeyError), locks.holding("a"):
        assert len(locks) == 1
        raise KeyError
    assert len(locks) == 0


def test_committed_events_are_counted_by_type(engine):
    """The metrics table's `chat_events_total` and `chats_started_total`."""
    engine.customers.send(engine.start(), "hi")
    assert (
        engine.sample("chats_started_total"),
        engine.sample("chat_events_total", type="ParticipantJoined"),
        engine.sample("chat_events_total", type="Message"),
    ) == (1, 1, 1)
