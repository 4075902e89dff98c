"""Conformance of role Files: each sentence of `roles.Files` is a test here, for every backend."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import pytest
from store.values import following, message, opened, stored_file

from gateway.errors import Conflict
from gateway.model.change import Change
from gateway.model.files import FileState
from gateway.store.roles import Store


def test_files_read_back_equal(store: Store) -> None:
    """Rows come back with every field, of their own chat only, in the order of the upload."""
    first, second = stored_file("F2"), stored_file("F1", state=FileState.CLEAN)
    other = stored_file("F3", chat_id="chat-2")
    store.commit(Change(opened(), (message(1),), files=(first,)))
    store.commit(Change(following(opened()), files=(second,)))
    store.commit(Change(opened("chat-2"), files=(other,)))
    assert [first, second] == list(store.files("chat-1"))
    assert [first, other] == list(store.pending_files())
    assert other == store.file("F3")
    assert store.file("F4") is None
    assert [] == list(store.files("chat-3"))


def test_a_file_and_its_event_are_one_change(store: Store) -> None:
    """A refused change leaves neither the event nor the file."""
    store.commit(Change(opened()))
    with pytest.raises(Conflict):
        store.commit(Change(opened(), (message(1),), files=(stored_file(),)))
    assert store.file("F1") is None
    assert () == tuple(store.events("chat-1", 0, limit=10))


def test_a_later_change_sets_the_state_only(store: Store) -> None:
    """The count of downloads and everything else survive a change of the state."""
    store.commit(Change(opened(), files=(stored_file(state=FileState.CLEAN),)))
    assert store.count_download("F1", limit=2)
    store.commit(Change(following(opened()), files=(stored_file(name="other", state=FileState.DELETED),)))
    assert stored_file(state=FileState.DELETED, downloads=1) == store.file("F1")


def test_pass_file_needs_a_pending_one(store: Store) -> None:
    """PENDING becomes CLEAN once; deleted, clean and unknown files are left alone."""
    store.commit(Change(opened(), files=(stored_file(), stored_file("F2", state=FileState.DELETED))))
    assert [True, False, False, False] == [store.pass_file(id_) for id_ in ("F1", "F1", "F2", "F3")]
    assert [FileState.CLEAN, FileState.DELETED] == [file.state for file in store.files("chat-1")]
    assert [] == list(store.pending_files())


def test_downloads_are_counted_to_the_limit(store: Store) -> None:
    """Each download of a clean file counts until there are `limit`; no other file counts at all."""
    store.commit(Change(opened(), files=(stored_file(), stored_file("F2", state=FileState.CLEAN))))
    assert [True, True, False] == [store.count_download("F2", limit=2) for _ in range(3)]
    assert not store.count_download("F2", limit=0)
    assert not store.count_download("F1", limit=9)
    assert not store.count_download("F3", limit=9)
    assert [0, 2] == [file.downloads for file in store.files("chat-1")]


def test_purge_takes_the_files_of_the_chat(store: Store) -> None:
    """After a purge the rows of the chat are gone, those of others stay."""
    store.commit(Change(opened(), files=(stored_file(),)))
    store.commit(Change(opened("chat-2"), files=(stored_file("F2", chat_id="chat-2"),)))
    store.purge("chat-1")
    assert store.file("F1") is None
    assert ["F2"] == [file.id for file in store.pending_files()]
