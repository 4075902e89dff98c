"""Turns the generator's answers into tables; called by run.py. Pure functions, no I/O but /proc."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator import Answer
from workloads import REFERENCE, Workload

FAULTS = (
    "lost",
    "dup",
    "reordered",
    "misrouted",
    "order_diff",
    "chat_err",
    "answer_err",
    "unfinished",
    "closed",
    "http_err",
    "proto_err",
    "refused",
)
GENERATOR_BOUND = 0.9
"""A generator above this share of its processor measures itself, not the gateway."""


@dataclass(frozen=True, slots=True)
class Result:
    """All runs of one workload."""

    workload: Workload
    answers: tuple[Answer, ...]

    @property
    def median(self) -> float:
        return float(statistics.median(answer[self.workload.figure] for answer in self.answers))

    @property
    def faults(self) -> dict[str, int]:
        return faults_of(self.answers)


def faults_of(answers: Sequence[Answer]) -> dict[str, int]:
    """What must be zero and is not, summed over the runs."""
    sums = {name: sum(int(answer.get(name, 0)) for answer in answers) for name in FAULTS}
    sums["limit not held"] = sum(answer.get("held") == "no" for answer in answers)
    return {name: count for name, count in sums.items() if count}


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}"


def spread(answers: Sequence[Answer], figure: str) -> str:
    """`median [min-max]`, or `-` when the answers do not have that figure."""
    values = [answer[figure] for answer in answers if figure in answer]
    if not values:
        return "-"
    return f"{_number(statistics.median(values))} [{_number(min(values))}-{_number(max(values))}]"


def _floor(result: Result) -> str:
    workload = result.workload
    if workload.floor is None:
        return "-"
    relation = "at most" if workload.smaller_is_better else "at least"
    verdict = "met" if workload.meets_floor(result.median) else "**missed**"
    return f"{relation} {_number(workload.floor)}: {verdict}"


def _faults(result: Result) -> str:
    text = ", ".join(f"{name} {count}" for name, count in result.faults.items()) or "none"
    bound = any(answer["gen_cpu"] > GENERATOR_BOUND for answer in result.answers)
    return text + (" (generator at its limit)" if bound else "")


COLUMNS: tuple[tuple[str, Callable[[Result], str]], ...] = (
    ("workload", lambda r: r.workload.title),
    ("figure, median [min-max]", lambda r: f"{spread(r.answers, r.workload.figure)} {r.workload.unit}"),
    ("floor", _floor),
    ("p99 ms", lambda r: spread(r.answers, "p99_ms")),
    ("max ms", lambda r: spread(r.answers, "max_ms")),
    ("gateway CPU %", lambda r: spread([{"c": 100 * a["server_cpu"]} for a in r.answers], "c")),
    ("CPU us per unit", lambda r: spread([a for a in r.answers if a["cpu_us"]], "cpu_us")),
    ("round trip ns", lambda r: spread(r.answers, "round_trip_ns")),
    ("faults", _faults),
)


def _per_reference(result: Result, results: Sequence[Result]) -> str:
    """How many of a workload's units go into the time of one request of the reference app."""
    reference = [other.median for other in results if other.workload.name == REFERENCE]
    if not reference or not reference[0] or result.workload.smaller_is_better:
        return "-"
    return f"{result.median / reference[0]:.2f}"


def table(results: Sequence[Result]) -> str:
    """A Markdown table that is also readable on a terminal."""
    rows = [[title for title, _ in COLUMNS]] + [[cell(result) for _, cell in COLUMNS] for result in results]
    for row, added in zip(
        rows, ["per reference request", *[_per_reference(r, results) for r in results]], strict=True
    ):
        row.insert(3, added)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def machine() -> str:
    """The processor, memory, kernel and Python that the figures belong to."""
    fields = dict(
        line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line
    )
    model = {key.strip(): value.strip() for key, value in fields.items()}.get(
        "model name", platform.machine()
    )
    kilobytes = int(Path("/proc/meminfo").read_text().split()[1])
    return (
        f"{model}, {os.cpu_count()} processors, {kilobytes / 2**20:.0f} GiB, "
        f"Linux {platform.release()}, Python {platform.python_version()}"
    )
