"""`Decision`: what a use case wants to happen to one chat; the ledger numbers, times and commits it."""

from __future__ import annotations

from typing import NamedTuple

from gateway.model.events import Draft
from gateway.model.session import ChatProfile, ChatState


class Decision(NamedTuple):
    """New events in order, and the new profile and state where they change; an empty one commits nothing.

    `seen`: the position from which the client wants the transcript, when it said so: it has what lies before.
    """

    drafts: tuple[Draft, ...] = ()
    profile: ChatProfile | None = None
    state: ChatState | None = None
    seen: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return not self.drafts and self.profile is None and self.state is None


NOTHING = Decision()
