"""What gunicorn's master does before the first fork: own the data directory, refuse what cannot work.

Called by `gunicorn.conf.py` only. Every refusal is one line on standard error and exit status 1.
"""

from __future__ import annotations

import fcntl
import os
import resource
import time
from pathlib import Path

# Workers whose master was killed leave within a second and keep the lock until then; a restart waits for
# them.
LOCK_PATIENCE = 5.0
LOCK_POLL = 0.1
# Where the hard limit is "unlimited", a million descriptors is beyond what one process can serve.
MAX_FILES = 1_048_576


def raise_file_limit() -> None:
    """Allow this process and its children as many open files as the hard limit grants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def refuse_several_workers(workers: int) -> None:
    """Exit unless there is exactly one worker: a Bayeux session is owned by one node of this release."""
    if workers != 1:
        raise SystemExit(
            f"gateway: {workers} workers asked for, but this release serves with exactly one"
            " (a Bayeux session belongs to one node); use -w 1 or WEB_CONCURRENCY=1"
        )


def claim_data_dir(directory: Path, *, patience: float = LOCK_PATIENCE) -> int:
    """Create the directory (0700) if needed and lock it for this process and its children.

    Returns the descriptor that holds the lock: it is lost when the last process that has it open ends. Exits
    if another gateway still holds it after `patience` seconds, or if the directory cannot be used.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / "gateway.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SystemExit(f"gateway: cannot use data directory {directory}: {error.strerror}") from error
    give_up = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up:
                os.close(descriptor)
                raise SystemExit(
                    f"gateway: data directory {directory} is in use by another gateway"
                ) from None
            time.sleep(LOCK_POLL)
        else:
            return descriptor
