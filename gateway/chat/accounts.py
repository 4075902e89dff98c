"""Accounts of agents, supervisors, bots and administrators: bearer tokens and the roles behind them.

A token is shown once when it is created; the store keeps only its fingerprint. Called by the command line
(create, list, revoke) and by the edges (authenticate), which read the store each time, so that a revocation
made by another process counts at once.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from gateway.clock import Clock
from gateway.errors import Forbidden, NotFound, Rejected
from gateway.ids import Ids, fingerprint
from gateway.rates import Rates
from gateway.store.roles import Personnel, Token, Tokens

if TYPE_CHECKING:
    from gateway.chat.logins import Logins

ADMIN, SUPERVISOR, AGENT, BOT = "admin", "supervisor", "agent", "bot"
# role -> prefix of its tokens; the prefix lets people and secret scanners recognise one.
_PREFIXES: Mapping[str, str] = {ADMIN: "gwa", SUPERVISOR: "gws", AGENT: "gwg", BOT: "gwb"}
ROLES = tuple(_PREFIXES)

# What a page uses for one Bayeux handshake (`logins.Logins.ticket`).
TICKET_PREFIX = "gwt"

NAME_LENGTH = 100
# Shorter prefixes of a fingerprint are too easily mistyped into another account's.
MIN_PREFIX = 8


@dataclass(frozen=True, slots=True)
class Account:
    """Who calls. `role`: admin, supervisor, agent or bot; `name` is the nickname in chats.

    `credential`: what it came with, `token:` or `login:` and a fingerprint.
    """

    name: str
    role: str
    credential: str = field(default="", compare=False, repr=False)


class Credentials(Tokens, Personnel, Protocol):
    """The roles of the store that decide who somebody is."""


class Accounts:
    """Creates, checks and revokes tokens."""

    def __init__(
        self,
        store: Credentials,
        ids: Ids,
        clock: Clock,
        *,
        logins: Logins | None = None,
        rates: Rates | None = None,
    ) -> None:
        """`logins`: console sessions and their tickets; None where there is no console (command line)."""
        self._rates = rates
        self._store = store
        self.logins = logins
        self._ids = ids
        self._clock = clock

    def create(self, role: str, name: str) -> str:
        """Store a new account and return its token, which is shown only once; Rejected(101) for bad input."""
        if role not in _PREFIXES:
            raise Rejected(101, "role")
        if not name.strip() or len(name) > NAME_LENGTH or not name.isprintable():
            raise Rejected(101, "name")
        token = self._ids.token(_PREFIXES[role])
        self._store.add_token(
            Token(fingerprint=fingerprint(token), name=name, role=role, created_ms=self._clock.wall_ms())
        )
        return token

    def renew(self, role: str, name: str) -> str:
        """A new token; earlier ones of this name and role count no more."""
        for old in self._store.tokens():
            if (old.name, old.role, old.revoked_ms) == (name, role, None):
                self.revoke(old.fingerprint)
        return self.create(role, name)

    def authenticate(self, token: str, *, address: str = "") -> Account:
        """The account of a good token (or of a ticket, once), else Forbidden.

        RateLimited when too many wrong ones came from `address`; an empty one is no guess and not counted.
        """
        if self._rates is not None:
            self._rates.admit(token, address=address)
        try:
            account = self._account(token)
        except Forbidden:
            if self._rates is not None and token:
                self._rates.failed(address=address)
            raise
        if self._rates is not None:
            self._rates.proved(token)
        return account

    def _account(self, token: str) -> Account:
        if self.logins is not None and token.startswith(TICKET_PREFIX):
            return self._redeemed(self.logins, token)
        wanted = fingerprint(token)
        stored = self._store.token(wanted)
        if (
            stored is None
            or stored.revoked_ms is not None
            or not hmac.compare_digest(stored.fingerprint, wanted)
        ):
            raise Forbidden("unknown or revoked token")
        if self._disabled(stored.name):
            raise Forbidden("the account is disabled")
        return Account(name=stored.name, role=stored.role, credential=f"token:{wanted}")

    def _redeemed(self, logins: Logins, ticket: str) -> Account:
        account = logins.redeem(ticket)
        if account is None or not self.still_good(account):
            raise Forbidden("the ticket is used or too old")
        return account

    def still_good(self, account: Account) -> bool:
        """Whether the credential that the account came with would still be accepted."""
        kind, _, wanted = account.credential.partition(":")
        if kind == "login":
            return self.logins is not None and self.logins.valid(wanted)
        return self._store.token(wanted) is not None and not self._disabled(account.name)

    def _disabled(self, name: str) -> bool:
        stored = self._store.account(name)
        return stored is not None and stored.disabled_ms is not None

    def of_token(self, token: str) -> Token:
        """What is stored of a good token, else NotFound."""
        stored = self._store.token(fingerprint(token))
        if stored is None:
            raise NotFound("no such token")
        return stored

    def list(self) -> Sequence[Token]:
        """All tokens, revoked ones too, oldest first."""
        return self._store.tokens()

    def revoke(self, fingerprint_or_prefix: str) -> Token:
        """Revoke the one live token whose fingerprint begins so; NotFound, Rejected(101) when not unique."""
        if len(fingerprint_or_prefix) < MIN_PREFIX:
            raise Rejected(101, f"at least {MIN_PREFIX} characters of the fingerprint")
        live = [token for token in self._store.tokens() if token.revoked_ms is None]
        found = [token for token in live if token.fingerprint.startswith(fingerprint_or_prefix)]
        if not found:
            raise NotFound("no such token")
        if len(found) > 1:
            raise Rejected(101, "the prefix is not unique")
        now_ms = self._clock.wall_ms()
        self._store.revoke_token(found[0].fingerprint, now_ms=now_ms)
        return replace(found[0], revoked_ms=now_ms)
