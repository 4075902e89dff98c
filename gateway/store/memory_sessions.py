"""Roles `Tokens` and `CometSessions` in memory: part of `MemoryStore`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from gateway.store.roles import StoredCometSession, Token


class MemorySessions:
    """See `roles.Tokens` and `roles.CometSessions`. The dictionaries and the lock are `MemoryStore`'s."""

    _tokens: dict[str, Token]
    _comet: dict[str, StoredCometSession]

    def _open(self) -> AbstractContextManager[None]:
        """The lock, held while the store is open."""
        raise NotImplementedError

    def add_token(self, token: Token) -> None:
        with self._open():
            if token.fingerprint in self._tokens:
                raise ValueError("a token fingerprint is used twice")
            self._tokens[token.fingerprint] = token

    def token(self, fingerprint: str) -> Token | None:
        with self._open():
            token = self._tokens.get(fingerprint)
            return token if token and token.revoked_ms is None else None

    def tokens(self) -> Sequence[Token]:
        with self._open():
            return tuple(sorted(self._tokens.values(), key=lambda token: token.created_ms))

    def revoke_token(self, fingerprint: str, *, now_ms: int) -> bool:
        with self._open():
            token = self._tokens.get(fingerprint)
            if token is not None and token.revoked_ms is None:
                self._tokens[fingerprint] = replace(token, revoked_ms=now_ms)
            return token is not None

    def save_comet(self, session: StoredCometSession) -> None:
        with self._open():
            self._comet[session.client_id] = session

    def comet(self, client_id: str) -> StoredCometSession | None:
        with self._open():
            return self._comet.get(client_id)

    def comet_by_browser(self, browser: str, origin: str) -> Sequence[StoredCometSession]:
        with self._open():
            found = [one for one in self._comet.values() if (one.browser, one.origin) == (browser, origin)]
            return tuple(sorted(found, key=lambda one: (-one.updated_ms, one.client_id)))

    def forget_comet(self, client_id: str) -> None:
        with self._open():
            self._comet.pop(client_id, None)

    def purge_comet(self, before_ms: int) -> int:
        with self._open():
            old = [one.client_id for one in self._comet.values() if one.updated_ms < before_ms]
            for client_id in old:
                del self._comet[client_id]
            return len(old)
