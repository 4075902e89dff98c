"""The figures of outgoing notifications: what is asked for is there, judged by the floors of the targets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import push
import pytest
from sitting import Sitting

READINGS = {"round_trip_ns": 75, "round_trip_after_ns": 75}
EXTRA_SECONDS = 120


@pytest.fixture
def sitting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sitting:
    """Two rounds in which nothing is really measured."""
    alone, beside = {"p50_ms": 4.0, "p99_ms": 8.0}, {"p50_ms": 4.0, "p99_ms": 10.0}
    both = iter([(alone, alone), (beside, beside | {"p99_ms": 8.8})] * 2)

    def part(name: str, *_: str) -> dict[str, Any]:
        return {"posts_per_s": {"worker": 1000.0, "bare": 2000.0}[name]} | READINGS

    monkeypatch.setattr(push, "framed", lambda _loadgen, run: run() | READINGS)
    monkeypatch.setattr(push, "_part", part)
    monkeypatch.setattr(push, "_idle", lambda _count: alone)
    monkeypatch.setattr(push, "_both", lambda *_: next(both))
    monkeypatch.setattr(push, "Desk", _Desk)
    monkeypatch.setattr(push, "running_gateway", lambda **_: _Nothing())
    return Sitting(tmp_path, rounds=2)


class _Nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


class _Desk:
    def __init__(self, _server: object) -> None: ...

    def chat(self, _provider: str) -> str:
        return "chat"

    def say(self, _chat_id: str) -> None: ...


@pytest.mark.parametrize("name", ["push-1", "push-20"])
def test_the_rate_is_paired_with_a_bare_loop(sitting: Sitting, name: str) -> None:
    """Half the rate of the bare loop misses the floor of 80 %; 4 ms from event to POST meet that of 10."""
    rate, share, idle = push.rows(sitting, name)
    assert (1000, 50, 4) == (rate.median, share.median, idle.median)
    assert [2] == [len(pairs) for pairs in rate.against.values()]
    assert [False, True] == [row.figure.meets(row.figure.floors[0], row.median) for row in (share, idle)]


def test_growth_beside_a_hanging_destination(sitting: Sitting) -> None:
    """A p99 that is a quarter longer misses the floor of 20 %, one that is a tenth longer meets it."""
    posts, frames = push.rows(sitting, "push-hanging")
    assert (1.25, 1.1) == (posts.median, pytest.approx(frames.median))
    assert [False, True] == [row.figure.meets(row.figure.floors[0], row.median) for row in (posts, frames)]


def test_the_estimate_leaves_time(sitting: Sitting) -> None:
    """A default sitting has two minutes for all three."""
    full = Sitting(sitting.loadgen, rounds=3)
    assert sum(push.seconds(full, name) for name in push.NAMES) <= EXTRA_SECONDS


def test_the_sink_tells_how_long_stamped_notifications_took() -> None:
    """A stamped POST is counted once with its age; one without a stamp is not."""
    with push.running_sink() as sink:
        for body in (f"t={time.monotonic_ns()};", "no stamp"):
            assert 200 == urlopen(f"{sink.url}/p0", data=body.encode()).status
        (age_ms,) = sink.latencies_ms(1)
        assert 0 <= age_ms < 10_000
        assert [] == sink.figures()["latencies"]
