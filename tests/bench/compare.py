"""`run.py NAME --against CHECKOUT`: is this checkout faster than that one? For engineers who optimise."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from figures import faults_of, spread
from generator import Answer, measure
from pairs import Pair, Ratios, alternate, mode, ratios
from servers import running_gateway
from workloads import Figure, Workload

OURS, THEIRS = "A (this)", "B (other)"
SECONDARY = (
    Figure("cpu_us", "CPU us per unit", smaller_is_better=True),
    Figure("p99_ms", "p99 ms", smaller_is_better=True),
)
"""Shown below the figure of merit."""
PAIRS_FOR_A_LEAD = 5
"""Fewer agree by chance too often."""


def compare(loadgen: Path, workload: Workload, checkouts: tuple[Path, Path], count: int) -> bool:
    """Prints `count` alternating pairs and their ratio; False when a run had faults."""

    def run(name: str, checkout: Path) -> Answer:
        answer = measure(loadgen, workload, running_gateway(checkout))
        print(f"  {name:10} {_line(workload, answer)}", flush=True)
        return answer

    ours, theirs = checkouts
    print(f"{workload.name}: {OURS} {ours} against {THEIRS} {theirs}", file=sys.stderr)
    tried = alternate(count, lambda: run(OURS, ours), lambda: run(THEIRS, theirs))
    print(verdict(workload, tried))
    return not any(faults_of([pair.ours, pair.theirs]) for pair in tried)


def _line(workload: Workload, answer: Answer) -> str:
    faults = ", ".join(f"{name} {count}" for name, count in faults_of([answer]).items())
    cpu = f"  {answer['cpu_us']:7.1f} CPU us per unit" if answer.get("cpu_us") else ""
    return (
        f"{answer[workload.figure.key]:10,.1f} {workload.figure.unit}{cpu}  "
        f"machine {mode(answer['round_trip_ns'])}{f'  FAULTS: {faults}' if faults else ''}"
    )


def verdict(workload: Workload, tried: Sequence[Pair]) -> str:
    """The ratios A/B with their spread, and whether every steady pair agrees."""
    kept = [pair for pair in tried if pair.steady]
    lines = [f"{workload.name}: {len(tried)} pairs, {len(kept)} kept: the machine kept its speed meanwhile"]
    for figure in (workload.figure, *SECONDARY):
        every, found = ratios(tried, figure.key), ratios(kept, figure.key)
        if every is None:
            continue
        lines += [f"  {figure.unit}: A {_side(tried, 'ours', figure)}, B {_side(tried, 'theirs', figure)}"]
        lines += [f"    A/B {found or 'none'} of the kept pairs, {every} of all"]
        lines += [f"    {_lead(found, smaller_is_better=figure.smaller_is_better)}"]
    return "\n".join(lines)


def _side(pairs: Sequence[Pair], side: str, figure: Figure) -> str:
    return spread([getattr(pair, side) for pair in pairs], figure.key)


def _lead(found: Ratios | None, *, smaller_is_better: bool) -> str:
    if found is None or len(found.values) < PAIRS_FOR_A_LEAD:
        return f"too few kept pairs for a verdict: {PAIRS_FOR_A_LEAD} are needed"
    if not found.agree:
        return "no lead: the pairs disagree"
    return f"{'A' if (found.median < 1) == smaller_is_better else 'B'} is better in every kept pair"
