"""The one place that knows whether callers are greenlets: how the writer runs, waits and flushes.

A disk flush takes 0.1 to 5 ms, so under gevent it must happen in a native thread; everything else of a
transaction takes microseconds and runs in a greenlet of the hub (`off_loop` is for the flush alone).
Measured reason: a native thread that runs the statements itself has to win the interpreter lock back from a
busy hub after each of them, up to 5 ms every time; with 1,500 messages/s the median commit took 240 ms that
way and takes 2 ms this way.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Waiter(Protocol):
    """One caller that waits for the writer; used once."""

    def wait(self) -> None:
        """Block the calling thread or greenlet until the waiter was woken."""
        ...


class Threads(Protocol):
    """What group commit needs from its surroundings."""

    def start(self, target: Callable[[], None]) -> None:
        """Run `target` in the background, on the callers' side: a greenlet or a thread."""
        ...

    def off_loop(self, blocking: Callable[[], T]) -> T:
        """Run a blocking call (called by the background target only) where it stops nobody else."""
        ...

    def gather(self, seconds: float) -> None:
        """Let callers hand in what they are about to, for `seconds` at most; over when none can go on."""
        ...

    def lock(self) -> AbstractContextManager[Any]:
        """A native lock, to be held for a moment only."""
        ...

    def queue(self) -> SimpleQueue[Any]:
        """A queue between callers and the background target: `put` never blocks."""
        ...

    def waiter(self) -> Waiter:
        """A waiter for the calling thread or greenlet."""
        ...

    def stop(self) -> None:
        """Let go of what `start` took; the last call of the background target."""
        ...

    def wake(self, waiters: Iterable[Any]) -> None:
        """Wake these waiters; called by the background target."""
        ...


def native_threads() -> Threads:
    """The primitives that fit this process."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        return GeventThreads()
    return PlainThreads()


class PlainThreads:
    """Callers are native threads (gthread, the development server, the command line)."""

    def start(self, target: Callable[[], None]) -> None:
        """Run `target` in a thread of its own, which does not keep the process alive."""
        threading.Thread(target=target, name="store-writer", daemon=True).start()

    def off_loop(self, blocking: Callable[[], T]) -> T:
        """Call it right here: the writer's thread stops nobody else."""
        return blocking()

    def gather(self, seconds: float) -> None:
        """Return at once: a thread cannot tell whether the others are about to do something."""

    def lock(self) -> AbstractContextManager[Any]:
        """An ordinary lock."""
        return threading.Lock()

    def queue(self) -> SimpleQueue[Any]:
        """An ordinary unbounded queue."""
        return SimpleQueue()

    def waiter(self) -> _ThreadWaiter:
        """A waiter for the calling thread."""
        return _ThreadWaiter()

    def wake(self, waiters: Iterable[_ThreadWaiter]) -> None:
        """Wake them at once."""
        for waiter in waiters:
            waiter.wake()

    def stop(self) -> None:
        """Nothing is held: the thread ends with its target."""


class _ThreadWaiter:
    """A lock that is held until the waiter is woken: the cheapest thing a thread can wait on."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def wait(self) -> None:
        """Block the thread until `wake`."""
        self._lock.acquire()

    def wake(self) -> None:
        """Let the waiting thread go on, also when it waits only later."""
        self._lock.release()


class GeventThreads:
    """Callers are greenlets of the hub that this was made in; the flush has a native thread of its own.

    Other native threads (gevent's thread pool) have hubs of their own and must not call; not to be carried
    over a fork, which leaves the native thread behind.
    """

    def __init__(self) -> None:
        import gevent
        from gevent.hub import Waiter as HubWaiter
        from gevent.monkey import get_original
        from gevent.queue import SimpleQueue as HubQueue

        self._spawn = gevent.spawn
        self._hub = gevent.get_hub()
        self._hub_waiter = HubWaiter
        # gevent's own under the name that callers know, as one more object and call per message cost 0.4 us.
        self._waiter = type("GreenletWaiter", (HubWaiter,), {"__slots__": (), "wait": HubWaiter.get})
        self._hub_queue = HubQueue
        self._allocate_lock = get_original("_thread", "allocate_lock")
        self._start_thread = get_original("_thread", "start_new_thread")
        self._calls = get_original("queue", "SimpleQueue")()
        self._done: deque[_Call] = deque()
        # `send` of this watcher is the only gevent call that another thread may make. ref=True: from start
        # to stop it keeps a loop alive whose greenlets all wait for the writer.
        self._bell = self._hub.loop.async_()
        self._idle = self._hub.loop.idle()

    def start(self, target: Callable[[], None]) -> None:
        """Run `target` in a greenlet, and start the native thread that serves `off_loop`."""
        self._bell.start(self._finished)
        self._start_thread(self._run_calls, ())
        self._spawn(target)

    def off_loop(self, blocking: Callable[[], T]) -> T:
        """Run it in the native thread while the hub turns.

        A greenlet that is killed while it waits here does not stop the call, but nobody learns its outcome.
        """
        call = _Call(blocking, self._hub_waiter())
        self._calls.put(call)
        call.waiter.get()
        if call.error is not None:
            raise call.error
        return call.result  # type: ignore[no-any-return]

    def gather(self, seconds: float) -> None:
        """Wait until the loop would go to sleep, which is at once while there is little to do.

        Measured against flushing at once: REST send from 372 to 290 us of the processor a request.
        """
        waiter = self._hub_waiter()
        late = self._hub.loop.timer(seconds)
        self._idle.start(waiter.switch, None)
        late.start(waiter.switch, None)
        try:
            waiter.get()
        finally:
            self._idle.stop()
            late.close()

    def lock(self) -> AbstractContextManager[Any]:
        """A lock of the operating system: twenty times cheaper than gevent's, never contended in one hub."""
        return self._allocate_lock()  # type: ignore[no-any-return]

    def queue(self) -> SimpleQueue[Any]:
        """A queue of this hub; greenlets of other threads must not use it."""
        return self._hub_queue()  # type: ignore[no-any-return]

    def waiter(self) -> Waiter:
        """A waiter for the calling greenlet. RuntimeError in a thread with another hub, which would hang."""
        waiter = self._waiter()
        if waiter.hub is not self._hub:
            raise RuntimeError("the store serves the greenlets of one hub only")
        return waiter  # type: ignore[no-any-return]

    def wake(self, waiters: Iterable[Any]) -> None:
        """Wake them in the next turn of the hub; whoever was killed meanwhile is passed over.

        One callback for all of them: one each cost 1 us more a caller.
        """
        self._hub.loop.run_callback(_switch_to, tuple(waiters))

    def stop(self) -> None:
        """End the native thread after its last call; the hub may end too."""
        self._calls.put(None)
        self._bell.stop()

    def _run_calls(self) -> None:
        """In the native thread: one blocking call after the other, until None."""
        for call in iter(self._calls.get, None):
            call.run()
            self._done.append(call)
            with suppress(ValueError):  # the hub was destroyed, and with it everyone who waited there
                self._bell.send()

    def _finished(self) -> None:
        """In the hub: hand the outcomes over."""
        while self._done:
            self._done.popleft().waiter.switch(None)


def _switch_to(waiters: Iterable[Any]) -> None:
    """In the hub: let each go on until it waits again; what one raises is the hub's to report."""
    for waiter in waiters:
        waiter.switch(None)


class _Call:
    """A blocking call on its way through the native thread."""

    __slots__ = ("blocking", "error", "result", "waiter")

    def __init__(self, blocking: Callable[[], Any], waiter: Any) -> None:
        self.blocking = blocking
        self.waiter = waiter
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        """Make the call and keep its outcome."""
        try:
            self.result = self.blocking()
        except BaseException as error:  # noqa: BLE001 - raised again in the greenlet that asked
            self.error = error
