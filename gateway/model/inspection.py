"""What an operator asks of the delivery log, and what it answers (spec/push.md 10.2.4).

Shared by `store` (role DeliveryLog), `push.inspection`, the admin API and the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.model.deliveries import Attempt, Delivery, DeliveryKind, DeliveryState

# Place in the order of time: `created_ms` and the row's number, which tells rows of one millisecond apart.
Cursor = tuple[int, int]


class StatusClass(StrEnum):
    """What came of an attempt, by its HTTP status; NONE: no answer came."""

    SUCCESS = "2xx"
    REDIRECT = "3xx"
    CLIENT_ERROR = "4xx"
    SERVER_ERROR = "5xx"
    NONE = "none"

    @property
    def hundreds(self) -> int:
        """The status divided by 100; 0 without an answer."""
        return 0 if self is StatusClass.NONE else int(self.value[0])


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which rows are meant; None and an empty set mean any. `provider` "" is the destination of [push].

    Times are Unix milliseconds: `since_ms <= created < until_ms`. `answers` is about the last attempt; a row
    without any has no answer to ask for and fits none of them.
    """

    states: frozenset[DeliveryState] = frozenset()
    chat_id: str | None = None
    device_id: str | None = None
    provider: str | None = None
    debug: bool | None = None
    kind: DeliveryKind | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    answers: frozenset[StatusClass] = frozenset()

    def accepts(self, delivery: Delivery, last: Attempt | None) -> bool:
        """Whether the row is meant; `last` is the attempt made last."""
        wanted = (self.chat_id, self.device_id, self.provider, self.debug, self.kind)
        provider = delivery.provider or ""
        found = (delivery.chat_id, delivery.device_id, provider, delivery.debug, delivery.kind)
        return (
            all(want in (None, have) for want, have in zip(wanted, found, strict=True))
            and (not self.states or delivery.state in self.states)
            and (not self.answers or (last is not None and self._answered(last)))
            and (self.since_ms is None or delivery.created_ms >= self.since_ms)
            and (self.until_ms is None or delivery.created_ms < self.until_ms)
        )

    def _answered(self, last: Attempt) -> bool:
        return (last.status or 0) // 100 in {answer.hundreds for answer in self.answers}


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


@dataclass(frozen=True, slots=True)
class ReplayRecord:
    """Who asked for a replay and when: `attempt` is the number of the attempt that it led to."""

    attempt: int
    at_ms: int
    by: str


class Cancel(StrEnum):
    """What came of a cancellation: CANCELLED is not sent (any more), also when it was said before."""

    CANCELLED = "cancelled"
    IN_FLIGHT = "in flight"
    FINISHED = "finished"
    UNKNOWN = "unknown"
