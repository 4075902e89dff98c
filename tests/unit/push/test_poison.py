"""Poison rows cannot stop the dispatcher (targets/reliability.md R23): real store, worker, receiver."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from unit.push.receiver import NOW_MS, Receiver, delivery, until
from unit.routing import chats

from gateway.clock import ManualClock
from gateway.config import SettingsSource
from gateway.model.change import Change
from gateway.model.deliveries import Delivery, DeliveryKind, DeliveryState
from gateway.model.inspection import DeliveryFilter
from gateway.observe.metrics import Metrics
from gateway.push.inspection import Inspection
from gateway.push.worker import PushWorker
from gateway.store.poison import MAX_MESSAGE_BYTES
from gateway.store.sqlite import SqliteStore, outbox


class Raw(bytes):
    """Bytes to be stored as text."""


KEY = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
NO_UTF8 = Raw(b"\xff\xfe")
SPOILED = {
    "broken JSON": ("message", b'{"x":', "unreadable message"),
    "text for bytes": ("message", "{}", "unreadable message"),
    "unknown kind": ("kind", "telegram", "unknown delivery kind"),
    "over-long": ("message", b'"%b"' % (b"x" * MAX_MESSAGE_BYTES), "message too long"),
    "no UTF-8 in the device": ("device_id", NO_UTF8, "unreadable text"),
    "no UTF-8 in the type": ("event_type", NO_UTF8, "unreadable text"),
    "no UTF-8 in the provider": ("provider", NO_UTF8, "unreadable text"),
    "no message": ("message", None, "request cannot be built"),
}


def commit(store: SqliteStore, chat_id: str, *rows: Delivery) -> None:
    """The change that opens a chat with these rows."""
    session = replace(chats.session(chats.subscription()), id=chat_id, version=1, next_index=1)
    store.commit(Change(session, deliveries=rows))


def spoil(path: Path, id_: str, column: str, value: Any, *, table: str = "delivery") -> None:
    """Damage a delivery, or what belongs to it, behind the store's back."""
    with sqlite3.connect(path) as connection:
        new = "CAST(? AS TEXT)" if isinstance(value, Raw) else "?"
        key = "id" if table == "delivery" else "delivery_id"
        connection.execute(f"UPDATE {table} SET {column}={new} WHERE {key}=?", (value, id_))
    connection.close()


@pytest.mark.parametrize("how", SPOILED)
def test_a_poison_row_is_one_dead_letter_and_hurts_nobody(
    tmp_path: Path, receiver: Receiver, how: str
) -> None:
    """It fails with the reason and counts in the alert's figure; its follower and other chats are sent."""
    store = SqliteStore(tmp_path / "gateway.db")
    payload = DeliveryKind.PAYLOAD
    rows = [
        delivery(id=id_, chat_id="chat", position=n, kind=payload, message=b"{}")
        for n, id_ in enumerate(("bad", "follower"))
    ]
    commit(store, "chat", *rows)
    commit(store, "other", delivery(id="other", chat_id="other"))
    column, value, reason = SPOILED[how]
    spoil(tmp_path / "gateway.db", "bad", column, value)
    config = f"[push]\npushEnabled=customhttp\ncustomhttp.url={receiver.url('/push')}\n".encode()
    metrics = Metrics()
    source = SettingsSource("gateway.ini", {}, read_file=lambda _path: config)
    worker = PushWorker(store, source, ManualClock(NOW_MS), metrics, "node", installation_key=KEY)
    worker.start()
    until(lambda: store.pending_count() == 0)
    worker.stop()

    assert {"follower", "other"} == {request.headers["webhook-id"] for request in receiver.requests}
    assert [reason] == [made.error for made in store.attempts("bad")]
    assert 1 == metrics.registry.get_sample_value("push_dead_letters")
    listed = store.find_deliveries(
        DeliveryFilter(states=frozenset({DeliveryState.FAILED})), after=None, limit=10
    )
    assert ["bad"] == [item.delivery.id for item in listed.items]
    assert reason == Inspection(store, source, ManualClock(NOW_MS)).detail("bad").attempts[-1].error
    store.close()


def test_a_row_in_an_unknown_state_can_be_looked_at(tmp_path: Path) -> None:
    """What a damaged or newer file says about a row does not hide it or its neighbours from the operator."""
    store = SqliteStore(tmp_path / "gateway.db")
    commit(store, "chat", delivery(id="odd", chat_id="chat"))
    spoil(tmp_path / "gateway.db", "odd", "state", "lost")
    page = store.find_deliveries(DeliveryFilter(), after=None, limit=10)
    assert [("odd", DeliveryState.FAILED)] == [(item.delivery.id, item.delivery.state) for item in page.items]
    store.close()


def test_a_row_whose_id_is_no_text_becomes_a_dead_letter_with_another(tmp_path: Path) -> None:
    """The row is found under a readable id, and its neighbours are claimed, though it was replayed."""
    store = SqliteStore(tmp_path / "gateway.db")
    commit(store, "chat", delivery(id="odd", chat_id="chat", state=DeliveryState.FAILED))
    commit(store, "other", delivery(id="other", chat_id="other"))
    store.requeue(["odd"], now_ms=NOW_MS, by="Olga")
    spoil(tmp_path / "gateway.db", "odd", "id", NO_UTF8)
    spoil(tmp_path / "gateway.db", "odd", "delivery_id", NO_UTF8, table="replay")
    claimed = store.claim("node", now_ms=NOW_MS, lease_ms=1000, limit=10)
    (dead,) = store.list_deliveries(chat_id="chat", states=frozenset(), limit=10)
    assert ["other"] == [row.id for row in claimed]
    assert ("\ufffd\ufffd-1", DeliveryState.FAILED) == (dead.id, dead.state)
    assert ["unreadable text"] == [made.error for made in store.attempts(dead.id)]
    assert [] == list(store.replay_records(dead.id))
    assert 1 == store.dead_letter_count()
    store.close()


def test_the_figure_of_dead_letters_is_read_from_an_index(tmp_path: Path) -> None:
    """A scrape touches no row of the table: 10,000 dead letters cost what 10,000 index entries cost."""
    SqliteStore(tmp_path / "gateway.db").close()
    with sqlite3.connect(tmp_path / "gateway.db") as connection:
        plan = str(connection.execute(f"EXPLAIN QUERY PLAN {outbox.DEAD_LETTERS_COUNT}").fetchall())
    connection.close()
    assert "COVERING INDEX delivery_dead_count" in plan
