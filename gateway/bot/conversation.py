"""What a bot knows about one chat, worked out from its transcript alone. Pure: no network, no time.

The transcript is the bot's whole memory: a customer's message is answered when a later message of the bot
follows it in turn. So a bot that was killed in the middle, or whose request got lost on the way, finds out
what is still to be said by reading the transcript, and never answers anything twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PEOPLE = ("Agent", "Supervisor")


@dataclass(slots=True)
class Conversation:
    """One chat as the bot sees it; feed it every event in index order.

    `me` is the bot's participant id while it takes part, `position` where to read on, `unanswered` the
    texts of customer's messages that wait for an answer (oldest first), `people` the participant ids of the
    agents and supervisors in the chat, `over` whether the customer is gone.
    """

    me: int | None = None
    position: int = 1
    unanswered: deque[str] = field(default_factory=deque)
    people: set[int] = field(default_factory=set)
    over: bool = False

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take note of one event; repeated ones and ones of an unknown shape change nothing."""
        index, author = event.get("index"), event.get("from")
        if not isinstance(index, int) or not isinstance(author, Mapping) or index < self.position:
            return
        self.position = index + 1
        kind, who = event.get("type"), author.get("type")
        if who in PEOPLE:
            self._person(kind, author.get("participantId"))
        elif who == "Client" and kind == "ParticipantLeft":
            self.over = True
        elif who == "Client" and kind == "Message":
            self.unanswered.append(str(event.get("text", "")))
        elif kind == "Message" and author.get("participantId") == self.me and self.unanswered:
            self.unanswered.popleft()

    def _person(self, kind: Any, participant_id: Any) -> None:
        """What was asked while a person is or was there is not the bot's to answer."""
        self.unanswered.clear()
        if not isinstance(participant_id, int):
            return
        if kind == "ParticipantLeft":
            self.people.discard(participant_id)
        else:
            self.people.add(participant_id)
