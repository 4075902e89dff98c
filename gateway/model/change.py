"""`Change`: everything one operation does to one chat, written by a store as one transaction."""

from __future__ import annotations

from typing import NamedTuple

from gateway.model.deliveries import Delivery
from gateway.model.events import Event
from gateway.model.files import StoredFile
from gateway.model.pending import PendingStep
from gateway.model.session import ChatSession


class Change(NamedTuple):
    """A new session value with its events and due deliveries.

    The store writes it only if the stored version is `session.version - 1` (0: the chat must not exist
    yet), otherwise it raises Conflict and writes nothing. `ephemeral` events (typing) advance the stored
    counter but live only in the tail. `profile_changed` tells that `session.profile` must be rewritten.
    `pending` is the step of the resend machine that these events cause; its version is compared as well.
    `files` are new files, or known ones with another state.
    """

    session: ChatSession
    events: tuple[Event, ...] = ()
    ephemeral: tuple[Event, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    profile_changed: bool = True
    pending: PendingStep | None = None
    files: tuple[StoredFile, ...] = ()


class Committed(NamedTuple):
    """What observers learn after the commit: the session and its new events in index order."""

    session: ChatSession
    events: tuple[Event, ...]
