"""What only a file can do: rows go bad, newer releases write it, writing fails for a while."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from store.values import NOW, comet, delivery, opened, outbox, said

from gateway.clock import ManualClock
from gateway.errors import Unavailable
from gateway.model.change import Change
from gateway.model.deliveries import Attempt, DeliveryState
from gateway.observe.metrics import Metrics
from gateway.store.sqlite import SqliteStore


@pytest.mark.parametrize(
    ("column", "value", "error"),
    [("kind", "hologram", "unknown delivery kind"), ("message", b"\xff{", "unreadable message")],
)
def test_poison_row_fails_and_stays_inspectable(
    store: SqliteStore, path: Path, column: str, value: object, error: str
) -> None:
    """A row damaged on disk is failed with the reason, others go on, and lists still show it (R23)."""
    store.commit(outbox(delivery("bad"), delivery("next", position=2), delivery("good", device_id="x")))
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE delivery SET {column}=? WHERE id='bad'", (value,))
    assert ["good"] == [row.id for row in store.claim("n1", now_ms=NOW, lease_ms=9, limit=5)]
    assert [Attempt("bad", 1, NOW, 0, error=error)] == list(store.attempts("bad"))
    failed = store.list_deliveries(chat_id=None, states=frozenset({DeliveryState.FAILED}), limit=5)
    assert ["bad"] == [row.id for row in failed]
    assert ["next"] == [row.id for row in store.claim("n1", now_ms=NOW, lease_ms=9, limit=5)]


def test_check_remembers_and_probes_once_a_second(store: SqliteStore, path: Path, clock: ManualClock) -> None:
    """check() costs nothing while writes succeed; after a failure it probes at most once a second."""
    store.check()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.check()  # nothing failed yet
    with pytest.raises(Unavailable):
        store.commit(Change(opened()))
    with pytest.raises(Unavailable):
        store.check()
    other.execute("ROLLBACK")
    other.close()
    store.flush()  # writes nothing, so it says nothing about the disk
    with pytest.raises(Unavailable):
        store.check()  # too early to ask the disk again
    clock.advance(1)
    store.check()
    store.check()


def failed_save(store: SqliteStore, path: Path) -> None:
    """Save c1 while another process keeps the write lock."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.save_comet(comet("c1"))
    with pytest.raises(Unavailable):
        store.purge_comet(0)
    assert comet("c1") == store.comet("c1")
    assert [comet("c1")] == list(store.comet_by_browser("b1", "https://a.example"))
    other.close()


def test_unsaved_comet_sessions_go_with_the_next_save(
    store: SqliteStore, neighbour: SqliteStore, path: Path
) -> None:
    """A save that could not be written stays readable and goes to disk with a later one."""
    failed_save(store, path)
    store.save_comet(comet("c2"))
    store.purge_comet(0)
    assert [comet("c1"), comet("c2")] == [neighbour.comet("c1"), neighbour.comet("c2")]


def test_flush_writes_what_a_failed_batch_left(
    store: SqliteStore, neighbour: SqliteStore, path: Path
) -> None:
    """When flush returns, every save is in the file, also one whose own batch failed."""
    failed_save(store, path)
    store.flush()
    assert comet("c1") == neighbour.comet("c1")


def test_flush_that_cannot_write_says_so(store: SqliteStore, path: Path) -> None:
    """While another process keeps the lock, flush raises Unavailable instead of returning too early."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.save_comet(comet("c1"))
    with pytest.raises(Unavailable):
        store.flush()
    other.close()


def test_close_writes_what_a_failed_batch_left(
    store: SqliteStore, neighbour: SqliteStore, path: Path
) -> None:
    """Closing is the last attempt for saves that could not be written before."""
    failed_save(store, path)
    store.close()
    assert comet("c1") == neighbour.comet("c1")


def test_profile_of_a_newer_release_is_readable(store: SqliteStore, path: Path) -> None:
    """Members that this release does not know are ignored, missing ones get their defaults (R25)."""
    store.commit(Change(opened()))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE profile SET body=json_set(body, '$.mood', 'good')")
        connection.execute("UPDATE profile SET body=json_remove(body, '$.email', '$.subscription')")
    store.flush()  # the cache still has the session as this release wrote it
    profile = store.session("chat-1").profile
    assert ("", None, "customer-support") == (profile.email, profile.subscription, profile.service)


def test_commits_and_failures_are_counted(path: Path) -> None:
    """The metrics `store_*` count transactions, the changes in them and failures."""
    metrics, clock = Metrics(), ManualClock()
    counted = SqliteStore(path, busy_timeout_ms=0, monotonic=clock.monotonic, metrics=metrics)
    counted.commit(Change(opened()))
    counted.commit(said(opened(), [b"{}"]))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        counted.commit(Change(opened("chat-2")))
    other.close()
    counted.close()
    names = (
        "store_commits_total",
        "store_commit_seconds_count",
        "store_commit_seconds_sum",
        "store_batch_size_count",
        "store_batch_size_sum",
        "store_failures_total",
    )
    assert [2, 2, 0, 2, 2, 1] == [metrics.registry.get_sample_value(name) for name in names]


def test_text_that_is_not_unicode_is_the_callers_mistake(store: SqliteStore) -> None:
    """A profile that cannot be encoded is refused before anything is written."""
    with pytest.raises(TypeError):
        store.commit(Change(opened(subject="\ud800")))
    assert store.session("chat-1") is None
