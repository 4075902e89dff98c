"""What is measured: the arguments of the generator, the figures of merit and their floors; read by run.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

REFERENCE = "reference"
"""Name of the workload that measures the machine instead of the gateway."""
REFERENCE_THERE = 5800
"""Requests/s of that workload on the machine that the floors were set for."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of an answer, and what it should reach.

    `key` is its name in the answer. With several floors the first is the one that is aimed at.
    """

    key: str
    unit: str
    floors: tuple[float, ...] = ()
    smaller_is_better: bool = False

    def meets(self, floor: float, value: float) -> bool:
        return value <= floor if self.smaller_is_better else value >= floor


@dataclass(frozen=True, slots=True)
class Workload:
    """One thing that `loadgen` is asked to do.

    `peer_arguments` are added when a peer is measured; None when no peer can do it. `seconds` is what one run
    takes with starting and stopping, `quick_seconds` in a short sitting (None: it is left out there). `once`
    is for what takes long and varies little.
    """

    name: str
    title: str
    arguments: tuple[str, ...]
    figures: tuple[Figure, ...]
    seconds: float = 8
    quick_seconds: float | None = 6
    peer_arguments: tuple[str, ...] | None = None
    once: bool = False
    default: bool = True

    @property
    def figure(self) -> Figure:
        """The figure of merit."""
        return self.figures[0]

    @property
    def transport(self) -> str | None:
        """`ws`, `lp`, or None for plain HTTP."""
        return self.arguments[self.arguments.index("-t") + 1] if "-t" in self.arguments else None


def _arguments(text: str) -> tuple[str, ...]:
    return tuple(text.split())


QUICK = _arguments("--seconds 2 --warm 0.5 --settle 1 --stage 1 --confirm 2 --drain 5")
"""Added for a short sitting; the generator takes the last of two equal options."""
RAMP = "--ramp-start 1000 --ramp-factor 2 --stage 1.5 --confirm 5"
CONNECT_SECONDS = 31
"""A little more than a connect is held by each server: an idle client's only work is to renew it."""
PLAIN_ROOMS = ("-w", "rooms")
PLAIN_CHANNEL = ("--subscription", "/room/churn")
DELIVERIES, CYCLES = "deliveries/s", "cycles/s"
AT_THE_LIMIT = "messages/s at p99 <= 200 ms"


def _chat(transport: str, title: str, *floors: float) -> Workload:
    return Workload(
        f"chat-{transport}",
        f"chat, 500 rooms of two, {title}",
        _arguments(f"-w chat -t {transport} -m 500 {RAMP}"),
        (Figure("messages_per_s", AT_THE_LIMIT, floors),),
        seconds=36,
        quick_seconds=20,
        peer_arguments=PLAIN_ROOMS,
    )


def _fan_out(transport: str, outstanding: int, title: str, *floors: float) -> Workload:
    return Workload(
        f"fanout-{transport}" if transport == "ws" else f"fanout-{transport}-{outstanding}",
        f"fan-out to 1,000, {title}",
        _arguments(f"-w fanout -t {transport} -n 1000 -K {outstanding} -d 3"),
        (Figure("deliveries_per_s", DELIVERIES, floors),),
        peer_arguments=(),
        quick_seconds=6 if outstanding == 1 or transport == "ws" else None,
    )


def _churn(transport: str, title: str) -> Workload:
    return Workload(
        f"churn-{transport}",
        f"churn, {title}",
        _arguments(f"-w churn -t {transport} -c 50 -d 3"),
        (Figure("cycles_per_s", CYCLES, (3000,)),),
        peer_arguments=PLAIN_CHANNEL,
    )


def _idle(transport: str, clients: int, title: str, memory: float | None = None) -> Workload:
    """With a floor also the processor time, over one period of the held connects; otherwise memory alone."""
    figures = [Figure("kb_per_client", "KB per client", (memory,) if memory else (), smaller_is_better=True)]
    if memory:
        figures.append(Figure("cpu_percent", "% of a processor", (5,), smaller_is_better=True))
    seconds = CONNECT_SECONDS if memory else 1
    return Workload(
        f"idle-{transport}-{clients}",
        f"{clients:,} idle clients, {title}",
        _arguments(f"-w idle -t {transport} -n {clients} -d {seconds}"),
        tuple(figures),
        seconds=seconds + 8 + clients / 1000,
        quick_seconds=9 if clients == 2000 else None,
        peer_arguments=() if memory else None,
        once=True,
    )


def _http(name: str, title: str, arguments: tuple[str, ...], *floors: float) -> Workload:
    return Workload(name, title, arguments, (Figure("requests_per_s", "requests/s", floors),))


WEBSOCKET, LONG_POLLING = "websocket", "long-polling"
FORM = ("--content-type", "application/x-www-form-urlencoded")
UNKNOWN_SESSION = '[{"id":"1","channel":"/meta/connect","clientId":"none"}]'
WORKLOADS = (
    _http(
        REFERENCE,
        "reference: trivial Flask app",
        ("-w", "http", "-c", "32", "-d", "3", "--path", "/send", "--body", "message=hello", *FORM),
    ),
    _http("send", "REST send, durable", ("-w", "send", "-c", "32", "-d", "3"), 3000),
    _fan_out("ws", 8, f"{WEBSOCKET}, eight outstanding", 100_000),
    _fan_out("lp", 1, f"{LONG_POLLING}, one outstanding"),
    _fan_out("lp", 8, f"{LONG_POLLING}, eight outstanding"),
    _chat("ws", WEBSOCKET, 20_000, 8000),
    _chat("lp", LONG_POLLING, 4500),
    _churn("ws", WEBSOCKET),
    _churn("lp", LONG_POLLING),
    _idle("ws", 2000, WEBSOCKET),
    _idle("ws", 5000, WEBSOCKET),
    _idle("ws", 10_000, WEBSOCKET, 32),
    _idle("lp", 2000, LONG_POLLING),
    _idle("lp", 5000, LONG_POLLING),
    _idle("lp", 10_000, LONG_POLLING, 30),
    replace(
        _http(
            "http", "raw requests (an unknown session's connect)", ("-w", "http", "--body", UNKNOWN_SESSION)
        ),
        default=False,
    ),
    replace(
        _fan_out("ws", 8, WEBSOCKET),
        name="fanout-ws-10000",
        title=f"fan-out to 10,000, {WEBSOCKET}, eight outstanding",
        arguments=_arguments("-w fanout -t ws -n 10000 -K 8 -d 4"),
        default=False,
    ),
)


def at_fixed_rate(workload: Workload, rate: float) -> Workload:
    """The same chats at a given rate; the figure is what a message costs, which varies far less than a ramp.

    Raises ValueError for a workload that has no rate.
    """
    if "chat" not in workload.arguments:
        raise ValueError(f"{workload.name} has no rate; those of chat do")
    figure = Figure("cpu_us_per_message", f"CPU us per message at {rate:,.0f}/s", smaller_is_better=True)
    return replace(workload, arguments=(*workload.arguments, "--rate", str(rate)), figures=(figure,))


def for_seconds(workload: Workload, seconds: float) -> Workload:
    """The same with another measured window (a ramp: the window of its confirmation)."""
    window = ("--seconds", str(seconds), "--confirm", str(seconds))
    return replace(workload, arguments=(*workload.arguments, *window))


def shortened(workload: Workload) -> Workload | None:
    """What a short sitting measures of it, or None."""
    if workload.quick_seconds is None:
        return None
    return replace(workload, arguments=(*workload.arguments, *QUICK), seconds=workload.quick_seconds)


def named(names: Sequence[str]) -> list[Workload]:
    """The workloads of those names, without names the default ones, in the order of the table."""
    return [workload for workload in WORKLOADS if workload.name in names or (not names and workload.default)]
