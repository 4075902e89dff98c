"""Runs the load generator once and reads its answer; called by run.py.

Each run has a server of its own, so that one run's memory and transcripts do not colour the next, and is
framed by two readings of the cache-line round trip between the two processors.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from servers import Server, ServerFailed, pinned
from workloads import Workload

Answer = dict[str, Any]
RUN_SECONDS = 240
"""Longest time for one run of the generator; the longest ramp needs about two minutes."""
FAILURES = (ServerFailed, RuntimeError, subprocess.TimeoutExpired)
"""What one run may die of without ending the others."""


def generate(loadgen: Path, *arguments: str) -> Answer:
    """One run of the generator on processor 1. Raises RuntimeError when it gave no answer."""
    command = pinned(1, [str(loadgen), "--max-seconds", str(RUN_SECONDS), *arguments])
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=RUN_SECONDS + 10, check=False)
    if not run.stdout:
        raise RuntimeError(f"the generator gave no answer (exit code {run.returncode})")
    answer: Answer = json.loads(run.stdout)
    return answer


def round_trip_ns(loadgen: Path) -> float:
    """The cache-line round trip between the two processors, now."""
    return float(generate(loadgen, "-w", "cores")["round_trip_ns"])


def framed(loadgen: Path, run: Callable[[], Answer]) -> Answer:
    """The answer of any measurement with the round trips before and after it, which pairs.py looks at."""
    before = round_trip_ns(loadgen)
    return run() | {"round_trip_ns": before, "round_trip_after_ns": round_trip_ns(loadgen)}


def measure(loadgen: Path, workload: Workload, server: AbstractContextManager[Server]) -> Answer:
    """One run of one workload against a server that lives as long."""

    def run() -> Answer:
        with server as running:
            address = ("-u", running.url, "--pids", str(running.pid))
            return generate(loadgen, *address, *workload.arguments)

    return framed(loadgen, run)
