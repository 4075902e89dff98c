"""The load generator's own honesty: it must report every kind of fault, and none where there is none.

Runs `loadgen` for half a second each against tests/bench/stand_in.py, which commits exactly one fault.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from bench.stand_in import Fault, FaultKind, http_stand_in, websocket_stand_in
from bench.toolchain import NoCompiler, build_loadgen

FAULT_COUNTERS = ("lost", "dup", "reordered", "misrouted", "refused", "closed", "http_err", "proto_err")
CHAT = ("-w", "chat", "-m", "2", "-r", "100", "-d", "0.25", "--warm", "0", "--drain", "0.5")
ROOMS = ("-w", "rooms", *CHAT[2:])
FAN_OUT = ("-w", "fanout", "-n", "3", "-K", "2", "-d", "0.2", "--warm", "0", "--drain", "0.5")
CHURN = ("-w", "churn", "-c", "2", "-d", "0.2", "--warm", "0", "--drain", "2", "--subscription", "/room/x")
SEND = ("-w", "send", "-c", "2", "-d", "0.2", "--warm", "0", "--drain", "2")
CLEAN_EXIT, FAULTY_EXIT = 0, 1

StandIn = Callable[[Fault], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def loadgen() -> Path:
    """The compiled generator; without a compiler these tests say so and are skipped."""
    try:
        return build_loadgen()
    except NoCompiler as missing:
        pytest.skip(f"LOAD GENERATOR NOT TESTED: {missing}")


def measure(loadgen: Path, stand_in: StandIn, kind: FaultKind, *arguments: str) -> tuple[int, dict]:
    """Runs the generator against a stand-in with that fault; returns its exit code and its answer."""
    with stand_in(Fault(kind)) as url:
        run = subprocess.run(
            [loadgen, "-u", url, "--max-seconds", "8", *arguments], capture_output=True, text=True, timeout=10
        )
    assert run.stdout, run.stderr
    return run.returncode, json.loads(run.stdout)


def faults_of(answer: dict) -> dict[str, int]:
    """The counters of an answer that are not zero."""
    return {name: answer[name] for name in FAULT_COUNTERS if answer.get(name)}


CHAT_FAULTS = [
    ("none", {}),
    ("drop", {"lost": 1}),
    ("duplicate", {"dup": 1}),
    ("swap", {"reordered": 1}),
    ("misroute", {"lost": 1, "misrouted": 1}),
]


@pytest.mark.parametrize(("kind", "expected"), CHAT_FAULTS)
def test_chat_over_websocket_reports_the_fault(loadgen: Path, kind: FaultKind, expected: dict) -> None:
    """One wrong delivery among many over websocket is counted once, under its own name."""
    code, answer = measure(loadgen, websocket_stand_in, kind, *CHAT, "-t", "ws")
    assert (FAULTY_EXIT if expected else CLEAN_EXIT, expected) == (code, faults_of(answer))


@pytest.mark.parametrize(("kind", "expected"), CHAT_FAULTS)
def test_chat_over_long_polling_reports_the_fault(loadgen: Path, kind: FaultKind, expected: dict) -> None:
    """One wrong delivery among many over long-polling is counted once, under its own name."""
    code, answer = measure(loadgen, http_stand_in, kind, *CHAT, "-t", "lp")
    assert (FAULTY_EXIT if expected else CLEAN_EXIT, expected) == (code, faults_of(answer))


@pytest.mark.parametrize(("kind", "expected"), CHAT_FAULTS)
def test_rooms_over_websocket_report_the_fault(loadgen: Path, kind: FaultKind, expected: dict) -> None:
    """What peers are measured with counts a wrong delivery on a plain channel like one in a chat."""
    code, answer = measure(loadgen, websocket_stand_in, kind, *ROOMS, "-t", "ws")
    assert (FAULTY_EXIT if expected else CLEAN_EXIT, expected) == (code, faults_of(answer))


@pytest.mark.parametrize(("kind", "expected"), CHAT_FAULTS)
def test_rooms_over_long_polling_report_the_fault(loadgen: Path, kind: FaultKind, expected: dict) -> None:
    """What peers are measured with counts a wrong delivery on a plain channel like one in a chat."""
    code, answer = measure(loadgen, http_stand_in, kind, *ROOMS, "-t", "lp")
    assert (FAULTY_EXIT if expected else CLEAN_EXIT, expected) == (code, faults_of(answer))


@pytest.mark.parametrize(("kind", "expected"), CHAT_FAULTS[:3])
def test_fan_out_reports_the_fault(loadgen: Path, kind: FaultKind, expected: dict) -> None:
    """A subscriber that misses a message of a broadcast channel, or sees it twice, is counted."""
    code, answer = measure(loadgen, websocket_stand_in, kind, *FAN_OUT, "-t", "ws")
    assert (FAULTY_EXIT if expected else CLEAN_EXIT, expected) == (code, faults_of(answer))


@pytest.mark.parametrize(("transport", "stand_in"), [("ws", websocket_stand_in), ("lp", http_stand_in)])
def test_churn_on_a_plain_channel_is_clean(loadgen: Path, transport: str, stand_in: StandIn) -> None:
    """Clients of a server without chats come and go on the channel that was asked for."""
    code, answer = measure(loadgen, stand_in, "none", *CHURN, "-t", transport)
    assert (CLEAN_EXIT, {}) == (code, faults_of(answer))
    assert answer["cycles_per_s"] > 0


def test_a_fixed_rate_reports_the_cost_of_a_message(loadgen: Path) -> None:
    """A message of a room of two is two deliveries, and costs as much as both."""
    code, answer = measure(loadgen, websocket_stand_in, "none", *CHAT, "-t", "ws", "--pids", str(os.getpid()))
    assert (CLEAN_EXIT, 200.0) == (code, pytest.approx(answer["deliveries_per_s"], rel=0.1))
    assert 2 * answer["cpu_us"] == pytest.approx(answer["cpu_us_per_message"], abs=0.01)


SEND_FAULTS = [("drop", "lost"), ("duplicate", "dup"), ("swap", "reordered"), ("refuse", "answer_err")]


@pytest.mark.parametrize(("kind", "counter"), SEND_FAULTS)
def test_send_reports_a_wrong_transcript(loadgen: Path, kind: FaultKind, counter: str) -> None:
    """An acknowledged message that is missing, doubled or misplaced is counted; so is a refused one."""
    expected = (FAULTY_EXIT, 1)
    code, answer = measure(loadgen, http_stand_in, kind, *SEND)
    assert expected == (code, answer[counter])


def test_send_accepts_a_right_transcript(loadgen: Path) -> None:
    """A server without fault gives a clean answer with every message acknowledged and read back."""
    expected = (CLEAN_EXIT, {}, 0)
    code, answer = measure(loadgen, http_stand_in, "none", *SEND)
    assert expected == (code, faults_of(answer), answer["unfinished"])
    assert answer["messages"] > 0
