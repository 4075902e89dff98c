"""Transcript events: the 13 types of the wire, drafts before and events after numbering.

An `Event` carries its wire form as bytes (`wire`): it is encoded once, stored as it is, and every answer,
comet frame and push is put together from those bytes (design/architecture.md, idea 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from gateway.model.participants import Participant


class EventType(StrEnum):
    """The complete set known to clients; a fourteenth breaks the iOS client (spec/chat-api-v2.md 4.3)."""

    PARTICIPANT_JOINED = "ParticipantJoined"
    PARTICIPANT_LEFT = "ParticipantLeft"
    MESSAGE = "Message"
    TYPING_STARTED = "TypingStarted"
    TYPING_STOPPED = "TypingStopped"
    NICKNAME_UPDATED = "NicknameUpdated"
    PUSH_URL = "PushUrl"
    FILE_UPLOADED = "FileUploaded"
    FILE_DELETED = "FileDeleted"
    CUSTOM_NOTICE = "CustomNotice"
    NOTICE = "Notice"
    IDLE_ALERT = "IdleAlert"
    IDLE_CLOSE = "IdleClose"


# Typing takes an index but is never stored (decision 9).
EPHEMERAL = frozenset({EventType.TYPING_STARTED, EventType.TYPING_STOPPED})


class Visibility(StrEnum):
    """Who may ever see an event."""

    ALL = "all"
    AGENTS = "agents"


class QuitReason(StrEnum):
    """`GCTI_SYSTEM.quit-reason-code` of a ParticipantLeft (spec/chat-api-v2.md 4.5)."""

    LOGOUT = "0"
    INACTIVE = "3"
    REMOVED = "4"
    SYSTEM = "5"
    IDLE = "7"
    RESTORE = "8"


# Codes that only customhttp may carry; REST and comet output leave them out (spec/push.md 6).
PUSH_ONLY_REASONS = frozenset({QuitReason.LOGOUT, QuitReason.INACTIVE})


class Draft(NamedTuple):
    """An event that has no index and no time yet.

    A named tuple, as it is made per message: a frozen dataclass of ten fields takes three times as long.
    """

    type: EventType
    author: Participant
    text: str | None = None
    message_type: str | None = None
    user_data: Mapping[str, str] | None = None
    event_attributes: Mapping[str, Any] | None = None
    visibility: Visibility = Visibility.ALL
    reason: QuitReason | None = None
    ends_chat: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """A numbered event. `wire` is the JSON object as REST and comet show it (one encoding for all).

    `monitored`: a supervisor watched silently when it happened (envelope member of that name).
    `ends_chat`: with this event the chat is over for the customer (`chatEnded: true` in its live frame).
    `idle_expire`: seconds to the next step of idle control when it happened, while an alert stood.
    """

    index: int
    type: EventType
    author: int
    utc_ms: int
    wire: bytes
    visibility: Visibility = Visibility.ALL
    reason: QuitReason | None = None
    ends_chat: bool = False
    idle_expire: int | None = None
    monitored: bool = False

    @property
    def for_customer(self) -> bool:
        """Whether the customer may see this event on any channel."""
        return self.visibility is Visibility.ALL
