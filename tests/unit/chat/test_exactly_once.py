"""One visible effect per chat, sender and message id (targets/reliability.md R6)."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from unit.chat.engine import ALICE, BOB, SARA, Engine

from gateway.errors import Forbidden, Rejected
from gateway.model.change import MessageId
from gateway.model.events import EventType
from gateway.store.memory import MemoryStore
from gateway.store.sqlite import SqliteStore

ID = "6e1b2d5c-0001"


def messages(engine: Engine, chat_id: str) -> list[int]:
    """The indexes of the stored messages."""
    stored = engine.store.events(chat_id, 1, limit=1000)
    return [event.index for event in stored if event.type is EventType.MESSAGE]


def test_a_repetition_is_answered_with_the_first_event(engine: Engine):
    """Same index, same bytes, nothing committed or published; also after other events and after the end."""
    party = engine.start()
    first = engine.customers.send(party, "hi", message_id=ID)
    engine.customers.send(party, "and more")
    engine.customers.leave(party)
    published = len(engine.published)
    again = engine.customers.send(party, "hi", message_id=ID)
    assert not first.replayed
    assert (first.events, True, first.session.next_index) == (
        again.events,
        again.replayed,
        again.session.next_index,
    )
    assert ([2, 3], published) == (messages(engine, party.session.id), len(engine.published))
    assert 1 == engine.sample("chat_replays_total")


def test_the_first_text_wins(engine: Engine):
    """Another text under the same id changes nothing."""
    party = engine.start()
    first = engine.customers.send(party, "first", message_id=ID)
    assert first.events == engine.customers.send(party, "second", message_id=ID).events
    assert [2] == messages(engine, party.session.id)


def test_every_operation_that_makes_an_event_takes_an_id(engine: Engine):
    """send, pushUrl, customNotice and updateNickname are each done once."""
    party = engine.start()
    customers = engine.customers
    operations = (
        lambda key: customers.send(party, "hi", message_id=key),
        lambda key: customers.push_url(party, "https://shop.example/", message_id=key),
        lambda key: customers.notice(party, "look", event_attributes=None, message_type=None, message_id=key),
        lambda key: customers.rename(party, "Annie", message_id=key),
    )
    for number, operation in enumerate(operations):
        first, again = operation(f"id-{number}"), operation(f"id-{number}")
        assert ((number + 2,), True) == (tuple(event.index for event in again.events), again.replayed)
        assert first.events == again.events


def test_ids_of_different_senders_and_chats_do_not_meet(engine: Engine):
    """The customer, each agent and each chat have names of their own."""
    party, other = engine.start(), engine.start()
    engine.agents.accept(ALICE, party.session.id)
    engine.customers.send(party, "hi", message_id=ID)
    engine.customers.send(other, "hi", message_id=ID)
    engine.agents.send(ALICE, party.session.id, "hello", message_id=ID)
    assert engine.agents.send(ALICE, party.session.id, "hello", message_id=ID).replayed
    assert [3, 4] == messages(engine, party.session.id)
    assert [2] == messages(engine, other.session.id)


@pytest.mark.parametrize("account", [BOB, SARA])
def test_an_id_opens_no_foreign_chat(engine: Engine, account):
    """A known id of somebody else is of no use to an agent who is not in the chat."""
    party = engine.start()
    engine.agents.accept(ALICE, party.session.id)
    engine.agents.send(ALICE, party.session.id, "hello", message_id=ID)
    with pytest.raises(Forbidden):
        engine.agents.send(account, party.session.id, "hello", message_id=ID)


@pytest.mark.parametrize("text", ["x" * 129, "a\nb", "\x00", "\ud800"])
def test_an_unusable_id_is_refused(engine: Engine, text: str):
    """1-128 printable characters, else 101 before anything happens; 128 are fine."""
    party = engine.start()
    with pytest.raises(Rejected) as refused:
        engine.customers.send(party, "hi", message_id=text)
    assert (101, "messageId") == (refused.value.code, refused.value.advice)
    assert [] == messages(engine, party.session.id)
    engine.customers.send(party, "hi", message_id="x" * 128)


def test_without_an_id_every_send_counts(engine: Engine):
    """The negative control: what has no name cannot be recognised, and is written without a look-up."""
    party = engine.start()
    for message_id in (None, ""):
        engine.customers.send(party, "hi", message_id=message_id)
    assert [2, 3] == messages(engine, party.session.id)
    assert [None] * 3 == [change.message_id for change in engine.store.commits]


def test_a_duplicate_that_overtakes_the_first_is_found(engine: Engine):
    """The other node commits the same id between our look-up and our commit: conflict, look again, replay."""
    party = engine.start()
    commit = engine.store.commit

    calls: list[int] = []

    def overtaken_once(change):
        if not calls:
            calls.append(1)
            MemoryStore.commit(engine.store, change)  # what another process writes
        commit(change)

    engine.store.commit = overtaken_once
    again = engine.customers.send(party, "hi", message_id=ID)
    assert ((2,), True) == (tuple(event.index for event in again.events), again.replayed)
    assert [2] == messages(engine, party.session.id)


class Forgetful(SqliteStore):
    """The negative control: ids are neither looked up nor written."""

    def message_index(self, chat_id: str, message_id: MessageId) -> int | None:
        return None

    def commit(self, change) -> None:
        super().commit(change._replace(message_id=None))


@pytest.mark.parametrize(("kind", "kept"), [(SqliteStore, True), (Forgetful, False)])
def test_duplicates_race_over_two_stores_on_one_file(tmp_path: Path, kind, kept: bool):
    """Two nodes' worth of engines, 8 duplicates at once per id: one event each, and more without ids."""
    engines = [Engine(), Engine()]
    for engine in engines:
        engine.store = kind(tmp_path / "gateway.db")
        engine.build()
    party = engines[0].start()
    rounds, at_once = 12, 8
    indexes: list[set[int]] = [set() for _ in range(rounds)]
    barrier = threading.Barrier(at_once)

    def send(number: int) -> None:
        customers = engines[number % 2].customers
        for turn in range(rounds):
            barrier.wait(20)
            committed = customers.send(party, f"text {number}", message_id=f"id-{turn}")
            indexes[turn].add(committed.events[0].index)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    stored = messages(engines[0], party.session.id)
    for engine in engines:
        engine.store.close()
    assert kept is (rounds == len(stored))
    assert kept is all(len(found) == 1 for found in indexes)
