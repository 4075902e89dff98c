"""What is measured, and what a short sitting or a fixed rate makes of it."""

from __future__ import annotations

import pytest
from figures import Row
from peers import PEERS
from sitting import Sitting, estimate
from workloads import REFERENCE, WORKLOADS, Figure, at_fixed_rate, for_seconds, named, shortened

DEFAULT_LIMIT_SECONDS, QUICK_LIMIT_SECONDS = 22 * 60, 3 * 60
# The further modules have the two minutes up to twenty.


def test_the_floors_are_those_of_the_targets() -> None:
    """Each figure with a target has it, the present one first."""
    expected = {
        ("send", "requests_per_s"): (3000,),
        ("fanout-ws", "deliveries_per_s"): (100_000,),
        ("chat-ws", "messages_per_s"): (20_000, 8000),
        ("chat-lp", "messages_per_s"): (4500,),
        ("churn-ws", "cycles_per_s"): (3000,),
        ("churn-lp", "cycles_per_s"): (3000,),
        ("idle-ws-10000", "kb_per_client"): (32,),
        ("idle-ws-10000", "cpu_percent"): (5,),
        ("idle-lp-10000", "kb_per_client"): (30,),
        ("idle-lp-10000", "cpu_percent"): (5,),
    }
    assert expected == {
        (workload.name, figure.key): figure.floors
        for workload in WORKLOADS
        for figure in workload.figures
        if figure.floors
    }


def test_names_are_unique_and_the_order_is_the_tables() -> None:
    """A name means one workload, and asking in another order changes nothing."""
    names = [workload.name for workload in WORKLOADS]
    assert len(names) == len(set(names))
    assert [REFERENCE, "chat-ws"] == [workload.name for workload in named(["chat-ws", REFERENCE])]


def test_a_rate_is_for_chats() -> None:
    """A chat at a fixed rate is judged by its cost, without floor; a closed loop has no rate."""
    (chat,), (churn,) = named(["chat-lp"]), named(["churn-lp"])
    fixed = at_fixed_rate(for_seconds(chat, 8), 4000)
    expected = Figure("cpu_us_per_message", "CPU us per message at 4,000/s", smaller_is_better=True)
    assert (expected,) == fixed.figures
    assert ("--rate", "4000", "8") == (
        *fixed.arguments[-2:],
        fixed.arguments[fixed.arguments.index("--seconds") + 1],
    )
    with pytest.raises(ValueError, match="churn-lp"):
        at_fixed_rate(churn, 4000)


def test_peers_do_what_their_transports_allow() -> None:
    """REST and durable sends have no peer; websocket has one, long-polling two, a short sitting one."""
    sitting = Sitting(loadgen=PEERS[0], modules=PEERS[0])  # type: ignore[arg-type]
    asked = named(["send", "chat-ws", "chat-lp", "idle-ws-2000"])
    names = {workload.name: [peer.name for peer in sitting.peers_of(workload)] for workload in asked}
    assert {
        "send": [],
        "chat-ws": ["faye"],
        "chat-lp": ["faye", "cometd-nodejs-server"],
        "idle-ws-2000": [],
    } == names


def test_the_estimates_stay_inside_their_limits() -> None:
    """The default sitting leaves time for the further modules, the short one stays below 3."""
    everything = named([])
    short = [found for workload in everything if (found := shortened(workload))]
    modules = PEERS[0]
    full = Sitting(loadgen=modules, modules=modules)  # type: ignore[arg-type]
    quick = Sitting(loadgen=modules, modules=modules, rounds=1, quick=True)  # type: ignore[arg-type]
    assert DEFAULT_LIMIT_SECONDS > estimate(full, everything, ["none of the extras"])
    assert QUICK_LIMIT_SECONDS > estimate(quick, short, ["none of the extras"])


def test_a_row_judges_its_median() -> None:
    """Two runs below and one above a floor miss it."""
    row = Row("x", "x", Figure("v", "u", (10,)), tuple({"v": value} for value in (9, 9, 30)))
    assert not row.figure.meets(10, row.median)
