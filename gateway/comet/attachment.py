"""An attachment: one Bayeux session receives one chat, from a cursor on.

Theory of operation. The transcript in the store is the truth; an attachment only knows how far its client
is (`cursor`: handed out, `confirmed`: known to have arrived). An event that is committed while the client
listens is offered directly and waits in `fresh`, a short run of shared references that directly follows the
cursor. Whenever that run is broken (more than FRESH_LIMIT events while nobody listens, a rewind, a fresh
attachment) the attachment is `lagging`, and the next `pull` reads the store instead. So memory per client is
bounded and nothing can be lost here.

All methods are called under the hub's lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import orjson

from gateway.bayeux import Session
from gateway.comet.frames import event_message
from gateway.errors import Unavailable
from gateway.model.events import EPHEMERAL, Event
from gateway.model.payload import DEPRECATED, Identity, live

# Between two polls of one client at most a few events happen; more than these are read back from the store.
FRESH_LIMIT = 16
# Events read back at once.
PULL_LIMIT = 64
# A delivery read back stops growing here, for unlike new events it is a client's own copy: 1,000 websockets
# that never read cost 144 MiB when it held up to 256 events, and the next one comes as soon as it is taken.
PULL_BYTES = 16_384

# (chat id, first index) -> at most PULL_LIMIT events in index order, typing of the last seconds included.
ReadEvents = Callable[[str, int], Sequence[Event]]


class Attachment:
    """Cursor of one (session, chat, participant)."""

    __slots__ = (
        "channel_json",
        "_fresh",
        "_lagging",
        "_participant",
        "_read",
        "_stalled",
        "active",
        "channel",
        "chat_id",
        "confirmed",
        "cursor",
        "ending",
        "gapless",
        "identity",
        "session",
        "user_id",
    )

    def __init__(
        self,
        session: Session,
        read: ReadEvents,
        *,
        chat_id: str,
        user_id: str,
        participant: int,
        channel: str,
        cursor: int,
        identity: Identity = DEPRECATED,
    ) -> None:
        self.session = session
        self.chat_id = chat_id
        self.user_id = user_id
        self.channel = channel
        self.cursor = cursor
        self.confirmed = cursor
        self.identity = identity
        # Until the answer that announces the attachment is written, nothing may overtake it.
        self.active = False
        # Index of the event that ended the chat for the customer, once it is known.
        self.ending: int | None = None
        # False once events were kept from the client: what it is given then is not the whole transcript.
        self.gapless = True
        self._participant = participant
        self.channel_json = orjson.dumps(channel)
        self._read = read
        self._fresh: deque[Event] = deque()
        self._lagging = True
        self._stalled = False

    @property
    def pending(self) -> bool:
        """Whether a pull may bring something."""
        return self.active and (self._lagging or bool(self._fresh)) and not self._stalled

    @property
    def live(self) -> bool:
        """Whether nothing is owed, so that a new event may be written straight through."""
        return self.active and not self._lagging and not self._fresh

    @property
    def done(self) -> bool:
        """Whether the chat has ended for the customer and the client knows it."""
        return self.ending is not None and self.confirmed >= self.ending

    def offer(self, event: Event) -> None:
        """A committed event; events of a chat arrive in index order."""
        self._stalled = False
        self.follow_end(event)
        if self._lagging or event.index <= self.cursor:
            return
        if not self.shows(event):
            if not self._fresh:
                self.cursor = event.index
            return
        if len(self._fresh) >= FRESH_LIMIT:
            self._fresh.clear()
            self._lagging = True
            return
        self._fresh.append(event)

    def follow_end(self, event: Event) -> None:
        """Know whether the chat is over; what customers see after an end says that it was brought back."""
        if event.ends_chat:
            self.ending = event.index
        elif self.ending is not None and event.index > self.ending and event.for_customer:
            self.ending = None

    def skip(self, event: Event) -> None:
        """The comet channel is closed: the event never reaches the client from here (spec/push.md 9.2)."""
        self._fresh.clear()
        self.cursor = self.confirmed = max(self.cursor, event.index)
        self.gapless = False
        self.follow_end(event)

    def pull(self) -> list[bytes]:
        """Encoded messages beyond the cursor; advances the cursor. Empty while the store cannot be read."""
        if self._lagging:
            return self._pull_from_store()
        events = list(self._fresh)
        self._fresh.clear()
        self.cursor = events[-1].index
        return [self.frame(event) for event in events]

    def _pull_from_store(self) -> list[bytes]:
        try:
            events = self._read(self.chat_id, self.cursor + 1)
        except Unavailable:
            self._stalled = True
            return []
        frames: list[bytes] = []
        size = 0
        for event in events:
            if size >= PULL_BYTES:
                break
            self.cursor = event.index
            self.follow_end(event)
            if self.shows(event):
                frames.append(self.frame(event))
                size += len(frames[-1])
        self._lagging = len(events) == PULL_LIMIT or (bool(events) and self.cursor < events[-1].index)
        return frames

    def rewind(self, cursor: int) -> None:
        """Everything beyond `cursor` must be delivered again."""
        if cursor < self.cursor or self._fresh:
            self.cursor = min(cursor, self.cursor)
            self._fresh.clear()
            self._lagging = True
        self._stalled = False

    def jump(self, cursor: int) -> None:
        """The client got everything up to `cursor` in an answer."""
        if cursor > self.cursor:
            self.cursor = cursor
            self._fresh = deque([event for event in self._fresh if event.index > cursor])
        self._lagging = True
        self.gapless = True

    def up_to_date(self) -> None:
        """Nothing is committed beyond the cursor and later events will be offered: the store has no more."""
        self._lagging = False

    def retry(self) -> None:
        """Try the store again after it could not be read."""
        self._stalled = False

    def frame(self, event: Event) -> bytes:
        """The event as a message on the attachment's channel."""
        return event_message(self.channel_json, live(event, self.identity))

    def shows(self, event: Event) -> bool:
        """Whether this client is told about the event."""
        if not event.for_customer:
            return False
        # Nobody is told about his own typing (decision 9).
        return event.author != self._participant or event.type not in EPHEMERAL
