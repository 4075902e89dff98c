"""What a customer with a reliable subscription still has to fetch, as it is stored (spec/push.md 4).

One record per chat, because a chat has one customer. It is written in the transaction of the event that it is
about; afterwards the resend timer and retrieval change it by compare-and-set on `version`. The transitions
are `routing/resend.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.model.deliveries import Attempt, Delivery


@dataclass(frozen=True, slots=True)
class Pending:
    """Where the customer is and what the resend machine does about it. Times are Unix milliseconds.

    `version` grows by one with each write, 0 is not stored yet. `retrieved_next` is the lowest position
    that the client has not been given; it may be stored too low (a repetition), never too high (a loss).
    `last_pos` and `event_type` belong to the newest event worth a notification. `sent` counts the pointers
    of this round. `next_ms` is when the timer has to act; None: nothing is owed, or the attempts are used
    up. `removal`: the customer is not in the chat any more. `delivery_id` is the newest pointer's row in
    the outbox.
    """

    chat_id: str
    user_id: str
    version: int = 0
    retrieved_next: int = 1
    last_pos: int = 0
    event_type: str = ""
    sent: int = 0
    first_sent_ms: int | None = None
    last_sent_ms: int | None = None
    next_ms: int | None = None
    removal: bool = False
    delivery_id: str | None = None

    @property
    def armed(self) -> bool:
        """Whether the machine has something to do."""
        return self.next_ms is not None

    @property
    def clearable(self) -> bool:
        """Whether retrieval has something to clear: all but a removal that was told (4.6)."""
        return self.armed and not (self.removal and self.sent)

    @property
    def owed(self) -> bool:
        """Whether something notifiable has not been given to the client."""
        return self.last_pos >= self.retrieved_next


@dataclass(frozen=True, slots=True)
class PendingStep:
    """One change of a Pending with the outbox rows that belong to it: written together or not at all.

    The store writes it only if the stored version is `before.version` (0: no record yet). `attempt` goes
    with a delivery that is finished from the start (the record that the attempts are used up).
    """

    before: Pending
    after: Pending
    delivery: Delivery | None = None
    attempt: Attempt | None = None

    @classmethod
    def of(cls, before: Pending, after: Pending) -> PendingStep:
        """The step from `before` to `after`, which gets the next version."""
        return cls(before, replace(after, version=before.version + 1))
