"""One chat is changed by one caller at a time, in the order in which they came."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
import subprocess
import sys
import threading

from support.waiting import eventually

from gateway.chat.locks import ChatLocks


def queued(locks: ChatLocks, chat_id: str) -> int:
    """How many wait for the chat."""
    return len(locks._turns.get(chat_id, ()))


def test_turns_come_in_the_order_of_arrival() -> None:
    """Three threads queue up behind a holder and get the chat one after the other, first come first."""
    locks, order = ChatLocks(), []
    inside = threading.Semaphore(0)

    def work(name: int) -> None:
        with locks.holding("c"):
            order.append(name)
            inside.acquire()

    threads = [threading.Thread(target=work, args=(name,)) for name in range(3)]
    with locks.holding("c"):
        for number, thread in enumerate(threads, start=1):
            thread.start()
            eventually(lambda number=number: queued(locks, "c") == number, what="the next in the queue")
        assert [] == order
    for number in range(1, 4):
        eventually(lambda number=number: len(order) == number, what="the next turn")
        inside.release()
    for thread in threads:
        thread.join()
    assert [0, 1, 2] == order
    assert 0 == len(locks)


def test_other_chats_do_not_wait() -> None:
    """While one chat is held, another can be taken in the same thread."""
    locks = ChatLocks()
    with locks.holding("a"), locks.holding("b"):
        assert 2 == len(locks)
    assert 0 == len(locks)


def test_an_error_inside_gives_the_chat_back() -> None:
    """The next caller is not locked out by an exception."""
    locks = ChatLocks()
    try:
        with locks.holding("c"):
            raise ValueError
    except ValueError:
        pass
    with locks.holding("c"):
        pass
    assert 0 == len(locks)


def test_a_killed_waiter_loses_its_place_and_nobody_elses() -> None:
    """Killed in the queue, and killed in the moment in which its turn came: the chat goes on both times."""
    script = """
from gevent import monkey; monkey.patch_all()
import gevent, json
from gateway.chat.locks import ChatLocks
locks, order = ChatLocks(), []
def work(name):
    with locks.holding("c"):
        order.append(name)
def wait_in_line(name):
    greenlet = gevent.spawn(work, name)
    gevent.sleep(0.001)
    return greenlet
with locks.holding("c"):
    first, second = wait_in_line("first"), wait_in_line("second")
    first.kill()
second.join(5)
with locks.holding("c"):
    third, fourth = wait_in_line("third"), wait_in_line("fourth")
gevent.get_hub().loop.run_callback(gevent.getcurrent().switch)  # the way back from the throw
third.throw(gevent.GreenletExit)  # it has been handed the chat and has not run yet
fourth.join(5)
print(json.dumps({"order": order, "left": len(locks)}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert "" == done.stderr
    assert {"order": ["second", "fourth"], "left": 0} == json.loads(done.stdout)
