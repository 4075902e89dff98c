"""The bots' client of the agents' API."""

from __future__ import annotations

from agent_stand import make_stand, served

from gateway.bot.client import AgentApi


def test_every_page_of_the_list_is_read():
    """In a crowd of more chats than a page holds the bot learns of each, once."""
    stand = make_stand()
    token = stand.accounts.create("bot", "Eva")
    chats = [stand.start_chat().session.id for _ in range(101)]
    with served(stand.app) as url:
        found = [item["chatId"] for item in AgentApi(url, token).chats()]
    assert sorted(chats) == sorted(found)
