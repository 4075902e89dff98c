"""When a notification that failed is tried again (spec/push.md 10.2.3, option `push.retry=standard`).

Pure: no clock, no I/O, randomness is passed in. Called by `worker` for notifications that are not reliable
pointers; those are repeated by the resend machine.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime

# Seconds before the second, third, ... attempt.
SCHEDULE_S = (5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0, 18_000.0, 36_000.0)
# Spreads the repetitions of an outage, so that the receiver does not get all of them at once.
JITTER = 0.2
# A receiver that is overloaded (429) or silent gets at least this pause.
PENALTY_S = 60.0
# Nobody waits for a notification about a chat that ended a day ago.
AFTER_END_MS = 24 * 3600 * 1000
# How long later notifications of the chat wait for one that failed (10.2.7).
HEAD_WAIT_MS = 30_000
_DECIMAL_DIGITS = 9


def next_attempt_ms(
    made: int,
    *,
    now_ms: int,
    jitter: float,
    retry_after: str | None = None,
    penalised: bool = False,
    ended_ms: int | None = None,
) -> int | None:
    """The time (Unix ms) of the next attempt after `made` attempts, or None: given up.

    `jitter` is a random number from 0 to 1, `retry_after` the receiver's header (seconds or an HTTP date),
    `penalised` a 429 or a time-out, `ended_ms` the end of the chat.
    """
    if not 1 <= made <= len(SCHEDULE_S):
        return None
    base = SCHEDULE_S[made - 1]
    delay = base * (1 - JITTER + 2 * JITTER * jitter)
    asked = seconds_of(retry_after, now_ms) if retry_after else None
    if asked is not None:
        delay = min(max(asked, base), 2 * base)
    if penalised:
        delay = max(delay, PENALTY_S)
    at_ms = now_ms + round(delay * 1000)
    return None if ended_ms is not None and at_ms > ended_ms + AFTER_END_MS else at_ms


def seconds_of(retry_after: str, now_ms: int) -> float | None:
    """What a `Retry-After` header asks for, in seconds from now; None when it is not understood."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:_DECIMAL_DIGITS]) if len(text) <= _DECIMAL_DIGITS else float(10**_DECIMAL_DIGITS)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_ms / 1000)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def draw(random_bytes: Callable[[int], bytes]) -> float:
    """A random number from 0 to 1 for `jitter`."""
    return int.from_bytes(random_bytes(4), "big") / 0xFFFFFFFF
