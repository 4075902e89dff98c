"""What agents find of the chats that were: the same customer's earlier ones, and by search (the console).

The same customer: the same e-mail address, without regard to case. Nobody has verified it, so the history
widens nobody's rights: it lists what its reader could open anyway, to agents the chats that they took part
in, to supervisors and administrators all. So does the search. Called by `api/notebook`.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.chat.accounts import AGENT, BOT, Account
from gateway.chat.agents import Agents
from gateway.chat.archive import Archive, Customer, Page
from gateway.chat.parties import may_see
from gateway.errors import Forbidden
from gateway.store.roles import ArchiveQuery, Place


class History:
    """Reads the archive with the rights of an agent."""

    def __init__(self, agents: Agents, archive: Archive) -> None:
        self._agents = agents
        self._archive = archive

    def earlier(self, account: Account, chat_id: str, *, cursor: Place | None, limit: int) -> Page:
        """A page of chats that began before this one, newest first.

        A page may hold fewer than `limit`, also none, and yet have a cursor: the search index may find
        others' chats, too. A chat is found some seconds after it has ended or become quiet. NotFound and
        Forbidden as `Agents.get`; Forbidden for bots.
        """
        if account.role == BOT:
            raise Forbidden("not for bots")
        chat = self._agents.get(account, chat_id)
        profile = chat.profile
        if not profile.email:
            return Page((), None)
        query = ArchiveQuery(customer=profile.email, until_ms=profile.created_ms + 1)
        page = self._archive.search(query, cursor=cursor, limit=limit)
        customer = Customer(email=profile.email)
        shown = [
            other
            for other in page.chats
            if other.id != chat_id and customer.made(other) and may_see(account, other)
        ]
        return Page(tuple(shown), page.cursor)

    def search(self, account: Account, query: ArchiveQuery, *, cursor: Place | None, limit: int) -> Page:
        """A page of the chats that match and that the account may read; pages as in `earlier`."""
        if account.role == BOT:
            raise Forbidden("not for bots")
        if account.role == AGENT and not query.agent:
            # Nearly all that an agent may read, and few pages of others' chats in between.
            query = replace(query, agent=account.name)
        page = self._archive.search(query, cursor=cursor, limit=limit)
        return Page(tuple([chat for chat in page.chats if may_see(account, chat)]), page.cursor)
