"""What an operator does with notifications: look, send again, take back (spec/push.md 10.2.4).

A replay keeps id and body and gives a row one more attempt; it uses up nothing of an automatic schedule. What
was in flight, delivered or purged meanwhile has a defined answer each (`push_roles.DeliveryLog`). Called by
the admin API and by the command line, which works on the same database while a node sends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gateway.clock import Clock
from gateway.config import Settings, SettingsSource
from gateway.errors import NotFound, StateConflict
from gateway.model.deliveries import DEAD_LETTERS, Attempt, Delivery, DeliveryState
from gateway.model.inspection import Cancel, Cursor, DeliveryFilter, DeliveryPage, Replay, ReplayRecord
from gateway.observe.redaction import redact_text
from gateway.push import customhttp
from gateway.push.destination import Destination, resolve
from gateway.routing.policy import Skip
from gateway.store.push_roles import Deliveries, DeliveryLog

MASK = "********"
# One request of an operator: enough for an outage, and over within a second or two (10.2.4).
WINDOW_CAP = 10_000
# Rows per transaction: other writers wait some milliseconds at most.
BATCH = 100
# Dead letters, and on demand what was skipped (its destination was switched off, say); never what arrived.
REPLAYED_IN_BULK = DEAD_LETTERS | {DeliveryState.SKIPPED}
# Walks over the table (5,000 rows each) for one page: a search for a needle says how far it got.
WALKS_PER_PAGE = 20
# The one secret that a body may hold, by `flex-push-content`: the customer's key (spec/push.md 7).
_KEY = re.compile(r'("secure-?key"\s*:\s*")[^"]+', re.IGNORECASE)


class Rows(Deliveries, DeliveryLog, Protocol):
    """The roles that are needed."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One notification in full.

    `headers` are those of its last attempt (of its first, if none was made) as the present configuration
    gives them, the operator's values masked; None when its destination is not configured any more. `body` is
    None when `[push] log_bodies` keeps it back. `replays` says who asked for them, oldest first.
    """

    delivery: Delivery
    attempts: Sequence[Attempt]
    headers: dict[str, str] | None
    body: str | None
    replays: Sequence[ReplayRecord] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """What a replay of a window found and did. `more`: there are rows beyond the cap; repeat the request."""

    matched: int
    replayed: int
    more: bool


class Inspection:
    """`wake` tells the node's worker that there is work; `breathe` lets others run during long searches."""

    def __init__(
        self,
        store: Rows,
        settings_source: SettingsSource,
        clock: Clock,
        *,
        wake: Callable[[], None] = lambda: None,
        breathe: Callable[[], None] = lambda: None,
        installation_key: str = "",
    ) -> None:
        self._store = store
        self._source = settings_source
        self._clock = clock
        self._wake = wake
        self._breathe = breathe
        self._installation_key = installation_key

    def page(self, wanted: DeliveryFilter, *, after: Cursor | None, limit: int) -> DeliveryPage:
        """The newest rows behind `after`; short with a `next` when the search was cut off."""
        page = self._store.find_deliveries(wanted, after=after, limit=limit)
        items, walks = page.items, 1
        while page.next is not None and len(items) < limit and walks < WALKS_PER_PAGE:
            self._breathe()
            page = self._store.find_deliveries(wanted, after=page.next, limit=limit - len(items))
            items, walks = items + page.items, walks + 1
        return DeliveryPage(items, page.next)

    def detail(self, delivery_id: str) -> Detail:
        """One notification; NotFound."""
        delivery, settings = self._existing(delivery_id), self._source.current
        attempts, replays = self._store.attempts(delivery_id), self._store.replay_records(delivery_id)
        destination = resolve(
            settings, delivery.provider, debug=delivery.debug, installation_key=self._installation_key
        )
        if isinstance(destination, Skip):
            return Detail(delivery, _hide(attempts, ()), None, _body(settings, delivery, None), replays)
        secrets = tuple(destination.headers.values())
        shown = _headers(delivery, destination, attempts)
        return Detail(
            delivery, _hide(attempts, secrets), shown, _body(settings, delivery, destination), replays
        )

    def replay(self, delivery_id: str, *, by: str) -> Delivery:
        """Send one again, whatever its end; harmless while it waits. NotFound; StateConflict (in flight).

        `by` says who asked; it is kept with the notification.
        """
        (outcome,) = self._store.requeue([delivery_id], now_ms=self._clock.wall_ms(), by=by)
        if outcome is Replay.UNKNOWN:
            raise NotFound("no such notification")
        if outcome is Replay.IN_FLIGHT:
            raise StateConflict("the notification is in flight; look again when its attempt is over")
        self._wake()
        return self._existing(delivery_id)

    def replay_window(self, wanted: DeliveryFilter, *, by: str, dry_run: bool = False) -> Window:
        """Send the dead letters that `wanted` accepts again, oldest first, at most WINDOW_CAP of them.

        Skipped ones only if its states say so.

        `dry_run` only counts. Rows that were replayed or purged in between are passed over.
        """
        wanted = replace(wanted, states=(wanted.states or DEAD_LETTERS) & REPLAYED_IN_BULK)
        ids, more = self._collect(wanted) if wanted.states else ([], False)
        if dry_run:
            return Window(len(ids), 0, more)
        replayed = 0
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            done = self._store.requeue(batch, now_ms=self._clock.wall_ms(), by=by, only=wanted.states)
            replayed += sum(outcome is Replay.QUEUED for outcome in done)
            self._wake()
        return Window(len(ids), replayed, more)

    def cancel(self, delivery_id: str) -> Delivery:
        """Take back one that waits; it ends as skipped. NotFound; StateConflict (in flight, finished)."""
        outcome = self._store.cancel_delivery(delivery_id, now_ms=self._clock.wall_ms())
        if outcome is Cancel.UNKNOWN:
            raise NotFound("no such notification")
        if outcome is Cancel.IN_FLIGHT:
            raise StateConflict("the notification is in flight; it cannot be taken back")
        if outcome is Cancel.FINISHED:
            raise StateConflict("the notification is finished; there is nothing to cancel")
        self._wake()  # its follower may go
        return self._existing(delivery_id)

    def _existing(self, delivery_id: str) -> Delivery:
        delivery = self._store.delivery(delivery_id)
        if delivery is None:
            raise NotFound("no such notification")
        return delivery

    def _collect(self, wanted: DeliveryFilter) -> tuple[list[str], bool]:
        """The ids of the oldest matching rows up to the cap, and whether there are more."""
        ids: list[str] = []
        after: Cursor | None = None
        while len(ids) <= WINDOW_CAP:
            page = self._store.find_deliveries(wanted, after=after, limit=1000, oldest_first=True)
            ids += [item.delivery.id for item in page.items]
            if page.next is None:
                break
            after = page.next
            self._breathe()
        return ids[:WINDOW_CAP], len(ids) > WINDOW_CAP


def _headers(delivery: Delivery, destination: Destination, attempts: Sequence[Attempt]) -> dict[str, str]:
    number, at_ms = (attempts[-1].number, attempts[-1].started_ms) if attempts else (1, delivery.due_ms)
    masked = replace(destination, headers=dict.fromkeys(destination.headers, MASK))
    try:
        content = customhttp.content(delivery, destination)
        return customhttp.headers(delivery, masked, attempt=number, now_ms=at_ms, content=content)
    except (TypeError, ValueError):  # a poison row; none were sent
        return {}


def _body(settings: Settings, delivery: Delivery, destination: Destination | None) -> str | None:
    """The body as it is sent, if `log_bodies` lets it be seen; the values of secret members are masked."""
    kept = settings.push.log_bodies
    if kept == "off" or (kept == "failed" and delivery.state is DeliveryState.DELIVERED):
        return None
    try:
        if destination is not None:
            content = customhttp.content(delivery, destination)
        else:
            content = customhttp.body(delivery.message or b'""', delivery.device_id)
    except (TypeError, ValueError):  # a poison row
        return None
    return _KEY.sub(rf"\g<1>{MASK}", content.decode("utf-8", "replace"))


def _hide(attempts: Sequence[Attempt], secrets: Sequence[str]) -> Sequence[Attempt]:
    """The attempts without the operator's secrets: a receiver may send back what it was sent."""
    return [replace(made, response_head=_without(made.response_head, secrets)) for made in attempts]


def _without(head: bytes, secrets: Sequence[str]) -> bytes:
    text = head.decode("utf-8", "replace")
    for secret in filter(None, secrets):
        text = text.replace(secret, MASK)
    return redact_text(text).encode()
