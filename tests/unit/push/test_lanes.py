"""Lanes: isolation between destinations, back-pressure, and threads only while there is work."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from unit.push.receiver import PATIENCE_S, delivery, until

from gateway.clock import ManualClock
from gateway.push.lanes import Claimed, Lanes


@dataclass(slots=True)
class Bench:
    """Lanes whose work waits for `gate`; `done` lists the rows in the order of their end."""

    clock: ManualClock = field(default_factory=ManualClock)
    gate: threading.Event = field(default_factory=threading.Event)
    started: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    lanes: Lanes = field(init=False)

    def __post_init__(self) -> None:
        self.lanes = Lanes(self._work)

    def _work(self, claimed: Claimed) -> None:
        self.started.append(claimed.delivery.id)
        self.gate.wait(PATIENCE_S)
        self.done.append(claimed.delivery.id)

    def put(self, name: str, provider: str = "one", *, per_lane: int = 2, in_total: int = 3) -> bool:
        """Queue a row of this name."""
        row = Claimed(delivery(id=name, provider=provider), self.clock.monotonic())
        return self.lanes.put(row, per_lane=per_lane, in_total=in_total)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Lanes that are let go at the end."""
    made = Bench()
    yield made
    made.gate.set()
    made.lanes.close(PATIENCE_S)


def test_threads_per_lane_and_in_total(bench: Bench) -> None:
    """A lane uses at most its share, the node its total, and a new lane always gets one thread."""
    for name in ("a1", "a2", "a3"):
        bench.put(name, "a")
    bench.put("b1", "b")
    bench.put("b2", "b")
    bench.put("c1", "c")
    until(lambda: len(bench.started) == 4, "four rows at work")
    assert {"a1", "a2", "b1", "c1"} == set(bench.started)
    bench.gate.set()
    until(lambda: len(bench.done) == 6, "all rows done")


def test_rows_of_a_lane_start_in_order(bench: Bench) -> None:
    """A lane with one thread works first in, first out."""
    for number in range(20):
        bench.put(str(number), per_lane=1)
    bench.gate.set()
    until(lambda: len(bench.done) == 20, "all rows done")
    assert [str(number) for number in range(20)] == bench.done


def test_room_is_given_in_halves(bench: Bench) -> None:
    """A lane asks for twice its threads, and again only when half of that has been worked off."""
    key = ("one", False)
    assert 4 == bench.lanes.room(key, per_lane=2)
    for number in range(6):
        bench.put(str(number))
    until(lambda: len(bench.started) == 2, "both threads at work")
    assert 0 == bench.lanes.room(key, per_lane=2)
    assert {key: 4} == bench.lanes.waiting()
    bench.gate.set()
    until(lambda: bench.lanes.room(key, per_lane=2) == 4, "worked off")


def test_a_full_lane_takes_no_room_from_others(bench: Bench) -> None:
    """Each lane's room is its own."""
    for number in range(40):
        bench.put(str(number))
    assert (0, 4) == (
        bench.lanes.room(("one", False), per_lane=2),
        bench.lanes.room(("two", False), per_lane=2),
    )


def test_closed_lanes_take_nothing(bench: Bench) -> None:
    """After close rows are turned away, waiting ones are forgotten, and close waits for those at work."""
    for name in ("a", "b", "c", "d"):
        bench.put(name)
    until(lambda: len(bench.started) == 2, "two rows at work")
    assert not bench.lanes.close(0)
    bench.gate.set()
    assert bench.lanes.close(PATIENCE_S)
    assert not bench.put("e")
    assert sorted(bench.done) == ["a", "b"]
