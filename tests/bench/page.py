"""Writes docs/performance.md from the results of a run; called by run.py."""

from __future__ import annotations

from workloads import WORKLOADS

REFERENCE_THERE = 5800
"""Requests/s of the reference app on the machine that the floors were set for."""

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


def page(*, date: str, runs: int, machine: str, table: str) -> str:
    """The whole document."""
    floors = {workload.name: workload.floor or 0 for workload in WORKLOADS}
    return PAGE.format(
        date=date,
        runs=runs,
        machine=machine,
        table=table,
        reference_there=REFERENCE_THERE,
        rest_ratio=floors["send"] / REFERENCE_THERE,
        ws_ratio=floors["chat-ws"] / REFERENCE_THERE,
    )
