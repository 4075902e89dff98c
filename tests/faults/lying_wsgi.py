"""A gateway that lies: it acknowledges before it writes. The negative control of `test_kill`.

Served as `tests.faults.lying_wsgi:app`. New chats are written at once; every later change stays in memory
until so many have piled up that no test ever gets there.
"""

import os
from collections.abc import Sequence

from gateway.app import create_app
from gateway.config import Settings
from gateway.model.change import Change
from gateway.model.events import Event
from gateway.model.session import ChatSession
from gateway.observe.metrics import Metrics
from gateway.services import Gateway, Installation
from gateway.store.sqlite import SqliteStore

FLUSH_AT = 100_000


class LateStore(SqliteStore):
    """Keeps its own reads consistent, so that nobody notices until the process dies."""

    def __init__(self, path: object) -> None:
        super().__init__(path)
        self._late: list[Change] = []

    def commit(self, change: Change) -> None:
        if change.session.version == 1:
            super().commit(change)
            return
        self._late.append(change)
        if len(self._late) >= FLUSH_AT:
            late, self._late = self._late, []
            for item in late:
                super().commit(item)

    def session(self, chat_id: str) -> ChatSession | None:
        late = (change.session for change in reversed(self._late) if change.session.id == chat_id)
        return next(late, None) or super().session(chat_id)

    def events(self, chat_id: str, start: int, *, limit: int) -> Sequence[Event]:
        written = super().events(chat_id, start, limit=limit)
        late = (event for change in self._late if change.session.id == chat_id for event in change.events)
        return [*written, *(event for event in late if event.index >= start)][:limit]

    def recent(self, chat_id: str, start: int, *, limit: int, now_ms: int) -> Sequence[Event]:
        return self.events(chat_id, start, limit=limit)


class LyingInstallation(Installation):
    """An installation on the late store."""

    def open_store(self, settings: Settings, metrics: Metrics | None = None) -> LateStore:
        return LateStore(settings.store.file_under(self.data_dir))


gateway = Gateway.build(LyingInstallation.from_environment(dict(os.environ)))
gateway.start()
app = create_app(gateway)
