"""Measures the gateway and writes docs/performance.md; `make bench` calls it.

For each workload and run: a fresh gateway on processor 0, the generator on processor 1, loopback. Every run
is bounded in time; Ctrl-C or a termination signal stops the gateway too. Exit code 1 when a run failed or the
generator saw a fault (lost, doubled, reordered, ...); a missed floor is shown, not failed, because machines
differ.

    .venv/bin/python tests/bench/run.py                    # the default workloads, three runs each
    .venv/bin/python tests/bench/run.py chat-ws --runs 1 --output -
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from figures import REFERENCE, Answer, Result, Workload, machine, table
from gateway_process import ROOT, Gateway, GatewayFailed, pinned, running_gateway, running_reference
from toolchain import build_loadgen

RUN_SECONDS = 240
"""Longest time for one run of the generator; the longest ramp needs about two minutes."""
REFERENCE_THERE = 5800
"""Requests/s of the reference app on the machine that the floors were set for."""
RAMP = ("--ramp-start", "1000", "--ramp-factor", "1.5", "--stage", "3", "--confirm", "5")

WORKLOADS = (
    Workload(
        REFERENCE,
        "reference: trivial Flask app",
        ("-w", "http", "-c", "32", "--path", "/send", "--body", "message=hello"),
        "requests_per_s",
        "requests/s",
    ),
    Workload("send", "REST send, durable", ("-w", "send", "-c", "32"), "requests_per_s", "requests/s", 3000),
    Workload(
        "chat-ws",
        "chat, 500 rooms, websocket",
        ("-w", "chat", "-t", "ws", "-m", "500", *RAMP),
        "messages_per_s",
        "messages/s at p99 <= 200 ms",
        8000,
    ),
    Workload(
        "chat-lp",
        "chat, 500 rooms, long-polling",
        ("-w", "chat", "-t", "lp", "-m", "500", *RAMP),
        "messages_per_s",
        "messages/s at p99 <= 200 ms",
    ),
    Workload(
        "idle-ws",
        "2,000 idle clients, websocket",
        ("-w", "idle", "-t", "ws", "-n", "2000", "-d", "10"),
        "kb_per_client",
        "KB per client",
        45,
        smaller_is_better=True,
    ),
    Workload(
        "idle-lp",
        "2,000 idle clients, long-polling",
        ("-w", "idle", "-t", "lp", "-n", "2000", "-d", "10"),
        "kb_per_client",
        "KB per client",
        smaller_is_better=True,
    ),
    Workload(
        "churn-ws", "churn, websocket", ("-w", "churn", "-t", "ws", "-c", "50"), "cycles_per_s", "cycles/s"
    ),
    Workload(
        "churn-lp", "churn, long-polling", ("-w", "churn", "-t", "lp", "-c", "50"), "cycles_per_s", "cycles/s"
    ),
    Workload(
        "fanout-ws",
        "fan-out to 1,000, websocket",
        ("-w", "fanout", "-t", "ws", "-n", "1000", "-K", "8"),
        "deliveries_per_s",
        "deliveries/s",
    ),
    Workload(
        "fanout-lp",
        "fan-out to 1,000, long-polling",
        ("-w", "fanout", "-t", "lp", "-n", "1000", "-K", "1"),
        "deliveries_per_s",
        "deliveries/s",
    ),
    Workload(
        "http",
        "raw requests (an unknown session's connect)",
        ("-w", "http", "--body", '[{"id":"1","channel":"/meta/connect","clientId":"none"}]'),
        "requests_per_s",
        "requests/s",
    ),
)
DEFAULT_NAMES = (REFERENCE, "send", "chat-ws", "chat-lp", "idle-ws", "idle-lp", "churn-ws", "churn-lp")

PAGE = """\
# Performance

<!-- Written by tests/bench/run.py; run it again instead of editing the figures. -->

Measured on {date}, {runs} run(s) per workload, medians [min-max].

Machine: {machine}.

One gateway process pinned to processor 0 (embedded SQLite store, every message committed with
`synchronous=FULL` before it is acknowledged), the load generator pinned to processor 1, loopback, 100-byte
texts.

{table}

* **reference**: a form POST in, a small JSON out, in plain Flask under stock gunicorn with its gevent worker;
  it stores nothing. The floors were set where this app does {reference_there:,} requests/s. Where it does
  less, the machine is slower, and the column **per reference request** is what can be compared: the floors
  are {rest_ratio:.2f} (REST send) and {ws_ratio:.2f} (websocket chat) there.
* **REST send**: 32 keep-alive connections, each with its own chat, each posting `send` in a closed loop.
  Afterwards every chat is read back: each acknowledged message must be there exactly once and in order.
* **chat**: real chats of two attached members, both publishing `sendMessage` at a fixed rate, both receiving
  every message; latency counts from the scheduled time. The figure is the highest rate that a confirmation
  run held.
* **idle**: clients with a held `/meta/connect`; growth of the gateway's resident memory divided by their
  number.
* **churn**: handshake, connect, subscribe, disconnect; a new socket per cycle over websocket.
* **CPU us per unit**: the gateway's processor time per request, delivery or cycle.
* **round trip**: the cache-line round trip between the two processors at the time. Shared machines have a
  fast mode (below 150 ns) and a slow one (above 300 ns), up to three times apart: compare only figures of the
  same mode.
* **faults**: anything lost, doubled, reordered, misrouted or refused. It must say "none".

## Repeat it

    make bench
    .venv/bin/python tests/bench/run.py chat-ws fanout-ws --runs 5

`gcc` is needed; the generator is compiled into a cache directory. `run.py --help` lists the workloads.
"""


def generate(loadgen: Path, *arguments: str) -> Answer:
    """One run of the generator on processor 1. Raises RuntimeError when it gave no answer."""
    command = pinned(1, [str(loadgen), "--max-seconds", str(RUN_SECONDS), *arguments])
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=RUN_SECONDS + 10, check=False)
    if not run.stdout:
        raise RuntimeError(f"the generator gave no answer (exit code {run.returncode})")
    answer: Answer = json.loads(run.stdout)
    return answer


def measure(loadgen: Path, workload: Workload, attached: Gateway | None) -> Answer:
    """One run of one workload, against a gateway of its own unless one is given."""
    cores = generate(loadgen, "-w", "cores")["round_trip_ns"]
    if workload.name == REFERENCE:
        with running_reference() as reference:
            form = ("--content-type", "application/x-www-form-urlencoded")
            return _measure_on(loadgen, workload, reference, *form) | {"round_trip_ns": cores}
    if attached:
        return _measure_on(loadgen, workload, attached) | {"round_trip_ns": cores}
    with running_gateway() as gateway:
        return _measure_on(loadgen, workload, gateway) | {"round_trip_ns": cores}


def _measure_on(loadgen: Path, workload: Workload, gateway: Gateway, *more: str) -> Answer:
    return generate(loadgen, "-u", gateway.url, "--pids", str(gateway.pid), *workload.arguments, *more)


def run_all(options: argparse.Namespace, loadgen: Path) -> tuple[list[Result], bool]:
    """All chosen workloads; the second value tells whether every run gave an answer."""
    attached = Gateway(options.url, options.pid) if options.url else None
    chosen = [workload for workload in WORKLOADS if workload.name in (options.workloads or DEFAULT_NAMES)]
    results, complete = [], True
    for workload in chosen:
        answers: list[Answer] = []
        for number in range(options.runs):
            print(f"{workload.name} {number + 1}/{options.runs}", file=sys.stderr)
            try:
                answers.append(measure(loadgen, workload, attached))
            except (GatewayFailed, RuntimeError, subprocess.TimeoutExpired) as failure:
                print(f"{workload.name}: {failure}", file=sys.stderr)
                complete = False
        if answers:
            results.append(Result(workload, tuple(answers)))
    return results, complete


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures the gateway and writes docs/performance.md.")
    names = [workload.name for workload in WORKLOADS]
    parser.add_argument(
        "workloads", nargs="*", help=f"of {', '.join(names)} (default: {', '.join(DEFAULT_NAMES)})"
    )
    parser.add_argument("--runs", type=int, default=3, help="runs per workload (3)")
    parser.add_argument(
        "--date", default=datetime.now(UTC).date().isoformat(), help="date on the page (today)"
    )
    parser.add_argument("--output", default=str(ROOT / "docs/performance.md"), help="the page; - for none")
    parser.add_argument("--url", help="measure this running gateway instead (base URL with mount prefix)")
    parser.add_argument("--pid", type=int, default=0, help="its master process, for CPU and memory")
    options = parser.parse_args()
    unknown = set(options.workloads) - set(names)
    if unknown or options.runs < 1:
        parser.error(
            f"unknown workload {', '.join(sorted(unknown))}" if unknown else "--runs must be at least 1"
        )
    return options


def raise_file_limit() -> None:
    """Ten thousand clients need as many files in the gateway and in the generator; both inherit this."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> int:
    options = parse_arguments()
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # unwinds like Ctrl-C, so the gateway is stopped
    raise_file_limit()
    results, complete = run_all(options, build_loadgen())
    if not results:
        return 1
    text = table(results)
    print(text)
    if options.output != "-":
        floors = {workload.name: workload.floor or 0 for workload in WORKLOADS}
        page = PAGE.format(
            date=options.date,
            runs=options.runs,
            machine=machine(),
            table=text,
            reference_there=REFERENCE_THERE,
            rest_ratio=floors["send"] / REFERENCE_THERE,
            ws_ratio=floors["chat-ws"] / REFERENCE_THERE,
        )
        Path(options.output).write_text(page)
    return 0 if complete and not any(result.faults for result in results) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
