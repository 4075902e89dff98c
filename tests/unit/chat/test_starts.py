"""Starts that have a name: one chat however often they are repeated, and nobody else's (spec 6.1)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.chat.engine import ALICE, BOB, Engine

from gateway.chat.customers import Started, StartRequest
from gateway.chat.starts import REPEAT_MS
from gateway.errors import Rejected, Unavailable
from gateway.model.change import Change
from gateway.model.session import ChatSession

KEY = "0123456789abcdef" * 2
OTHER_KEY = "f" + KEY[1:]


def begin(engine: Engine, key: str = KEY, **changes: str) -> Started:
    """Start a chat under this name."""
    fields = {"service": "customer-support", "origin": "rest", "nickname": "Ann", "text": "hello"}
    return engine.customers.start(StartRequest(**(fields | changes), start_key=key))


def same(first: Started, second: Started) -> bool:
    """Whether both have the whole answer of one chat."""
    assert first.party.session.id != second.party.session.id or first.events == second.events
    mine, yours = first.party, second.party
    return (mine.session.id, mine.participant.user_id, mine.secure_key) == (
        yours.session.id,
        yours.participant.user_id,
        yours.secure_key,
    )


def waiting(engine: Engine) -> int:
    """How many chats agents see."""
    return len(engine.agents.list_chats(ALICE, "waiting"))


def test_a_repeated_start_is_the_same_chat(engine: Engine):
    """Ids, key and first events are those of the first time, whatever is asked now; nothing is committed."""
    first = begin(engine)
    second = begin(engine, nickname="Eve", text="")
    assert same(first, second)
    assert (False, True) == (first.replayed, second.replayed)
    assert (1, 1) == (waiting(engine), len(engine.store.commits))


def test_a_repeated_start_works_after_a_restart(engine: Engine):
    """The name is not remembered by a process."""
    first = begin(engine)
    engine.build()
    assert same(first, begin(engine))


def test_the_key_of_a_repeated_start_opens_the_chat(engine: Engine):
    """It is the secure key that the store has the fingerprint of."""
    begin(engine)
    party = begin(engine).party
    assert party.session.id == engine.customers.by_key(party.secure_key).session.id


@pytest.mark.parametrize(
    ("key", "changes"), [("", {}), (OTHER_KEY, {}), (KEY, {"service": "other-service"})], ids=str
)
def test_other_starts_are_other_chats(engine: Engine, key: str, changes: dict[str, str]):
    """Without a name, with another one, and for another service."""
    first = begin(engine)
    second = begin(engine, key, **changes)
    assert not same(first, second)
    assert (False, 2) == (second.replayed, waiting(engine))


def test_without_names_each_start_is_a_chat(engine: Engine):
    """What clients without the parameter have always had."""
    assert not same(begin(engine, ""), begin(engine, ""))


@pytest.mark.parametrize("late_ms", [REPEAT_MS - 1, REPEAT_MS])
def test_a_name_is_good_for_two_minutes(engine: Engine, late_ms: int):
    """Afterwards it gives no chat away: a start makes a new one, also the next time."""
    first = begin(engine)
    engine.clock.advance(late_ms / 1000)
    second = begin(engine)
    assert same(first, second) == (late_ms < REPEAT_MS)
    if late_ms == REPEAT_MS:
        assert 3 == len({each.party.session.id for each in (first, second, begin(engine))})


def test_a_name_does_not_lead_to_an_ended_chat(engine: Engine):
    """Who starts again after the end gets a new chat."""
    first = begin(engine)
    engine.customers.leave(first.party)
    second = begin(engine)
    assert not same(first, second)
    assert not second.party.session.ended_for_customer


def test_an_identifier_alone_opens_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    """A chat under the name's identifier whose secure key is another one is not given away."""
    first = begin(engine)
    read = engine.store.session

    def foreign(chat_id: str) -> ChatSession | None:
        session = read(chat_id)
        if session is None or chat_id != first.party.session.id:
            return session
        party = replace(session.customer, key_hash="0" * 64)
        return replace(session, profile=replace(session.profile, participants=(party,)))

    monkeypatch.setattr(engine.store, "session", foreign)
    second = begin(engine)
    assert not same(first, second)
    assert not second.replayed


def test_two_starts_at_the_same_moment_are_one_chat(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    """The second has looked before the first commits, and finds the identifier taken."""
    commit = engine.store.commit
    first: list[Started] = []

    def slowly(change: Change) -> None:
        monkeypatch.setattr(engine.store, "commit", commit)
        other = Engine.__new__(Engine)  # another process on the same store: it has locks of its own
        other.__dict__ |= engine.__dict__
        other.build()
        first.append(begin(other))
        commit(change)

    monkeypatch.setattr(engine.store, "commit", slowly)
    second = begin(engine)
    assert same(first[0], second)
    assert (True, 1) == (second.replayed, waiting(engine))


def test_a_store_in_trouble_is_unavailable(engine: Engine):
    """Nothing is made, and the same start succeeds when the trouble is over."""
    engine.store.down = True
    with pytest.raises(Unavailable):
        begin(engine)
    engine.store.down = False
    assert not begin(engine).replayed
    assert 1 == waiting(engine)


def test_what_happened_meanwhile_comes_with_the_transcript(engine: Engine):
    """The answer has the first events and no other: an agent's join is asked for from there on."""
    first = begin(engine, text="")
    engine.agents.accept(BOB, first.party.session.id)
    second = begin(engine, text="")
    assert [1] == [event.index for event in second.events]


@pytest.mark.parametrize("key", ["a" * 31, "a" * 129, "a" * 31 + " ", "ä" * 32, "a" * 32 + "\n", "\x00" * 32])
def test_a_name_that_could_be_guessed_is_refused(engine: Engine, key: str):
    """Error 101: 32 to 128 characters of an identifier."""
    with pytest.raises(Rejected) as refused:
        begin(engine, key)
    assert (101, "startKey") == (refused.value.code, refused.value.advice)
    assert 0 == waiting(engine)


def test_the_name_is_kept_nowhere(engine: Engine):
    """Neither the store nor the bus has it; without the installation's secret nothing leads back to it."""
    begin(engine)
    assert KEY not in repr((vars(engine.store), engine.published))
