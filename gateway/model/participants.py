"""Who takes part in a chat."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ParticipantType(StrEnum):
    """`from.type` on the wire; a bot is External with a style (spec/chat-api-v2.md 4.2)."""

    CLIENT = "Client"
    AGENT = "Agent"
    SUPERVISOR = "Supervisor"
    EXTERNAL = "External"


PERSONNEL = frozenset({ParticipantType.AGENT, ParticipantType.SUPERVISOR})
BOT_STYLE = "BOT"


class Mode(StrEnum):
    """Who knows of a party: everybody, or only the personnel (and then why it is here)."""

    OPEN = "open"
    CONSULT = "consult"
    MONITOR = "monitor"


@dataclass(frozen=True, slots=True)
class Participant:
    """One party of one chat.

    `id` counts from 1 in order of joining (the customer who starts the chat is 1, system events use 0);
    `user_id` is the wire's userId; `key_hash`/`salt` exist for the customer only; `owner` names the
    account behind an agent, supervisor or bot; `left` is the quit reason code once the party is gone.
    """

    id: int
    user_id: str
    nickname: str
    type: ParticipantType
    style: str | None = None
    owner: str | None = None
    key_hash: str | None = None
    salt: str | None = None
    left: str | None = None
    mode: Mode = Mode.OPEN

    @property
    def hidden(self) -> bool:
        """Whether the customer must not know of this party; nothing it does is ever shown to him."""
        return self.mode is not Mode.OPEN

    @property
    def present(self) -> bool:
        """Whether the party still takes part."""
        return self.left is None


SYSTEM_USER_ID = "0000000000000000"


def system_participant(nickname: str) -> Participant:
    """The author of system events (idle control, routing); participantId 0 (spec/chat-api-v2.md 14, Q-10)."""
    return Participant(id=0, user_id=SYSTEM_USER_ID, nickname=nickname, type=ParticipantType.EXTERNAL)
