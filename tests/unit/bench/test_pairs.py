"""Alternating pairs: which are kept, and what their ratio says."""

from __future__ import annotations

import itertools

import pytest
from compare import verdict
from pairs import Pair, alternate, mode, ratios
from workloads import Figure, Workload

FAST, BETWEEN, SLOW = 75.0, 200.0, 450.0
RATE = Workload("rate", "a rate", (), (Figure("per_s", "units/s"),))


def answer(value: float, before: float = FAST, after: float = FAST) -> dict[str, float]:
    """What a run of the generator says, as far as pairs look at it."""
    return {"per_s": value, "round_trip_ns": before, "round_trip_after_ns": after}


@pytest.mark.parametrize(("round_trip", "expected"), [(75, "fast"), (200, "between"), (450, "slow")])
def test_the_mode_follows_the_round_trip(round_trip: float, expected: str) -> None:
    """Below 150 ns a machine is fast, above 300 ns slow, and between them changing."""
    assert expected == mode(round_trip)


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ((FAST, FAST, FAST, FAST), True),
        ((SLOW, SLOW, SLOW, SLOW), True),
        ((FAST, FAST, FAST, SLOW), False),
        ((FAST, SLOW, SLOW, FAST), False),
        ((BETWEEN, BETWEEN, BETWEEN, BETWEEN), False),
    ],
)
def test_a_pair_is_steady_when_all_four_readings_are_in_one_mode(
    readings: tuple[float, float, float, float], expected: bool
) -> None:
    """Each of the two runs has a reading before and after it, and one deviation spoils the pair."""
    assert expected == Pair(answer(1, *readings[:2]), answer(1, *readings[2:])).steady


def test_runs_alternate_until_enough_pairs_are_steady() -> None:
    """The order is A B A B, and an unsteady pair is repeated."""
    order: list[str] = []
    readings = itertools.chain([SLOW], itertools.repeat(FAST))

    def run(name: str) -> dict[str, float]:
        order.append(name)
        return answer(1, next(readings))

    pairs = alternate(2, lambda: run("A"), lambda: run("B"))
    assert (["A", "B"] * 3, [False, True, True]) == (order, [pair.steady for pair in pairs])


def test_a_machine_that_never_rests_ends_the_attempt() -> None:
    """Three tries per wanted pair, then the pairs come back as they are."""
    pairs = alternate(2, lambda: answer(1, FAST), lambda: answer(1, SLOW))
    assert (6, 0) == (len(pairs), sum(pair.steady for pair in pairs))


def test_a_ratio_is_taken_inside_each_pair() -> None:
    """The median of the quotients, not the quotient of the medians."""
    pairs = [Pair(answer(a), answer(b)) for a, b in ((100, 50), (10, 40), (90, 30))]
    assert "2.000 [0.250-3.000]" == str(ratios(pairs, "per_s"))


def test_a_figure_that_one_side_lacks_has_no_ratio() -> None:
    """A missing or zero figure is left out instead of being infinite."""
    assert ratios([Pair(answer(0), answer(5)), Pair(answer(5), {})], "per_s") is None


def test_a_lead_needs_five_pairs_that_agree() -> None:
    """Five agreeing pairs name the better side; four, or one that disagrees, do not."""
    lead = [Pair(answer(110), answer(100))] * 5
    expected = (
        "A is better in every kept pair",
        "too few kept pairs for a verdict: 5 are needed",
        "no lead: the pairs disagree",
    )
    assert expected == tuple(
        verdict(RATE, pairs).splitlines()[-1].strip()
        for pairs in (lead, lead[:4], [*lead, Pair(answer(90), answer(100))])
    )


def test_the_smaller_cost_is_the_better_one() -> None:
    """For a figure that should be small, a ratio below 1 is a lead of A."""
    cost = Workload("cost", "a cost", (), (Figure("per_s", "us", smaller_is_better=True),))
    text = verdict(cost, [Pair(answer(90), answer(100))] * 5)
    assert text.endswith("A is better in every kept pair")
