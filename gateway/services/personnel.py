"""The people of a node: logins and accounts, who is on duty, the desk that hands out chats, notes."""

from __future__ import annotations

from gateway.chat.accounts import Accounts
from gateway.chat.desk import Desk
from gateway.chat.directory import Directory
from gateway.chat.duty import Roster
from gateway.chat.handover import Handover
from gateway.chat.logins import Logins
from gateway.chat.notebook import Notebook
from gateway.services.basis import Basis
from gateway.services.chat import ChatPart


class PersonnelPart:
    """Made once by `node`; the attributes are for the other parts and the edges."""

    def __init__(self, basis: Basis, chat: ChatPart) -> None:
        store, ids, timed = basis.store, basis.ids, basis.timed
        self.logins = Logins(store, ids, **timed)
        self.accounts = Accounts(store, ids, basis.clock, logins=self.logins, rates=basis.rates)
        self.directory = Directory(store, self.logins, basis.clock)
        self.roster = Roster(store, **timed)
        self.desk = Desk(chat.ledger, store, chat.agents, roster=self.roster, **timed)
        self.handover = Handover(chat.agents, is_person=self.roster.is_person, ids=ids, **timed)
        self.notebook = Notebook(chat.agents, store, ids=ids, **timed)
