"""Role `Tokens` on SQLite, always read from the file: the command line writes them too (`SqliteStore`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from gateway.store.roles import Token
from gateway.store.sqlite.database import Readers
from gateway.store.sqlite.writer import Writer

_SELECT = "SELECT fingerprint, name, role, created_ms, revoked_ms FROM token"


class SqliteTokens:
    """See `roles.Tokens` for the contracts."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    def add_token(self, token: Token) -> None:
        row = (token.fingerprint, token.name, token.role, token.created_ms, token.revoked_ms)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO token VALUES (?,?,?,?,?)", row)

        self._writer.run(work)

    def token(self, fingerprint: str) -> Token | None:
        row = self._readers.one(f"{_SELECT} WHERE fingerprint=? AND revoked_ms IS NULL", (fingerprint,))
        return Token(*row) if row else None

    def tokens(self) -> Sequence[Token]:
        return tuple([Token(*row) for row in self._readers.all(f"{_SELECT} ORDER BY created_ms, rowid")])

    def revoke_token(self, fingerprint: str, *, now_ms: int) -> bool:
        sql = "UPDATE token SET revoked_ms=ifnull(revoked_ms, ?) WHERE fingerprint=?"
        return self._writer.run(
            lambda connection: connection.execute(sql, (now_ms, fingerprint)).rowcount > 0
        )
