"""The role `Upkeep`: what keeps the outbox small and moving. Part of `push_roles.PushStore`; see roles.py.

`push/` calls it: the worker at its start (leases of the dead) and once a second (the bound of the queue),
`push.retention` for old rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.model.inspection import Cursor

COLLAPSED = "collapsed into an earlier notification: the queue is full"


class Upkeep(Protocol):
    """The outbox as a thing that fills up."""

    def lease_owners(self) -> Sequence[str]:
        """Who holds leases, whether or not they have run out."""
        ...

    def release_leases(self, owner: str) -> int:
        """Give back everything that `owner` leased, to be claimed at once; returns how many rows.

        Only for an owner that can never send again: what it had in flight may be sent twice. Its `finish`
        of such a row fails.
        """
        ...

    def set_crowded(self, *, crowded: bool) -> None:
        """From now on (until told otherwise, or the store is opened again) `commit` collapses texts.

        A new row that `deliveries.is_repeatable_text` allows becomes SKIPPED, with an attempt that says why,
        when an equal one of the same chat, device and destination waits before it. Payloads and pointers
        never do.
        """
        ...

    def purge_deliveries(
        self, before_ms: int, *, after: Cursor | None, limit: int
    ) -> tuple[int, Cursor | None]:
        """Delete finished rows, with their attempts, that were created and last tried before `before_ms`.

        One transaction. Looks at the `limit` oldest rows behind the cursor `after`; returns how many it
        deleted and the cursor of the last one it looked at, None when there are no further ones.
        """
        ...
