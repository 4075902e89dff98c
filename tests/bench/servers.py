"""Starts and stops what is measured: the real gateway and the reference; called by run.py.

Each gateway has an empty data directory. The process group dies with the `with` block, whatever ends it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
"""A gateway that does not answer by then will not start; its log is shown."""
STOP_SECONDS = 25.0
"""Time for the graceful stop (at most 20 s in gunicorn.conf.py) before the group is killed."""

SETTINGS = """\
[limits]
enabled = false

[cometd]
broadcast_channels = /room/**

[log]
level = warning
"""


class ServerFailed(Exception):
    """It did not come up; the text holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it listens (with mount prefix) and its master process.

    `environment` is what the gateway's command line needs to find its data.
    """

    url: str
    pid: int
    environment: Mapping[str, str] = field(default_factory=dict)


def pinned(processor: int, command: list[str]) -> list[str]:
    """The command bound to one processor, where the machine has that many and `taskset`."""
    if processor in os.sched_getaffinity(0) and shutil.which("taskset"):
        return ["taskset", "-c", str(processor), *command]
    return command


@contextmanager
def running_gateway(checkout: Path = ROOT, *, settings: str = "") -> Iterator[Server]:
    """Runs that checkout's gunicorn with its own configuration on processor 0 and a free port.

    `settings` are further sections of its configuration file.

    Raises ServerFailed when it has no virtual environment, or /healthz does not answer 200 in time.
    """
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as directory:
        file, log = Path(directory, "bench.ini"), Path(directory, "log")
        file.write_text(SETTINGS + settings)
        port = free_port()
        own = {
            "DATA_DIR": str(Path(directory, "data")),
            "GATEWAY_CONFIG": str(file),
            "PORT": str(port),
        }
        environment = os.environ | own
        command = [*_gunicorn(checkout), "-c", "gunicorn.conf.py", "wsgi:app"]
        with serving(command, checkout, port, log, environment=environment) as process:
            yield Server(f"http://127.0.0.1:{port}/genesys", process.pid, own)


@contextmanager
def running_reference() -> Iterator[Server]:
    """Runs the yardstick (`reference_app`) with stock gunicorn, on the same processor."""
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as directory:
        port = free_port()
        # The home directory: gunicorn puts a control socket there.
        environment = os.environ | {"HOME": directory}
        command = [*_gunicorn(ROOT), "-k", "gevent", "-b", f"127.0.0.1:{port}", "reference_app:app"]
        log = Path(directory, "log")
        with serving(command, Path(__file__).parent, port, log, environment=environment) as process:
            yield Server(f"http://127.0.0.1:{port}", process.pid)


@contextmanager
def attached(server: Server) -> Iterator[Server]:
    """A server that somebody else runs, and goes on running."""
    yield server


def _gunicorn(checkout: Path) -> list[str]:
    """With -m the working directory comes first in the path, so the code is that checkout's."""
    python = checkout / ".venv/bin/python"
    if not python.exists():
        raise ServerFailed(f"{python} is missing; run `make setup` in {checkout}")
    return [str(python), "-m", "gunicorn"]


@contextmanager
def serving(
    command: list[str], folder: Path, port: int, log: Path, *, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """The command on processor 0 until the block ends. Raises ServerFailed when it does not answer."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            pinned(0, command),
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}/healthz", process, log)
        yield process
    finally:
        _stop(process)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _is_healthy(url):
            return
        time.sleep(0.1)
    raise ServerFailed(f"no 200 from {url}\n{log.read_text(errors='replace')[-2000:]}")


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
