"""Rate limits over CometD: the shapes that clients understand (spec/chat-api-v2.md 7.2, 8.6)."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from unit.comet.comet_stand import NAMES, Poller, Stand, texts

from gateway.model.events import EventType

LIMITED = "[limits]\n"


def chatting(stand: Stand) -> Poller:
    """A client in a chat."""
    client = Poller(stand)
    client.peer.address = "192.0.2.1"
    client.handshake()
    client.request_chat()
    return client


def test_messages_above_the_rate_are_not_acknowledged():
    """30 at once; the next is not successful and has statusCode 1; a second later ten more; others go on."""
    stand = Stand(LIMITED)
    client, other = chatting(stand), chatting(stand)
    for _ in range(30):
        assert client.operation("sendMessage", message="x")[0]["successful"]
    ack, notification = client.operation("sendMessage", message="lost")
    assert (False, 1, False) == (
        ack["successful"],
        notification["data"]["statusCode"],
        notification["data"]["chatEnded"],
    )
    assert other.operation("sendMessage", message="x")[0]["successful"]
    stand.engine.clock.advance(1)
    assert client.operation("sendMessage", message="y")[0]["successful"]
    assert "lost" not in texts(client.connect())


def test_rest_and_cometd_share_the_rate_of_a_chat():
    """Changing the transport gives nobody a second allowance."""
    stand = Stand(LIMITED)
    client = chatting(stand)
    for _ in range(30):
        stand.rates.session(client.chat_id)
    assert not client.operation("sendMessage", message="x")[0]["successful"]


def test_handshakes_above_the_rate_are_told_when_to_come_again():
    """Per address; the client keeps trying, nobody is turned away for good."""
    stand = Stand("[limits]\nhandshakes_per_minute=3\n")
    clients = [Poller(stand) for _ in range(4)]
    for client in clients:
        client.peer.address = "192.0.2.1"
    replies = [client.handshake() for client in clients]
    assert [True, True, True, False] == [reply["successful"] for reply in replies]
    assert ("429::too_many_handshakes", {"reconnect": "retry", "interval": 60_000}) == (
        replies[3]["error"],
        replies[3]["advice"],
    )
    assert 3 == len(stand.machine.sessions)
    assert Poller(stand).handshake()["successful"]


def test_new_chats_above_the_rate_are_not_made():
    """Over CometD there is no HTTP status: statusCode 1."""
    stand = Stand("[limits]\nchats_per_minute=1\n")
    client = chatting(stand)
    client.secure_key = ""
    ack, notification = client.operation("requestChat", **NAMES)
    assert (False, 1) == (ack["successful"], notification["data"]["statusCode"])
    assert 1 == stand.engine.sample("chats_started_total")


def test_guessed_keys_are_looked_at_ten_times():
    """Then statusCode 1 instead of 249, while the owner of a known key behind the same address goes on."""
    stand = Stand(LIMITED)
    client = chatting(stand)
    assert client.operation("refresh")[0]["successful"]
    codes = [client.operation("refresh", secureKey="x" * n)[1]["data"]["statusCode"] for n in range(1, 16)]
    assert [2] * 10 + [1] * 5 == codes
    assert client.operation("refresh")[0]["successful"]


def test_typing_is_merged():
    """A flood of indicators is acknowledged, two of them are shown, and the message is not affected."""
    stand = Stand(LIMITED)
    stand.engine.customers._rates = stand.rates
    client = chatting(stand)
    for _ in range(6):
        assert client.operation("startTyping", message="h")[0]["successful"]
    assert client.operation("stopTyping")[0]["successful"]
    published = [event.type for each in stand.engine.published for event in each.events]
    assert (2, 1) == (
        published.count(EventType.TYPING_STARTED),
        published.count(EventType.TYPING_STOPPED),
    )
    assert client.operation("sendMessage", message="x")[0]["successful"]
