"""Console logins: name and password become a session whose secret only the browser's cookie holds.

Passwords are argon2id hashes; checking one takes tens of milliseconds and 64 MiB, so it runs off the event
loop, one at a time. A wrong name costs the same as a wrong password. Attempts are counted per address and
name, in memory. Called by `api/console` and, for each request with a cookie, by `api/bearer`.
"""

from __future__ import annotations

import hmac
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.chat.accounts import TICKET_PREFIX, Account
from gateway.clock import Clock
from gateway.config import SettingsSource
from gateway.errors import Forbidden, Rejected
from gateway.ids import Ids, fingerprint
from gateway.model.accounts import Login, StoredAccount
from gateway.native import off_loop
from gateway.store.roles import Personnel

MIN_PASSWORD, MAX_PASSWORD = 10, 256
# `seen_ms` need not be exact to the second; a write per request would cost a disk flush.
SEEN_EVERY_MS = 60_000
# Address-and-name pairs whose attempts are remembered.
MAX_WATCHED = 10_000
ATTEMPTS_PERIOD_S = 60.0
TICKET_LIFETIME_S = 60.0
MAX_TICKETS = 10_000
COOKIE_PREFIX = "gwc"


@dataclass(frozen=True, slots=True)
class NewLogin:
    """What a login gives the browser: the cookie's secret and the token for unsafe methods."""

    account: Account
    secret: str
    csrf: str


class Logins:
    """Console sessions of one node over the shared store."""

    def __init__(self, store: Personnel, ids: Ids, *, settings_source: SettingsSource, clock: Clock) -> None:
        self._store = store
        self._ids = ids
        self._settings_source = settings_source
        self._clock = clock
        self._hasher = PasswordHasher()
        self._nobody = ""
        self._one_at_a_time = threading.Lock()  # bounds memory and processor time of password checks
        self._lock = threading.Lock()  # guards the two dictionaries
        self._attempts: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._tickets: OrderedDict[str, tuple[float, Account]] = OrderedDict()

    def throttled_s(self, address: str, name: str) -> int | None:
        """Count an attempt; None when it may be made, else the seconds until the next one may be."""
        allowed = self._settings_source.current.agents.login_attempts_per_minute
        now = self._clock.monotonic()
        key = (address, name[:MAX_PASSWORD])
        with self._lock:
            made = self._attempts.setdefault(key, deque())
            self._attempts.move_to_end(key)
            if len(self._attempts) > MAX_WATCHED:
                self._attempts.popitem(last=False)
            while made and now - made[0] >= ATTEMPTS_PERIOD_S:
                made.popleft()
            if len(made) >= allowed:
                return max(1, round(made[0] + ATTEMPTS_PERIOD_S - now))
            made.append(now)
        return None

    def login(self, name: str, password: str) -> NewLogin:
        """A new session, whatever the browser had before; Forbidden when anything does not fit."""
        stored = self._store.account(name)
        usable = stored is not None and stored.disabled_ms is None and stored.password_hash is not None
        wanted = stored.password_hash if stored is not None and usable else None
        fits = self._verify(wanted or self._nobodys(), password)
        if stored is None or not usable or not fits:
            raise Forbidden("unknown name or wrong password")
        secret, csrf, now_ms = self._ids.token(COOKIE_PREFIX), self._ids.token("csrf"), self._clock.wall_ms()
        login = Login(fingerprint(secret), stored.name, csrf, now_ms, now_ms)
        self._store.purge_logins(now_ms - self._idle_ms())
        self._store.put_login(login)
        return NewLogin(_account(stored, login), secret, csrf)

    def by_secret(self, secret: str) -> tuple[Account, Login] | None:
        """The account and session of a cookie, if it is still good; counts as activity."""
        login = self._store.login(fingerprint(secret))
        account = self._current(login)
        if login is None or account is None:
            return None
        now_ms = self._clock.wall_ms()
        if now_ms - login.seen_ms >= SEEN_EVERY_MS:
            self._store.seen_login(login.fingerprint, now_ms=now_ms)
        return account, login

    def valid(self, credential: str) -> bool:
        """Whether the session with this fingerprint is still good (for live sessions)."""
        return self._current(self._store.login(credential)) is not None

    def logout(self, secret: str) -> None:
        """End the session of a cookie."""
        self._store.drop_login(fingerprint(secret))

    def ticket(self, account: Account) -> str:
        """A token for one Bayeux handshake, good for a minute: the page cannot read its own cookie."""
        ticket = self._ids.token(TICKET_PREFIX)
        with self._lock:
            self._tickets[fingerprint(ticket)] = (self._clock.monotonic() + TICKET_LIFETIME_S, account)
            while len(self._tickets) > MAX_TICKETS:
                self._tickets.popitem(last=False)
        return ticket

    def redeem(self, ticket: str) -> Account | None:
        """The account of a ticket, once."""
        with self._lock:
            until, account = self._tickets.pop(fingerprint(ticket), (0.0, None))
        return account if account is not None and self._clock.monotonic() < until else None

    def hashed(self, password: str) -> str:
        """What is stored of a password; Rejected(101) when it is too short or too long."""
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise Rejected(101, f"a password of {MIN_PASSWORD} to {MAX_PASSWORD} characters")
        with self._one_at_a_time:
            return off_loop(lambda: self._hasher.hash(password))

    def _nobodys(self) -> str:
        """A hash that is checked for unknown names, so that they take as long as wrong passwords."""
        if not self._nobody:
            self._nobody = self.hashed("nobody has this password")
        return self._nobody

    def _verify(self, stored: str, password: str) -> bool:
        if len(password) > MAX_PASSWORD:
            return False

        def check() -> bool:
            try:
                return self._hasher.verify(stored, password)
            except (VerificationError, InvalidHashError, UnicodeEncodeError):
                return False

        with self._one_at_a_time:
            return off_loop(check)

    def _current(self, login: Login | None) -> Account | None:
        if login is None:
            return None
        now_ms = self._clock.wall_ms()
        lifetime_ms = self._settings_source.current.agents.login_lifetime_s * 1000
        if now_ms - login.seen_ms >= self._idle_ms() or now_ms - login.created_ms >= lifetime_ms:
            return None
        stored = self._store.account(login.name)
        if stored is None or stored.disabled_ms is not None:
            return None
        return _account(stored, login)

    def _idle_ms(self) -> int:
        return round(self._settings_source.current.agents.login_idle_timeout_s * 1000)


def csrf_fits(login: Login, presented: str) -> bool:
    """Whether the header holds the session's token."""
    return hmac.compare_digest(login.csrf.encode(), presented.encode("utf-8", "surrogateescape"))


def _account(stored: StoredAccount, login: Login) -> Account:
    return Account(stored.name, stored.role, credential=f"login:{login.fingerprint}")
