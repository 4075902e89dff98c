"""Whose message id is it: the senders under which the ids of customers and agents are kept."""

from __future__ import annotations

from gateway.chat import limits
from gateway.chat.accounts import Account
from gateway.model.change import MessageId


def of_customer(text: str | None) -> MessageId | None:
    """A customer's id of an operation, None without one, Rejected 101; a chat has one customer."""
    if not text:
        return None
    checked = limits.message_id(text)
    return MessageId("customer", checked) if checked else None


def of_agent(account: Account, text: str | None) -> MessageId | None:
    """An account's id of an operation, as above; it stays the account's when it leaves and comes back."""
    checked = limits.message_id(text)
    return MessageId(f"agent:{account.name}", checked) if checked else None
