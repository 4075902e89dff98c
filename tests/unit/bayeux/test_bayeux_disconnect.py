"""/meta/disconnect (spec/bayeux.md 4)."""

from __future__ import annotations

from unit.bayeux.bayeux_server import Server


def test_reply_and_end():
    """The session is gone, its reply successful; whatever follows is 402."""
    client = Server().client()
    assert client.reply("/meta/disconnect") == {"id": "7", "channel": "/meta/disconnect", "successful": True}
    assert client.session.closed
    for channel in ("/meta/disconnect", "/meta/connect", "/meta/subscribe", "/service/x", "/news"):
        assert client.reply(channel)["error"] == "402::Unknown client"


def test_the_held_connect_is_handed_out_for_completion():
    """A disconnect completes the held connect, with reconnect none (spec/bayeux.md 0.13)."""
    client = Server().client()
    held = client.hold()
    outcome = client.say("/meta/disconnect")
    assert outcome.released is held.held
    reply = client.server.machine.finish_connect(client.session, held.held, batch=0, now=1000.0)
    assert (reply["successful"], reply["advice"]["reconnect"]) == (True, "none")


def test_subscriptions_go_with_the_session():
    """Nothing is delivered to a session that said goodbye."""
    server = Server()
    reader, writer = server.client(), server.client()
    reader.reply("/meta/subscribe", subscription="/news")
    reader.reply("/meta/disconnect")
    assert writer.say("/news", data=1).recipients == []


def test_an_unknown_session_gets_402_without_advice():
    """Advice belongs to handshake and connect replies only (spec/bayeux.md 0.9)."""
    reply = Server().reply({"channel": "/meta/disconnect", "clientId": "nobody"})
    assert reply == {"channel": "/meta/disconnect", "successful": False, "error": "402::Unknown client"}
