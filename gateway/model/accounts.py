"""The personnel as it is stored: accounts, their duty, console logins, canned replies. Times are Unix ms."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """A named account. Tokens of the same name belong to it; one without an account has the defaults.

    `password_hash` is argon2id or None (no console login). `capacity` None: the configured default.
    `endpoints`: the queues it serves, empty for all. `disabled_ms`: refused since then.
    """

    name: str
    role: str
    created_ms: int
    password_hash: str | None = None
    capacity: int | None = None
    endpoints: tuple[str, ...] = ()
    auto_accept: bool = False
    disabled_ms: int | None = None

    def serves(self, queue: str) -> bool:
        """Whether chats of this queue may be offered to it."""
        return not self.endpoints or queue in self.endpoints


@dataclass(frozen=True, slots=True)
class Duty:
    """Whether an account takes chats, since when, and why (not)."""

    name: str
    ready: bool
    reason: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class Login:
    """A console session; `fingerprint` is of the cookie's secret. `csrf` must come back in a header."""

    fingerprint: str
    name: str
    csrf: str
    created_ms: int
    seen_ms: int


@dataclass(frozen=True, slots=True)
class CannedReply:
    """A prepared text. `service` "" is every service, `owner` "" is shared by everybody."""

    id: str
    service: str
    owner: str
    shortcut: str
    text: str
    updated_ms: int
