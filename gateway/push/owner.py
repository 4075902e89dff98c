"""Names of lease owners, from which another process of the same machine can tell that an owner is dead.

A lease protects what its owner may still be sending. If the owner is provably dead, nothing is sent any more,
and waiting for the end of the lease only delays what was in flight when the process was killed. The proof is
exact: the name holds the boot, the PID namespace, the PID and the start time of the process, and the same
kernel says that no such process is there. Whatever it cannot say (another machine, another container, a
system without /proc) counts as alive. So does a neighbour during a SIGHUP, when two processes share the
store: it lives.

Called by `services` (names) and by `worker` at its start.
"""

from __future__ import annotations

import os
from pathlib import Path

from gateway.ids import RandomBytes

PROC = Path("/proc")
_PREFIX = "node"
UNKNOWN = "?"
"""Start time of a process that is there, although the kernel does not say since when."""
# Places behind the command in /proc/PID/stat, see proc_pid_stat(5).
_STATE, _THREADS, _START_TIME = 0, 17, 19


def name(random_bytes: RandomBytes, *, proc: Path = PROC, pid: int | None = None) -> str:
    """A fresh name for this process: `node:<where>:<pid>:<start>:<random>`, or `node:<random>`."""
    pid = os.getpid() if pid is None else pid
    token = random_bytes(4).hex()
    where, started = _where(proc), _start_of(pid, proc)
    if where is None or started is None:
        return f"{_PREFIX}:{token}"
    return f"{_PREFIX}:{where}:{pid}:{started}:{token}"


def is_dead(owner: str, *, proc: Path = PROC) -> bool:
    """Whether the process that made this name provably runs no more."""
    match owner.split(":"):
        case [prefix, where, pid, started, _token] if prefix == _PREFIX and pid.isascii() and pid.isdigit():
            here = _where(proc)
            return here is not None and where == here and _start_of(int(pid), proc) not in (started, UNKNOWN)
    return False


def _where(proc: Path) -> str | None:
    """This boot of this machine, and the PID namespace: within both, a PID means one process at a time."""
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
        space = os.stat(proc / "self/ns/pid").st_ino
    except OSError:
        return None
    return f"{boot}.{space}" if boot else None


def _start_of(pid: int, proc: Path) -> str | None:
    """When the process started, in ticks since the boot; None when there is no such process."""
    try:
        text = (proc / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError:
        return UNKNOWN
    fields = text.rpartition(")")[2].split()  # the command before may hold anything
    if len(fields) <= _START_TIME:
        return UNKNOWN
    if fields[_STATE] in "ZX" and int(fields[_THREADS]) <= 1:
        return None  # ended, every thread of it; its parent has not asked yet
    return fields[_START_TIME]
