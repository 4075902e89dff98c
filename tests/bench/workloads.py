"""What is measured: the arguments of the generator, the figure of merit and its floor; read by run.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

REFERENCE = "reference"
"""Name of the workload that measures the machine instead of the gateway."""
FORM = ("--content-type", "application/x-www-form-urlencoded")
RAMP = ("--ramp-start", "1000", "--ramp-factor", "1.5", "--stage", "3", "--confirm", "5")


@dataclass(frozen=True, slots=True)
class Workload:
    """One row: what `loadgen` is asked, and which number of its answer is the figure of merit."""

    name: str
    title: str
    arguments: tuple[str, ...]
    figure: str
    unit: str
    floor: float | None = None
    smaller_is_better: bool = False

    def meets_floor(self, value: float) -> bool:
        """True without a floor."""
        if self.floor is None:
            return True
        return value <= self.floor if self.smaller_is_better else value >= self.floor


WORKLOADS = (
    Workload(
        REFERENCE,
        "reference: trivial Flask app",
        ("-w", "http", "-c", "32", "--path", "/send", "--body", "message=hello", *FORM),
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


def at_fixed_rate(workload: Workload, rate: float) -> Workload:
    """The same chats at a given rate; the figure is what a message costs, which varies far less than a ramp.

    Raises ValueError for a workload that has no rate.
    """
    if "chat" not in workload.arguments:
        raise ValueError(f"{workload.name} has no rate; those of chat do")
    return replace(
        workload,
        arguments=(*workload.arguments, "--rate", str(rate)),
        figure="cpu_us_per_message",
        unit=f"CPU us per message at {rate:,.0f}/s",
        floor=None,
        smaller_is_better=True,
    )


def for_seconds(workload: Workload, seconds: float) -> Workload:
    """The same with another measured window (a ramp: the window of its confirmation)."""
    return replace(
        workload, arguments=(*workload.arguments, "--seconds", str(seconds), "--confirm", str(seconds))
    )


def named(names: Sequence[str]) -> list[Workload]:
    """The workloads of those names in the order of the table. Raises ValueError with the unknown ones."""
    unknown = sorted(set(names) - {workload.name for workload in WORKLOADS})
    if unknown:
        raise ValueError(f"unknown workload {', '.join(unknown)}")
    return [workload for workload in WORKLOADS if workload.name in names]
