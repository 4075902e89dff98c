"""`Decision`: what a use case wants to happen to one chat; the ledger numbers, times and commits it."""

from __future__ import annotations

from typing import NamedTuple

from gateway.model.events import Draft
from gateway.model.files import StoredFile
from gateway.model.session import ChatProfile, ChatState


class Decision(NamedTuple):
    """New events in order, what changes of profile, state and files; an empty one commits nothing.

    `seen`: the position from which the client wants the transcript, when it said so: it has what lies before.
    """

    drafts: tuple[Draft, ...] = ()
    profile: ChatProfile | None = None
    state: ChatState | None = None
    seen: int | None = None
    files: tuple[StoredFile, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return not (self.drafts or self.files) and self.profile is None and self.state is None


NOTHING = Decision()
