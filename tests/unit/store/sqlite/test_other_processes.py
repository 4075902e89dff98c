"""Other processes write to the same file: what this one sees of it, and when it waits for them.

The fixture `neighbour` stands for another process: a second store on the file, with a cache of its own.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from store.values import NOW, attempt, customer, delivery, following, message, opened, outbox, said, token

from gateway.errors import Conflict, Unavailable
from gateway.model.change import Change
from gateway.model.deliveries import DeliveryState
from gateway.model.session import ChatSession, ChatState
from gateway.store.sqlite import SqliteStore


def test_token_of_another_process_is_seen_at_once(store: SqliteStore, path: Path) -> None:
    """Tokens that the command line adds or revokes count for the next request."""
    code = (
        "import sys; from gateway.store.sqlite import SqliteStore; from gateway.store.roles import Token;"
        "s = SqliteStore(sys.argv[1]);"
        "s.add_token(Token('f2', 'Eve', 'bot', 7)); s.revoke_token('f1', now_ms=8); s.close()"
    )
    store.add_token(token())
    assert token() == store.token("f1")
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)
    assert store.token("f1") is None
    assert "Eve" == store.token("f2").name


def renewed(key_hash: str) -> ChatSession:
    """Version 2 of chat-1, with another key."""
    profile = replace(opened().profile, participants=(customer("chat-1", key_hash=key_hash),))
    return replace(following(opened(), events=1, state=ChatState.ACTIVE), profile=profile)


def test_change_of_another_process_is_seen_after_the_next_batch(
    store: SqliteStore, neighbour: SqliteStore
) -> None:
    """Cached sessions and keys that another process replaced are read again once this one has written."""
    store.commit(Change(opened()))
    theirs = renewed("key-new")
    neighbour.commit(Change(theirs, (message(1),)))
    store.flush()
    assert theirs == store.session("chat-1")
    assert ("chat-1", "U-chat-1") == store.find_party("key-new")
    assert store.find_party("key-chat-1") is None
    neighbour.purge("chat-1")
    store.flush()
    assert store.session("chat-1") is None
    assert store.find_party("key-new") is None


def test_commit_on_the_version_before_another_process_conflicts(
    store: SqliteStore, neighbour: SqliteStore
) -> None:
    """A decision on an outdated session is refused, and the next one sees what the other process wrote."""
    store.commit(Change(opened()))
    theirs = following(opened(), events=1, state=ChatState.ACTIVE)
    neighbour.commit(Change(theirs, (message(1),), profile_changed=False))
    with pytest.raises(Conflict):
        store.commit(said(store.session("chat-1"), [b"{}"]))
    assert theirs == store.session("chat-1")
    store.commit(said(theirs, [b"{}"]))
    assert 2 == len(neighbour.events("chat-1", 0, limit=10))


def test_conflict_heals_the_cache(store: SqliteStore) -> None:
    """Whatever made the cache wrong, a commit that conflicts makes it read the file again."""
    store.commit(Change(opened()))
    wrong = replace(opened(), version=7)
    store._cache.committed(Change(wrong))
    assert wrong == store.session("chat-1")
    with pytest.raises(Conflict):
        store.commit(said(wrong, [b"{}"]))
    assert opened() == store.session("chat-1")


def test_number_of_a_purged_chat_is_not_mistaken_for_its_successor(
    store: SqliteStore, neighbour: SqliteStore
) -> None:
    """A change of a chat that is gone is refused, and leaves the chat alone that was given its number, also
    when this process is not told that another one has written."""
    store.commit(Change(opened()))
    neighbour.purge("chat-1")
    neighbour.commit(Change(opened("chat-2")))
    store._writer._on_foreign_write = lambda: None
    with pytest.raises(Conflict):
        store.commit(said(opened(), [b"{}"]))
    assert opened("chat-2") == neighbour.session("chat-2")
    assert () == neighbour.events("chat-2", 0, limit=10)


def test_read_that_a_foreign_write_overtook_is_not_cached(
    store: SqliteStore, neighbour: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session read before another process wrote, but decoded after the cache was emptied, is not kept."""
    neighbour.commit(Change(opened()))
    read, theirs = store._readers.one, following(opened())

    def overtaken(sql: str, parameters: Sequence[Any]) -> Any:
        row = read(sql, parameters)
        neighbour.commit(Change(theirs, profile_changed=False))
        store.flush()
        return row

    with monkeypatch.context() as patch:
        patch.setattr(store._readers, "one", overtaken)
        assert opened() == store.session("chat-1")
    assert theirs == store.session("chat-1")


def test_read_that_an_own_commit_overtook_is_not_cached(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that is slower than a commit of the same chat does not put the old version back."""
    store.commit(Change(opened()))
    store.forget_cached()
    read, newer = store._readers.one, following(opened())

    def overtaken(sql: str, parameters: Sequence[Any]) -> Any:
        row = read(sql, parameters)
        store.commit(Change(newer, profile_changed=False))
        return row

    with monkeypatch.context() as patch:
        patch.setattr(store._readers, "one", overtaken)
        assert opened() == store.session("chat-1")
    assert newer == store.session("chat-1")


def test_lock_of_another_process_delays_a_commit(store: SqliteStore, path: Path) -> None:
    """A commit waits while another process writes, and is written as soon as that is over."""
    patient = SqliteStore(path, busy_timeout_ms=30_000)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    committing = threading.Thread(target=patient.commit, args=(Change(opened()),))
    committing.start()
    committing.join(0.2)
    assert committing.is_alive()
    assert store.session("chat-1") is None
    other.close()
    committing.join(30)
    assert opened() == store.session("chat-1")
    patient.close()


def test_lock_held_for_too_long_is_unavailable(path: Path) -> None:
    """After `busy_timeout_ms` the commit is refused, nothing of it is written, and the next one works."""
    impatient = SqliteStore(path, busy_timeout_ms=50)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        impatient.commit(Change(opened(), (message(1),)))
    other.close()
    assert impatient.session("chat-1") is None
    impatient.commit(Change(opened()))
    assert opened() == impatient.session("chat-1")
    impatient.close()


def test_claims_of_two_processes_do_not_overlap(store: SqliteStore, neighbour: SqliteStore) -> None:
    """A row leased by one worker is invisible to the other, and only the owner finishes it."""
    store.commit(outbox(delivery("d1"), delivery("d2", device_id="other")))
    mine = store.claim("n1", now_ms=NOW, lease_ms=9, limit=1)
    theirs = neighbour.claim("n2", now_ms=NOW, lease_ms=9, limit=5)
    assert ["d1", "d2"] == [row.id for row in (*mine, *theirs)]
    assert neighbour.finish("d1", "n2", state=DeliveryState.DELIVERED, attempt=attempt("d1")) is False


def test_reads_need_no_lock(store: SqliteStore, path: Path) -> None:
    """While another process writes, reads are answered."""
    store.commit(Change(opened(), (message(1),)))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert (message(1),) == tuple(store.events("chat-1", 0, limit=10))
    other.close()
