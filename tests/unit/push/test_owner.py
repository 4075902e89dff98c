"""Names of lease owners: dead only when the kernel that knows the process says so."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.push import owner

HERE = "boot-1"


def draw(count: int) -> bytes:
    return bytes(count)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc with one process, 7, started at tick 4711, whose command is hostile."""
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text(f"{HERE}\n")
    (tmp_path / "self/ns").mkdir(parents=True)
    (tmp_path / "self/ns/pid").write_text("")
    process(tmp_path, 7, 4711)
    return tmp_path


def process(proc: Path, pid: int, started: int, *, state: str = "S", threads: int = 9) -> None:
    """Put a process there."""
    (proc / str(pid)).mkdir(exist_ok=True)
    between = " ".join(["0"] * 16)
    (proc / str(pid) / "stat").write_text(f"{pid} (a) 1 2) {state} {between} {threads} 0 {started} 0 0\n")


def test_a_living_process_is_never_dead(proc: Path) -> None:
    """While the process is there its name is alive, also for a neighbour (two processes during a SIGHUP)."""
    name = owner.name(draw, proc=proc, pid=7)
    assert name.startswith(f"node:{HERE}.")
    assert name.endswith(":7:4711:00000000")
    assert not owner.is_dead(name, proc=proc)


def test_a_process_that_is_gone_or_whose_pid_was_given_again_is_dead(proc: Path) -> None:
    """No such PID, or one that started at another time."""
    name = owner.name(draw, proc=proc, pid=7)
    process(proc, 7, 4712)
    assert owner.is_dead(name, proc=proc)
    (proc / "7/stat").unlink()
    assert owner.is_dead(name, proc=proc)


def test_a_zombie_is_dead_when_all_its_threads_have_ended(proc: Path) -> None:
    """Nobody has asked for its exit code yet; one whose other threads still run may be sending."""
    name = owner.name(draw, proc=proc, pid=7)
    process(proc, 7, 4711, state="Z", threads=2)
    assert not owner.is_dead(name, proc=proc)
    process(proc, 7, 4711, state="Z", threads=1)
    assert owner.is_dead(name, proc=proc)


def test_what_this_kernel_cannot_know_counts_as_alive(proc: Path) -> None:
    """Another boot or machine, another container, an unreadable process, no /proc, names of other making."""
    name = owner.name(draw, proc=proc, pid=7)
    (proc / "7/stat").write_text("7 (cut off")
    assert not owner.is_dead(name, proc=proc)
    (proc / "7/stat").unlink()
    assert not owner.is_dead(name.replace(HERE, "boot-2"), proc=proc)
    space = name.split(":")[1].rpartition(".")[2]
    assert not owner.is_dead(name.replace(space, f"{space}1"), proc=proc)
    assert not owner.is_dead(name, proc=proc / "nowhere")
    for other in ("node-1a2b", "node:1a2b", f"node:{HERE}.1:x:1:1", "", f"other{name}"):
        assert not owner.is_dead(other, proc=proc)


def test_without_proc_a_name_has_no_facts(tmp_path: Path) -> None:
    """Names still differ by their random part; nobody can prove such an owner dead."""
    assert "node:00000000" == owner.name(draw, proc=tmp_path)


@pytest.mark.skipif(not owner.PROC.joinpath("self/ns/pid").exists(), reason="needs Linux's /proc")
def test_a_real_process_before_and_after_sigkill() -> None:
    """With the real /proc: alive while it runs, dead once it was killed and reaped."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        name = owner.name(os.urandom, pid=child.pid)
        assert not owner.is_dead(name)
        child.kill()
    assert owner.is_dead(name)
