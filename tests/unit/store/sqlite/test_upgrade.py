"""A database of any earlier schema, with data in it, goes on working after the upgrade."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from store.values import NOW, following, message, opened
from unit.store.sqlite.earlier import (
    ENDED,
    NEWEST,
    OPEN,
    QUEUED,
    SENT,
    TABLES,
    earlier,
    listed,
    schema,
)
from unit.store.sqlite.earlier_profiles import profile_members

from gateway.model.accounts import Duty, StoredAccount
from gateway.model.change import Change, MessageId
from gateway.model.deliveries import DeliveryState
from gateway.model.inspection import Replay
from gateway.store.roles import ArchiveQuery
from gateway.store.sqlite import SqliteStore

# Columns that SQLite fills.
NUMBERED = {("delivery", "seq"), ("attempt", "seq"), ("file", "seq"), ("replay", "seq")}
NUMBERED |= {("listed", column) for column in ("list", "created_ms", "id", "chat")}
VERSIONS = range(1, NEWEST + 1)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_table_of_a_version_has_test_rows(tmp_path: Path, version: int):
    """What the other tests here prove holds for all that a release could have stored: no table is left empty,
    no column unwritten but the numbers that SQLite gives."""
    path = tmp_path / "gateway.db"
    earlier(path, version)
    with closing(sqlite3.connect(path)) as connection:
        tables = schema(connection)
        empty = [name for name in tables if not connection.execute(f"SELECT 1 FROM {name}").fetchone()]
    assert [] == empty
    assert set(tables) <= set(TABLES)
    unwritten = {
        (name, column)
        for name, columns in tables.items()
        for column in set(columns).difference(*(row for row in TABLES[name].rows))
    }
    assert NUMBERED | {("probe", "id"), ("probe", "count")} >= unwritten


@pytest.mark.parametrize("version", VERSIONS)
def test_every_table_is_read_after_the_upgrade(tmp_path: Path, version: int):
    """The rows of every table come back through the store's methods, with defaults for what is newer."""
    path = tmp_path / "gateway.db"
    earlier(path, version)
    with closing(sqlite3.connect(path)) as connection:
        tables = schema(connection)
    with closing(SqliteStore(path)) as store:
        for name, columns in tables.items():
            known = {*columns, *profile_members(version)}
            assert TABLES[name].expected_from(known) == [*TABLES[name].read(store)], name


@pytest.mark.parametrize("version", VERSIONS)
def test_an_upgraded_outbox_goes_on(tmp_path: Path, version: int):
    """What was queued is claimed and finished, what was given up is sent again, what is owed is due."""
    path = tmp_path / "gateway.db"
    earlier(path, version)
    with closing(SqliteStore(path)) as store:
        assert (1, 0) == (store.pending_count(), store.dead_letter_count())  # the dead letter is a debug one
        assert [QUEUED] == [one.id for one in store.claim("me", now_ms=NOW, lease_ms=9, limit=9)]
        assert store.finish(QUEUED, "me", state=DeliveryState.DELIVERED, attempt=None)
        assert [Replay.QUEUED] == list(store.requeue([SENT], now_ms=NOW, by="Olga"))
        assert [SENT] == [one.id for one in store.claim("me", now_ms=NOW, lease_ms=9, limit=9)]
        assert store.finish(SENT, "me", state=DeliveryState.FAILED, attempt=None)
        due = store.due_pendings(now_ms=NOW + 3, limit=9)
        assert [OPEN] * (version >= 2) == [pending.chat_id for pending, _ in due]


@pytest.mark.parametrize("version", VERSIONS)
def test_open_chats_are_listed_after_the_upgrade(tmp_path: Path, version: int):
    """The open chat, which its release could park (since 6) or not, and who is in it (since 9)."""
    path = tmp_path / "gateway.db"
    earlier(path, version)
    with closing(SqliteStore(path)) as store:
        assert [OPEN] * (version < 6) == listed(store, waiting=True)
        assert [OPEN] * (version >= 6) == listed(store, parked=True)
        assert [OPEN] * (version >= 9) == listed(store, account="sara")
        assert [] == listed(store, account="bob")


@pytest.mark.parametrize("version", VERSIONS)
def test_what_was_stored_goes_on(tmp_path: Path, version: int):
    """The open chat and the personnel go on, old words are found, a chat is purged without a trace."""
    path = tmp_path / "gateway.db"
    earlier(path, version)
    store = SqliteStore(path)
    session = store.session(OPEN)
    assert session is not None
    assert store.add_account(StoredAccount(name="Zoe", role="agent", created_ms=NOW))
    store.put_duty(Duty("Zoe", True, "", NOW))
    named = MessageId("customer", "m-2")
    change = Change(following(session, events=1), (message(3),), profile_changed=False, message_id=named)
    store.commit(change)
    assert 3 == store.message_index(OPEN, named)

    while store.index_some(quiet_before_ms=NOW + 10):
        pass
    store.close()
    store = SqliteStore(path)  # and after a restart
    found = [chat.id for _, chat in store.search(ArchiveQuery(text="chat 2"), before=None, limit=9)]
    assert [OPEN] == found
    assert 3 == store.message_index(OPEN, named)
    assert "Zoe" in [account.name for account in store.accounts()]
    assert "Zoe" in [duty.name for duty in store.duties()]
    store.purge(ENDED)
    assert [OPEN] == [chat.id for _, chat in store.chats_after(0, limit=9)]
    store.close()


def test_an_upgraded_file_has_the_schema_of_a_fresh_one(tmp_path: Path):
    """Whatever version it comes from."""
    schemas = []
    for version in (0, *VERSIONS):
        path = tmp_path / f"{version}.db"
        if version:
            earlier(path, version)
        SqliteStore(path).close()
        with sqlite3.connect(path) as connection:
            rows_ = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()
        schemas.append(rows_)
    assert all(schema == schemas[0] for schema in schemas)


def test_a_purged_chat_leaves_no_row(tmp_path: Path):
    """Every table is searched for what belonged to the chat; its neighbour keeps everything (privacy)."""
    path = tmp_path / "gateway.db"
    store = SqliteStore(path)
    for chat_id in (ENDED, OPEN):
        session = replace(opened(chat_id), next_index=2)
        event = message(1, wire=orjson.dumps({"index": 1, "text": f"secretword{chat_id[-1]}"}))
        store.commit(Change(session, (event,), message_id=MessageId("customer", f"id-{chat_id}")))
    while store.index_some(quiet_before_ms=NOW * 2):
        pass
    store.purge(ENDED)
    store.close()
    connection = sqlite3.connect(path)
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
    content = {table: repr(connection.execute(f"SELECT * FROM {table}").fetchall()) for table in tables}
    connection.close()
    shadows = {"transcript_data", "transcript_idx"}  # blocks of the index, merged away later
    rest = "".join(text for table, text in content.items() if table not in shadows)
    assert "secretword1" not in rest
    assert "chat-1" not in rest
    assert "secretword2" in rest
