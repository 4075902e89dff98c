"""The delivery log on SQLite: no listing reads more than its bound, whatever is asked of a large table."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import itertools
from typing import Any

import pytest
from store.values import NOW, delivery, outbox

from gateway.model.deliveries import DEAD_LETTERS, DeliveryKind, DeliveryState
from gateway.model.inspection import DeliveryFilter, StatusClass
from gateway.store.sqlite import SqliteStore, inspection

SPARSE = (
    {"device_id": "device-7"},
    {"provider": "acme"},
    {"kind": DeliveryKind.POINTER},
    {"states": frozenset({DeliveryState.QUEUED})},
    {"answers": frozenset({StatusClass.NONE})},
)


def test_a_search_for_a_needle_stops_at_its_bound(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages are empty but lead on, and the one row that fits is found; none looks at more than its bound."""
    monkeypatch.setattr(inspection, "SCAN_ROWS", 10)
    rows = [delivery(f"d{n}", created_ms=NOW + n, state=DeliveryState.DELIVERED) for n in range(25)]
    needle = delivery("needle", created_ms=NOW - 1, device_id="device-7", state=DeliveryState.DELIVERED)
    store.commit(outbox(needle, *rows))
    found, pages, after = [], 0, None
    while pages == 0 or after is not None:
        page = store.find_deliveries(DeliveryFilter(device_id="device-7"), after=after, limit=5)
        found += [item.delivery.id for item in page.items]
        pages, after = pages + 1, page.next
    assert (["needle"], 3) == (found, pages)


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize(
    "wanted",
    [
        *(
            DeliveryFilter(**index, **residual)
            for index, residual in itertools.product(
                ({}, {"chat_id": "c"}, {"since_ms": 1, "until_ms": 2}), ({}, *SPARSE)
            )
        ),
        DeliveryFilter(states=DEAD_LETTERS),
        DeliveryFilter(states=DEAD_LETTERS, since_ms=1, device_id="d", kind=DeliveryKind.TEXT),
    ],
)
def test_every_listing_walks_an_index(
    store: SqliteStore, wanted: DeliveryFilter, *, oldest_first: bool
) -> None:
    """No statement of any filter sorts or scans the table, from the beginning or from a cursor."""
    for after in (None, (NOW, 1)):
        walk = inspection._Walk(wanted, after, oldest_first=oldest_first)
        for sql, parameters in (walk.bound(), walk.rows(wanted, (NOW, 2), 100)):
            plan = [row[3] for row in store._readers.all(f"EXPLAIN QUERY PLAN {sql}", parameters)]
            assert 1 == len([step for step in plan if " delivery " in step])
            assert not [step for step in plan if "SCAN" in step or "TEMP B-TREE" in step]
            assert plan[0].startswith("SEARCH delivery USING")
            assert "INDEX delivery_" in plan[0]


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize(
    "index", [{}, {"chat_id": "chat-1"}, {"states": DEAD_LETTERS}], ids=["time", "chat", "dead"]
)
@pytest.mark.parametrize(
    "absent", [{"device_id": "nobody"}, {"answers": frozenset({StatusClass.NONE})}], ids=["device", "answer"]
)
def test_a_page_costs_its_bound_and_not_the_table(
    store: SqliteStore,
    monkeypatch: pytest.MonkeyPatch,
    index: dict[str, Any],
    absent: dict[str, Any],
    *,
    oldest_first: bool,
) -> None:
    """A search that finds nothing in 3,000 rows makes SQLite take the steps of 50, wherever it begins."""
    monkeypatch.setattr(inspection, "SCAN_ROWS", 50)
    failed = DeliveryState.FAILED
    store.commit(outbox(*[delivery(f"d{n}", created_ms=NOW + n, state=failed) for n in range(3000)]))
    wanted = DeliveryFilter(**index, **absent)
    steps: list[None] = []
    connection = store._readers._take()
    for after in (None, (NOW + 1500, 1501)):
        walk = inspection._Walk(wanted, after, oldest_first=oldest_first)
        end = connection.execute(*walk.bound()).fetchone()
        connection.set_progress_handler(lambda: steps.append(None), 10)
        assert [] == connection.execute(*walk.rows(wanted, end, 10)).fetchall()
        connection.set_progress_handler(None, 0)
    connection.close()
    assert len(steps) < 2 * 50 * 5  # some twenty steps a row; all rows would be six thousand
