"""Writes docs/performance.md from the rows of a sitting; called by run.py."""

from __future__ import annotations

from collections.abc import Sequence

from figures import Row, machine, ratio_table, table
from workloads import REFERENCE_THERE

PAGE = """\
# Performance

<!-- Written by tests/bench/run.py; run it again instead of editing the figures. -->

Measured on {date}, {rounds} round(s), medians [min-max]{quick}.

Machine: {machine}.

One gateway process pinned to processor 0 (embedded SQLite store, every message committed with
`synchronous=FULL` before it is acknowledged, rate limits off), the load generator pinned to processor 1,
loopback, 100-byte texts. A fresh gateway for every run.

{table}

* **reference**: a form POST in, a small JSON out, in plain Flask under stock gunicorn with its gevent worker;
  it stores nothing. The floors were set where this app does {reference_there:,} requests/s. Where it does
  less, the machine (or its interpreter) is slower, and the column **per reference request** is what can be
  compared: how many units go into the time of one such request, with the floors in the same measure.
* **REST send**: 32 keep-alive connections, each with its own chat, each posting `send` in a closed loop.
  Afterwards every chat is read back: each acknowledged message must be there exactly once and in order.
* **fan-out**: one publisher, 1,000 subscribers of a broadcast channel, a closed loop with one or eight
  messages that have not reached everybody yet. Nothing is stored: broadcast channels are not chats.
* **chat**: real chats of two attached members, both publishing `sendMessage` at a fixed rate, both receiving
  every message; latency counts from the scheduled time. The figure is the highest rate that was held for 5 s
  on end (a rate counts as too high when it fails twice); a message is two deliveries.
* **churn**: handshake, connect, subscribe, disconnect; a new socket per cycle over websocket.
* **idle**: clients with a held `/meta/connect`; growth of the gateway's resident memory divided by their
  number, and the processor time that they take in 31 s, in which each renews its connect once.
* **CPU us per unit**: the gateway's processor time per request, delivery or cycle.
* **KB per client**: growth of the gateway's resident memory from the first client to the last, per client; in
  a busy workload it includes what the process allocates once.
* **machine**: `fast` when the cache-line round trip between the two processors is below 150 ns, `slow` above
  300 ns. Shared machines change between the two, up to three times apart: compare only figures of the same
  mode.
* **faults**: anything lost, doubled, reordered, misrouted or refused. It must say "none".
{peers}
{profile}## Repeat it

    make bench                  # everything, about 25 minutes (16 with ARGS="--rounds 2")
    make bench ARGS=--quick     # less than 3 minutes, coarse, on the terminal only
    .venv/bin/python tests/bench/run.py chat-ws fanout-ws --rounds 5
    .venv/bin/python tests/bench/run.py chat-ws --rate 2000 --seconds 8

The last one holds a rate and prints what a message costs in CPU us, which varies far less than a ramp.
`gcc` is needed; the generator is compiled into a cache directory. With node and npm the peers are installed
there, too. `run.py --help` lists the workloads. [tests/bench/README.md](../tests/bench/README.md) says how to
compare two checkouts.
"""

PROFILE = """\
## Where the time goes

    taskset -c 0 .venv/bin/python tests/bench/layers.py chat-ws chat-lp churn-lp

runs the application, the worker's request loop, SQLite and the clients in one process and samples which
layer runs. One run (us of processor time per message or cycle, commits shared by 100 rooms):

| layer                                   | chat, websocket | chat, long-polling | churn, long-polling |
|-----------------------------------------|-----------------|--------------------|---------------------|
| all, without the clients                | 103             | 316                | 257                 |
| HTTP: our worker, gunicorn's answer     | 0               | 84                 | 94                  |
| event loop, sockets, system calls       | 1               | 66                 | 61                  |
| transports and hub                      | 34              | 68                 | 47                  |
| Bayeux engine                           | 3               | 21                 | 21                  |
| chat: rights, numbering, rendering      | 20              | 30                 | 14                  |
| store                                   | 20              | 26                 | 0                   |
| metrics, Flask                          | 1               | 9                  | 7                   |
| the flush, and waiting for it           | 23              | 12                 | 13                  |

(System calls of a websocket are made by the transport and counted there.) No single function stands out in
any layer. What a ramp over loopback adds is waking up: with few messages under way each pays for its own turn
of the event loop and its own share of a flush.

* **chat, websocket.** 20,000 messages/s would be 50 us for a message that is decoded, checked, numbered,
  rendered, put into SQLite, flushed and written to two sockets. The flush runs in a thread of its own and
  is shared; what is left is Python (330 calls a message; the young garbage collections are 1 %). The store is
  a fifth of it and cannot be left out: an acknowledged message is on the disk. On a shared machine the same
  code took 126 to 200 us a message within minutes, while a small loop beside it kept its speed: a thousand
  connections and their chats do not fit into the processor's own caches, and the larger one is shared with
  strangers. At its best it held 8,000 messages/s for a second and a half at p99 16 ms.
* **chat, long-polling.** A message is three HTTP requests: its own, and a new connect of each member.
  4,500/s would be 74 us for each with everything that it carries; bare WSGI under stock gunicorn does about
  6,000 requests/s here, which is 2,000 such messages/s without any chat. Requests that nobody could
  misunderstand no longer go through gunicorn's request object (76 us to 11); the next step would be a
  server loop without a greenlet per connection and without WSGI (17 us a request in a prototype), which
  means to give up ordinary request handling: every framework, middleware and profiler that knows WSGI.
* **churn.** Four requests a cycle, the handshake being the dearest of them: random ids, a session, a
  cookie. 3,000/s are 83 us per request, connection and all. Over websocket a cycle begins with a new
  connection and an upgrade through Flask and flask-sock, a third of the cycle: the request is parsed a second
  time, by h11 and wsproto, and flask-sock makes a class for each upgrade.
* **idle, long-polling.** Between its deadlines a held poll costs nothing but two looks a second at its
  connection's deadline (a millisecond for 20,000); 10,000 clients renew 333 polls a second, and those are
  the figure.

"""

PEERS = """
## Beside other Bayeux servers

The npm packages `faye` and `cometd-nodejs-server` (long-polling only), one node process on the same
processor, the same generator, in the same minutes: gateway, peer, gateway, peer. A pair is kept when the
machine stayed in one mode from before its first run until after its second; the ratio is taken inside each
pair. A lead counts when every kept pair agrees.

**Neither peer stores anything or knows chats.** For them *chat* runs as 500 rooms of two on plain channels:
both members subscribe, both publish, both receive. The gateway does the same work as real chats, checks each
member's right, and commits each message before it acknowledges it. In *churn* the peers' clients subscribe to
a plain channel, the gateway's to the chat service.

{ratios}
{plot}"""

PLOT = """
![Ratios of the gateway to its peers](performance.svg)
"""


def page(rows: Sequence[Row], *, date: str, rounds: int, quick: bool, with_plot: bool) -> str:
    """The whole document."""
    ratios = ratio_table(rows)
    return PAGE.format(
        date=date,
        rounds=rounds,
        quick=", a short sitting: coarse" if quick else "",
        machine=machine(),
        table=table(rows),
        reference_there=REFERENCE_THERE,
        profile=PROFILE,
        peers=PEERS.format(ratios=ratios, plot=PLOT if with_plot else "") if ratios else "",
    )
