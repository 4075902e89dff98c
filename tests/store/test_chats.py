"""Conformance of role Chats: each sentence of `roles.Chats` is a test here, for every backend."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from store.values import (
    NOW,
    comet,
    customer,
    delivery,
    following,
    hidden,
    message,
    opened,
    parting,
    profile,
    said,
    typing,
)

from gateway.errors import Conflict, Unavailable
from gateway.model.change import Change, MessageId
from gateway.model.session import ChatState
from gateway.store.roles import Store
from gateway.store.tail import TAIL_MS


def test_session_reads_back_equal(store: Store) -> None:
    """A committed session is read back with every field of its profile."""
    session = opened()
    store.commit(Change(session))
    assert session == store.session("chat-1")


def test_unknown_chat_is_none(store: Store) -> None:
    """A chat that was never committed has no session, no events and no party."""
    assert store.session("chat-1") is None
    assert () == tuple(store.events("chat-1", 0, limit=10))
    assert () == tuple(store.last_events("chat-1", 10))
    assert store.find_party("key-chat-1") is None


def test_events_read_back_equal(store: Store) -> None:
    """Events come back ascending from `start`, with every field, cut to `limit`."""
    events = (message(1), hidden(2), parting(3), message(4))
    store.commit(Change(opened(), events))
    assert events == tuple(store.events("chat-1", 0, limit=10))
    assert events[1:3] == tuple(store.events("chat-1", 2, limit=2))
    assert () == tuple(store.events("chat-1", 5, limit=10))


@pytest.mark.parametrize("version", [0, 1, 3, 4])
def test_commit_of_wrong_version_conflicts(store: Store, version: int) -> None:
    """Only version stored + 1 is accepted; a refused change leaves nothing behind."""
    session = opened()
    store.commit(Change(session))
    wrong = replace(session, version=version, state=ChatState.ENDED)
    refused = Change(wrong, (message(1),), (typing(2),), (delivery("d1"),))
    with pytest.raises(Conflict):
        store.commit(refused)
    assert session == store.session("chat-1")
    assert () == tuple(store.recent("chat-1", 0, limit=10, now_ms=NOW))
    assert store.delivery("d1") is None


def test_second_version_needs_the_first(store: Store) -> None:
    """A change of a chat that does not exist conflicts."""
    with pytest.raises(Conflict):
        store.commit(Change(following(opened())))
    assert store.session("chat-1") is None


def test_commit_is_all_or_nothing(store: Store) -> None:
    """A change that fails late (a delivery id used twice) leaves no event, no counter and no key."""
    store.commit(Change(opened(), deliveries=(delivery("d1"),)))
    bad = Change(
        opened("chat-2"), (message(1),), deliveries=(delivery("d2"), delivery("d1", chat_id="chat-2"))
    )
    with pytest.raises(ValueError):
        store.commit(bad)
    assert store.session("chat-2") is None
    assert () == tuple(store.events("chat-2", 0, limit=10))
    assert store.find_party("key-chat-2") is None
    assert store.delivery("d2") is None


def test_unchanged_profile_is_kept(store: Store) -> None:
    """`profile_changed=False` writes the counters and leaves the stored profile as it was."""
    first = opened()
    store.commit(Change(first))
    second = following(first, events=1, state=ChatState.ACTIVE)
    changed = replace(second, profile=replace(second.profile, subject="other"))
    store.commit(Change(changed, (message(1),), profile_changed=False))
    assert second == store.session("chat-1")


def test_changed_profile_is_replaced(store: Store) -> None:
    """`profile_changed=True` rewrites the profile."""
    first = opened()
    store.commit(Change(first))
    second = replace(following(first), profile=replace(first.profile, subject="other", user_data={}))
    store.commit(Change(second))
    assert second == store.session("chat-1")


def test_key_index_follows_the_profile(store: Store) -> None:
    """A party is found by the fingerprint in the newest profile only."""
    first = opened()
    store.commit(Change(first))
    assert ("chat-1", "U-chat-1") == store.find_party("key-chat-1")
    renewed = replace(first.profile, participants=(customer("chat-1", key_hash="key-new"),))
    store.commit(Change(replace(following(first), profile=renewed)))
    assert ("chat-1", "U-chat-1") == store.find_party("key-new")
    assert store.find_party("key-chat-1") is None


def test_last_events_are_the_newest_visible_ones(store: Store) -> None:
    """`last_events` counts only what the customer may see and answers ascending."""
    store.commit(Change(opened(), (message(1), message(2), hidden(3), message(4), hidden(5))))
    assert (2, 4) == tuple(event.index for event in store.last_events("chat-1", 2))
    assert (1, 2, 4) == tuple(event.index for event in store.last_events("chat-1", 9))
    assert () == tuple(store.last_events("chat-1", 0))


def test_typing_lives_in_the_tail_only(store: Store) -> None:
    """Typing advances the stored counter, is merged by index into `recent`, and is never a stored event."""
    first = opened()
    store.commit(Change(first, (message(1), message(3))))
    store.commit(Change(following(first, events=4), ephemeral=(typing(2), typing(4)), profile_changed=False))
    assert (1, 3) == tuple(event.index for event in store.events("chat-1", 0, limit=10))
    recent = store.recent("chat-1", 0, limit=10, now_ms=NOW)
    assert (1, 2, 3, 4) == tuple(event.index for event in recent)
    assert (2, 3) == tuple(event.index for event in store.recent("chat-1", 2, limit=2, now_ms=NOW))
    assert following(first, events=4).next_index == store.session("chat-1").next_index


def test_tail_forgets_after_20_seconds(store: Store) -> None:
    """A typing event is visible up to 20 s after its time and not longer (decision 9)."""
    store.commit(Change(opened(), ephemeral=(typing(1, utc_ms=NOW),)))
    assert 1 == len(store.recent("chat-1", 0, limit=10, now_ms=NOW + TAIL_MS - 1))
    assert 0 == len(store.recent("chat-1", 0, limit=10, now_ms=NOW + TAIL_MS))


def test_sessions_in_states_oldest_first(store: Store) -> None:
    """`sessions_in` selects by state and sorts by the time of creation, then of insertion."""
    created = {"b": NOW + 5, "a": NOW + 5, "old": NOW, "ended": NOW}
    for chat_id, created_ms in created.items():
        store.commit(Change(opened(chat_id, created_ms=created_ms)))
    ended = following(store.session("ended"), state=ChatState.ENDED)
    store.commit(Change(ended, profile_changed=False))

    def ids(*states: ChatState) -> list[str]:
        return [session.id for session in store.sessions_in(frozenset(states))]

    assert ["old", "b", "a"] == ids(ChatState.WAITING)
    assert ["ended"] == ids(ChatState.ENDED)
    assert ["old", "ended", "b", "a"] == ids(ChatState.WAITING, ChatState.ENDED)
    assert [] == ids()


def test_purge_forgets_everything_of_one_chat(store: Store) -> None:
    """After a purge nothing of the chat is left, other chats are untouched, and the id may be used again."""
    for chat_id in ("chat-1", "chat-2"):
        row = delivery(f"d-{chat_id}", chat_id=chat_id)
        store.commit(Change(opened(chat_id), (message(1),), (typing(2),), (row,)))
    store.purge("chat-1")
    store.purge("unknown")
    assert store.session("chat-1") is None
    assert () == tuple(store.recent("chat-1", 0, limit=10, now_ms=NOW))
    assert store.find_party("key-chat-1") is None
    assert store.delivery("d-chat-1") is None
    assert opened("chat-2") == store.session("chat-2")
    assert 2 == len(store.recent("chat-2", 0, limit=10, now_ms=NOW))
    store.commit(Change(opened("chat-1")))
    assert () == tuple(store.events("chat-1", 0, limit=10))


def test_concurrent_commits_of_one_version_have_one_winner(store: Store) -> None:
    """Of many threads that decide on the same version exactly one writes, the others get Conflict."""
    store.commit(Change(opened()))
    start = threading.Barrier(8)
    outcomes: list[str] = []

    def contend(number: int) -> None:
        start.wait()
        try:
            store.commit(said(opened(), [b'{"by":%d}' % number]))
            outcomes.append("won")
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert ["conflict"] * 7 + ["won"] == sorted(outcomes)
    assert 1 == len(store.events("chat-1", 0, limit=10))


def test_conflicts_do_not_disturb_others(store: Store) -> None:
    """Chats that commit at the same time as conflicting ones lose nothing (isolation inside one batch)."""
    store.commit(Change(opened("contended")))
    start = threading.Barrier(8)
    failed: list[BaseException] = []

    def work(number: int) -> None:
        start.wait()
        try:
            session = opened(f"own-{number}")
            store.commit(Change(session))
            for place in range(10):
                change = said(session, [b"%d" % place])
                store.commit(change)
                session = replace(change.session, profile=session.profile)
                with pytest.raises(Conflict):
                    store.commit(Change(opened("contended")))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [] == failed
    for number in range(8):
        assert [b"%d" % place for place in range(10)] == [
            event.wire for event in store.events(f"own-{number}", 0, limit=100)
        ]


def test_profile_without_options_reads_back(store: Store) -> None:
    """Empty and absent members of a profile stay empty and absent."""
    bare = profile(
        "chat-1", user_data={}, subscription=None, read_positions={}, ended_ms=None, async_mode=False
    )
    store.commit(Change(replace(opened(), profile=bare)))
    assert bare == store.session("chat-1").profile


def test_closed_store_refuses_everything(store: Store) -> None:
    """After close every call raises Unavailable; closing again does nothing."""
    store.commit(Change(opened()))
    store.close()
    store.close()
    calls = [
        lambda: store.commit(Change(opened())),
        lambda: store.session("chat-1"),
        lambda: store.find_party("key-chat-1"),
        lambda: store.events("chat-1", 0, limit=1),
        lambda: store.recent("chat-1", 0, limit=1, now_ms=NOW),
        lambda: store.purge("chat-1"),
        lambda: store.claim("n1", now_ms=NOW, lease_ms=1, limit=1),
        lambda: store.token("f1"),
        lambda: store.save_comet(comet()),
        lambda: store.purge_comet(0),
        lambda: store.check(),
        lambda: store.flush(),
    ]
    for call in calls:
        with pytest.raises(Unavailable):
            call()


def named(text: str = "m-1", sender: str = "customer") -> Change:
    """The change that opens a chat with one event under a message id."""
    return Change(opened(), (message(1),), message_id=MessageId(sender, text))


def test_a_message_id_leads_to_its_event(store: Store) -> None:
    """It is found by chat, sender and id together, and by nothing less."""
    store.commit(named())
    assert 1 == store.message_index("chat-1", MessageId("customer", "m-1"))
    assert store.message_index("chat-1", MessageId("agent:Bob", "m-1")) is None
    assert store.message_index("chat-1", MessageId("customer", "m-2")) is None
    assert store.message_index("chat-2", MessageId("customer", "m-1")) is None


def test_a_message_id_is_written_with_its_event_or_not_at_all(store: Store) -> None:
    """A change of the wrong version leaves neither; the id is free afterwards."""
    store.commit(Change(opened()))
    with pytest.raises(Conflict):
        store.commit(named())
    assert store.message_index("chat-1", MessageId("customer", "m-1")) is None
    session = following(opened(), events=1)
    store.commit(Change(session, (message(1),), message_id=MessageId("customer", "m-1")))
    assert 1 == store.message_index("chat-1", MessageId("customer", "m-1"))


def test_a_message_id_is_never_written_twice(store: Store) -> None:
    """Even a caller that did not look before gets an error, and the first event stays the only one."""
    store.commit(named())
    session = following(replace(opened(), next_index=2), events=1)
    with pytest.raises(ValueError):
        store.commit(Change(session, (message(2),), message_id=MessageId("customer", "m-1")))
    assert (message(1),) == tuple(store.events("chat-1", 0, limit=10))
    assert opened() == store.session("chat-1")


def test_purge_frees_the_message_ids(store: Store) -> None:
    """They live as long as their chat."""
    store.commit(named())
    store.purge("chat-1")
    assert store.message_index("chat-1", MessageId("customer", "m-1")) is None
    store.commit(named())
