"""`Change`: everything one operation does to one chat, written by a store as one transaction."""

from __future__ import annotations

from typing import NamedTuple

from gateway.model.deliveries import Delivery
from gateway.model.events import Event
from gateway.model.files import StoredFile
from gateway.model.pending import PendingStep
from gateway.model.session import ChatSession


class MessageId(NamedTuple):
    """The sender's own name of an operation; `sender` and `id` together are used once in a chat."""

    sender: str
    id: str


class Change(NamedTuple):
    """A new session value with its events and due deliveries.

    The store writes it only if the stored version is `session.version - 1` (0: the chat must not exist
    yet), otherwise it raises Conflict and writes nothing. `ephemeral` events (typing) advance the stored
    counter but live only in the tail. `profile_changed` tells that `session.profile` must be rewritten.
    `pending` is the step of the resend machine that these events cause; its version is compared as well.
    `files` are new files, or known ones with another state.
    `message_id` is written beside the events and leads to the first of them, as long as the chat is stored.
    """

    session: ChatSession
    events: tuple[Event, ...] = ()
    ephemeral: tuple[Event, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    profile_changed: bool = True
    pending: PendingStep | None = None
    files: tuple[StoredFile, ...] = ()
    message_id: MessageId | None = None


class Committed(NamedTuple):
    """What observers learn after the commit: the session and its new events in index order.

    `replayed`: nothing was committed now, because the operation was known by its `MessageId`; `events` and
    `session.next_index` are those of its commit.
    """

    session: ChatSession
    events: tuple[Event, ...]
    replayed: bool = False
