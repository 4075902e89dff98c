"""The scan hook: one external command per uploaded file (`upload_scan_cmd`).

Fails closed: only exit status 0 within the time passes a file. The command gets a path of ours as its last
argument, no shell, nothing of our environment but PATH, and a process group of its own, which is killed as a
whole when the time is up.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import structlog

# Where scanners live when the gateway itself has no PATH.
_PATH = "/usr/local/bin:/usr/bin:/bin"

log = structlog.get_logger(__name__)


def passes(command: str, path: Path, *, timeout_s: float) -> bool:
    """Whether the scanner finds the file clean; False also when it fails, hangs or cannot be started."""
    arguments = [*shlex.split(command), str(path.absolute())]
    try:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", _PATH)},
            start_new_session=True,
        )
    except OSError as error:
        log.error("scan_not_started", command=arguments[0], reason=error.strerror)
        return False
    try:
        status = process.wait(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        log.warning("scan_timed_out", file_id=path.name, timeout_s=timeout_s)
        return False
    finally:
        if process.poll() is None:
            _kill(process)
    if status != 0:
        log.warning("scan_blocked_file", file_id=path.name, status=status)
    return status == 0


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the command with its children; it was not collected yet, so the number is still its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
