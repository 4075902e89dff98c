"""Accounts of agents, supervisors, bots and administrators: bearer tokens and the roles behind them.

A token is shown once when it is created; the store keeps only its fingerprint. Called by the command line
(create, list, revoke) and by the edges (authenticate), which read the store each time, so that a revocation
made by another process counts at once.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import Forbidden, NotFound, Rejected
from gateway.ids import Ids, fingerprint
from gateway.rates import Rates
from gateway.store.roles import Token, Tokens

ADMIN, SUPERVISOR, AGENT, BOT = "admin", "supervisor", "agent", "bot"
# role -> prefix of its tokens; the prefix lets people and secret scanners recognise one.
_PREFIXES: Mapping[str, str] = {ADMIN: "gwa", SUPERVISOR: "gws", AGENT: "gwg", BOT: "gwb"}
ROLES = tuple(_PREFIXES)

NAME_LENGTH = 100
# Shorter prefixes of a fingerprint are too easily mistyped into another account's.
MIN_PREFIX = 8


@dataclass(frozen=True, slots=True)
class Account:
    """Who is behind a token. `role`: admin, supervisor, agent or bot; `name` is the nickname in chats."""

    name: str
    role: str


class Accounts:
    """Creates, checks and revokes tokens."""

    def __init__(self, store: Tokens, ids: Ids, clock: Clock, *, rates: Rates | None = None) -> None:
        self._rates = rates
        self._store = store
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

    def authenticate(self, token: str, *, address: str = "") -> Account:
        """The account of a token that exists and is not revoked, else Forbidden.

        RateLimited when too many wrong ones came from `address`; an empty one is no guess and not counted.
        """
        if self._rates is not None:
            self._rates.admit(token, address=address)
        wanted = fingerprint(token)
        stored = self._store.token(wanted)
        if (
            stored is None
            or stored.revoked_ms is not None
            or not hmac.compare_digest(stored.fingerprint, wanted)
        ):
            if self._rates is not None and token:
                self._rates.failed(address=address)
            raise Forbidden("unknown or revoked token")
        if self._rates is not None:
            self._rates.proved(token)
        return Account(name=stored.name, role=stored.role)

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
        self._store.revoke_token(found[0].fingerprint, now_ms=self._clock.wall_ms())
        return found[0]
