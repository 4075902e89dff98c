"""The peers as they are measured: real npm packages, our server scripts, the real generator."""

from __future__ import annotations

from pathlib import Path

import pytest
from generator import measure
from peers import PEERS, NoPeers, Peer, install, running_peer
from toolchain import NoCompiler, build_loadgen
from workloads import Figure, Workload

SHORT = ("-m", "2", "-r", "100", "-d", "0.3", "--warm", "0", "--drain", "2", "--max-seconds", "10")
FAULTS = ("lost", "dup", "reordered", "misrouted", "closed", "http_err", "proto_err", "refused")
CASES = [(peer, transport) for peer in PEERS for transport in peer.transports]


@pytest.mark.npm
@pytest.mark.parametrize(("peer", "transport"), CASES, ids=lambda value: getattr(value, "name", value))
def test_a_peer_serves_rooms_on_plain_channels(peer: Peer, transport: str) -> None:
    """Every message reaches both members of its room: what is compared with the gateway really works."""
    try:
        modules, loadgen = install(), build_loadgen()
    except (NoPeers, NoCompiler) as missing:
        pytest.skip(f"PEERS NOT TESTED: {missing}")
    rooms = Workload(
        "rooms", "rooms", ("-w", "rooms", "-t", transport, *SHORT), (Figure("messages_per_s", ""),)
    )
    answer = measure(loadgen, rooms, running_peer(peer, modules))
    assert ({}, 30) == ({name: answer[name] for name in FAULTS if answer[name]}, answer["messages"])


def test_a_machine_without_node_has_no_peers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is told instead of a failure in the middle of a sitting."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoPeers, match="node is not installed"):
        install(tmp_path)
