"""Which waiting chat is offered to whom: tables of the pure function."""

from __future__ import annotations

import pytest

from gateway.routing.dispatch import Candidate, Queued, assign, estimated_wait_s


def chat(name: str, place: int, *, queue: str = "t:q", declined: tuple[str, ...] = ()) -> Queued:
    return Queued(name, queue, (place, place, name), declined)


def agent(
    name: str, *, free: int = 1, busy: int = 0, idle: int = 0, serves: tuple[str, ...] = ()
) -> Candidate:
    return Candidate(name, free, busy, idle, serves)


@pytest.mark.parametrize(
    ("waiting", "agents", "expected"),
    [
        ([], [agent("A")], []),
        ([chat("1", 1)], [], []),
        ([chat("2", 2), chat("1", 1)], [agent("A")], [("1", "A")]),
        ([chat("1", 1)], [agent("A", busy=1), agent("B")], [("1", "B")]),
        ([chat("1", 1)], [agent("A", idle=9), agent("B", idle=5)], [("1", "B")]),
        ([chat("1", 1)], [agent("A", free=0)], []),
        ([chat("1", 1, declined=("A",)), chat("2", 2)], [agent("A")], [("2", "A")]),
        ([chat("1", 1), chat("2", 2, queue="t:x")], [agent("A", serves=("t:x",))], [("2", "A")]),
        ([chat("1", 1), chat("2", 2), chat("3", 3)], [agent("A", free=2)], [("1", "A"), ("2", "A")]),
        ([chat("1", 1), chat("2", 2)], [agent("A", free=5), agent("B", free=5)], [("1", "A"), ("2", "B")]),
    ],
)
def test_assignment(waiting, agents, expected) -> None:
    """Longest wait first; fewest chats, then longest idle; capacity, refusals and queues are kept."""
    assert expected == assign(waiting, agents)


@pytest.mark.parametrize(
    ("position", "departures", "expected"),
    [(1, [], None), (1, [5], None), (1, [0, 30_000], 30), (3, [0, 10_000, 40_000], 60)],
)
def test_estimates(position, departures, expected) -> None:
    """The mean time between departures, times the position; unknown with fewer than two."""
    assert expected == estimated_wait_s(position, departures)
