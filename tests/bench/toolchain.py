"""Compiles the load generator; called by run.py and by tests/unit/bench.

The binary lives in a cache directory under the name of its sources' digest, so an unchanged generator is
compiled once per machine, and two versions never overwrite each other.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

SOURCES = Path(__file__).parent
FLAGS = ("-O2", "-Wall", "-Wextra")


class NoCompiler(Exception):
    """There is no gcc on this machine."""


def build_loadgen(cache: Path | None = None) -> Path:
    """Returns the path of an up-to-date binary. Raises NoCompiler, or CalledProcessError when gcc refuses."""
    sources = sorted([*SOURCES.glob("*.c"), *SOURCES.glob("*.h")])
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    binary = (cache or default_cache()) / f"loadgen-{digest}"
    if binary.exists():
        return binary
    compiler = shutil.which("gcc")
    if compiler is None:
        raise NoCompiler("gcc is needed to build the load generator")
    binary.parent.mkdir(parents=True, exist_ok=True)
    unfinished = binary.with_suffix(f".{os.getpid()}")
    subprocess.run(
        [compiler, *FLAGS, "-o", unfinished, *(path for path in sources if path.suffix == ".c")], check=True
    )
    unfinished.replace(binary)
    return binary


def default_cache() -> Path:
    """Where everything that is built or downloaded for the benchmark is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "open-chat-gateway"
