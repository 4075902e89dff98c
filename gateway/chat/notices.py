"""What open consoles are told beside the events of their chats, and how it gets there.

A `Notice` is a hint to read again, never the only place of a fact: everything it says can be read over REST.
`chat.desk` makes them, `comet.agent_feed` carries them to the agents' live sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Notice:
    """`kind` is the frame's `type`. `to`: account names; `overseers`: also every supervisor and admin;
    neither: all people. Bots get no notices."""

    kind: str
    chat_id: str | None = None
    to: frozenset[str] = frozenset()
    overseers: bool = False
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def for_all(self) -> bool:
        """Whether every person is told."""
        return not self.to and not self.overseers


Tell = Callable[[Notice], None]
