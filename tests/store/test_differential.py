"""Random histories give the same answers on the specification (memory) and on every durable backend."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from store.values import NOW, attempt, comet, customer, delivery, hidden, message, opened, stored_file, typing

from gateway.errors import Conflict
from gateway.model.change import Change
from gateway.model.deliveries import DeliveryState
from gateway.model.files import FileState
from gateway.model.inspection import DeliveryFilter, StatusClass
from gateway.model.pending import Pending, PendingStep
from gateway.model.session import ChatState
from gateway.store.memory import MemoryStore
from gateway.store.roles import ArchiveQuery, OpenChats, Store
from gateway.store.sqlite import SqliteStore

Step = Callable[[Store], Any]

CHATS = st.sampled_from(["chat-1", "chat-2"])
OWNERS = st.sampled_from(["n1", "n2"])
DELIVERIES = st.integers(0, 7).map("d{}".format)
FILES = st.integers(0, 4).map("F{}".format)
STATES = st.frozensets(st.sampled_from(DeliveryState))
TIMES = st.integers(0, 40_000).map(NOW.__add__)
FILTERS = st.builds(
    DeliveryFilter,
    states=STATES,
    chat_id=st.none() | CHATS,
    since_ms=st.none() | TIMES,
    answers=st.just(frozenset()) | st.frozensets(st.sampled_from(StatusClass)),
)


@st.composite
def commits(draw: st.DrawFn) -> Step:
    """A change of one chat: usually of the right version, sometimes not."""
    chat_id, skew = draw(CHATS), draw(st.sampled_from([0, 0, 0, 1, -1]))
    state, changed = draw(st.sampled_from(ChatState)), draw(st.booleans())
    kinds = draw(st.lists(st.sampled_from([message, hidden, typing]), max_size=3))
    ids = draw(st.lists(DELIVERIES, max_size=2, unique=True))
    due = draw(TIMES)
    parked, bob = (
        draw(st.booleans()),
        replace(opened().profile.participants[1], left=draw(st.none() | st.just("0"))),
    )
    files = draw(st.dictionaries(FILES, st.sampled_from(FileState), max_size=2))

    def step(store: Store) -> Any:
        stored = store.session(chat_id)
        base = stored or replace(opened(chat_id), version=0, next_index=0)
        version, next_index = base.version + 1 + skew, base.next_index + len(kinds)
        profile = base.profile
        if changed:
            profile = replace(
                profile, subject=f"v{version}", parked=parked, participants=(customer(chat_id), bob)
            )
        session = replace(base, version=version, state=state, next_index=next_index, profile=profile)
        events = [kind(base.next_index + place) for place, kind in enumerate(kinds)]
        rows = [delivery(id_, chat_id=chat_id, position=next_index, due_ms=due) for id_ in ids]
        change = Change(
            session,
            tuple([event for event, kind in zip(events, kinds, strict=True) if kind is not typing]),
            tuple([event for event, kind in zip(events, kinds, strict=True) if kind is typing]),
            tuple(rows),
            profile_changed=changed,
            files=tuple([stored_file(id_, chat_id=chat_id, state=to) for id_, to in files.items()]),
        )
        try:
            store.commit(change)
        except (Conflict, ValueError) as error:
            return type(error).__name__
        return store.session(chat_id)

    return step


@st.composite
def advances(draw: st.DrawFn) -> Step:
    """A step of one chat's record: usually of the right version, sometimes not, often with a pointer."""
    chat_id, skew = draw(CHATS), draw(st.sampled_from([0, 0, 0, 1]))
    next_ms, sent = draw(st.none() | TIMES), draw(st.integers(0, 3))
    row = draw(st.none() | DELIVERIES)

    def step(store: Store) -> Any:
        before = store.pending(chat_id) or Pending(chat_id, "U")
        before = replace(before, version=before.version + skew)
        free = row is not None and store.delivery(row) is None
        after = replace(before, next_ms=next_ms, sent=sent, delivery_id=row if free else before.delivery_id)
        told = delivery(row, chat_id=chat_id) if free and row else None
        return store.advance([replace(PendingStep.of(before, after), delivery=told)])

    return step


def calls() -> st.SearchStrategy[Step]:
    """Every other method with arguments that often hit."""
    return st.one_of(
        st.builds(
            lambda c, n, t: lambda s: s.recent(c, n, limit=4, now_ms=t), CHATS, st.integers(0, 9), TIMES
        ),
        st.builds(lambda c, n: lambda s: s.last_events(c, n), CHATS, st.integers(0, 5)),
        st.builds(lambda states: lambda s: s.sessions_in(states), st.frozensets(st.sampled_from(ChatState))),
        st.builds(
            lambda wanted, n: (
                lambda s: s.open_chats(wanted, after=(NOW, "chat-1") if n else None, limit=1 + n)
            ),
            st.builds(OpenChats, st.booleans(), st.booleans(), st.none() | st.just("bob")),
            st.integers(0, 1),
        ),
        st.builds(lambda c: lambda s: s.find_party(f"key-{c}"), CHATS),
        st.builds(lambda c: lambda s: s.purge(c), CHATS),
        st.builds(lambda o, t: lambda s: s.claim(o, now_ms=t, lease_ms=9000, limit=2), OWNERS, TIMES),
        st.builds(
            lambda o, t, n: lambda s: s.claim(o, now_ms=t, lease_ms=9000, limit=2, lanes={(None, False): n}),
            OWNERS,
            TIMES,
            st.integers(0, 3),
        ),
        st.builds(lambda t: lambda s: s.due_lanes(now_ms=t), TIMES),
        st.builds(
            lambda d, o, to, again, yields: (
                lambda s: s.finish(d, o, state=to, attempt=attempt(d), retry_at_ms=again, yields_ms=yields)
            ),
            DELIVERIES,
            OWNERS,
            st.sampled_from(DeliveryState),
            st.none() | TIMES,
            st.none() | TIMES,
        ),
        st.builds(
            lambda c, states: lambda s: s.list_deliveries(chat_id=c, states=states, limit=5),
            st.none() | CHATS,
            STATES,
        ),
        st.builds(
            lambda wanted, oldest: (
                lambda s: s.find_deliveries(wanted, after=None, limit=3, oldest_first=oldest)
            ),
            FILTERS,
            st.booleans(),
        ),
        st.builds(
            lambda ids, t, only: lambda s: s.requeue(ids, now_ms=t, by="Olga", only=only),
            st.lists(DELIVERIES, max_size=3),
            TIMES,
            st.just(frozenset()) | STATES,
        ),
        st.builds(lambda d, t: lambda s: s.cancel_delivery(d, now_ms=t), DELIVERIES, TIMES),
        st.just(lambda s: s.dead_letter_count()),
        st.builds(lambda d: lambda s: s.attempts(d), DELIVERIES),
        st.just(lambda s: s.pending_count()),
        st.builds(lambda n: lambda s: s.chats_after(n, limit=1), st.integers(0, 3)),
        st.builds(
            lambda n, t: lambda s: s.chats_after(n, limit=5, ended_before_ms=t), st.integers(0, 2), TIMES
        ),
        st.builds(lambda t: lambda s: s.index_some(quiet_before_ms=t), TIMES),
        st.builds(
            lambda q: lambda s: s.search(ArchiveQuery(customer=q), before=None, limit=5), st.text(max_size=4)
        ),
        advances(),
        st.builds(lambda t: lambda s: s.due_pendings(now_ms=t, limit=1), TIMES),
        st.just(lambda s: s.armed_pendings()),
        st.just(lambda s: s.armed_count()),
        st.builds(lambda f: lambda s: s.file(f), FILES),
        st.builds(lambda c: lambda s: s.files(c), CHATS),
        st.just(lambda s: s.pending_files()),
        st.builds(lambda f: lambda s: s.pass_file(f), FILES),
        st.builds(lambda f, n: lambda s: s.count_download(f, limit=n), FILES, st.integers(0, 3)),
        st.builds(lambda c, n: lambda s: s.save_comet(comet(c, cursor=n, updated_ms=n)), CHATS, TIMES),
        st.builds(lambda c: lambda s: s.forget_comet(c), CHATS),
        st.builds(lambda c: lambda s: s.comet(c), CHATS),
        st.builds(lambda t: lambda s: s.purge_comet(t), TIMES),
        st.just(lambda s: s.comet_by_browser("b1", "https://a.example")),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(commits(), commits(), calls(), calls()), max_size=30))
def test_same_history_same_answers(steps: list[Step]) -> None:
    """Each step of a random history is answered equally by memory and SQLite, and a reopened file agrees."""
    memory = MemoryStore()
    with TemporaryDirectory() as directory:
        sqlite = SqliteStore(Path(directory) / "gateway.db")
        try:
            for step in steps:
                assert answer(step, memory) == answer(step, sqlite)
            sqlite.close()
            sqlite = SqliteStore(Path(directory) / "gateway.db")
            assert content(memory) == content(sqlite)
        finally:
            sqlite.close()


def answer(step: Step, store: Store) -> Any:
    """The result in a comparable form (backends may choose the kind of sequence)."""
    result = step(store)
    return list(result) if isinstance(result, (list, tuple)) else result


def content(store: Store) -> list[Any]:
    """Everything durable that a store holds of the two chats."""
    rows = list(store.list_deliveries(chat_id=None, states=frozenset(), limit=100))
    return [
        [store.session(chat_id) for chat_id in ("chat-1", "chat-2")],
        [list(store.events(chat_id, 0, limit=100)) for chat_id in ("chat-1", "chat-2")],
        [list(store.files(chat_id)) for chat_id in ("chat-1", "chat-2")],
        rows,
        [list(store.attempts(row.id)) for row in rows],
        [list(store.replay_records(row.id)) for row in rows],
        [store.pending(chat_id) for chat_id in ("chat-1", "chat-2")],
        [store.comet(client_id) for client_id in ("chat-1", "chat-2")],
    ]
