"""What the engine answers to one message; the caller acts on it and writes the reply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.bayeux.session import Held, Session

Message = dict[str, Any]


@dataclass(slots=True)
class Reply:
    """The message is dealt with. `released` is a held connect that must now be completed."""

    reply: Message
    session: Session | None = None
    released: Held | None = None
    opened: bool = False
    closed: bool = False


@dataclass(slots=True)
class Connect:
    """A successful /meta/connect. `hold_s` > 0: keep it that long unless there is something to deliver.

    `superseded` is an earlier connect of the same session, to be ended at once with an error.
    The caller ends the connect with `Machine.finish_connect`.
    """

    session: Session
    held: Held
    hold_s: float
    superseded: Held | None = None


@dataclass(slots=True)
class ServicePublish:
    """A publish to a service channel: the caller runs the operation, then sends `ack` (or a failure)."""

    session: Session
    channel: str
    data: Any
    ack: Message


@dataclass(slots=True)
class BroadcastPublish:
    """A publish to a broadcast channel: `event` goes once to each recipient, `ack` to the publisher."""

    session: Session
    recipients: list[Session]
    event: Message
    ack: Message


Outcome = Reply | Connect | ServicePublish | BroadcastPublish
