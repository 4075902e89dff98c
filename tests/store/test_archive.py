"""Conformance of role Archive: searching and paging through stored chats, for every backend."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store.values import NOW, customer, following, message, opened

from gateway.model.change import Change
from gateway.model.participants import Participant, ParticipantType
from gateway.model.session import ChatSession, ChatState
from gateway.store.roles import ArchiveQuery, Store

LATER = NOW + 1_000_000


def chat(store: Store, chat_id: str, *texts: str, **changes: Any) -> ChatSession:
    """A stored chat with these messages; `changes` of the session, `profile` members by name."""
    state = changes.pop("state", ChatState.ENDED)
    nickname = changes.pop("nickname", "Ann")
    agent = Participant(2, "A1", changes.pop("agent", "Bob"), ParticipantType.AGENT, owner="bob@office")
    profile = {"participants": (replace(customer(chat_id), nickname=nickname), agent), **changes}
    session = replace(opened(chat_id, **profile), state=state, next_index=len(texts) + 1)
    events = tuple(
        message(index, wire=orjson.dumps({"index": index, "text": text}))
        for index, text in enumerate(texts, start=1)
    )
    store.commit(Change(session, events))
    return session


def index(store: Store, *, quiet_before_ms: int = LATER) -> None:
    """Index everything there is."""
    while store.index_some(quiet_before_ms=quiet_before_ms):
        pass


def found(store: Store, *, before: int | None = None, limit: int = 50, **query: Any) -> list[str]:
    """The ids of the chats that match."""
    return [chat.id for _, chat in store.search(ArchiveQuery(**query), before=before, limit=limit)]


def test_text_is_found_by_the_beginnings_of_words_in_one_event(store: Store) -> None:
    """Case and accents do not matter; all words must be in one message."""
    chat(store, "one", "Meine Überweisung fehlt", "order 4711")
    chat(store, "two", "the order", "number 4711")
    index(store)
    for text, ids in [
        ("uberweis", ["one"]),
        ("ÜBERWEISUNG", ["one"]),
        ("4711", ["two", "one"]),
        ("order 47", ["one"]),
        ("weisung", []),
        ("", ["two", "one"]),
        ('") OR text:*', []),
        ("!!!", []),
    ]:
        assert ids == found(store, text=text), text


def test_people_are_found_in_their_own_columns(store: Store) -> None:
    """Customers by nickname and address, agents by nickname and account; nobody by what was said."""
    chat(store, "one", "Eve said so", nickname="Ann Lee", email="ann@shop.example", agent="Bob")
    chat(store, "two", nickname="Bob", email="", agent="Eve")
    index(store)
    assert ["one"] == found(store, customer="lee")
    assert ["one"] == found(store, customer="ann@shop.example")
    assert ["two"] == found(store, customer="bob")
    assert ["two"] == found(store, agent="eve")
    assert ["two", "one"] == found(store, agent="bob@office")
    assert [] == found(store, customer="ann", agent="eve")


def test_service_state_and_date_narrow_the_search(store: Store) -> None:
    """They need no index; the end of a period does not belong to it."""
    chat(store, "one", service="sales", created_ms=NOW)
    chat(store, "two", service="support", created_ms=NOW + 10, state=ChatState.WAITING)
    assert ["one"] == found(store, service="sales")
    assert ["two"] == found(store, states=frozenset({ChatState.WAITING, ChatState.ACTIVE}))
    assert ["one"] == found(store, states=frozenset({ChatState.ENDED}))
    assert ["two", "one"] == found(store, states=frozenset(ChatState))
    assert ["two"] == found(store, from_ms=NOW + 1)
    assert ["one"] == found(store, from_ms=NOW, until_ms=NOW + 10)


def test_pages_follow_each_other_without_gap(store: Store) -> None:
    """Newest first, cut to `limit`, continued behind the last place; new chats do not move the pages."""
    for number in range(5):
        chat(store, f"c{number}", "hello")
    index(store)
    first = store.search(ArchiveQuery(text="hello"), before=None, limit=2)
    chat(store, "new", "hello")
    index(store)
    second = store.search(ArchiveQuery(text="hello"), before=first[-1][0], limit=9)
    assert ["c4", "c3", "c2", "c1", "c0"] == [session.id for _, session in (*first, *second)]


def test_ended_chats_are_indexed_at_once_and_open_ones_when_quiet(store: Store) -> None:
    """What follows later is found as well, also in a chat that goes on."""
    chat(store, "ended", "hello")
    session = chat(store, "open", "hello", state=ChatState.ACTIVE)
    index(store, quiet_before_ms=NOW)
    assert ["ended"] == found(store, text="hello")
    index(store)
    assert ["open", "ended"] == found(store, text="hello")
    more = message(2, wire=b'{"text":"goodbye"}')
    store.commit(Change(following(session, events=1), (more,), profile_changed=False))
    assert [] == found(store, text="goodbye")
    index(store)
    assert (["open"], ["open", "ended"]) == (found(store, text="goodbye"), found(store, text="hello"))
    assert 0 == store.index_some(quiet_before_ms=LATER)


def test_a_long_chat_is_indexed_completely(store: Store) -> None:
    """However many transactions it takes."""
    chat(store, "long", *[f"word{number}" for number in range(450)])
    index(store)
    assert all(["long"] == found(store, text=f"word{number}") for number in (0, 199, 200, 201, 449))


def test_purge_takes_a_chat_out_of_everything(store: Store) -> None:
    """Neither the search nor the pages know it, and its neighbours stay."""
    for chat_id in ("one", "two", "three"):
        chat(store, chat_id, "secret")
    index(store)
    store.purge("two")
    assert ["three", "one"] == found(store, text="secret") == found(store)
    assert ["one", "three"] == [session.id for _, session in store.chats_after(0, limit=9)]
    store.purge("two")


def test_a_chat_in_the_place_of_a_purged_one_has_none_of_its_words(store: Store) -> None:
    """Places may be used again; what stood there before is gone."""
    chat(store, "one", "secret")
    index(store)
    store.purge("one")
    chat(store, "two", "harmless")
    index(store)
    assert [] == found(store, text="secret")


def test_chats_after_walks_through_all_chats(store: Store) -> None:
    """Oldest first, page by page; with a time only ended chats that have not changed since."""
    for number in range(5):
        state = ChatState.ENDED if number % 2 else ChatState.ACTIVE
        chat(store, f"c{number}", state=state)
    walked, place = [], 0
    while page := store.chats_after(place, limit=2):
        walked += [session.id for _, session in page]
        place = page[-1][0]
    assert [f"c{number}" for number in range(5)] == walked
    ended = store.chats_after(0, limit=9, ended_before_ms=NOW + 1)
    assert ["c1", "c3"] == [session.id for _, session in ended]
    assert () == tuple(store.chats_after(0, limit=9, ended_before_ms=NOW))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(codec="utf-8"), max_size=30), column=st.sampled_from(["text", "customer"]))
def test_no_query_breaks_the_search(store: Store, text: str, column: str) -> None:
    """Any text is a query; quotes and operators of the index mean nothing."""
    assert isinstance(found(store, **{column: text}), list)


@pytest.mark.parametrize(
    "text", ["NEAR(a b)", "text : a", "a* OR b", '"', "a AND NOT b", "-a", "^a", "{text}:a"]
)
def test_operators_are_words(store: Store, text: str) -> None:
    """They are looked for, not obeyed."""
    chat(store, "one", "a")
    index(store)
    expected = ["one"] if text in ("-a", "^a") else []
    assert expected == found(store, text=text)
