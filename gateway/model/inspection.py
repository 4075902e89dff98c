"""What an operator asks of the delivery log, and what it answers (spec/push.md 10.2.4).

Shared by `store` (role DeliveryLog), `push.inspection`, the admin API and the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.model.deliveries import Attempt, Delivery, DeliveryKind, DeliveryState

# Place in the order of time: `created_ms` and the row's number, which tells rows of one millisecond apart.
Cursor = tuple[int, int]


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which rows are meant; None and an empty `states` mean any. `provider` "" is the destination of [push].

    Times are Unix milliseconds: `since_ms <= created < until_ms`.
    """

    states: frozenset[DeliveryState] = frozenset()
    chat_id: str | None = None
    device_id: str | None = None
    provider: str | None = None
    debug: bool | None = None
    kind: DeliveryKind | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def accepts(self, delivery: Delivery) -> bool:
        """Whether the row is meant."""
        wanted = (self.chat_id, self.device_id, self.provider, self.debug, self.kind)
        provider = delivery.provider or ""
        found = (delivery.chat_id, delivery.device_id, provider, delivery.debug, delivery.kind)
        return (
            all(want in (None, have) for want, have in zip(wanted, found, strict=True))
            and (not self.states or delivery.state in self.states)
            and (self.since_ms is None or delivery.created_ms >= self.since_ms)
            and (self.until_ms is None or delivery.created_ms < self.until_ms)
        )


@dataclass(frozen=True, slots=True)
class LoggedDelivery:
    """A row as it is listed: without its message, with its last attempt (without the answer's head)."""

    delivery: Delivery
    last: Attempt | None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """A part of a listing. `next` leads on, None at the end; a page may be short although it does."""

    items: tuple[LoggedDelivery, ...]
    next: Cursor | None


class Replay(StrEnum):
    """What came of a replay: QUEUED is sent again now, WAITING was going to be sent anyway.

    IN_FLIGHT and OTHER_STATE were left alone; UNKNOWN does not exist (any more).
    """

    QUEUED = "queued"
    WAITING = "waiting"
    IN_FLIGHT = "in flight"
    OTHER_STATE = "in another state"
    UNKNOWN = "unknown"


class Cancel(StrEnum):
    """What came of a cancellation: CANCELLED is not sent (any more), also when it was said before."""

    CANCELLED = "cancelled"
    IN_FLIGHT = "in flight"
    FINISHED = "finished"
    UNKNOWN = "unknown"
