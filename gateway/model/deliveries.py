"""Due notifications (outbox rows) and the attempts made for them (spec/push.md 10.2.4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DeliveryKind(StrEnum):
    """What the `message` member of the POST is (spec/push.md 9.3)."""

    TEXT = "text"
    PAYLOAD = "payload"
    POINTER = "pointer"


class DeliveryState(StrEnum):
    """Life of an outbox row."""

    QUEUED = "queued"
    LEASED = "leased"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXHAUSTED = "exhausted"
    SKIPPED = "skipped"


# Given up: what an operator looks for and may send again (spec/push.md 10.2.4).
DEAD_LETTERS = frozenset({DeliveryState.FAILED, DeliveryState.EXHAUSTED})


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification to one device. `id` is the `webhook-id`, constant over replays (decision 16).

    `message` is the JSON text of the body's `message` member (a string or the event object); `None` means
    the configured text, looked up when sending. Never a URL: that is operator configuration (spec/push.md
    7). `idempotency_key` lets a receiver collapse the pointers of one position (10.2.2); None without
    reliable mode.

    `replays` counts the attempts that an operator asked for; they are part of `attempts`, so the automatic
    ones are `attempts - replays`, and a replay uses up nothing of a retry schedule (10.2.4).
    """

    id: str
    chat_id: str
    user_id: str
    position: int
    kind: DeliveryKind
    event_type: str
    device_id: str
    created_ms: int
    due_ms: int
    provider: str | None = None
    debug: bool = False
    message: bytes | None = None
    state: DeliveryState = DeliveryState.QUEUED
    attempts: int = 0
    idempotency_key: str | None = None
    replays: int = 0


def is_repeatable_text(delivery: Delivery) -> bool:
    """Whether a later equal notification says nothing that this one does not (spec/push.md 10.2.6).

    A text that waits for its first attempt, and waits for nothing else (`due_ms` later than `created_ms`: it
    is dropped if comet confirms its event, which says nothing about later events).
    """
    return (
        delivery.kind is DeliveryKind.TEXT
        and delivery.state is DeliveryState.QUEUED
        and delivery.attempts == delivery.replays == 0
        and delivery.due_ms <= delivery.created_ms
    )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP request made for a delivery: `status` or, without an answer, `error`."""

    delivery_id: str
    number: int
    started_ms: int
    duration_ms: int
    status: int | None = None
    error: str | None = None
    response_head: bytes = b""
