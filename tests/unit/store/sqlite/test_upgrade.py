"""A database of any earlier schema, with data in it, goes on working after the upgrade."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from store.values import NOW, following, message, opened, profile

from gateway.model.accounts import Duty, StoredAccount
from gateway.model.change import Change, MessageId
from gateway.model.session import ChatState
from gateway.store.roles import ArchiveQuery
from gateway.store.sqlite import SqliteStore, rows
from gateway.store.sqlite.migrate import _scripts, _statements

VERSIONS = range(1, len(_scripts()))
ENDED, OPEN = "chat-1", "chat-2"


def earlier(path: Path, version: int) -> None:
    """A file as that version left it: an ended and an open chat with two messages each, and a token."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    for script in _scripts()[:version]:
        for statement in _statements(script):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version={version}")
    for seq, (chat_id, state) in enumerate(((ENDED, "ended"), (OPEN, "waiting")), start=1):
        connection.execute(
            "INSERT INTO chat (seq, id, version, state, next_index, last_utc_ms, created_ms)"
            " VALUES (?,?,?,?,?,?,?)",
            (seq, chat_id, 3, state, 3, NOW, NOW),
        )
        body = without_personnel(rows.profile_body(profile(chat_id)))
        connection.execute("INSERT INTO profile (chat, body) VALUES (?,?)", (seq, body))
        connection.execute(
            "INSERT INTO party_key (key_hash, chat_id, user_id) VALUES (?,?,?)",
            (f"key-{chat_id}", chat_id, f"U-{chat_id}"),
        )
        for idx in (1, 2):
            wire = orjson.dumps({"index": idx, "text": f"old words {chat_id}"})
            connection.execute(
                "INSERT INTO event (chat, idx, type, author, utc_ms, visibility, reason, ends_chat, wire)"
                " VALUES (?,?,'Message',1,?,'all',NULL,0,?)",
                (seq, idx, NOW + idx, wire),
            )
    connection.execute(
        "INSERT INTO token (fingerprint, name, role, created_ms) VALUES ('f1','Bob','agent',1)"
    )
    connection.close()


def without_personnel(body: bytes) -> bytes:
    """A profile as it was written before 0009: no queue, no notes, no hidden parties."""
    data = orjson.loads(body)
    for name in ("placement", "notes", "disposition"):
        del data[name]
    for party in data["participants"]:
        del party["mode"]
    return orjson.dumps(data)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_was_stored_is_there_and_goes_on(tmp_path: Path, version: int):
    """Sessions, events, keys, tokens are read, the open chat and the personnel go on, old words are found."""
    path = tmp_path / "gateway.db"
    earlier(path, version)
    store = SqliteStore(path)
    session = store.session(OPEN)
    assert session is not None
    assert (3, ChatState.WAITING, profile(OPEN)) == (session.version, session.state, session.profile)
    assert [(1, False), (2, False)] == [(e.index, e.monitored) for e in store.events(OPEN, 1, limit=9)]
    assert (OPEN, f"U-{OPEN}") == store.find_party(f"key-{OPEN}")
    assert ["Bob"] == [token.name for token in store.tokens()]
    assert store.add_account(StoredAccount(name="Eve", role="agent", created_ms=NOW))
    store.put_duty(Duty("Eve", True, "", NOW))

    named = MessageId("customer", "m-1")
    change = Change(following(session, events=1), (message(3),), profile_changed=False, message_id=named)
    store.commit(change)
    assert 3 == store.message_index(OPEN, named)

    while store.index_some(quiet_before_ms=NOW + 10):
        pass
    store.close()
    store = SqliteStore(path)  # and after a restart
    found = [chat.id for _, chat in store.search(ArchiveQuery(text="old words"), before=None, limit=9)]
    assert [OPEN, ENDED] == found
    assert [OPEN] == [c.id for _, c in store.search(ArchiveQuery(text="chat 2"), before=None, limit=9)]
    assert 3 == store.message_index(OPEN, named)
    assert ["Eve"] == [account.name for account in store.accounts()] == [each.name for each in store.duties()]
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
