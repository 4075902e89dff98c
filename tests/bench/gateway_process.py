"""Starts and stops the real gateway for a measurement; called by run.py.

Each measurement has a gateway of its own with an empty data directory, so that one run's memory and
transcripts do not colour the next. The process group dies with the `with` block, whatever ends it.
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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


class GatewayFailed(Exception):
    """The gateway did not come up; the text holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway: where it listens and its master process."""

    url: str
    pid: int


def pinned(processor: int, command: list[str]) -> list[str]:
    """The command bound to one processor, where the machine has that many and `taskset`."""
    if processor in os.sched_getaffinity(0) and shutil.which("taskset"):
        return ["taskset", "-c", str(processor), *command]
    return command


@contextmanager
def running_gateway() -> Iterator[Gateway]:
    """Runs gunicorn with the repository's own configuration on processor 0 and a free port.

    Raises GatewayFailed when /healthz does not answer 200 in time.
    """
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as directory:
        settings, log = Path(directory, "bench.ini"), Path(directory, "log")
        settings.write_text(SETTINGS)
        port = _free_port()
        environment = os.environ | {
            "DATA_DIR": str(Path(directory, "data")),
            "GATEWAY_CONFIG": str(settings),
            "PORT": str(port),
        }
        with _serving(["-c", "gunicorn.conf.py", "wsgi:app"], port, log, environment=environment) as process:
            yield Gateway(f"http://127.0.0.1:{port}/genesys", process.pid)


@contextmanager
def running_reference() -> Iterator[Gateway]:
    """Runs the yardstick (`reference_app`) with stock gunicorn, on the same processor."""
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as directory:
        port = _free_port()
        # The home directory: gunicorn puts a control socket there.
        environment = os.environ | {"HOME": directory}
        arguments = ["-k", "gevent", "-b", f"127.0.0.1:{port}", "--chdir", str(Path(__file__).parent)]
        log = Path(directory, "log")
        with _serving([*arguments, "reference_app:app"], port, log, environment=environment) as process:
            yield Gateway(f"http://127.0.0.1:{port}", process.pid)


@contextmanager
def _serving(
    arguments: list[str], port: int, log: Path, *, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """gunicorn on processor 0 until the block ends."""
    command = pinned(0, [str(ROOT / ".venv/bin/gunicorn"), *arguments])
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _is_healthy(url):
            return
        time.sleep(0.1)
    raise GatewayFailed(f"no 200 from {url}\n{log.read_text(errors='replace')[-2000:]}")


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
