"""A full disk (targets/reliability.md M12, R5): clean refusals, reads go on, and the store heals by itself.

The store runs in a process of its own whose files may not grow beyond a limit (RLIMIT_FSIZE), or, for root,
on a small tmpfs. "Space is freed" means that the limit is raised, or that a ballast file is deleted.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

SCRIPT = """
import json, os, resource, sys, threading
from gateway.clock import ManualClock
from gateway.errors import Unavailable
from gateway.model.change import Change
from gateway.store.sqlite import SqliteStore
from store.values import comet, opened, said

path, ballast = sys.argv[1], sys.argv[2]
TEXT = b"x" * 4000
clock = ManualClock()
store = SqliteStore(path, monotonic=clock.monotonic)

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

def free_space():
    os.remove(ballast) if ballast else limit(resource.RLIM_INFINITY)

def fill(chat_id, acknowledged):
    # Appends until the store refuses; returns the session as it was acknowledged last.
    while True:
        change = said(acknowledged[chat_id], [TEXT])
        try:
            store.commit(change)
        except Unavailable:
            return
        acknowledged[chat_id] = change.session

if not ballast:
    limit(2 << 20)
acknowledged = {f"chat-{n}": opened(f"chat-{n}") for n in range(4)}
for session in acknowledged.values():
    store.commit(Change(session))
threads = [threading.Thread(target=fill, args=(chat_id, acknowledged)) for chat_id in acknowledged]
for thread in threads: thread.start()
for thread in threads: thread.join()

def refused(call):
    try:
        call()
    except Unavailable:
        return True
    return False

def intact():
    return all(
        store.session(chat_id) == session
        and len(store.events(chat_id, 0, limit=100000)) == session.next_index - 1
        for chat_id, session in acknowledged.items()
    )

report = {"events": sum(session.next_index - 1 for session in acknowledged.values())}
big = {chat_id: said(session, [TEXT] * 200) for chat_id, session in acknowledged.items()}
report["refused"] = [refused(lambda c=change: store.commit(c)) for change in big.values()]
def full():
    # Probes need one page: they take the last pages that were too few for a message.
    clock.advance(1)
    return refused(store.check)

while not full():
    assert refused(lambda: store.commit(next(iter(big.values()))))
store.save_comet(comet("c1"))
report["reads"] = intact()
report["check refused"] = refused(store.check)
free_space()
clock.advance(1)
report["check"] = not refused(store.check)
for chat_id, change in big.items():
    store.commit(change)
    acknowledged[chat_id] = change.session
report["after"] = intact()
store.save_comet(comet("c2"))
store.close()
again = SqliteStore(path)
report["comet"] = [again.comet(one) is not None for one in ("c1", "c2")]
again.close()
print(json.dumps(report))
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 8 MiB, for root only."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def run(path: Path, ballast: Path | None) -> dict[str, object]:
    """Fill the disk, free it, and report what the store did."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path), str(ballast or "")],
        env={"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "" == done.stderr
    return json.loads(done.stdout)


def verify(report: dict[str, object], path: Path) -> None:
    """What R5 promises."""
    assert report["events"] > 50
    assert [True] * 4 == report["refused"]
    assert report["reads"] is True
    assert report["check refused"] is True
    assert report["check"] is True
    assert report["after"] is True
    assert [True, True] == report["comet"]
    with closing(sqlite3.connect(path)) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()


def test_file_size_limit(tmp_path: Path) -> None:
    """When files may not grow, commits are Unavailable, reads go on, and raising the limit heals."""
    path = tmp_path / "gateway.db"
    verify(run(path, None), path)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_full_disk(small_disk: Path) -> None:
    """When the disk is full, commits are Unavailable, reads go on, and freeing space heals."""
    path, ballast = small_disk / "gateway.db", small_disk / "ballast"
    ballast.write_bytes(b"\0" * (5 << 20))
    verify(run(path, ballast), path)
