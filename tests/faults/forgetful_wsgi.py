"""A gateway that forgets whom it has to remind: the negative control of `test_push_reliable_kill`.

Served as `tests.faults.forgetful_wsgi:app`. Events, records and pointers are written as always; only the time
of the next reminder is not, which is what brings the timer back to a chat after a restart.
"""

import os
from collections.abc import Sequence
from dataclasses import replace

from gateway.app import create_app
from gateway.config import Settings
from gateway.model.change import Change
from gateway.model.deliveries import DeliveryState
from gateway.model.pending import Pending, PendingStep
from gateway.observe.metrics import Metrics
from gateway.services import Gateway, Installation
from gateway.store.sqlite import SqliteStore

UNFINISHED = frozenset({DeliveryState.QUEUED, DeliveryState.LEASED})


class ForgetfulStore(SqliteStore):
    """`_next` holds the time of the next reminder by chat; on disk nobody is to be reminded."""

    def __init__(self, path: object, metrics: Metrics | None) -> None:
        super().__init__(path, metrics=metrics)
        self._next: dict[str, int | None] = {}

    def commit(self, change: Change) -> None:
        if change.pending is None:
            super().commit(change)
            return
        super().commit(change._replace(pending=_unarmed(change.pending)))
        self._next[change.session.id] = change.pending.after.next_ms

    def pending(self, chat_id: str) -> Pending | None:
        stored = super().pending(chat_id)
        return stored and replace(stored, next_ms=self._next.get(chat_id))

    def due_pendings(self, *, now_ms: int, limit: int) -> Sequence[tuple[Pending, DeliveryState | None]]:
        due = [self.pending(chat_id) for chat_id, at in self._next.items() if at is not None and at <= now_ms]
        rows = [(one, self.delivery(one.delivery_id or "")) for one in due if one is not None]
        found = [(one, row.state if row else None) for one, row in rows]
        return [each for each in found if each[1] not in UNFINISHED][:limit]

    def armed_pendings(self) -> Sequence[Pending]:
        return ()

    def advance(self, steps: Sequence[PendingStep]) -> Sequence[bool]:
        written = super().advance([_unarmed(step) for step in steps])
        for step, done in zip(steps, written, strict=True):
            if done:
                self._next[step.after.chat_id] = step.after.next_ms
        return written


def _unarmed(step: PendingStep) -> PendingStep:
    return replace(step, after=replace(step.after, next_ms=None))


class ForgetfulInstallation(Installation):
    """An installation on the forgetful store."""

    def open_store(self, settings: Settings, metrics: Metrics | None = None) -> ForgetfulStore:
        return ForgetfulStore(settings.store.file_under(self.data_dir), metrics)


gateway = Gateway.build(ForgetfulInstallation.from_environment(dict(os.environ)))
gateway.start()
app = create_app(gateway)
