"""Who is on duty: ready or not, alive or lost, with which capacity and for which queues.

Readiness is stored and survives the process; signs of life are not: after a start everybody has
`[agents] lost_after` to show up. Called by `desk` and `api/desk`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from gateway.chat.accounts import Account
from gateway.chat.parties import PEOPLE
from gateway.clock import Clock
from gateway.config import SettingsSource
from gateway.errors import Forbidden
from gateway.model.accounts import Duty, StoredAccount
from gateway.store.roles import Personnel

REASON_LENGTH = 100
LOST = "lost"
NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True)
class Terms:
    """What an account works under: its own settings, else the configured ones."""

    capacity: int
    endpoints: tuple[str, ...]
    auto_accept: bool


class Roster:
    """Duties and signs of life of one node. `connected`: whether an account has live events open."""

    def __init__(self, store: Personnel, *, settings_source: SettingsSource, clock: Clock) -> None:
        self._store = store
        self._settings_source = settings_source
        self._clock = clock
        self._started = clock.monotonic()
        self._lock = threading.Lock()  # guards the dictionaries
        self._duties: dict[str, Duty] | None = None
        self._seen: dict[str, float] = {}
        self._roles: dict[str, str] = {}
        self.connected: Callable[[str], bool] = lambda _name: False

    def touch(self, account: Account) -> None:
        """The account made a request or opened live events."""
        if account.role in PEOPLE:
            with self._lock:
                self._seen[account.name] = self._clock.monotonic()
                self._roles[account.name] = account.role

    def alive(self, name: str) -> bool:
        """Whether there was a sign of life lately; after a start everybody gets the benefit of the doubt."""
        if self.connected(name):
            return True
        seen = self._seen.get(name, self._started)
        return self._clock.monotonic() - seen < self._settings_source.current.agents.lost_after_s

    def is_person(self, name: str) -> bool:
        """Whether this is the name of somebody who can be asked: seen here, or an account of a person."""
        account = self._store.account(name)
        if account is not None:
            return account.disabled_ms is None and account.role in PEOPLE
        return name in self._roles

    def role(self, name: str) -> str | None:
        """The role under which the account was seen since the start."""
        return self._roles.get(name)

    def duty(self, name: str) -> Duty:
        """The duty of an account; not ready when it never said anything."""
        return self._all().get(name) or Duty(name, False, "", 0)

    def known(self) -> list[str]:
        """Names of everybody who was seen or has ever been on duty."""
        return sorted({*self._all(), *self._roles})

    def ready(self) -> list[Duty]:
        """Everybody who is ready."""
        return [duty for duty in self._all().values() if duty.ready]

    def set(self, account: Account, *, ready: bool, reason: str = "") -> Duty:
        """The account's own word; Forbidden for bots, which join by themselves."""
        if account.role not in PEOPLE:
            raise Forbidden("bots take no part in the distribution")
        return self.put(account.name, ready=ready, reason=reason)

    def put(self, name: str, *, ready: bool, reason: str) -> Duty:
        """Store a duty; the time stays when nothing changes."""
        before = self.duty(name)
        if (before.ready, before.reason) == (ready, reason) and before.since_ms:
            return before
        duty = Duty(name, ready, reason, self._clock.wall_ms())
        self._store.put_duty(duty)
        with self._lock:
            (self._duties if self._duties is not None else {})[name] = duty
        return duty

    def terms(self, name: str) -> Terms:
        """Capacity (none while it is disabled), queues and auto-accept of an account."""
        account: StoredAccount | None = self._store.account(name)
        default = self._settings_source.current.agents.capacity
        if account is None:
            return Terms(default, (), False)
        capacity = 0 if account.disabled_ms is not None else account.capacity or default
        return Terms(capacity, account.endpoints, account.auto_accept)

    def _all(self) -> dict[str, Duty]:
        if self._duties is None:
            loaded = {duty.name: duty for duty in self._store.duties()}
            with self._lock:
                if self._duties is None:
                    self._duties = loaded
        return dict(self._duties)
