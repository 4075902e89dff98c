"""Group commit under gevent: monkey-patching is for a whole process, so each test runs a script.

All callers are greenlets of one hub, the one that the store was made in; native threads with hubs of their
own are refused. `blocked()` keeps every batch waiting, off the loop, until the block ends.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[3]

PROLOGUE = """
from gevent import monkey; monkey.patch_all()
import contextlib, gc, json, sqlite3, subprocess, sys
import gevent, gevent.event
from gateway.errors import Conflict, Unavailable
from gateway.model.change import Change
from gateway.store.sqlite import SqliteStore
from gateway.store.sqlite.threads import GeventThreads, native_threads
from store.values import comet, opened, said
assert isinstance(native_threads(), GeventThreads)
store = SqliteStore(sys.argv[1])
@contextlib.contextmanager
def blocked():
    other = sqlite3.connect(sys.argv[1], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.close()
def let_others_run():
    for _ in range(10): gevent.sleep(0)
def report(**figures): print(json.dumps(figures))
"""


def run(script: str, directory: Path) -> dict[str, Any]:
    """The figures that a monkey-patched script reports."""
    done = subprocess.run(
        [sys.executable, "-c", PROLOGUE + script, str(directory / "gateway.db")],
        env={"PYTHONPATH": str(TESTS), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "" == done.stderr
    return json.loads(done.stdout)


def test_hub_turns_during_a_blocking_call(tmp_path: Path) -> None:
    """A call off the loop waits for something that only another greenlet does; its outcome comes back."""
    figures = run(
        """
threads = GeventThreads()
gate = threads.lock()
gate.acquire()
outcomes, over = [], gevent.event.Event()
def background():
    outcomes.append(threads.off_loop(lambda: gate.acquire(timeout=30)))
    try:
        threads.off_loop(lambda: 1 / 0)
    except ZeroDivisionError:
        outcomes.append("raised here")
    over.set()
threads.start(background)
for _ in range(20): gevent.sleep(0.001)
before = list(outcomes)
gate.release()
over.wait()
store.close()
report(before=before, outcomes=outcomes)
""",
        tmp_path,
    )
    assert [] == figures["before"]
    assert [True, "raised here"] == figures["outcomes"]


def test_foreign_lock_delays_a_commit_but_not_the_hub(tmp_path: Path) -> None:
    """Another process keeps the write lock until the hub has turned 200 ms; the commit waits and succeeds."""
    figures = run(
        """
holder = subprocess.Popen(
    [sys.executable, "-c", "import sqlite3, sys;"
     "other = sqlite3.connect(sys.argv[1], isolation_level=None); other.execute('BEGIN IMMEDIATE');"
     "print('locked', flush=True); sys.stdin.readline(); other.execute('ROLLBACK')", sys.argv[1]],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
holder.stdout.readline()
committing = gevent.spawn(store.commit, Change(opened()))
for _ in range(20): gevent.sleep(0.01)
while_locked = committing.ready()
holder.communicate(b"go on\\n")
committing.get()
failure, stored = store._writer.failure, store.session("chat-1") == opened()
store.close()
report(while_locked=while_locked, failure=failure, stored=stored)
""",
        tmp_path,
    )
    assert figures["while_locked"] is False
    assert figures["failure"] is None
    assert figures["stored"] is True


def test_many_greenlets_share_few_batches(tmp_path: Path) -> None:
    """200 greenlets that commit 5 changes each are all acknowledged, in far fewer transactions."""
    figures = run(
        """
batches, write = [], store._writer._write
store._writer._write = lambda jobs: (batches.append(len(jobs)), write(jobs))
def chat(number):
    change = Change(opened(f"chat-{number}"))
    store.commit(change)
    for place in range(4):
        change = said(change.session, [b"%d" % place])
        store.commit(change)
gevent.joinall([gevent.spawn(chat, number) for number in range(200)], raise_error=True)
stored = [len(store.events(f"chat-{number}", 0, limit=10)) for number in range(200)]
store.close()
report(commits=sum(batches), batches=len(batches), stored=set(stored) == {4})
""",
        tmp_path,
    )
    assert 1000 == figures["commits"]
    assert figures["batches"] <= 100
    assert figures["stored"] is True


def test_greenlets_get_their_own_outcomes(tmp_path: Path) -> None:
    """Conflicts reach the greenlets that caused them; a killed waiter disturbs nobody."""
    figures = run(
        """
store.commit(Change(opened("contended")))
def contend():
    try:
        store.commit(said(opened("contended"), [b"1"]))
        return "won"
    except Conflict:
        return "conflict"
with blocked():
    impatient = gevent.spawn(store.commit, Change(opened("impatient")))
    greenlets = [gevent.spawn(contend) for _ in range(20)]
    let_others_run()
    impatient.kill()
gevent.joinall(greenlets)
store.commit(Change(opened("after")))
outcomes = sorted(greenlet.value for greenlet in greenlets)
store.close()
report(outcomes=outcomes)
""",
        tmp_path,
    )
    assert ["conflict"] * 19 + ["won"] == figures["outcomes"]


def test_cache_follows_the_commit_of_a_killed_caller(tmp_path: Path) -> None:
    """A caller that is killed while it waits does not take its change back, and reads show the change."""
    figures = run(
        """
store.commit(Change(opened()))
with blocked():
    caller = gevent.spawn(store.commit, said(opened(), [b"1"]))
    let_others_run()
    caller.kill()
    before = store.session("chat-1").version
store.flush()
after, stored = store.session("chat-1").version, len(store.events("chat-1", 0, limit=9))
store.close()
report(before=before, after=after, stored=stored)
""",
        tmp_path,
    )
    assert {"before": 1, "after": 2, "stored": 1} == figures


def test_greenlets_of_other_hubs_are_refused(tmp_path: Path) -> None:
    """A thread of gevent's pool has a hub of its own, where nobody would wake it: an error, not a hang."""
    figures = run(
        """
def elsewhere():
    try:
        store.commit(Change(opened()))
    except RuntimeError as error:
        return str(error)
refusal = gevent.get_hub().threadpool.apply(elsewhere)
store.commit(Change(opened()))
store.close()
report(refusal=refusal)
""",
        tmp_path,
    )
    assert "the store serves the greenlets of one hub only" == figures["refusal"]


def test_killed_writer_leaves_nobody_waiting(tmp_path: Path) -> None:
    """When even the writer's greenlet is killed in a batch, all callers get Unavailable, now and later."""
    figures = run(
        """
def outcome(call):
    try:
        call()
    except Unavailable as error:
        return str(error)
with blocked():
    callers = [gevent.spawn(outcome, lambda: store.commit(Change(opened(f"chat-{n}")))) for n in range(3)]
    let_others_run()
    callers += [gevent.spawn(outcome, lambda: store.commit(Change(opened("queued"))))]
    let_others_run()
    everybody = [one for one in gc.get_objects() if isinstance(one, gevent.Greenlet)]
    gevent.killall([one for one in everybody if one not in callers])
    gevent.joinall(callers, timeout=30)
store.close()
report(callers=[one.value for one in callers], check=outcome(store.check), later=outcome(store.flush))
""",
        tmp_path,
    )
    assert ["the writer was ended"] * 4 == figures["callers"]
    assert ["the store is closed"] * 2 == [figures["check"], figures["later"]]


def test_close_waits_for_the_batch_in_flight(tmp_path: Path) -> None:
    """What was handed in before close is written and acknowledged; then the hub has nothing left to do."""
    figures = run(
        """
with blocked():
    callers = [gevent.spawn(store.commit, Change(opened(f"chat-{number}"))) for number in range(3)]
    let_others_run()
    closing = gevent.spawn(store.close)
    let_others_run()
    closed = closing.ready()
closing.get()
gevent.joinall(callers, raise_error=True)
idle = gevent.wait(timeout=30)
again = SqliteStore(sys.argv[1])
found = sum(again.session(f"chat-{number}") is not None for number in range(3))
again.close()
report(closed=closed, found=found, idle=idle)
""",
        tmp_path,
    )
    assert {"closed": False, "found": 3, "idle": True} == figures


def test_close_flushes_saves_that_nobody_waits_for(tmp_path: Path) -> None:
    """Bayeux sessions saved without waiting are on disk after close; nothing keeps the loop alive."""
    figures = run(
        """
for number in range(300):
    store.save_comet(comet(f"c{number}"))
store.close()
again = SqliteStore(sys.argv[1])
found = sum(again.comet(f"c{number}") is not None for number in range(300))
again.close()
report(found=found)
""",
        tmp_path,
    )
    assert 300 == figures["found"]


def test_a_batch_waits_for_those_that_are_about_to_write(tmp_path: Path) -> None:
    """Greenlets that can go on hand their work in first; all of it is one transaction."""
    figures = run(
        """
batches = []
original = store._writer._write
store._writer._write = lambda jobs: (batches.append(len(jobs)), original(jobs))
def later(turns, chat):
    for _ in range(turns): gevent.sleep(0)
    store.commit(Change(opened(chat)))
writers = [gevent.spawn(later, turns, f"chat-{turns}") for turns in range(5)]
gevent.joinall(writers)
report(batches=batches)
""",
        tmp_path,
    )
    assert {"batches": [5]} == figures


def test_a_loop_that_is_never_idle_delays_a_batch_for_a_moment_only(tmp_path: Path) -> None:
    """A greenlet that spins for ever does not keep the writer from writing."""
    figures = run(
        """
def spin():
    while True: gevent.sleep(0)
spinner = gevent.spawn(spin)
writer = gevent.spawn(store.commit, Change(opened("busy")))
writer.join(10)
spinner.kill()
report(written=writer.successful())
""",
        tmp_path,
    )
    assert {"written": True} == figures
