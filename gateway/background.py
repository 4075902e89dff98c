"""The background threads of a node: work that is repeated until the node stops, whatever fails in between.

`services` starts them. Under gevent each is a greenlet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from gateway.errors import Unavailable

log = structlog.get_logger(__name__)


class Background:
    """Daemon threads that end when `stopped` is set."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.threads: list[threading.Thread] = []

    def run(self, name: str, work: Callable[[], None]) -> None:
        """Run `work` once; it looks at `stopped` itself."""
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        self.threads.append(thread)

    def repeat(self, name: str, work: Callable[[], object], *, every_s: float) -> None:
        """Do `work` every so many seconds."""

        def loop() -> None:
            while not self.stopped.wait(every_s):
                attempt(name, work)

        self.run(name, loop)


def attempt(name: str, work: Callable[[], object]) -> None:
    """Do `work` once, whatever comes of it: trouble with the store postpones it, a bug is logged."""
    try:
        work()
    except Unavailable as error:
        log.warning("background_postponed", work=name, reason=str(error))
    except Exception:  # noqa: BLE001 - one bad row must not end what serves all others
        log.exception("background_failed", work=name)
