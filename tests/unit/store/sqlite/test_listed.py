"""The table `listed` behind `open_chats`: who keeps it up, and that its cost does not grow with the crowd."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from store.values import NOW, customer, following, opened, said

from gateway.model.change import Change
from gateway.model.participants import Participant, ParticipantType
from gateway.model.session import ChatSession, ChatState
from gateway.store.roles import OpenChats
from gateway.store.sqlite import SqliteStore, rows

TRIGGERS = ("listed_by_profile", "listed_by_state", "listed_by_purge")
BOTH = OpenChats(waiting=True, account="bob")


def begun(number: int) -> ChatSession:
    """A new waiting chat with a bot in it, which has two entries."""
    bot = Participant(2, f"B{number}", "Bob", ParticipantType.EXTERNAL, owner="bob")
    parties = (customer(f"chat-{number}"), bot)
    return opened(f"chat-{number}", created_ms=NOW + number, parked=False, participants=parties)


def crowd(store: SqliteStore, numbers: range) -> None:
    """Waiting chats."""
    for number in numbers:
        store.commit(Change(begun(number)))


def steps(connection: sqlite3.Connection, work: Callable[[], object]) -> int:
    """How many instructions SQLite executes on this connection meanwhile, in hundreds."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    connection.set_progress_handler(step, 100)
    work()
    connection.set_progress_handler(None, 100)
    return count


def test_a_page_costs_the_same_among_many_chats(store: SqliteStore) -> None:
    """A page in the middle of forty times as many chats takes no more work; reading them all does."""
    reader = store._readers._take()
    store._readers._put(reader)

    def page() -> None:
        assert 10 == len(store.open_chats(BOTH, after=(NOW + 5, ""), limit=10))

    def everything() -> None:
        store.sessions_in(frozenset({ChatState.WAITING}))

    crowd(store, range(20))
    few, few_all = steps(reader, page), steps(reader, everything)
    crowd(store, range(20, 800))
    assert steps(reader, page) <= few + 2
    assert steps(reader, everything) > 20 * few_all  # the measure does see what grows


def test_keeping_it_up_costs_the_same_among_many_chats(store: SqliteStore, path: Path) -> None:
    """Neither a new profile nor a change of state looks at other chats."""
    sql = (
        ("INSERT OR REPLACE INTO profile (chat, body) VALUES (1, ?)", (rows.profile_body(begun(0).profile),)),
        ("UPDATE chat SET state='active' WHERE seq=1", ()),
        ("UPDATE chat SET state='waiting' WHERE seq=1", ()),
    )

    def changes(connection: sqlite3.Connection) -> int:
        return steps(connection, lambda: [connection.execute(*each) for each in sql])

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        crowd(store, range(20))
        few = changes(connection)
        crowd(store, range(20, 400))
        assert changes(connection) <= few + 2


def test_a_release_that_does_not_know_it_keeps_it_up(store: SqliteStore, path: Path) -> None:
    """The statements of schema 10 (a worker that is being replaced) begin, end and purge listed chats."""
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        older.execute(
            "INSERT INTO chat (version, state, next_index, last_utc_ms, id, created_ms)"
            " VALUES (1, 'waiting', 1, 1, 'chat-7', ?)",
            (NOW,),
        )
        body = rows.profile_body(begun(7).profile)
        older.execute("INSERT OR REPLACE INTO profile (chat, body) SELECT seq, ? FROM chat", (body,))
        assert ["chat-7"] == [each.id for each in store.open_chats(BOTH, after=None, limit=9)]
        older.execute("UPDATE chat SET version=2, state='ended', next_index=2, last_utc_ms=2 WHERE seq=1")
        assert [] == list(store.open_chats(BOTH, after=None, limit=9))
        older.execute("UPDATE chat SET state='active' WHERE seq=1")
        older.execute("DELETE FROM profile WHERE chat=1")
        assert [] == older.execute("SELECT * FROM listed").fetchall()


@pytest.mark.parametrize("dropped", [None, *TRIGGERS])
def test_the_triggers_keep_it_equal_to_its_view(store: SqliteStore, path: Path, dropped: str | None) -> None:
    """After every kind of change the table is what the view says; without one of the triggers it is not."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if dropped:
            connection.execute(f"DROP TRIGGER {dropped}")

        def differs() -> bool:
            stored = connection.execute("SELECT list, created_ms, id, chat FROM listed ORDER BY 1, 2, 3")
            should = connection.execute("SELECT list, created_ms, id, chat FROM listing ORDER BY 1, 2, 3")
            return stored.fetchall() != should.fetchall()

        differed = False
        crowd(store, range(3))
        for session in map(begun, range(3)):
            parked = following(session, profile=replace(session.profile, parked=True))
            active = following(parked, state=ChatState.ACTIVE)
            ended = following(active, state=ChatState.ENDED)
            for change in (Change(parked), Change(active, profile_changed=False), said(active, [b"{}"])):
                if change.session.version == 4:  # what is said in between
                    ended = following(change.session, state=ChatState.ENDED)
                store.commit(change)
                differed = differed or differs()
            if session.id != "chat-1":
                store.commit(Change(ended, profile_changed=False))
            differed = differed or differs()
        store.purge("chat-1")
        assert (dropped is not None) == (differed or differs())
