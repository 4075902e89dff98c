"""The modules of static/lib that need no browser, tested by node's own test runner, and the files' style."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support import npm

pytestmark = pytest.mark.npm

HERE = Path(__file__).parent


@pytest.mark.parametrize("script", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_node(script: str) -> None:
    """Every test of this script passes under `node --test`."""
    folder = npm.packages(HERE)
    # The other servers keep timers of their own, which would keep the process.
    command = ["node", "--test", "--test-force-exit", "--test-reporter=spec", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
