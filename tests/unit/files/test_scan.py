"""The scan hook passes a file only when the command says so in time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.waiting import eventually

from gateway.files.scan import passes

PYTHON = f"{sys.executable} -c"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a name that a shell would take apart."""
    path = tmp_path / "a b;touch x"
    path.write_bytes(b"content")
    return path


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (f"{PYTHON} 'import sys; sys.exit(open(sys.argv[1]).read() != \"content\")'", True),
        (f"{PYTHON} 'import sys; sys.exit(1)'", False),
        (f"{PYTHON} 'import sys; sys.exit(2)'", False),
        (f"{PYTHON} 'import os; os.kill(os.getpid(), 9)'", False),
        ("/no/such/scanner --option", False),
        ("/", False),
        ("''", False),
    ],
)
def test_only_status_zero_passes(file: Path, command: str, expected: bool) -> None:
    """A status, a signal or a command that does not exist blocks; the path arrives as one argument."""
    assert expected is passes(command, file, timeout_s=20)


def test_a_scan_that_hangs_is_killed_with_its_children(file: Path, tmp_path: Path) -> None:
    """When the time is up the file is blocked, and nothing of the command goes on."""
    script = tmp_path / "scan.sh"
    script.write_text(f"#!/bin/sh\nsleep 1000 & echo $! > {tmp_path}/child\nwait\n")
    script.chmod(0o700)
    assert not passes(str(script), file, timeout_s=0.5)
    child = int((tmp_path / "child").read_text())
    eventually(lambda: not _runs(child), what="the scanner's child is gone")


def test_the_environment_is_not_handed_on(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installation's secret does not reach a foreign program."""
    monkeypatch.setenv("GATEWAY_SECRET", "s")
    check = "import os, sys; sys.exit('GATEWAY_SECRET' in os.environ or 'PATH' not in os.environ)"
    assert passes(f'{PYTHON} "{check}"', file, timeout_s=20)


def _runs(pid: int) -> bool:
    """Whether the process exists and is not only waiting to be collected (Linux)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
