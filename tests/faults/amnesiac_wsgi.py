"""A gateway that keeps message ids in memory only: the negative control of `test_exactly_once`.

Served as `tests.faults.amnesiac_wsgi:app`. Within one process nothing is wrong with it; it lacks that the
id is written in the transaction of its event.
"""

import os

from gateway.app import create_app
from gateway.config import Settings
from gateway.model.change import Change, MessageId
from gateway.observe.metrics import Metrics
from gateway.services import Gateway, Installation
from gateway.store.sqlite import SqliteStore


class AmnesiacStore(SqliteStore):
    """Ids by chat, gone with the process."""

    def __init__(self, path: object, metrics: Metrics | None) -> None:
        super().__init__(path, metrics=metrics)
        self._known: dict[tuple[str, MessageId], int] = {}

    def commit(self, change: Change) -> None:
        super().commit(change._replace(message_id=None))
        if change.message_id is not None:
            self._known[change.session.id, change.message_id] = change.events[0].index

    def message_index(self, chat_id: str, message_id: MessageId) -> int | None:
        return self._known.get((chat_id, message_id))


class AmnesiacInstallation(Installation):
    """An installation on the store without a memory."""

    def open_store(self, settings: Settings, metrics: Metrics | None = None) -> AmnesiacStore:
        return AmnesiacStore(settings.store.file_under(self.data_dir), metrics)


gateway = Gateway.build(AmnesiacInstallation.from_environment(dict(os.environ)))
gateway.start()
app = create_app(gateway)
