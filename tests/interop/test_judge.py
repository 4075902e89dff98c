"""The judge of the official clients: which orders of arrival it accepts, and that it finds the others."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import pytest
from interop.official import Frame, out_of_order

POLLING, SOCKET = "long-polling", "websocket"


def answer(*indexes: int) -> Frame:
    """The answer to an operation: it carries the key."""
    return {"secureKey": "k", "messages": [{"index": index} for index in indexes]}


def live(*indexes: int) -> Frame:
    """A live notification: it never does."""
    return {"messages": [{"index": index} for index in indexes]}


@pytest.mark.parametrize(
    ("transport", "frames"),
    [
        (SOCKET, [answer(1), live(2), live(3)]),
        (SOCKET, [answer(1), live(2), answer(1, 2, 3), live(3, 4)]),  # repetitions are judged elsewhere
        (POLLING, [live(2), answer(1), live(3)]),  # two TCP connections
        (POLLING, [answer(1), live(2), live(6), answer(3, 4, 5)]),
    ],
)
def test_orders_that_a_network_may_make(transport: str, frames: list[Frame]) -> None:
    """One stream over a websocket; over long-polling answers and live events are a stream each."""
    assert [] == out_of_order(transport, frames)


@pytest.mark.parametrize(
    ("transport", "frames", "wrong"),
    [
        (SOCKET, [live(2), answer(1), live(3)], [2, 1, 3]),
        (SOCKET, [answer(1), live(3), live(2)], [1, 3, 2]),
        (POLLING, [answer(1), live(3), live(2)], [3, 2]),
        (POLLING, [answer(1), live(3, 2)], [3, 2]),
        (POLLING, [answer(2), live(3), answer(1)], [2, 1]),
    ],
)
def test_orders_that_only_a_gateway_can_make(transport: str, frames: list[Frame], wrong: list[int]) -> None:
    """Negative control: an inversion within a stream is found."""
    assert [wrong] == out_of_order(transport, frames)
