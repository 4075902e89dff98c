"""The schedule of `push.retry=standard` (spec/push.md 10.2.3)."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.push.receiver import NOW_MS

from gateway.push.retry import next_attempt_ms, seconds_of

SCHEDULE_S = [5, 30, 120, 600, 1800, 7200, 18_000, 36_000]
HOUR_MS = 3_600_000


def delay_s(made: int, *, jitter: float = 0.5, **options: object) -> float | None:
    """Seconds until the next attempt."""
    at_ms = next_attempt_ms(made, now_ms=NOW_MS, jitter=jitter, **options)  # type: ignore[arg-type]
    return None if at_ms is None else (at_ms - NOW_MS) / 1000


def test_schedule() -> None:
    """5 s, 30 s, 2 min, 10 min, 30 min, 2 h, 5 h, 10 h, then no more."""
    assert [*SCHEDULE_S, None] == [delay_s(made) for made in range(1, 10)]


@given(st.integers(1, 8), st.floats(0, 1))
def test_jitter_is_a_fifth(made: int, jitter: float) -> None:
    """Every delay is within 20 % of the schedule."""
    delay = delay_s(made, jitter=jitter)
    assert delay is not None
    assert 0.8 * SCHEDULE_S[made - 1] - 0.001 <= delay <= 1.2 * SCHEDULE_S[made - 1] + 0.001


@given(st.integers(1, 8), st.floats(0, 1), st.text(max_size=30) | st.integers(-9, 10**12).map(str))
def test_retry_after_is_clamped(made: int, jitter: float, header: str) -> None:
    """Whatever a receiver writes, the delay lies between 0.8 and 2 times the schedule's."""
    delay = delay_s(made, jitter=jitter, retry_after=header)
    assert delay is not None
    assert 0.8 * SCHEDULE_S[made - 1] - 0.001 <= delay <= 2 * SCHEDULE_S[made - 1] + 0.001


@pytest.mark.parametrize(("asked", "expected"), [("1", 30), ("45", 45), ("3600", 60), ("soon", 30)])
def test_retry_after_in_seconds(asked: str, expected: float) -> None:
    """It is honoured between the base and twice the base; what cannot be read is ignored."""
    assert expected == delay_s(2, retry_after=asked)


def test_retry_after_as_a_date() -> None:
    """An HTTP date means the time until then; one in the past means at once, that is the base."""
    date = formatdate(NOW_MS / 1000 + 200, usegmt=True)
    assert (200.0, 120.0) == (
        delay_s(3, retry_after=date),
        delay_s(3, retry_after=formatdate(0, usegmt=True)),
    )


def test_overload_and_silence_cost_a_minute() -> None:
    """After 429 or a time-out at least 60 s, also when the receiver asks for less than that."""
    assert [60.0, 60.0, 120.0] == [
        delay_s(1, penalised=True),
        delay_s(1, penalised=True, retry_after="5"),
        delay_s(3, penalised=True),
    ]


@given(st.integers(1, 8), st.floats(0, 1), st.integers(0, 48 * HOUR_MS))
def test_nothing_a_day_after_the_end(made: int, jitter: float, ended_ago_ms: int) -> None:
    """No attempt is planned later than 24 h after the chat ended."""
    ended_ms = NOW_MS - ended_ago_ms
    at_ms = next_attempt_ms(made, now_ms=NOW_MS, jitter=jitter, ended_ms=ended_ms)
    assert at_ms is None or at_ms <= ended_ms + 24 * HOUR_MS


@given(st.text(max_size=40))
def test_any_header_can_be_read(text: str) -> None:
    """A hostile Retry-After raises nothing and asks for no negative time."""
    asked = seconds_of(text, NOW_MS)
    assert asked is None or asked >= 0
