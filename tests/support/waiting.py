"""Waiting for conditions instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


# What comes at once is seen at once, and a long wait leaves the processor to those who are waited for.
FIRST_PAUSE_S, LONGEST_PAUSE_S, GROWTH = 0.005, 0.1, 1.3


def eventually(
    probe: Callable[[], T], *, timeout: float = 10.0, every: float | None = None, what: str = ""
) -> T:
    """The first truthy value of `probe`; AssertionError when there is none within `timeout` seconds.

    It is asked every so many seconds, by default after pauses that grow.
    """
    deadline = time.monotonic() + timeout
    pause = FIRST_PAUSE_S if every is None else every
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {timeout} s: {what or probe}")
        time.sleep(pause)
        if every is None:
            pause = min(pause * GROWTH, LONGEST_PAUSE_S)
