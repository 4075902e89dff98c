"""Role `Personnel` of `MemoryStore`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from gateway.model.accounts import CannedReply, Duty, Login, StoredAccount


class MemoryPersonnel:
    """Accounts, duties, logins and canned replies in dictionaries; `_open` of the store guards them."""

    def __init__(self) -> None:
        super().__init__()
        self._accounts: dict[str, StoredAccount] = {}
        self._duties: dict[str, Duty] = {}
        self._logins: dict[str, Login] = {}
        self._canned: dict[str, CannedReply] = {}

    def _open(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def add_account(self, account: StoredAccount) -> bool:
        with self._open():
            return self._accounts.setdefault(account.name, account) is account

    def put_account(self, account: StoredAccount) -> None:
        with self._open():
            self._accounts[account.name] = account

    def account(self, name: str) -> StoredAccount | None:
        with self._open():
            return self._accounts.get(name)

    def accounts(self) -> Sequence[StoredAccount]:
        with self._open():
            return tuple(sorted(self._accounts.values(), key=lambda account: account.name))

    def put_duty(self, duty: Duty) -> None:
        with self._open():
            self._duties[duty.name] = duty

    def duties(self) -> Sequence[Duty]:
        with self._open():
            return tuple(sorted(self._duties.values(), key=lambda duty: duty.name))

    def put_login(self, login: Login) -> None:
        with self._open():
            self._logins[login.fingerprint] = login

    def seen_login(self, fingerprint: str, *, now_ms: int) -> None:
        with self._open():
            login = self._logins.get(fingerprint)
            if login is not None:
                self._logins[fingerprint] = replace(login, seen_ms=max(login.seen_ms, now_ms))

    def login(self, fingerprint: str) -> Login | None:
        with self._open():
            return self._logins.get(fingerprint)

    def drop_login(self, fingerprint: str) -> None:
        with self._open():
            self._logins.pop(fingerprint, None)

    def drop_logins(self, name: str) -> None:
        with self._open():
            self._logins = {key: login for key, login in self._logins.items() if login.name != name}

    def purge_logins(self, before_ms: int) -> int:
        with self._open():
            old = [key for key, login in self._logins.items() if login.seen_ms < before_ms]
            for key in old:
                del self._logins[key]
            return len(old)

    def put_canned(self, reply: CannedReply) -> None:
        with self._open():
            self._canned[reply.id] = reply

    def canned(self) -> Sequence[CannedReply]:
        with self._open():
            return tuple(sorted(self._canned.values(), key=lambda reply: (reply.shortcut, reply.id)))

    def drop_canned(self, reply_id: str) -> bool:
        with self._open():
            return self._canned.pop(reply_id, None) is not None
