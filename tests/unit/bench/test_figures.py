"""The tables: floors, ratios to the reference and to the peers, faults."""

from __future__ import annotations

from typing import Any

import pytest
from figures import Row, ratio_table, spread, table
from pairs import Pair
from workloads import REFERENCE, Figure

RATE = Figure("per_s", "units/s", (200, 100))
COST = Figure("kb", "KB", (32,), smaller_is_better=True)


def answer(**figures: Any) -> dict[str, Any]:
    return {"round_trip_ns": 75, "round_trip_after_ns": 75} | figures


def cells(text: str) -> list[dict[str, str]]:
    """A Markdown table as one mapping per row."""
    titles, _, *lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    return [dict(zip(titles, line, strict=True)) for line in lines]


@pytest.mark.parametrize(
    ("values", "expected"), [((), "-"), ((7.26,), "7.3"), ((1000, 3000, 2000), "2,000 [1,000-3,000]")]
)
def test_a_spread_is_a_median_with_its_range(values: tuple[float, ...], expected: str) -> None:
    """One run has no range, and no run has no figure."""
    assert expected == spread([answer(per_s=value) for value in values], "per_s")


def test_each_floor_is_judged_by_itself() -> None:
    """A rate between the earlier and the present floor meets one and misses the other."""
    (row,) = cells(table([Row("x", "x", RATE, (answer(per_s=150),))]))
    assert "at least 200: **missed**; at least 100: met" == row["floor"]


def test_a_cost_must_stay_below_its_floor() -> None:
    """For memory the floor is a ceiling."""
    rows = [Row("x", "x", COST, (answer(kb=kb),)) for kb in (32, 33)]
    assert ["at most 32.0: met", "at most 32.0: **missed**"] == [row["floor"] for row in cells(table(rows))]


def test_rates_are_shown_per_request_of_the_reference() -> None:
    """The column that survives a slower machine divides by the reference's median, and leaves costs alone."""
    figure = Figure("per_s", "requests/s")
    rows = [
        Row(REFERENCE, "reference", figure, (answer(per_s=100),)),
        Row("x", "x", figure, (answer(per_s=250),)),
        Row("y", "y", COST, (answer(kb=1),)),
    ]
    assert ["1.00", "2.50", "-"] == [row["per reference request"] for row in cells(table(rows))]


def test_a_floor_is_judged_per_request_of_the_reference_too() -> None:
    """On a machine half as fast as that of the floors (5,800 requests/s), half of a floor meets it."""
    floors = Figure("per_s", "units/s", (11_600, 5_800))
    rows = [
        Row(REFERENCE, "reference", Figure("per_s", "requests/s"), (answer(per_s=2_900),)),
        Row("x", "x", floors, (answer(per_s=4_000),)),
    ]
    row = cells(table(rows))[1]
    assert "at least 11,600: **missed**; at least 5,800: **missed**" == row["floor"]
    assert "1.38 (2.00 **missed**, 1.00 met)" == row["per reference request"]


def test_faults_and_a_busy_generator_are_said() -> None:
    """Nothing lost is `none`; faults are summed over the runs; a generator at its limit spoils the figure."""
    runs = (answer(per_s=1, lost=2, held="no"), answer(per_s=1, lost=1, gen_cpu=0.95))
    rows = [Row("x", "x", RATE, runs), Row("y", "y", RATE, (answer(per_s=1, lost=0),))]
    expected = ["lost 3, limit not held 1 (generator at its limit)", "none"]
    assert expected == [row["faults"] for row in cells(table(rows))]


def test_an_answer_without_generator_figures_is_shown() -> None:
    """A row of another driver may hold its figure alone."""
    (row,) = cells(table([Row("push", "push", RATE, ({"per_s": 300},))]))
    assert ("300 units/s", "-", "-", "none") == tuple(
        row[title] for title in ("figure, median [min-max]", "p99 ms", "machine", "faults")
    )


def test_peers_are_compared_inside_steady_pairs() -> None:
    """An unsteady pair is left out of the kept ratio only; the peer's faults are its own."""
    steady = Pair(answer(per_s=100, cpu_us=5), answer(per_s=200, cpu_us=10, reordered=4))
    unsteady = Pair(answer(per_s=300, cpu_us=5), answer(per_s=100, cpu_us=10, round_trip_ns=450))
    pairs = (steady, unsteady)
    row = Row("x", "x", RATE, tuple(pair.ours for pair in pairs), {"faye": pairs})
    (line,) = cells(ratio_table([row]))
    assert ("faye", "0.500 (1 of 2)", "1.750 [0.500-3.000]", "0.500 [0.500-0.500]", "reordered 4") == (
        line["peer"],
        line["ours / peer, kept pairs"],
        line["ours / peer, all pairs"],
        line["CPU per unit, ours / peer"],
        line["peer's faults"],
    )
    assert {} == row.faults


def test_no_peers_no_table() -> None:
    """Without npm there is nothing to compare."""
    assert "" == ratio_table([Row("x", "x", RATE, (answer(per_s=1),))])
