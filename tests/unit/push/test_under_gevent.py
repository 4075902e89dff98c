"""The sender as production runs it: under gevent, whose sockets wait differently from Python's."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PATCHED = """
from gevent import monkey
monkey.patch_all()
import sys, pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


def test_tls_and_bad_receivers_under_gevent() -> None:
    """TLS, the total deadline of drips and the fate of half answers are the same with patched sockets."""
    chosen = [str(HERE / "test_tls.py"), str(HERE / "test_bad_receivers.py")]
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", "not memory"]
    command = [sys.executable, "-c", PATCHED, *chosen, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, cwd=HERE.parents[2])
    assert 0 == done.returncode, done.stdout[-3000:]
