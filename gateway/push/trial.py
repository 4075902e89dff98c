"""One test notification, so that an operator sees whether a receiver is there and what it answers.

It goes out at once and past everything else: no row in the log, no breaker, no retry. Called by the command
`gateway push test` and by the operators' API, which lets one run at a time.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import orjson

from gateway.clock import Clock
from gateway.config import Settings, SettingsSource
from gateway.errors import NotFound, StateConflict
from gateway.ids import Ids
from gateway.model.deliveries import Delivery, DeliveryKind
from gateway.observe.redaction import redact_text
from gateway.push.customhttp import Sender
from gateway.push.destination import resolve
from gateway.routing.policy import Skip

TEXT = "test notification"
MASK = "********"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it: a status or an error (a fixed word), and the answer's beginning, secrets masked."""

    id: str
    status: int | None
    error: str | None
    duration_ms: int
    head: str

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


class Trials:
    """`installation_key` signs where no secret is configured."""

    def __init__(self, source: SettingsSource, clock: Clock, ids: Ids, *, installation_key: str) -> None:
        self._source = source
        self._clock = clock
        self._ids = ids
        self._installation_key = installation_key
        self._running = threading.Lock()

    def run(self, provider: str | None = None, *, debug: bool = False) -> Result:
        """Send one and wait for its answer, for the destination's `total_timeout` at most.

        NotFound with the reason: nothing may be sent there. StateConflict: another one is under way.
        """
        if not self._running.acquire(blocking=False):
            raise StateConflict("a test notification is under way; wait for its answer")
        try:
            return self._send(self._source.current, provider, debug=debug)
        finally:
            self._running.release()

    def _send(self, settings: Settings, provider: str | None, *, debug: bool) -> Result:
        destination = resolve(settings, provider, debug=debug, installation_key=self._installation_key)
        if isinstance(destination, Skip):
            raise NotFound(destination.reason)
        sender = Sender(settings.push.allowed_networks, self._clock)
        notification = self._notification(provider, debug=debug)
        begun = self._clock.monotonic()
        try:
            reply = sender.send(notification, destination, attempt=1)
        finally:
            sender.close_idle(0)
        head = reply.head.decode("utf-8", "replace")
        for secret in filter(None, destination.headers.values()):
            head = head.replace(secret, MASK)
        return Result(
            id=notification.id,
            status=reply.status,
            error=reply.error,
            duration_ms=round((self._clock.monotonic() - begun) * 1000),
            head=redact_text(head),
        )

    def _notification(self, provider: str | None, *, debug: bool) -> Delivery:
        now_ms = self._clock.wall_ms()
        return Delivery(
            id=f"msg_test_{self._ids.alphanumeric()}",
            chat_id="test",
            user_id="test",
            position=0,
            kind=DeliveryKind.PAYLOAD,
            event_type="Test",
            device_id="test",
            created_ms=now_ms,
            due_ms=now_ms,
            provider=provider,
            debug=debug,
            message=orjson.dumps(TEXT),
        )
