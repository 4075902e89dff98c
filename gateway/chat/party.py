"""The customer as the use cases see one: authenticated, just started, typing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from gateway.errors import ChatGone
from gateway.model.events import Event, EventType
from gateway.model.participants import Participant
from gateway.model.session import ChatSession


class TypingState(StrEnum):
    """The two typing events."""

    STARTED = EventType.TYPING_STARTED.value
    STOPPED = EventType.TYPING_STOPPED.value


class Party(NamedTuple):
    """An authenticated customer with the session as it was then."""

    session: ChatSession
    participant: Participant
    secure_key: str


@dataclass(frozen=True, slots=True)
class Started:
    """A new chat: the customer and the first events (the join, and the initial text if there was one).

    `replayed`: this start had made it before.
    """

    party: Party
    events: tuple[Event, ...]
    replayed: bool = False


def speaker(session: ChatSession) -> Participant:
    """The customer while the chat is open for them, else ChatGone."""
    if session.ended_for_customer:
        raise ChatGone(session.id)
    return session.customer
