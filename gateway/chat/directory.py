"""The accounts of the personnel: create, change, disable (command line, /admin/v1).

Disabling counts at once for tokens of the same name, console sessions and live events; nothing is cached.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.chat import limits
from gateway.chat.accounts import NAME_LENGTH, ROLES
from gateway.chat.logins import Logins
from gateway.clock import Clock
from gateway.errors import NotFound, Rejected, StateConflict
from gateway.model.accounts import StoredAccount
from gateway.store.roles import Personnel

MAX_ENDPOINTS = 100
MAX_CAPACITY = 1000
# 96 random bits as 16 characters that can be typed.
GENERATED_BYTES = 12


@dataclass(frozen=True, slots=True)
class AccountChanges:
    """What to change; None leaves a member as it is. `capacity` 0 is the configured default."""

    role: str | None = None
    password: str | None = None
    capacity: int | None = None
    endpoints: tuple[str, ...] | None = None
    auto_accept: bool | None = None
    disabled: bool | None = None


class Directory:
    """Changes accounts; Rejected(101) for bad input."""

    def __init__(self, store: Personnel, logins: Logins, clock: Clock) -> None:
        self._store = store
        self._logins = logins
        self._clock = clock

    def list(self) -> Sequence[StoredAccount]:
        """All accounts by name, disabled ones too."""
        return self._store.accounts()

    def get(self, name: str) -> StoredAccount:
        """One account, else NotFound."""
        account = self._store.account(name)
        if account is None:
            raise NotFound("no such account")
        return account

    def create(self, name: str, role: str, changes: AccountChanges) -> StoredAccount:
        """A new account; StateConflict when the name is taken."""
        if not name.strip() or len(name) > NAME_LENGTH or not name.isprintable():
            raise Rejected(limits.MISSING_OR_MALFORMED, "name")
        account = StoredAccount(name=name, role=role, created_ms=self._clock.wall_ms())
        account = self._changed(account, replace(changes, role=role))
        if not self._store.add_account(account):
            raise StateConflict("an account of this name exists")
        return account

    def change(self, name: str, changes: AccountChanges) -> StoredAccount:
        """Change an account. A new password and disabling end its console sessions."""
        account = self._changed(self.get(name), changes)
        self._store.put_account(account)
        if changes.password is not None or account.disabled_ms is not None:
            self._store.drop_logins(name)
        return account

    def _changed(self, account: StoredAccount, changes: AccountChanges) -> StoredAccount:
        if changes.role is not None:
            if changes.role not in ROLES:
                raise Rejected(limits.MISSING_OR_MALFORMED, "role")
            account = replace(account, role=changes.role)
        if changes.capacity is not None:
            if not 0 <= changes.capacity <= MAX_CAPACITY:
                raise Rejected(limits.MISSING_OR_MALFORMED, "capacity")
            account = replace(account, capacity=changes.capacity or None)
        if changes.endpoints is not None:
            account = replace(account, endpoints=_endpoints(changes.endpoints))
        if changes.auto_accept is not None:
            account = replace(account, auto_accept=changes.auto_accept)
        if changes.disabled is not None:
            disabled_ms = account.disabled_ms or self._clock.wall_ms()
            account = replace(account, disabled_ms=disabled_ms if changes.disabled else None)
        if changes.password is not None:
            account = replace(account, password_hash=self._logins.hashed(changes.password))
        return account


def generated_password() -> str:
    """A password for somebody who gave none."""
    return secrets.token_urlsafe(GENERATED_BYTES)


def _endpoints(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(values) > MAX_ENDPOINTS:
        raise Rejected(limits.MISSING_OR_MALFORMED, "endpoints")
    for value in values:
        if value.count(":") != 1 or not 3 <= len(value) <= limits.ENDPOINT_LENGTH or not value.isprintable():
            raise Rejected(limits.MISSING_OR_MALFORMED, "endpoints")
    return tuple(dict.fromkeys(values))
