"""What this node has seen of each chat's customer: last request, live comet attachments, typing preview.

In memory and per node; nothing here is ever stored. After a restart every chat counts as touched at start, so
that nobody is removed because the gateway was away. Called by `chat.customers` (touch, previews), `comet`
(attached, detached), `chat.ledger` (is_live, the CS of spec/push.md 9.1) and `chat.timeouts` (quiet_since).
"""

from __future__ import annotations

import threading

from gateway.clock import Clock


class _Trace:
    __slots__ = ("attachments", "comet", "over", "preview", "touched")

    def __init__(self, touched: float, *, comet: bool) -> None:
        self.touched = touched
        self.attachments = 0
        self.comet = comet
        self.preview = ""
        self.over = False  # the chat has ended: let go of it once nobody is attached


class Presence:
    """The customers' signs of life; all times are monotonic seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock.monotonic()
        self._traces: dict[str, _Trace] = {}
        self._lock = threading.Lock()  # guards _traces and the counts in it

    def touch(self, chat_id: str) -> None:
        """The customer made a protocol request (spec/chat-api-v2.md 8.2); hot path: one look-up."""
        trace = self._traces.get(chat_id)
        if trace is None:
            trace = self._trace(chat_id)
        trace.touched = self._clock.monotonic()

    def attached(self, chat_id: str) -> None:
        """One more Bayeux session receives this chat."""
        trace = self._trace(chat_id)
        with self._lock:
            trace.attachments += 1
            trace.comet = True
            trace.touched = self._clock.monotonic()

    def detached(self, chat_id: str) -> None:
        """One Bayeux session less; the disconnect timer runs from the moment the last one is gone."""
        with self._lock:
            trace = self._traces.get(chat_id)
            if trace is not None and trace.attachments:
                trace.attachments -= 1
                trace.touched = self._clock.monotonic()
                if trace.over and not trace.attachments:
                    del self._traces[chat_id]

    def is_live(self, chat_id: str) -> bool:
        """Whether a Bayeux session receives this chat now."""
        trace = self._traces.get(chat_id)
        return trace is not None and trace.attachments > 0

    def quiet_since(self, chat_id: str) -> float | None:
        """When the customer was last seen; None while attached."""
        trace = self._traces.get(chat_id)
        if trace is None:
            return self._started
        return None if trace.attachments else trace.touched

    def uses_comet(self, chat_id: str) -> bool:
        """Whether the longer CometD timeout applies; also for chats that this process has not seen yet."""
        trace = self._traces.get(chat_id)
        return trace is None or trace.comet

    def returned(self, chat_id: str) -> None:
        """The chat was brought back: its customer counts as seen now, and may be one of CometD."""
        trace = self._trace(chat_id)
        with self._lock:
            trace.comet = True
            trace.over = False
            trace.touched = self._clock.monotonic()

    def preview_changed(self, chat_id: str, text: str) -> bool:
        """Remember the text being typed; True when it differs from the one before and is not empty."""
        trace = self._trace(chat_id)
        changed = bool(text) and text != trace.preview
        trace.preview = text
        return changed

    def forget(self, chat_id: str) -> None:
        """Drop the record of a chat that has ended, once its clients know: the chat may be brought back."""
        with self._lock:
            trace = self._traces.get(chat_id)
            if trace is not None and trace.attachments:
                trace.over = True
            else:
                self._traces.pop(chat_id, None)

    def _trace(self, chat_id: str) -> _Trace:
        with self._lock:
            trace = self._traces.get(chat_id)
            if trace is None:
                trace = self._traces[chat_id] = _Trace(self._clock.monotonic(), comet=False)
            return trace
