"""Conformance of `Chats.open_chats`: lists of open chats in pages, for every backend."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from store.values import NOW, customer, following, opened

from gateway.errors import Conflict
from gateway.model.change import Change
from gateway.model.participants import Mode, Participant, ParticipantType
from gateway.model.session import Age, ChatSession, ChatState
from gateway.store.roles import OpenChats, Store

WAITING = OpenChats(waiting=True)
BOTH = OpenChats(waiting=True, account="bob")


def party(number: int, owner: str, **changes: Any) -> Participant:
    """An agent of a chat."""
    return replace(Participant(number, f"A{number}", owner, ParticipantType.AGENT, owner=owner), **changes)


def begin(store: Store, chat_id: str, *parties: Participant, age: int = 0, **changes: Any) -> ChatSession:
    """Commit a new chat; it waits unless the changes say otherwise."""
    state = changes.pop("state", ChatState.WAITING)
    plain = {"parked": False, "created_ms": NOW + age, "participants": (customer(chat_id), *parties)}
    session = replace(opened(chat_id, **(plain | changes)), state=state)
    store.commit(Change(session))
    return session


def ids(store: Store, wanted: OpenChats, *, after: Age | None = None, limit: int = 99) -> list[str]:
    """The chats of a page."""
    return [session.id for session in store.open_chats(wanted, after=after, limit=limit)]


def test_each_list_has_its_chats(store: Store) -> None:
    """Waiting, parked, and an account's own ones: hidden parties count, parties that left and ended chats
    do not."""
    begin(store, "waits", age=5)
    begin(store, "sleeps", age=4, parked=True)
    begin(store, "mine", party(2, "bob"), age=3, state=ChatState.ACTIVE)
    begin(store, "wraps", party(2, "eve"), party(3, "bob"), age=2, state=ChatState.WRAP_UP)
    begin(store, "watched", party(2, "bob", mode=Mode.MONITOR), age=1, parked=True)
    begin(store, "left", party(2, "bob", left="0"), state=ChatState.ACTIVE)
    begin(store, "over", party(2, "bob"), state=ChatState.ENDED)
    assert ["waits"] == ids(store, WAITING)
    assert ["watched", "sleeps"] == ids(store, OpenChats(parked=True))
    assert ["watched", "wraps", "mine"] == ids(store, OpenChats(account="bob"))
    assert ["watched", "wraps", "mine", "waits"] == ids(store, BOTH)
    assert ["wraps"] == ids(store, OpenChats(account="eve"))
    assert [] == ids(store, OpenChats(account="waiting"))
    assert [] == ids(store, OpenChats())


def test_a_listed_chat_is_the_stored_one(store: Store) -> None:
    """A page holds whole sessions, those of the last commit."""
    after = following(begin(store, "chat-1"), events=2)
    store.commit(Change(after, profile_changed=False))
    assert [after] == list(store.open_chats(WAITING, after=None, limit=9))


def test_a_chat_in_two_lists_is_listed_once(store: Store) -> None:
    """A bot in a waiting chat, and an account with two parties in one chat."""
    begin(store, "chat-1", party(2, "bob"), party(3, "bob", mode=Mode.MONITOR))
    assert ["chat-1"] == ids(store, BOTH)
    assert ["chat-1"] == ids(store, OpenChats(account="bob"))


def test_pages_in_order_of_age(store: Store) -> None:
    """Oldest first, equals by id, at most `limit`; a place need not be that of a chat."""
    for chat_id, age in (("c", 5), ("a", 5), ("d", 9), ("b", 1), ("B", 1)):
        begin(store, chat_id, *([party(2, "bob")] if chat_id == "a" else []), age=age)
    assert ["B", "b", "a", "c", "d"] == ids(store, BOTH)
    assert ["B", "b"] == ids(store, BOTH, limit=2)
    assert ["a", "c"] == ids(store, BOTH, after=(NOW + 1, "b"), limit=2)
    assert ["c", "d"] == ids(store, BOTH, after=(NOW + 5, "b"))
    assert [] == ids(store, BOTH, after=(NOW + 9, "d"))


@pytest.mark.parametrize("changed", [True, False])
@pytest.mark.parametrize("state", ChatState)
def test_a_change_moves_a_chat_at_once(store: Store, state: ChatState, changed: bool) -> None:
    """Whatever changes, the state or the profile or both, the next page shows the chat where it is now."""
    first = begin(store, "chat-1", party(2, "bob"))
    profile = replace(first.profile, parked=True, participants=(customer("chat-1"), party(2, "eve")))
    after = following(first, state=state, **({"profile": profile} if changed else {}))
    store.commit(Change(after, profile_changed=changed))
    waiting, ended = state is ChatState.WAITING, state is ChatState.ENDED
    assert ["chat-1"] * (waiting and not changed) == ids(store, WAITING)
    assert ["chat-1"] * (waiting and changed) == ids(store, OpenChats(parked=True))
    assert ["chat-1"] * (not ended and not changed) == ids(store, OpenChats(account="bob"))
    assert ["chat-1"] * (not ended and changed) == ids(store, OpenChats(account="eve"))
    back = following(after, state=ChatState.WAITING, profile=first.profile)
    store.commit(Change(back))
    assert ["chat-1"] == ids(store, WAITING)


def test_a_refused_change_moves_nothing(store: Store) -> None:
    """After a conflict the lists are what they were."""
    first = begin(store, "chat-1")
    outdated = replace(first, version=1, state=ChatState.ENDED)
    with pytest.raises(Conflict):
        store.commit(Change(outdated))
    assert ["chat-1"] == ids(store, WAITING)


def test_a_purged_chat_is_in_no_list(store: Store) -> None:
    """Neither it nor, later, the list entry of a chat that got its place."""
    begin(store, "chat-1", party(2, "bob"))
    store.purge("chat-1")
    begin(store, "chat-2")
    assert ["chat-2"] == ids(store, BOTH)
    assert [] == ids(store, OpenChats(account="bob"))


def test_no_chat_is_missed_or_listed_twice_while_chats_change(store: Store) -> None:
    """Between the pages chats are taken, end, are purged, begin and come back: each that is in the list all
    the while is in exactly one page."""
    for number in range(10):
        begin(store, f"c{number}", age=number)

    def move(chat_id: str, state: ChatState) -> None:
        store.commit(Change(following(store.session(chat_id), state=state), profile_changed=False))

    between = iter(
        (
            lambda: (move("c1", ChatState.ACTIVE), begin(store, "late", age=100)),
            lambda: (move("c3", ChatState.ENDED), store.purge("c5")),  # of the page before, and to come
            lambda: (move("c1", ChatState.WAITING), move("c7", ChatState.ACTIVE)),
            lambda: move("c7", ChatState.WAITING),
        )
    )
    found: list[str] = []
    after: Age | None = None
    while page := store.open_chats(WAITING, after=after, limit=2):
        found += [session.id for session in page]
        after = page[-1].age
        next(between, lambda: None)()
    steady = ["c0", "c2", "c4", "c6", "c8", "c9", "late"]
    assert steady == [each for each in found if each in steady]
    assert len(set(found)) == len(found)
