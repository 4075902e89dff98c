"""A gateway that kills itself at a named point of a notification's life, a few times (`test_push_kill`).

Served as `tests.faults.dying_wsgi:app`; DIE_AT names the point, `deaths` in DATA_DIR counts. Leases are short
here, so that no test waits for them.
"""

import os
import signal
from pathlib import Path
from typing import Any

from gateway.app import create_app
from gateway.config import Settings
from gateway.model.change import Change
from gateway.model.deliveries import DeliveryState
from gateway.observe.metrics import Metrics
from gateway.push import courier
from gateway.push.transport import Connection
from gateway.services import Gateway, Installation
from gateway.store.sqlite import SqliteStore, outbox

DEATHS = 4
# A process dies when it passes its point for so many a time: it is busy by then.
PASSES = 7

point = os.environ["DIE_AT"]
passed = 0
deaths = Path(os.environ["DATA_DIR"], "deaths")
courier.LEASE_S, courier.RECORD_S = 2.0, 0.2


def pass_by(name: str) -> None:
    """Die here if this is the point and the time has come."""
    global passed
    if name != point:
        return
    passed += 1
    before = deaths.stat().st_size if deaths.exists() else 0
    if passed >= PASSES and before < DEATHS:
        with deaths.open("ab") as file:
            file.write(b"x")
        os.kill(os.getpid(), signal.SIGKILL)


class DyingStore(SqliteStore):
    """Passes the points around its transactions."""

    def commit(self, change: Change) -> None:
        if not change.deliveries:
            super().commit(change)
            return
        pass_by("before-enqueue")
        if point == "outbox-apart":  # the negative control: two transactions where one is promised
            super().commit(change._replace(deliveries=()))
            pass_by("outbox-apart")
            rows = [outbox.inserted(row) for row in change.deliveries]
            self._writer.run(lambda connection: connection.executemany(outbox.INSERT, rows).rowcount)
            return
        super().commit(change)
        pass_by("after-enqueue")

    def finish(self, *args: Any, **options: Any) -> bool:
        if options["state"] is DeliveryState.DELIVERED:
            pass_by("after-2xx")
        return super().finish(*args, **options)


class DyingInstallation(Installation):
    """An installation on the dying store."""

    def open_store(self, settings: Settings, metrics: Metrics | None = None) -> DyingStore:
        return DyingStore(settings.store.file_under(self.data_dir))


request = Connection.post


def post(self: Connection, *args: Any) -> Any:
    """Send the request, and pass the point before its answer is read."""
    send = self._http.getresponse

    def read() -> Any:
        pass_by("in-flight")
        return send()

    self._http.getresponse = read  # type: ignore[method-assign]
    try:
        return request(self, *args)
    finally:
        self._http.getresponse = send  # type: ignore[method-assign]


Connection.post = post  # type: ignore[method-assign]
gateway = Gateway.build(DyingInstallation.from_environment(dict(os.environ)))
gateway.start()
app = create_app(gateway)
