"""What was acknowledged survives SIGKILL (targets/reliability.md M11, R1 at the level of the store).

A writer process commits numbered messages in several chats and prints each number once it is acknowledged.
It is killed at a random moment; then every printed number must be in the file. The negative control prints
before it commits, which must be found out: it shows that the check can fail.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from gateway.store.sqlite import SqliteStore

TESTS = Path(__file__).parents[3]
KILLS = 10
CHATS = 4

WRITER = """
import os, sys, threading
from gateway.model.change import Change
from gateway.store.sqlite import SqliteStore
from store.values import opened, said
path, early = sys.argv[1], sys.argv[2] == "early"
store = SqliteStore(path)
def acknowledge(chat_id, number):
    os.write(1, b"%s %d\\n" % (chat_id.encode(), number))
def chat(chat_id):
    session = store.session(chat_id)
    if session is None:
        session = opened(chat_id)
        store.commit(Change(session))
    while True:
        change = said(session, [b"%d" % session.next_index])
        if early: acknowledge(chat_id, session.next_index)
        store.commit(change)
        if not early: acknowledge(chat_id, session.next_index)
        session = change.session
for number in range(int(sys.argv[3])):
    threading.Thread(target=chat, args=(f"chat-{number}",)).start()
"""


def acknowledged_until_killed(path: Path, *, mode: str, lines: int) -> set[tuple[str, int]]:
    """Run the writer, kill it after about `lines` acknowledgements, and return what it acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), mode, str(CHATS)],
        env={"PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
    )
    output = [process.stdout.readline() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    output += process.stdout.readlines()
    process.wait(60)
    process.stdout.close()
    whole = [line.split() for line in output if line.endswith(b"\n")]
    return {(chat_id.decode(), int(number)) for chat_id, number in whole}


def stored(path: Path) -> set[tuple[str, int]]:
    """Every message in the file."""
    store = SqliteStore(path)
    found = {
        (chat_id, int(event.wire))
        for chat_id in (f"chat-{number}" for number in range(CHATS))
        for event in store.events(chat_id, 0, limit=1_000_000)
    }
    store.close()
    return found


def test_acknowledged_changes_survive_sigkill(tmp_path: Path) -> None:
    """Ten kills at random moments lose nothing acknowledged, leave no gap and no damage."""
    path, seed = tmp_path / "gateway.db", random.randrange(1 << 32)
    chance = random.Random(seed)
    acknowledged: set[tuple[str, int]] = set()
    for _ in range(KILLS):
        acknowledged |= acknowledged_until_killed(path, mode="late", lines=chance.randint(1, 300))
    found = stored(path)
    assert set() == acknowledged - found, f"seed {seed}"
    for chat_id in {chat_id for chat_id, _ in found}:
        numbers = sorted(number for other, number in found if other == chat_id)
        assert list(range(1, len(numbers) + 1)) == numbers
    with sqlite3.connect(path) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()


def test_early_acknowledgement_is_found_out(tmp_path: Path) -> None:
    """Negative control: acknowledging before the commit loses messages, and the check sees it."""
    path = tmp_path / "gateway.db"
    for attempt in range(1, 31):
        lost = acknowledged_until_killed(path, mode="early", lines=20 * attempt) - stored(path)
        if lost:
            return
    raise AssertionError("thirty kills between acknowledgement and commit lost nothing")
