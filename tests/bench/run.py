"""Measures the gateway and writes docs/performance.md; `make bench` calls it.

For each workload and run: a fresh gateway on processor 0, the generator on processor 1, loopback. Every run
is bounded in time; Ctrl-C or a termination signal stops the gateway too. Exit code 1 when a run failed or the
generator saw a fault (lost, doubled, reordered, ...); a missed floor is shown, not failed, because machines
differ.

    .venv/bin/python tests/bench/run.py                                 # everything; writes the page
    .venv/bin/python tests/bench/run.py chat-ws --runs 1                # one row, on the terminal only
    .venv/bin/python tests/bench/run.py chat-ws --rate 4000 --seconds 8 # what a message costs, in CPU us
    .venv/bin/python tests/bench/run.py chat-ws --against ../other      # A B A B with another checkout
"""

from __future__ import annotations

import argparse
import resource
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from compare import compare
from figures import Result, machine, table
from generator import Answer, measure
from page import page
from servers import ROOT, Server, ServerFailed, attached, running_gateway, running_reference
from toolchain import build_loadgen
from workloads import DEFAULT_NAMES, REFERENCE, WORKLOADS, Workload, at_fixed_rate, for_seconds, named

FAILURES = (ServerFailed, RuntimeError, subprocess.TimeoutExpired)
"""What one run may die of without ending the others."""


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures the gateway and writes docs/performance.md.")
    names = ", ".join(workload.name for workload in WORKLOADS)
    add = parser.add_argument
    add("workloads", nargs="*", help=f"of {names} (default: {', '.join(DEFAULT_NAMES)})")
    add("--runs", type=int, default=3, help="runs per workload (3)")
    add("--date", default=datetime.now(UTC).date().isoformat(), help="date on the page (today)")
    add("--output", help="the page; - for none (default: docs/performance.md when everything is measured)")
    add("--url", help="measure this running gateway instead (base URL with mount prefix)")
    add("--pid", type=int, default=0, help="its master process, for CPU and memory")
    add("--against", type=Path, help="another checkout with its own .venv; alternates A B A B and prints A/B")
    add("--pairs", type=int, default=5, help="pairs to keep with --against (5)")
    add("--rate", type=float, help="chat: messages/s instead of a ramp; the figure is CPU us per message")
    add("--seconds", type=float, help="measured window of each run")
    options = parser.parse_args(arguments)
    if min(options.runs, options.pairs) < 1:
        parser.error("--runs and --pairs must be at least 1")
    if options.against and not options.workloads:
        parser.error("--against needs the names of workloads")
    try:
        options.chosen = chosen(options)
    except ValueError as error:
        parser.error(str(error))
    return options


def chosen(options: argparse.Namespace) -> list[Workload]:
    """The workloads to measure, with the rate and window asked for. Raises ValueError."""
    workloads = named(options.workloads or DEFAULT_NAMES)
    if options.seconds:
        workloads = [for_seconds(workload, options.seconds) for workload in workloads]
    if options.rate:
        workloads = [at_fixed_rate(workload, options.rate) for workload in workloads]
    return workloads


def subject(workload: Workload, options: argparse.Namespace) -> AbstractContextManager[Server]:
    """What a workload is measured on: the yardstick, the gateway that was given, or a fresh one."""
    if workload.name == REFERENCE:
        return running_reference()
    return attached(options.url, options.pid) if options.url else running_gateway()


def run_all(options: argparse.Namespace, loadgen: Path) -> tuple[list[Result], bool]:
    """All chosen workloads; the second value tells whether every run gave an answer."""
    results, complete = [], True
    for workload in options.chosen:
        answers: list[Answer] = []
        for number in range(options.runs):
            print(f"{workload.name} {number + 1}/{options.runs}", file=sys.stderr)
            try:
                answers.append(measure(loadgen, workload, subject(workload, options)))
            except FAILURES as failure:
                print(f"{workload.name}: {failure}", file=sys.stderr)
                complete = False
        if answers:
            results.append(Result(workload, tuple(answers)))
    return results, complete


def run_against(options: argparse.Namespace, loadgen: Path) -> int:
    """Exit code: 0 when every workload gave a clean comparison."""
    checkouts = (ROOT, options.against.resolve())
    try:
        clean = [compare(loadgen, workload, checkouts, options.pairs) for workload in options.chosen]
    except FAILURES as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0 if all(clean) else 1


def output_path(options: argparse.Namespace) -> Path | None:
    """Where the page goes: a run of a part, or with other parameters, does not overwrite it unasked."""
    if options.output:
        return None if options.output == "-" else Path(options.output)
    special = options.workloads or options.rate or options.seconds or options.url
    return None if special else ROOT / "docs/performance.md"


def raise_file_limit() -> None:
    """Ten thousand clients need as many files in the gateway and in the generator; both inherit this."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(arguments: list[str]) -> int:
    options = parse_arguments(arguments)
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # unwinds like Ctrl-C, so the gateway is stopped
    raise_file_limit()
    loadgen = build_loadgen()
    if options.against:
        return run_against(options, loadgen)
    results, complete = run_all(options, loadgen)
    if not results:
        return 1
    text = table(results)
    print(text)
    if output := output_path(options):
        output.write_text(page(date=options.date, runs=options.runs, machine=machine(), table=text))
    return 0 if complete and not any(result.faults for result in results) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
