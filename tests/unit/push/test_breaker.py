"""The circuit breaker with the figures of spec/push.md 10.2.5."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.push.breaker import Breaker, BreakerState


def attempt(breaker: Breaker, now: float, *, ok: bool, connected: bool = True) -> None:
    """One attempt from permission to outcome."""
    permission = breaker.admit(now)
    assert permission is not None
    breaker.record(permission, now, ok=ok, connected=connected)


def opened(now: float = 0.0) -> Breaker:
    """A breaker that has just opened."""
    breaker = Breaker(now)
    for _ in range(5):
        attempt(breaker, now, ok=False, connected=False)
    assert BreakerState.OPEN is breaker.state
    return breaker


def test_opens_at_70_percent_of_ten() -> None:
    """Three of ten succeed: with the tenth outcome it opens."""
    breaker = Breaker(0.0)
    for number, ok in enumerate([True, True, True] + [False] * 7):
        assert BreakerState.CLOSED is breaker.state
        attempt(breaker, float(number), ok=ok)
    assert (BreakerState.OPEN, 39.0) == (breaker.state, breaker.until)


def test_stays_closed_below_70_percent() -> None:
    """Four of ten succeed, and of nine failures alone nobody can tell."""
    mixed, few = Breaker(0.0), Breaker(0.0)
    for ok in [True] * 4 + [False] * 6:
        attempt(mixed, 1.0, ok=ok)
    for _ in range(9):
        attempt(few, 1.0, ok=False)
    assert (BreakerState.CLOSED, BreakerState.CLOSED) == (mixed.state, few.state)


def test_outcomes_older_than_five_minutes_do_not_count() -> None:
    """Nine failures, a pause of five minutes, another failure: one of one is not enough."""
    breaker = Breaker(0.0)
    for _ in range(9):
        attempt(breaker, 0.0, ok=False)
    attempt(breaker, 300.0, ok=False)
    assert (BreakerState.CLOSED, (0, 1)) == (breaker.state, breaker.counts(300.0))


def test_five_connections_in_a_row() -> None:
    """Five connections that could not be made open it; an answer in between, even a bad one, starts anew."""
    breaker = Breaker(0.0)
    for _ in range(4):
        attempt(breaker, 0.0, ok=False, connected=False)
    attempt(breaker, 0.0, ok=False)
    for _ in range(4):
        attempt(breaker, 0.0, ok=False, connected=False)
    assert BreakerState.CLOSED is breaker.state
    attempt(breaker, 0.0, ok=False, connected=False)
    assert BreakerState.OPEN is breaker.state


def test_open_time_doubles_up_to_five_minutes() -> None:
    """30 s, then twice as long after every probe that fails, 300 s at most; nothing is sent meanwhile."""
    breaker, now, times = opened(), 0.0, []
    for _ in range(6):
        assert breaker.until is not None
        times.append(breaker.until - now)
        assert breaker.admit(breaker.until - 0.01) is None
        now = breaker.until
        attempt(breaker, now, ok=False)
    assert [30.0, 60.0, 120.0, 240.0, 300.0, 300.0] == times


def test_half_open_sends_one_probe() -> None:
    """One permission at a time; its success closes it with a clean window and the first open time."""
    breaker = opened()
    probe = breaker.admit(30.0)
    assert probe is not None
    assert (BreakerState.HALF_OPEN, None) == (breaker.state, breaker.admit(30.0))
    breaker.record(probe, 31.0, ok=True)
    assert (BreakerState.CLOSED, (0, 0)) == (breaker.state, breaker.counts(31.0))
    for _ in range(5):
        attempt(breaker, 31.0, ok=False, connected=False)
    assert 61.0 == breaker.until


def test_probe_that_was_not_sent_is_free_again() -> None:
    """Giving a permission back leaves the breaker half-open with room for a probe."""
    breaker = opened()
    probe = breaker.admit(30.0)
    assert probe is not None
    breaker.give_back(probe)
    assert breaker.admit(30.0) is not None


def test_late_outcome_is_no_probe() -> None:
    """An attempt that was under way when the breaker opened neither closes it nor takes the probe's place."""
    breaker = Breaker(0.0)
    late = breaker.admit(0.0)
    assert late is not None
    for _ in range(5):
        attempt(breaker, 0.0, ok=False, connected=False)
    breaker.record(late, 1.0, ok=True)
    assert BreakerState.OPEN is breaker.state
    assert breaker.admit(30.0) is not None
    breaker.record(late, 30.0, ok=True)
    assert BreakerState.HALF_OPEN is breaker.state


@given(st.lists(st.tuples(st.floats(0, 200), st.booleans(), st.booleans()), max_size=200))
def test_never_stuck(steps: list[tuple[float, bool, bool]]) -> None:
    """Whatever happens, after five minutes without attempts one is allowed, and its success closes it."""
    breaker, now = Breaker(0.0), 0.0
    for pause, ok, connected in steps:
        now += pause
        permission = breaker.admit(now)
        if permission is not None:
            breaker.record(permission, now, ok=ok, connected=connected or ok)
    attempt(breaker, now + 300.0, ok=True)
    assert BreakerState.CLOSED is breaker.state
