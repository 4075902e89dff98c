"""The roles of a backend for notifications: outbox, log, destinations, what reliable customers must fetch.

Who calls: `push/`, and `chat/` for Pendings. The rules of `roles.py` hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.model.deliveries import Attempt, Delivery, DeliveryState
from gateway.model.inspection import Cancel, Cursor, DeliveryFilter, DeliveryPage, Replay, ReplayRecord
from gateway.model.pending import Pending, PendingStep
from gateway.store.upkeep import Upkeep


class Deliveries(Protocol):
    """The outbox of notifications; rows are inserted by `Chats.commit` and `Pendings.advance` only."""

    def due_lanes(self, *, now_ms: int) -> Sequence[Lane]:
        """The destinations that have rows which are due, whether or not the order rule holds them back."""
        ...

    def claim(
        self,
        owner: str,
        *,
        now_ms: int,
        lease_ms: int,
        limit: int,
        lanes: Mapping[Lane, int] | None = None,
    ) -> Sequence[Delivery]:
        """Lease due rows (queued and due, or leased with an expired lease) to `owner`, those
        first that have been claimable for longest. With `lanes` only rows of these destinations, of each
        at most so many.

        Order rule: per (device_id, chat) only the row with the lowest position among the unfinished ones
        may be claimed, so that a chat's notifications leave in order. A row that yields (see `finish`) is
        passed over by later ones, but one chat and device never has two rows in flight. A claimed row has
        state LEASED.
        Poison (an unknown kind, a message that is not JSON) is not returned: it becomes FAILED with an
        attempt that says why.
        """
        ...

    def finish(
        self,
        delivery_id: str,
        owner: str,
        *,
        state: DeliveryState,
        attempt: Attempt | None,
        retry_at_ms: int | None = None,
        yields_ms: int | None = None,
    ) -> bool:
        """Record the attempt and the final state in one transaction; False when `owner` lost the lease.

        The state QUEUED gives the row back: it may be claimed at once, by anybody, or from `retry_at_ms` on.
        `yields_ms`: from then on later rows of the chat and device need not wait for this one; the first
        value that was given for a row stays.
        """
        ...

    def delivery(self, delivery_id: str) -> Delivery | None:
        """One row."""
        ...

    def list_deliveries(
        self, *, chat_id: str | None, states: frozenset[DeliveryState], limit: int
    ) -> Sequence[Delivery]:
        """Rows for inspection, newest first; an empty `states` means all."""
        ...

    def attempts(self, delivery_id: str) -> Sequence[Attempt]:
        """The attempts made for one row, in order."""
        ...

    def pending_count(self) -> int:
        """How many rows are queued or leased (a metric)."""
        ...

    def dead_letter_count(self) -> int:
        """How many rows are given up (DEAD_LETTERS), without debug ones; counts to 10,000 (a metric)."""
        ...


class DeliveryLog(Protocol):
    """The same rows in the hands of an operator: look, send again, take back (spec/push.md 10.2.4).

    Another process (the command line) may do all this while a node sends.
    """

    def find_deliveries(
        self, wanted: DeliveryFilter, *, after: Cursor | None, limit: int, oldest_first: bool = False
    ) -> DeliveryPage:
        """Rows that `wanted` accepts in the order of (created_ms, insertion), newest first, from behind
        the cursor `after` on.

        At most `limit` (1 or more) rows. Looks at a bounded number of rows however large the log is, so a
        page may be short or empty although its `next` leads on.
        """
        ...

    def requeue(
        self,
        delivery_ids: Sequence[str],
        *,
        now_ms: int,
        by: str,
        only: frozenset[DeliveryState] = frozenset(),
    ) -> Sequence[Replay]:
        """Send rows again, all in one transaction; one outcome per id, in order.

        A finished row becomes QUEUED and claimable at once with its id, message and attempts, `replays` one
        higher; so does one that waits for a later time (its `due_ms` stays). One that is claimable already
        is WAITING and stays as it is, so that two replays at once send one more attempt. A leased one is
        IN_FLIGHT while its lease lasts. `only`: rows in other states are left alone (OTHER_STATE).
        Each QUEUED one is recorded with `by`, who asked for it, in the same transaction.
        """
        ...

    def replay_records(self, delivery_id: str) -> Sequence[ReplayRecord]:
        """Who replayed a row, oldest first; they go when the row goes. Empty for an unknown one."""
        ...

    def cancel_delivery(self, delivery_id: str, *, now_ms: int) -> Cancel:
        """Make a queued row, or one whose lease ran out, SKIPPED; a former owner's `finish` then fails.

        A row in flight and one that is delivered or given up are left alone.
        """
        ...


# The destination of a row as it is stored: provider (None: the default one) and the debug flag.
Lane = tuple[str | None, bool]


@dataclass(frozen=True, slots=True)
class StoredDestination:
    """A destination without success since `failing_since_ms`; switched off since `disabled_ms` for `reason`.

    `fingerprint` stands for its configuration: with another one the record means nothing any more.
    """

    key: str
    fingerprint: str
    failing_since_ms: int
    disabled_ms: int | None = None
    reason: str = ""


class Destinations(Protocol):
    """Destinations that fail or are switched off, so that a restart does not forget them."""

    def save_destination(self, destination: StoredDestination) -> None:
        """Insert or replace."""
        ...

    def destinations(self) -> Sequence[StoredDestination]:
        """All records, by key."""
        ...

    def forget_destination(self, key: str) -> None:
        """Delete the record; nothing happens when there is none."""
        ...


class PushStore(Deliveries, Destinations, Upkeep, Protocol):
    """What the delivery worker needs."""


class Pendings(Protocol):
    """What customers with a reliable subscription still have to fetch; first written by `Chats.commit`."""

    def pending(self, chat_id: str) -> Pending | None:
        """The record of one chat, as it is stored now."""
        ...

    def due_pendings(self, *, now_ms: int, limit: int) -> Sequence[tuple[Pending, DeliveryState | None]]:
        """Armed records whose time has come, longest due first, with the state of their newest pointer.

        One whose newest pointer is not finished (queued or leased) is not due: at most one per chat is.
        """
        ...

    def armed_pendings(self) -> Sequence[Pending]:
        """All armed records, earliest first (after a restart)."""
        ...

    def armed_count(self) -> int:
        """How many records are armed (a metric)."""
        ...

    def advance(self, steps: Sequence[PendingStep]) -> Sequence[bool]:
        """Write each step whose `before.version` is the stored one, with its outbox row; which were written.

        All in one transaction; a step that comes too late changes nothing and does not affect the others.
        """
        ...
