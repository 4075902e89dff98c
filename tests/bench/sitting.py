"""One sitting: rounds of the gateway and its peers, one after the other; called by run.py.

Each round measures a workload on the gateway and then on each peer that can do it (A B C A B C), so that
every peer's figure has one of ours from the same minute beside it.

Further rows come from the modules in EXTRAS, when they exist: each measures something that `loadgen` does not
do. Such a module defines

    NAMES: tuple[str, ...]                                     # what run.py may be asked for
    def seconds(sitting: Sitting, name: str) -> float          # how long `rows` will take
    def rows(sitting: Sitting, name: str) -> Sequence[Row]     # measured figures; Row.against holds its peers
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from figures import Row
from generator import FAILURES, Answer, measure
from pairs import Pair
from peers import PEERS, Peer, running_peer
from servers import Server, attached, running_gateway, running_reference
from workloads import REFERENCE, Workload

EXTRAS = ("push",)


@dataclass(frozen=True, slots=True)
class Sitting:
    """What one call of run.py measures with.

    `modules` is the peers' node_modules, None to leave them out; `given` is a gateway that somebody else
    runs.
    """

    loadgen: Path
    rounds: int = 3
    quick: bool = False
    modules: Path | None = None
    given: Server | None = None

    def rounds_of(self, workload: Workload) -> int:
        return 1 if workload.once else self.rounds

    def peers_of(self, workload: Workload) -> list[Peer]:
        able = [peer for peer in PEERS if self.modules and peer.can(workload)]
        return able[:1] if self.quick else able

    def seconds_of(self, workload: Workload) -> float:
        """What measuring it will take, peers included."""
        return workload.seconds * self.rounds_of(workload) * (1 + len(self.peers_of(workload)))


def extras() -> list[Any]:
    """The modules of EXTRAS that exist."""
    return [importlib.import_module(name) for name in EXTRAS if importlib.util.find_spec(name)]


def subject(sitting: Sitting, workload: Workload) -> AbstractContextManager[Server]:
    """What a workload is measured on: the yardstick, the gateway that was given, or a fresh one."""
    if workload.name == REFERENCE:
        return running_reference()
    return attached(sitting.given) if sitting.given else running_gateway()


def rows_of(sitting: Sitting, workload: Workload) -> tuple[list[Row], list[str]]:
    """Measures all rounds of a workload; returns a row per figure, and what went wrong."""
    ours: list[Answer] = []
    against: dict[str, list[Pair]] = {}
    failures: list[str] = []
    for number in range(sitting.rounds_of(workload)):
        print(f"{workload.name} {number + 1}/{sitting.rounds_of(workload)}", file=sys.stderr)
        try:
            ours.append(measure(sitting.loadgen, workload, subject(sitting, workload)))
        except FAILURES as failure:
            failures.append(f"{workload.name}: {failure}")
            continue
        for peer in sitting.peers_of(workload):
            try:
                against.setdefault(peer.name, []).append(
                    Pair(ours[-1], _peer_answer(sitting, workload, peer))
                )
            except FAILURES as failure:
                failures.append(f"{workload.name}, {peer.name}: {failure}")
    if not ours:
        return [], failures
    frozen = {name: tuple(pairs) for name, pairs in against.items()}
    return [
        Row(workload.name, workload.title, figure, tuple(ours), frozen) for figure in workload.figures
    ], failures


def _peer_answer(sitting: Sitting, workload: Workload, peer: Peer) -> Answer:
    assert sitting.modules is not None
    assert workload.peer_arguments is not None
    print(f"  {peer.name}", file=sys.stderr)
    asked = replace(workload, arguments=(*workload.arguments, *workload.peer_arguments))
    return measure(sitting.loadgen, asked, running_peer(peer, sitting.modules))


def extra_rows(sitting: Sitting, names: Sequence[str]) -> tuple[list[Row], list[str]]:
    """The rows of the further modules; all of them when no names are given."""
    rows: list[Row] = []
    failures: list[str] = []
    for module in extras():
        for name in module.NAMES:
            if names and name not in names:
                continue
            print(name, file=sys.stderr)
            try:
                rows += module.rows(sitting, name)
            except FAILURES as failure:
                failures.append(f"{name}: {failure}")
    return rows, failures


def estimate(sitting: Sitting, workloads: Sequence[Workload], names: Sequence[str]) -> float:
    """Seconds that the whole sitting will take."""
    further = sum(
        module.seconds(sitting, name)
        for module in extras()
        for name in module.NAMES
        if not names or name in names
    )
    return sum(sitting.seconds_of(workload) for workload in workloads) + further
