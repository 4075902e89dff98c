"""Turns answers into tables; called by run.py and page.py. Pure functions, no I/O but /proc."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from generator import Answer
from pairs import Pair, mode, ratios
from workloads import REFERENCE, REFERENCE_THERE, Figure

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
class Row:
    """One figure of one workload: our runs, and the pairs with each peer by its name.

    An answer is a flat mapping. The table reads, where they are there, `p99_ms`, `max_ms`, `server_cpu` and
    `gen_cpu` (shares of a processor), `cpu_us` (per unit), `kb_per_client`, `round_trip_ns` and the counters
    of FAULTS.
    """

    name: str
    title: str
    figure: Figure
    answers: tuple[Answer, ...]
    against: Mapping[str, tuple[Pair, ...]] = field(default_factory=dict)

    @property
    def median(self) -> float:
        return float(statistics.median(answer[self.figure.key] for answer in self.answers))

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


def spread(answers: Sequence[Answer], key: str) -> str:
    """`median [min-max]`, one number for one answer, or `-` when the answers do not have that figure."""
    values = [answer[key] for answer in answers if key in answer]
    if not values:
        return "-"
    if len(values) == 1:
        return _number(values[0])
    return f"{_number(statistics.median(values))} [{_number(min(values))}-{_number(max(values))}]"


def _floor(row: Row) -> str:
    figure = row.figure
    relation = "at most" if figure.smaller_is_better else "at least"
    return (
        "; ".join(
            f"{relation} {_number(floor)}: {'met' if figure.meets(floor, row.median) else '**missed**'}"
            for floor in figure.floors
        )
        or "-"
    )


def _fault_text(answers: Sequence[Answer]) -> str:
    text = ", ".join(f"{name} {count}" for name, count in faults_of(answers).items()) or "none"
    bound = any(answer.get("gen_cpu", 0) > GENERATOR_BOUND for answer in answers)
    return text + (" (generator at its limit)" if bound else "")


IDLE_KEYS = ("kb_per_client", "cpu_percent")
"""Figures of idle clients: their own columns would repeat them, or show a window that is too short."""


def _share(row: Row) -> str:
    if row.figure.key in IDLE_KEYS:
        return "-"
    return spread([{"c": 100 * a["server_cpu"]} for a in row.answers if "server_cpu" in a], "c")


def _memory(row: Row) -> str:
    return "-" if row.figure.key in IDLE_KEYS else spread(row.answers, "kb_per_client")


def _modes(answers: Sequence[Answer]) -> str:
    names = ("round_trip_ns", "round_trip_after_ns")
    seen = {mode(answer[name]) for answer in answers for name in names if name in answer}
    return ", ".join(sorted(seen)) or "-"


Column = tuple[str, Callable[[Row], str]]
COLUMNS: tuple[Column, ...] = (
    ("workload", lambda r: r.title),
    ("figure, median [min-max]", lambda r: f"{spread(r.answers, r.figure.key)} {r.figure.unit}"),
    ("floor", _floor),
    ("p99 ms", lambda r: spread(r.answers, "p99_ms")),
    ("max ms", lambda r: spread(r.answers, "max_ms")),
    ("gateway CPU %", _share),
    ("CPU us per unit", lambda r: spread([a for a in r.answers if a.get("cpu_us")], "cpu_us")),
    ("KB per client", _memory),
    ("machine", lambda r: _modes(r.answers)),
    ("faults", lambda r: _fault_text(r.answers)),
)


def _per_reference(rows: Sequence[Row]) -> Column:
    """How many of a workload's units go into the time of one request of the reference app, and whether that
    is as many as where the floors were set."""
    medians = [row.median for row in rows if row.name == REFERENCE]

    def cell(row: Row) -> str:
        if not medians or not medians[0] or row.figure.smaller_is_better or row.figure.unit.startswith("%"):
            return "-"
        found = row.median / medians[0]
        there = [floor / REFERENCE_THERE for floor in row.figure.floors]
        verdicts = [f"{floor:.2f} {'met' if found >= floor else '**missed**'}" for floor in there]
        return f"{found:.2f}" + (f" ({', '.join(verdicts)})" if verdicts else "")

    return ("per reference request", cell)


def table(rows: Sequence[Row]) -> str:
    """Our figures as a Markdown table that is also readable on a terminal."""
    columns = (*COLUMNS[:3], _per_reference(rows), *COLUMNS[3:])
    return _markdown([title for title, _ in columns], [[cell(row) for _, cell in columns] for row in rows])


RATIO_TITLES = (
    "workload",
    "peer",
    "ours",
    "peer's",
    "ours / peer, kept pairs",
    "ours / peer, all pairs",
    "CPU per unit, ours / peer",
    "peer's faults",
)


def ratio_table(rows: Sequence[Row]) -> str:
    """Ours divided by each peer's, taken inside alternating pairs; empty without peers."""
    lines = [_ratio_line(row, peer, pairs) for row in rows for peer, pairs in row.against.items()]
    return _markdown(RATIO_TITLES, lines) if lines else ""


def _ratio_line(row: Row, peer: str, pairs: Sequence[Pair]) -> list[str]:
    kept = [pair for pair in pairs if pair.steady]
    key, theirs = row.figure.key, [pair.theirs for pair in pairs]
    better = " (smaller is better)" if row.figure.smaller_is_better else ""
    return [
        row.title,
        peer,
        f"{spread([pair.ours for pair in pairs], key)} {row.figure.unit}",
        spread(theirs, key),
        f"{ratios(kept, key) or '-'} ({len(kept)} of {len(pairs)}){better}",
        f"{ratios(pairs, key) or '-'}",
        f"{ratios(pairs, 'cpu_us') or '-'}",
        _fault_text(theirs),
    ]


def _markdown(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [titles, *lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


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
