"""One lock per chat, created on demand and dropped with its last user, so that memory follows the load."""

from __future__ import annotations

import threading

from gateway.native import native_lock


class _Entry:
    __slots__ = ("lock", "users")

    def __init__(self) -> None:
        self.lock = threading.Lock()  # held across a commit, so it must let other greenlets run
        self.users = 0


class _Holding:
    """One holder's turn; a class, because a generator costs three times as much and this is per message."""

    __slots__ = ("_chat_id", "_entry", "_locks")

    def __init__(self, locks: ChatLocks, chat_id: str) -> None:
        self._locks = locks
        self._chat_id = chat_id

    def __enter__(self) -> None:
        self._entry = self._locks._enter(self._chat_id)
        try:
            self._entry.lock.acquire()
        except BaseException:  # a greenlet killed while it waits
            self._locks._leave(self._chat_id, self._entry)
            raise

    def __exit__(self, *_: object) -> None:
        self._entry.lock.release()
        self._locks._leave(self._chat_id, self._entry)


class ChatLocks:
    """Serialises the changes of one chat within this process; changes of different chats never wait here."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._guard = native_lock()  # guards _entries and each entry's user count

    def holding(self, chat_id: str) -> _Holding:
        """Hold the chat's lock; blocks while another thread or greenlet of this process changes the chat."""
        return _Holding(self, chat_id)

    def _enter(self, chat_id: str) -> _Entry:
        with self._guard:
            entry = self._entries.get(chat_id)
            if entry is None:
                entry = self._entries[chat_id] = _Entry()
            entry.users += 1
            return entry

    def _leave(self, chat_id: str, entry: _Entry) -> None:
        with self._guard:
            entry.users -= 1
            if not entry.users:
                del self._entries[chat_id]

    def __len__(self) -> int:
        return len(self._entries)
