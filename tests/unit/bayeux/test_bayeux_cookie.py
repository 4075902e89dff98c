"""Binding a session to the browser that presented its cookie (decision 6)."""

from __future__ import annotations

import pytest
from unit.bayeux.bayeux_server import Client, Server

from gateway.bayeux import Peer


def as_browser(client: Client, browser: str | None) -> str:
    """The error of a subscribe that arrives with this cookie; empty when it is accepted."""
    message = client.message("/meta/subscribe", subscription="/news")
    return client.server.reply(message, Peer("long-polling", browser=browser)).get("error", "")


def test_bound_from_the_handshake():
    """A cookie presented at the handshake is demanded ever after."""
    client = Server().client(Peer("long-polling", browser="mine"))
    assert as_browser(client, "mine") == ""
    assert as_browser(client, None) == "402::Unknown client"
    assert as_browser(client, "other") == "402::Unknown client"


def test_bound_on_first_use():
    """The cookie set at the handshake binds once the client has returned it."""
    client = Server().client(Peer("long-polling", new_browser="fresh"))
    assert as_browser(client, None) == ""
    assert as_browser(client, "fresh") == ""
    assert as_browser(client, None) == "402::Unknown client"


def test_never_returned():
    """A client that never returns a cookie is served by its id alone; somebody else's cookie never is."""
    client = Server().client(Peer("long-polling", new_browser="fresh"))
    for _ in range(3):
        assert as_browser(client, None) == ""
    assert as_browser(client, "stranger") == "402::Unknown client"
    assert as_browser(client, None) == ""


@pytest.mark.parametrize("channel", ["/meta/connect", "/meta/disconnect", "/meta/unsubscribe", "/service/x"])
def test_a_stranger_changes_nothing(channel: str):
    """A stolen id without the cookie neither reads nor ends the session."""
    client = Server().client(Peer("long-polling", browser="mine"))
    stranger = Peer("long-polling", browser="other")
    assert client.server.reply(client.message(channel), stranger)["error"] == "402::Unknown client"
    assert (client.session.closed, client.session.connects) == (False, 0)
