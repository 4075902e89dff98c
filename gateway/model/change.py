"""`Change`: everything one operation does to one chat, written by a store as one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.deliveries import Delivery
from gateway.model.events import Event
from gateway.model.files import StoredFile
from gateway.model.session import ChatSession


@dataclass(frozen=True, slots=True)
class Change:
    """A new session value with its events and due deliveries.

    The store writes it only if the stored version is `session.version - 1` (0: the chat must not exist
    yet), otherwise it raises Conflict and writes nothing. `ephemeral` events (typing) advance the stored
    counter but live only in the tail. `profile_changed` tells that `session.profile` must be rewritten.
    `files` are new files, or known ones with another state.
    """

    session: ChatSession
    events: tuple[Event, ...] = ()
    ephemeral: tuple[Event, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    profile_changed: bool = True
    files: tuple[StoredFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """What observers learn after the commit: the session and its new events in index order."""

    session: ChatSession
    events: tuple[Event, ...]
