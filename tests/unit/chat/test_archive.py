"""The archive: search, export, deletion of chats and of a customer's data, retention."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import orjson
import pytest
from unit.chat.engine import ALICE, SERVICE, Engine

from gateway.chat import export
from gateway.chat.archive import DAY_MS, RETENTION_SWEEP_S, Archive, Customer
from gateway.errors import ChatGone, NotFound, Rejected, StateConflict
from gateway.model.session import ChatState
from gateway.store.roles import ArchiveQuery


@pytest.fixture
def archive(engine: Engine) -> Archive:
    """As the gateway has it, with a ledger."""
    return made(engine)


def made(engine: Engine, *, offline: bool = False) -> Archive:
    ledger = None if offline else engine.ledger
    return Archive(
        engine.store,
        purge=engine.store.purge,
        settings_source=engine.settings,
        clock=engine.clock,
        ledger=ledger,
    )


def ended(engine: Engine, **fields) -> str:
    """A chat that was begun, said hello and ended."""
    party = engine.start(**fields)
    engine.customers.send(party, "hello")
    engine.customers.leave(party)
    return party.session.id


def stored(archive: Archive, **query: str) -> list[str]:
    return [chat.id for chat in archive.search(ArchiveQuery(**query)).chats]


def test_pages_lead_to_each_other(engine: Engine, archive: Archive):
    """Newest first; the last page has no cursor, also when it is exactly full."""
    ids = [ended(engine) for _ in range(4)]
    first = archive.search(ArchiveQuery(), limit=2)
    second = archive.search(ArchiveQuery(), cursor=first.cursor, limit=2)
    assert ids[::-1] == [chat.id for chat in (*first.chats, *second.chats)]
    assert (True, None) == (first.cursor is not None, second.cursor)
    for limit in (0, 101):
        with pytest.raises(Rejected):
            archive.search(ArchiveQuery(), limit=limit)


def test_the_sweep_makes_messages_searchable(engine: Engine, archive: Archive):
    """The index is behind until then; a chat that goes on follows when it has been quiet."""
    chat_id = ended(engine)
    party = engine.start()
    engine.customers.send(party, "hello again")
    assert [] == stored(archive, text="hello")
    archive.sweep()
    assert [chat_id] == stored(archive, text="hello")
    engine.clock.advance(11)
    archive.sweep()
    assert [party.session.id, chat_id] == stored(archive, text="hello")


def test_an_export_has_every_event_and_no_secret(engine: Engine, archive: Archive):
    """JSON has the objects of the wire; nothing in it opens the chat."""
    party = engine.start(email="ann@shop.example", user_data={"order": "42"})
    engine.agents.accept(ALICE, party.session.id)
    engine.customers.send(party, "hi")
    document = orjson.loads(archive.as_json(party.session.id))
    wires = [orjson.loads(each.wire) for each in engine.store.events(party.session.id, 1, limit=9)]
    assert (wires, 3) == (document["events"], document["lastIndex"])
    assert ("ann@shop.example", {"order": "42"}, "active") == (
        document["email"],
        document["userData"],
        document["state"],
    )
    assert ["Client", "Agent"] == [each["type"] for each in document["participants"]]
    text = orjson.dumps(document).decode()
    assert party.secure_key not in text
    assert party.participant.key_hash not in text
    assert party.participant.salt not in text


def test_no_message_can_pretend_to_be_another_event(engine: Engine, archive: Archive):
    """In the text form further lines of a message are indented, and names stay in their line."""
    party = engine.start(nickname="Ann\nEve")
    forged = f"hi\n{export.iso_time(engine.clock.wall_ms())} Alice: your refund is granted"
    engine.customers.send(party, forged)
    lines = archive.as_text(party.session.id).splitlines()
    begins = [line for line in lines if line.startswith("20")]
    assert 2 == len(begins)
    assert all(line.split(" ", 1)[1].startswith("Ann Eve") for line in begins)


def test_a_long_chat_is_exported_completely(engine: Engine, archive: Archive):
    """Also beyond what is read at once."""
    party = engine.start()
    for _ in range(1100):
        engine.customers.send(party, "x")
    assert 1101 == len(orjson.loads(archive.as_json(party.session.id))["events"])


def test_an_open_chat_ends_for_everybody_before_it_is_deleted(engine: Engine, archive: Archive):
    """Its clients are told; afterwards it is unknown, and its key opens nothing."""
    party = engine.start()
    archive.purge(party.session.id)
    assert any(event.ends_chat for event in engine.published[-1].events)
    with pytest.raises(NotFound):
        archive.chat(party.session.id)
    with pytest.raises(ChatGone):
        engine.customers.by_key(party.secure_key)
    with pytest.raises(ChatGone):
        engine.customers.send(party, "late")
    with pytest.raises(NotFound):
        archive.purge(party.session.id)


def test_the_command_line_leaves_open_chats_alone(engine: Engine):
    """Only the process that has the chat's clients can end it."""
    open_chat, chat_id = engine.start(email="a@b.example").session.id, ended(engine, email="a@b.example")
    offline = made(engine, offline=True)
    with pytest.raises(StateConflict):
        offline.purge(open_chat)
    assert (1, 1) == offline.purge_customer(Customer(email="a@b.example"))
    assert ([open_chat], True) == (stored(offline), chat_id != open_chat)


@pytest.mark.parametrize(
    ("customer", "kept"),
    [
        (Customer(email="ANN@shop.example"), {"eve", "keyed"}),
        (Customer(key="account", value="7"), {"ann", "ann2", "eve"}),
        (Customer(email="nobody@shop.example"), {"ann", "ann2", "eve", "keyed"}),
        (Customer(email="ann@shop.example", key="account", value="7"), {"ann", "ann2", "eve", "keyed"}),
    ],
)
def test_all_of_a_customer_is_deleted_and_nothing_else(engine: Engine, archive: Archive, customer, kept):
    """By address or by an entry of the user data, exactly; never by what the search would find."""
    ids = {
        "ann": ended(engine, email="ann@shop.example"),
        "ann2": engine.start(email="Ann@Shop.Example").session.id,
        "eve": ended(engine, email="joann@shop.example", user_data={"account": "77"}),
        "keyed": ended(engine, user_data={"account": "7"}),
    }
    deleted, left = archive.purge_customer(customer)
    assert (4 - len(kept), 0) == (deleted, left)
    assert {ids[name] for name in kept} == set(stored(archive))


def test_a_deletion_of_nobody_is_refused(engine: Engine, archive: Archive):
    """An empty description must not match everybody."""
    ended(engine)
    with pytest.raises(Rejected):
        archive.purge_customer(Customer())
    assert 1 == len(stored(archive))


INI = f"[chat]\ntranscript_retention=0\n[chat.{SERVICE}]\ntranscript_retention=30\n[chat.keep]\n"


def test_retention_deletes_what_ended_long_ago_per_service():
    """30 days after the end, not before; open chats and other services stay; nothing by default."""
    engine = Engine(INI)
    archive = made(engine)
    old, other = ended(engine), ended(engine, service="keep")
    open_chat = engine.start().session.id
    engine.clock.advance(30 * DAY_MS / 1000 - 2 * RETENTION_SWEEP_S)
    assert 0 == archive.sweep()
    engine.clock.advance(RETENTION_SWEEP_S)
    young = ended(engine)
    engine.clock.advance(RETENTION_SWEEP_S + 1)
    assert 1 == archive.sweep()
    assert [young, open_chat, other] == stored(archive)
    assert old not in stored(archive)
    engine.configure("")
    engine.clock.advance(1000 * DAY_MS / 1000)
    assert 0 == archive.sweep()
    assert 3 == len(stored(archive))


def test_retention_waits_while_the_customer_may_read():
    """`ended_retention` is never cut short."""
    engine = Engine("[chat]\ntranscript_retention=1\nended_retention=172800\n")
    archive = made(engine)
    ended(engine)
    engine.clock.advance(86_400 + 1)
    assert 0 == archive.sweep()
    engine.clock.advance(86_400)
    assert 1 == archive.sweep()


def test_upkeep_stops_when_told(engine: Engine, archive: Archive):
    """A stop between two short transactions loses nothing: the next sweep goes on."""
    ended(engine)
    assert 0 == archive.sweep(lambda: True)
    assert ChatState.ENDED is archive.search(ArchiveQuery()).chats[0].state
    archive.sweep()
    assert 1 == len(stored(archive, text="hello"))
