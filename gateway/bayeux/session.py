"""One Bayeux session: what it is owed, what was handed out, what the client has confirmed.

Theory of operation. A session owes its client two kinds of things: frames in its bounded `outbox`
(answers, errors, broadcast messages: they exist nowhere else) and whatever its `sources` have beyond
their cursor (chat transcripts: the truth is in the store). `collect` takes both and returns a `Delivery`
that remembers how to give everything back. Exactly one of two things then happens to a delivery:

* `confirm`: the client has it. Without the ack extension that is assumed once the client sends its next
  /meta/connect after the reply was written; with it, when the client returns the batch number.
* `undo`: it was not written, or the client asks again with an older batch number. Frames go back to the
  front of the outbox and cursors back to where they were, so order is kept and nothing is lost.

The object is mutable and owned by one machine; the caller serialises access.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Protocol


class Source(Protocol):
    """Something with a cursor that a session delivers from (a chat attachment)."""

    cursor: int
    confirmed: int

    @property
    def pending(self) -> bool:
        """Whether there may be something beyond the cursor."""
        ...

    def pull(self) -> list[bytes]:
        """Encoded messages beyond the cursor, in order; advances the cursor."""
        ...

    def rewind(self, cursor: int) -> None:
        """Go back: everything beyond `cursor` will be pulled again."""
        ...


@dataclass(slots=True, eq=False)
class Delivery:
    """Encoded messages taken out of a session, with what is needed to put them back."""

    frames: list[bytes]
    outbox: list[bytes]
    marks: list[tuple[Source, int, int]]
    batch: int = 0
    # Given back, or acknowledged by its number: what the transport learns of its write later changes nothing.
    settled: bool = False
    # False while the transport is writing it: the next connect then implies nothing yet.
    written: bool = True


@dataclass(slots=True)
class Held:
    """A /meta/connect that has not been answered yet. `waiter` belongs to the transport."""

    reply: dict[str, Any]
    received: float
    deadline: float
    transport: str
    advise: bool
    timesync: dict[str, Any] | None = None
    browser: str | None = None
    waiter: Any = None
    counted: bool = False


@dataclass(slots=True, eq=False)
class Session:
    """State of one client id. Times are seconds of the caller's monotonic clock."""

    id: str
    transport: str
    origin: str
    browser: str | None
    browser_bound: bool
    ack: bool
    created: float
    gateway_ext: bool = False
    principal: Any = None
    connects: int = 0
    subscriptions: set[str] = field(default_factory=set)
    sources: list[Source] = field(default_factory=list)
    outbox: deque[bytes] = field(default_factory=deque)
    outbox_bytes: int = 0
    held: Held | None = None
    expires: float | None = None
    closed: bool = False
    # True from `restore` to the first connect: the client knows batch numbers that this process does not.
    restored: bool = False
    agenda: float | None = None
    # Transport state (the socket of a websocket session); None for HTTP.
    channel: Any = None
    # True while a batch of this session is being processed: wake-ups wait until its reply is written.
    busy: int = 0
    # What the comet layer remembers about the session (re-attachment after a lost session).
    memo: dict[str, Any] = field(default_factory=dict)
    _batch: int = 0
    _open: list[Delivery] = field(default_factory=list)

    @property
    def pending(self) -> bool:
        """Whether a connect would have something to deliver."""
        if self.outbox:
            return True
        for source in self.sources:  # noqa: SIM110 - a plain loop: `any` over a generator costs three times that
            if source.pending:
                return True
        return False

    def enqueue(self, frame: bytes) -> None:
        """Add an encoded message; the caller checks `overflow` afterwards."""
        self.outbox.append(frame)
        self.outbox_bytes += len(frame)

    def overflow(self, max_frames: int, max_bytes: int) -> bool:
        """Whether the outbox has outgrown its bounds (decision 14)."""
        return len(self.outbox) > max_frames or self.outbox_bytes > max_bytes

    def collect(self, max_bytes: int) -> Delivery:
        """Take what is due. A delivery stops growing at `max_bytes`, but always takes one message."""
        outbox = list(self.outbox)
        self.outbox.clear()
        self.outbox_bytes = 0
        delivery = Delivery(frames=outbox, outbox=outbox, marks=[])
        size = sum(map(len, outbox))
        for source in self.sources:
            if size >= max_bytes:
                break
            if source.pending:
                before = source.cursor
                frames = source.pull()
                delivery.marks.append((source, before, source.cursor))
                if frames:
                    delivery.frames = delivery.frames + frames
                    size += sum(map(len, frames))
        return delivery

    def hand_out(self, delivery: Delivery) -> int:
        """Remember a delivery that is being written with a connect reply; returns its batch number."""
        self._batch += 1
        delivery.batch = self._batch
        self._open.append(delivery)
        return self._batch

    def written_through(self) -> Delivery:
        """A delivery that stands for what a websocket already wrote: only the cursors, nothing to undo."""
        return Delivery([], [], [(source, source.cursor, source.cursor) for source in self.sources])

    def rewind_all(self) -> None:
        """The socket died: whatever was not confirmed through it will be delivered again."""
        self._open.clear()
        for source in self.sources:
            source.rewind(source.confirmed)

    def undo(self, delivery: Delivery) -> None:
        """Give a delivery back; the next `collect` returns the same things in the same order.

        May come late, after newer deliveries were confirmed; what they implied is corrected (not with the ack
        extension, whose word is final).
        """
        if delivery.settled:
            return
        delivery.settled = True
        self._open = [other for other in self._open if other is not delivery]
        self.outbox.extendleft(reversed(delivery.outbox))
        self.outbox_bytes += sum(map(len, delivery.outbox))
        for source, before, _ in delivery.marks:
            source.confirmed = min(source.confirmed, before)
            if before < source.cursor:
                source.rewind(before)

    def confirm(self, batch: int | None) -> bool:
        """The client says (ack extension) or implies that it has everything up to `batch` (None: all).

        Later deliveries were lost on the way: they are undone. Returns whether a cursor was confirmed.
        """
        moved = False
        lost: list[Delivery] = []
        unwritten: list[Delivery] = []
        for delivery in self._open:
            if batch is None and not delivery.written:
                unwritten.append(delivery)
                continue
            if batch is not None and delivery.batch > batch:
                lost.append(delivery)
                continue
            delivery.settled = batch is not None
            for source, _, after in delivery.marks:
                if after > source.confirmed:
                    source.confirmed = after
                    moved = True
        self._open = unwritten
        for delivery in reversed(lost):
            self.undo(delivery)
        return moved

    @property
    def batch(self) -> int:
        """The newest batch number handed out."""
        return self._batch

    def handed_out(self) -> dict[Source, int]:
        """How far deliveries that are not confirmed reach, by source."""
        return {source: after for delivery in self._open for source, _, after in delivery.marks}

    def restore(self, batch: int, marks: list[tuple[Source, int, int]]) -> None:
        """Go on where a process that is gone stood: `marks` were under way with a reply numbered `batch`."""
        self.restored = True
        self._batch = batch
        self._open = [Delivery([], [], marks, batch)] if marks else []

    def go_on_after(self, batch: int) -> None:
        """The client names a number of the process before: never use it again, or a repetition of it would
        confirm a delivery that the client has not seen. It covers what was under way when it was restored,
        because every reply carries all that is not confirmed.
        """
        self.restored = False
        self._batch = max(self._batch, batch)
