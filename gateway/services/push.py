"""The notifications of a node: the worker that sends, the timer of reliable ones, inspection, retention."""

from __future__ import annotations

import random
import time

from gateway.push.inspection import Inspection
from gateway.push.resend import Resender
from gateway.push.retention import Retention
from gateway.push.trial import Trials
from gateway.push.worker import PushWorker
from gateway.services.basis import Basis
from gateway.services.chat import ChatPart
from gateway.services.comet import CometPart


class PushPart:
    """Made once by `node`; `key` (`whsec_...`) signs notifications, `node_id` owns what is being sent."""

    def __init__(self, basis: Basis, chat: ChatPart, comet: CometPart, *, node_id: str, key: str) -> None:
        self._store = store = basis.store
        settings, clock, metrics = basis.settings, basis.clock, basis.metrics
        hub = comet.hub
        self.worker = PushWorker(
            store,
            settings,
            clock,
            metrics,
            node_id,
            installation_key=key,
            confirmed=lambda delivery: hub.confirmed_index(delivery.chat_id) >= delivery.position,
            ended_ms=self._ended_ms,
        )
        self.resender = Resender(
            store,
            settings,
            clock,
            metrics,
            keys=basis.keys,
            wake=self.worker.wake,
            settle=chat.retrievals.settle_noted,
            forget=chat.retrievals.forget,
            random=random.SystemRandom(),
        )
        self.inspection = Inspection(
            store, settings, clock, wake=self.worker.wake, breathe=_breathe, installation_key=key
        )
        self.trials = Trials(settings, clock, basis.ids, installation_key=key)
        self.retention = Retention(store, settings, clock, breathe=_breathe)
        basis.bus.subscribe(self.worker.wake_for)

    def _ended_ms(self, chat_id: str) -> int | None:
        session = self._store.session(chat_id)
        return session.profile.ended_ms if session else None


def _breathe() -> None:
    """Let the event loop have a turn."""
    time.sleep(0)
