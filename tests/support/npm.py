"""The npm packages that tests drive, installed once beside their package.json in node_modules (git-ignored).

`packages()` is for fixtures: it returns the folder of the scripts, or skips with the reason when node or npm
is missing or the registry does not answer. Several test processes may call it at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

INTEROP = Path(__file__).resolve().parents[1] / "interop"
# Seconds; a cold cache and a slow registry included.
INSTALL_TIMEOUT = 100
INSTALL = ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")


def packages(folder: Path = INTEROP) -> Path:
    """The folder, with everything that its package.json names in node_modules."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    modules = folder / "node_modules"
    modules.mkdir(exist_ok=True)
    wanted = hashlib.sha256((folder / "package.json").read_bytes()).hexdigest()
    stamp = modules / ".installed"
    with (modules / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (stamp.exists() and stamp.read_text() == wanted):
            _install(folder)
            stamp.write_text(wanted)
    return folder


def _install(folder: Path) -> None:
    try:
        done = subprocess.run(INSTALL, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm install took more than {INSTALL_TIMEOUT} s")
    if done.returncode != 0:
        pytest.skip(f"npm install failed: {done.stderr[-500:]}")
