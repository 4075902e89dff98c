"""Other Bayeux servers, measured in the same minutes as the gateway; called by run.py.

The npm packages are named in peers/package.json and installed once into a cache directory. None of these
servers stores anything, and none knows chats. They run on processor 0 like the gateway, one process each.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers import Server, free_port, serving
from toolchain import default_cache
from workloads import Workload

SCRIPTS = Path(__file__).parent / "peers"
INSTALL = ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
INSTALL_SECONDS = 180
"""A cold cache and a slow registry included."""


class NoPeers(Exception):
    """node, npm or the registry is missing; the text says which."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One npm package with a server script of ours."""

    name: str
    script: str
    transports: tuple[str, ...]

    def can(self, workload: Workload) -> bool:
        return workload.peer_arguments is not None and workload.transport in self.transports


PEERS = (Peer("faye", "faye.js", ("ws", "lp")), Peer("cometd-nodejs-server", "cometd.js", ("lp",)))


def install(cache: Path | None = None) -> Path:
    """Returns a node_modules folder with the packages. Raises NoPeers."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise NoPeers(f"{program} is not installed")
    wanted = (SCRIPTS / "package.json").read_bytes()
    folder = (cache or default_cache()) / f"peers-{hashlib.sha256(wanted).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".installed").exists():
            (folder / "package.json").write_bytes(wanted)
            _run_npm(folder)
            (folder / ".installed").touch()
    return folder / "node_modules"


def _run_npm(folder: Path) -> None:
    try:
        done = subprocess.run(INSTALL, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired as late:
        raise NoPeers(f"npm install took more than {INSTALL_SECONDS} s") from late
    if done.returncode:
        raise NoPeers(f"npm install failed: {done.stderr[-500:]}")


@contextmanager
def running_peer(peer: Peer, modules: Path) -> Iterator[Server]:
    """Runs the peer on processor 0 and a free port. Raises ServerFailed when it does not come up."""
    port = free_port()
    command = ["node", peer.script, str(port)]
    environment = os.environ | {"NODE_PATH": str(modules)}
    with (
        tempfile.TemporaryDirectory(prefix="gateway-bench-") as directory,
        serving(command, SCRIPTS, port, Path(directory, "log"), environment=environment) as process,
    ):
        yield Server(f"http://127.0.0.1:{port}", process.pid)
