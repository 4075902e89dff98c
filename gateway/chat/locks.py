"""One lock per chat, made only when somebody has to wait for it.

Theory of operation. A chat that is being changed has an entry; without one it is free. Whoever comes second
queues a lock of his own and waits for it; the holder that ends hands the chat to the first in the queue, so
turns are fair and the chat is never free in between. The ordinary case, nobody else is there, costs two
dictionary operations (a gevent lock made, taken and let go per message cost 3 us).
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from gateway.native import native_lock


class _Holding:
    """One holder's turn; a class, because a generator costs three times as much and this is per message."""

    __slots__ = ("_chat_id", "_locks")

    def __init__(self, locks: ChatLocks, chat_id: str) -> None:
        self._locks = locks
        self._chat_id = chat_id

    def __enter__(self) -> None:
        self._locks._enter(self._chat_id)

    def __exit__(self, *_: object) -> None:
        self._locks._leave(self._chat_id)


class ChatLocks:
    """Serialises the changes of one chat within this process; changes of different chats never wait here."""

    def __init__(self) -> None:
        self._turns: dict[str, deque[Any]] = {}
        self._guard = native_lock()  # guards _turns and each queue in it

    def holding(self, chat_id: str) -> _Holding:
        """Hold the chat's lock; blocks while another thread or greenlet of this process changes the chat."""
        return _Holding(self, chat_id)

    def _enter(self, chat_id: str) -> None:
        with self._guard:
            queue = self._turns.get(chat_id)
            if queue is None:
                self._turns[chat_id] = deque()
                return
            # Waited for across a commit, so it must let other greenlets run.
            mine = threading.Lock()
            mine.acquire()
            queue.append(mine)
        try:
            mine.acquire()
        except BaseException:  # a greenlet killed while it waits
            self._give_up(chat_id, mine)
            raise

    def _give_up(self, chat_id: str, mine: Any) -> None:
        with self._guard:
            queue = self._turns[chat_id]
            if mine in queue:
                queue.remove(mine)
                return
        self._leave(chat_id)  # the turn had come in the same moment

    def _leave(self, chat_id: str) -> None:
        with self._guard:
            queue = self._turns[chat_id]
            if queue:
                queue.popleft().release()
            else:
                del self._turns[chat_id]

    def __len__(self) -> int:
        return len(self._turns)
