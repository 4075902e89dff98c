"""Measures the gateway and its peers and writes docs/performance.md; `make bench` calls it.

For each workload and run: a fresh server on processor 0, the generator on processor 1, loopback. Every run
is bounded in time; Ctrl-C or a termination signal stops the server too. Exit code 1 when a run failed or the
generator saw a fault of the gateway (lost, doubled, reordered, ...); a missed floor is shown, not failed,
because machines differ.

    .venv/bin/python tests/bench/run.py                                 # everything; writes the page
    .venv/bin/python tests/bench/run.py --quick                         # coarse, on the terminal only
    .venv/bin/python tests/bench/run.py chat-ws --rounds 1 --no-peers   # one row, on the terminal only
    .venv/bin/python tests/bench/run.py chat-ws --rate 2000 --seconds 8 # what a message costs, in CPU us
    .venv/bin/python tests/bench/run.py chat-ws --against ../other      # A B A B with another checkout
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import plot
from compare import compare
from figures import Row, ratio_table, table
from generator import FAILURES
from page import page
from peers import NoPeers, install
from servers import ROOT, Server
from sitting import Sitting, estimate, extra_rows, extras, rows_of
from toolchain import build_loadgen
from workloads import REFERENCE, WORKLOADS, Workload, at_fixed_rate, for_seconds, named, shortened

DEFAULT_PAGE = ROOT / "docs/performance.md"


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(description="Measures the gateway and writes docs/performance.md.")
    add = result.add_argument
    add("workloads", nargs="*", help=f"of {', '.join(known_names())} (default: all but the last two)")
    add("--quick", action="store_true", help="a short sitting: one round, short windows, fewer workloads")
    add("--rounds", type=int, help="runs per workload (3; 1 with --quick); idle clients are measured once")
    add("--no-peers", action="store_true", help="leave out faye and cometd-nodejs-server")
    add("--date", default=datetime.now(UTC).date().isoformat(), help="date on the page (today)")
    add("--output", help="the page; - for none (default: docs/performance.md when all is measured in full)")
    add("--url", help="measure this running gateway instead (base URL with mount prefix)")
    add("--pid", type=int, default=0, help="its master process, for CPU and memory")
    add("--against", type=Path, help="another checkout with its own .venv; alternates A B A B, prints A/B")
    add("--pairs", type=int, default=5, help="pairs to keep with --against (5)")
    add("--rate", type=float, help="chat: messages/s instead of a ramp; the figure is CPU us per message")
    add("--seconds", type=float, help="measured window of each run")
    return result


def known_names() -> list[str]:
    further = [name for module in extras() for name in module.NAMES]
    return further + [workload.name for workload in WORKLOADS]


def comparable_names() -> list[str]:
    """What can be measured of two checkouts."""
    return [workload.name for workload in WORKLOADS if workload.name != REFERENCE]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Also sets `chosen`, the workloads with rate, window and length that were asked for."""
    this = parser()
    options = this.parse_args(arguments)
    options.rounds = options.rounds or (1 if options.quick else 3)
    if options.rounds < 1 or options.pairs < 1:
        this.error("--rounds and --pairs must be at least 1")
    if (options.against or options.rate) and not options.workloads:
        this.error("--against and --rate need the names of workloads")
    names = comparable_names() if options.against else known_names()
    if unknown := sorted(set(options.workloads) - set(names)):
        this.error(f"unknown workload {', '.join(unknown)}; there are {', '.join(names)}")
    try:
        options.chosen = chosen(options)
    except ValueError as error:
        this.error(str(error))
    return options


def chosen(options: argparse.Namespace) -> list[Workload]:
    """Raises ValueError when a workload cannot be measured as asked."""
    workloads: list[Workload] = named(options.workloads)
    if options.quick:
        workloads = [short for workload in workloads if (short := shortened(workload))]
    if options.seconds:
        workloads = [for_seconds(workload, options.seconds) for workload in workloads]
    if options.rate:
        workloads = [at_fixed_rate(workload, options.rate) for workload in workloads]
    return workloads


def peer_modules(options: argparse.Namespace) -> Path | None:
    """The installed peers, or None with a line that says why. A fixed rate is no race."""
    if options.no_peers or options.url or options.rate:
        return None
    try:
        return install()
    except NoPeers as missing:
        print(f"without peers: {missing}", file=sys.stderr)
        return None


def run_against(options: argparse.Namespace, loadgen: Path) -> int:
    """Exit code: 0 when every workload gave a clean comparison."""
    checkouts = (ROOT, options.against.resolve())
    try:
        clean = [compare(loadgen, workload, checkouts, options.pairs) for workload in options.chosen]
    except FAILURES as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0 if all(clean) else 1


def run_sitting(options: argparse.Namespace, loadgen: Path) -> int:
    """Measures, prints and writes; exit code 0 when every run was made and clean."""
    given = Server(options.url, options.pid) if options.url else None
    sitting = Sitting(loadgen, options.rounds, options.quick, peer_modules(options), given)
    minutes = estimate(sitting, options.chosen, options.workloads) / 60
    print(f"about {minutes:.1f} minutes", file=sys.stderr, flush=True)
    started = time.monotonic()
    rows: list[Row] = []
    failures: list[str] = []
    for workload in options.chosen:
        more, wrong = rows_of(sitting, workload)
        rows, failures = rows + more, failures + wrong
    more, wrong = extra_rows(sitting, options.workloads)
    rows, failures = rows + more, failures + wrong
    print(f"took {(time.monotonic() - started) / 60:.1f} minutes", file=sys.stderr)
    show(rows, failures, options)
    return 1 if failures or not rows or any(row.faults for row in rows) else 0


def show(rows: Sequence[Row], failures: Sequence[str], options: argparse.Namespace) -> None:
    """On the terminal, and on the page unless it was a part, a short run, or with other parameters."""
    print(table(rows), ratio_table(rows), sep="\n\n")
    for failure in failures:
        print(failure, file=sys.stderr)
    special = options.workloads or options.quick or options.seconds or options.url
    output = options.output or ("-" if special else str(DEFAULT_PAGE))
    if output == "-" or not rows:
        return
    path = Path(output)
    text = page(
        rows, date=options.date, rounds=options.rounds, quick=options.quick, with_plot=drawn(rows, path)
    )
    path.write_text(text)


def drawn(rows: Sequence[Row], page_path: Path) -> bool:
    try:
        return plot.draw(rows, page_path.with_name("performance.svg"))
    except ImportError as missing:
        print(f"no plot: {missing}; pip install '.[bench]' brings what it needs", file=sys.stderr)
        return False


def raise_file_limit() -> None:
    """Ten thousand clients need as many files in the server and in the generator; both inherit this."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(arguments: list[str]) -> int:
    options = parse_arguments(arguments)
    # Unwinds like Ctrl-C, so that the server is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    raise_file_limit()
    loadgen = build_loadgen()
    return run_against(options, loadgen) if options.against else run_sitting(options, loadgen)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
