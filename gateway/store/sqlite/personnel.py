"""Role `Personnel` on SQLite, always read from the file: the command line writes it too (`SqliteStore`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from gateway.model.accounts import CannedReply, Duty, Login, StoredAccount
from gateway.store.sqlite.database import Readers
from gateway.store.sqlite.writer import Writer

_ACCOUNT = "name, role, created_ms, password_hash, capacity, endpoints, auto_accept, disabled_ms"
_LOGIN = "fingerprint, name, csrf, created_ms, seen_ms"
_CANNED = "id, service, owner, shortcut, text, updated_ms"


class SqlitePersonnel:
    """See `roles.Personnel` for the contracts."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    def add_account(self, account: StoredAccount) -> bool:
        sql = f"INSERT OR IGNORE INTO account ({_ACCOUNT}) VALUES (?,?,?,?,?,?,?,?)"
        return self._write(sql, _account_row(account)) > 0

    def put_account(self, account: StoredAccount) -> None:
        self._write(
            f"INSERT OR REPLACE INTO account ({_ACCOUNT}) VALUES (?,?,?,?,?,?,?,?)", _account_row(account)
        )

    def account(self, name: str) -> StoredAccount | None:
        row = self._readers.one(f"SELECT {_ACCOUNT} FROM account WHERE name=?", (name,))
        return _account(row) if row else None

    def accounts(self) -> Sequence[StoredAccount]:
        return tuple(
            [_account(row) for row in self._readers.all(f"SELECT {_ACCOUNT} FROM account ORDER BY name")]
        )

    def put_duty(self, duty: Duty) -> None:
        self._write(
            "INSERT OR REPLACE INTO duty (name, ready, reason, since_ms) VALUES (?,?,?,?)",
            (duty.name, duty.ready, duty.reason, duty.since_ms),
        )

    def duties(self) -> Sequence[Duty]:
        found = self._readers.all("SELECT name, ready, reason, since_ms FROM duty ORDER BY name")
        return tuple([Duty(name, bool(ready), reason, since) for name, ready, reason, since in found])

    def put_login(self, login: Login) -> None:
        row = (login.fingerprint, login.name, login.csrf, login.created_ms, login.seen_ms)
        self._write(f"INSERT OR REPLACE INTO login ({_LOGIN}) VALUES (?,?,?,?,?)", row)

    def seen_login(self, fingerprint: str, *, now_ms: int) -> None:
        self._write("UPDATE login SET seen_ms=max(seen_ms, ?) WHERE fingerprint=?", (now_ms, fingerprint))

    def login(self, fingerprint: str) -> Login | None:
        row = self._readers.one(f"SELECT {_LOGIN} FROM login WHERE fingerprint=?", (fingerprint,))
        return Login(*row) if row else None

    def drop_login(self, fingerprint: str) -> None:
        self._write("DELETE FROM login WHERE fingerprint=?", (fingerprint,))

    def drop_logins(self, name: str) -> None:
        self._write("DELETE FROM login WHERE name=?", (name,))

    def purge_logins(self, before_ms: int) -> int:
        return self._write("DELETE FROM login WHERE seen_ms < ?", (before_ms,))

    def put_canned(self, reply: CannedReply) -> None:
        row = (reply.id, reply.service, reply.owner, reply.shortcut, reply.text, reply.updated_ms)
        self._write(f"INSERT OR REPLACE INTO canned_reply ({_CANNED}) VALUES (?,?,?,?,?,?)", row)

    def canned(self) -> Sequence[CannedReply]:
        found = self._readers.all(f"SELECT {_CANNED} FROM canned_reply ORDER BY shortcut, id")
        return tuple([CannedReply(*row) for row in found])

    def drop_canned(self, reply_id: str) -> bool:
        return self._write("DELETE FROM canned_reply WHERE id=?", (reply_id,)) > 0

    def _write(self, sql: str, values: Sequence[Any]) -> int:
        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(sql, values).rowcount

        return self._writer.run(work)


def _account_row(account: StoredAccount) -> tuple[Any, ...]:
    return (
        account.name,
        account.role,
        account.created_ms,
        account.password_hash,
        account.capacity,
        orjson.dumps(account.endpoints).decode(),
        account.auto_accept,
        account.disabled_ms,
    )


def _account(row: tuple[Any, ...]) -> StoredAccount:
    name, role, created_ms, password_hash, capacity, endpoints, auto_accept, disabled_ms = row
    served = tuple(orjson.loads(endpoints))
    return StoredAccount(
        name, role, created_ms, password_hash, capacity, served, bool(auto_accept), disabled_ms
    )
