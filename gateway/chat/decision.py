"""`Decision`: what a use case wants to happen to one chat; the ledger numbers, times and commits it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.events import Draft
from gateway.model.files import StoredFile
from gateway.model.session import ChatProfile, ChatState


@dataclass(frozen=True, slots=True)
class Decision:
    """New events in order, what changes of profile, state and files; an empty one commits nothing."""

    drafts: tuple[Draft, ...] = ()
    profile: ChatProfile | None = None
    state: ChatState | None = None
    files: tuple[StoredFile, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return not (self.drafts or self.files) and self.profile is None and self.state is None


NOTHING = Decision()
