"""Who is accepted and who is started first, with a clock and an event loop that the test moves."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.worker.accepting import Starts, reserve_descriptors

BUDGET = 1.0


class Loop:
    """An event loop of which only the next call matters, and a clock that each start moves by `cost`."""

    def __init__(self) -> None:
        self.call = None
        self.now = 0.0
        self.cost = 0.0
        self.started: list[str] = []
        self.starts = Starts(self._start, loop=self, clock=lambda: self.now, budget=BUDGET)

    def timer(self, seconds):
        assert seconds == 0
        return self

    def start(self, call):
        assert self.call is None
        self.call = call

    run_callback = start

    def round(self):
        """One round of the event loop: who was started in it."""
        before = len(self.started)
        call, self.call = self.call, None
        if call is not None:
            call()
        return self.started[before:]

    def _start(self, one):
        self.now += self.cost
        self.started.append(one)
        if one == "broken":
            raise ValueError


@pytest.fixture
def loop():
    return Loop()


def test_cheap_starts_share_a_round_in_the_order_of_arrival(loop):
    """As long as there is time, everybody is started in the same round, first come, first served."""
    for name in "abc":
        loop.starts.put(name, urgent=False)

    assert [["a", "b", "c"], []] == [loop.round(), loop.round()]


def test_expensive_starts_let_the_event_loop_look_around(loop):
    """When the time of a round is used up, the rest waits for the next round."""
    loop.cost = BUDGET
    for name in "abc":
        loop.starts.put(name, urgent=False)

    assert [["a"], ["b"], ["c"], []] == [loop.round() for _ in range(4)]


def test_a_monitor_overtakes_the_crowd_and_cannot_shut_it_out(loop):
    """Urgent ones take every second place, so a flood of them does not starve the others."""
    loop.cost = BUDGET / 10
    for number in range(3):
        loop.starts.put(f"crowd {number}", urgent=False)
    for number in range(2):
        loop.starts.put(f"monitor {number}", urgent=True)

    assert ["monitor 0", "crowd 0", "monitor 1", "crowd 1", "crowd 2"] == loop.round()


def test_a_start_that_fails_does_not_stop_the_others(loop):
    """The error goes to the event loop, the next in line are started in the next round."""
    for name in ("broken", "next"):
        loop.starts.put(name, urgent=False)
    with pytest.raises(ValueError):
        loop.round()

    assert ["next"] == loop.round()


def test_room_for_descriptors_is_made_without_keeping_one(tmp_path):
    """The kernel's table has grown to the number asked for (FDSize), and no descriptor more is open."""
    script = (
        "import os; from pathlib import Path; from gateway.worker.accepting import reserve_descriptors\n"
        "count = lambda: len(os.listdir('/proc/self/fd'))\n"
        "before = count(); reserve_descriptors(3000); print(count() - before)\n"
        "print(*[line for line in Path('/proc/self/status').read_text().splitlines() if 'FDSize' in line])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parents[3]
    )
    more, _, size = done.stdout.split()

    assert (0, True) == (int(more), int(size) > 3000)


def test_a_low_limit_of_files_is_no_obstacle():
    """Where fewer descriptors are allowed than wanted, room is made for those."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_before = len(os.listdir("/proc/self/fd"))
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        reserve_descriptors(100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert open_before == len(os.listdir("/proc/self/fd"))
