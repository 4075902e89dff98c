"""/meta/connect: holding, releasing, superseding (spec/bayeux.md 3)."""

from __future__ import annotations

import pytest
from unit.bayeux.bayeux_server import Server, socket_peer

from gateway.bayeux import Peer


def test_first_connect_is_answered_at_once():
    """Also without `advice.timeout: 0` ("old clients", spec/bayeux.md 0.6)."""
    assert Server().client().connect().hold_s == 0


def test_later_connects_are_held_for_the_timeout():
    """From the second on a connect is held for the server's timeout."""
    client = Server(timeout_ms=20_000).client()
    client.poll()
    assert client.connect().hold_s == 20


@pytest.mark.parametrize(
    ("wanted", "held_s"),
    [
        (0, 0),
        (500, 0.5),
        (60_000, 30),
        (0.0, 0),
        ("x", 30),
        (-1, 30),
        (True, 30),
        (None, 30),
        ({}, 30),
        ([], 30),
    ],
)
def test_client_timeout_is_capped_and_nonsense_is_absent(wanted: object, held_s: float):
    """advice.timeout lowers the hold; strings, negatives and containers count as absent."""
    client = Server().client()
    client.poll()
    assert client.connect(advice={"timeout": wanted}).hold_s == held_s


@pytest.mark.parametrize("advice", [3, "x", [], None, {"timeout": 0}])
def test_reply_carries_advice_only_when_the_request_did(advice: object):
    """A message with an advice object is re-advised, others are not."""
    _, reply = Server().client().poll(advice=advice)
    expected = {"reconnect": "retry", "interval": 0, "timeout": 30_000}
    assert reply.get("advice") == (expected if isinstance(advice, dict) else None)


def test_successful_reply_never_advises_a_handshake():
    """[C] throws on it (cometd #2057)."""
    client = Server().client()
    for members in ({}, {"advice": {"timeout": 0}}):
        assert client.poll(**members)[1].get("advice", {}).get("reconnect") != "handshake"


def test_not_alone_is_never_held():
    """A connect with other messages in its array is answered in order."""
    client = Server().client()
    client.poll()
    client.peer.alone = False
    assert client.connect().hold_s == 0


def test_a_second_connect_supersedes_the_first():
    """One winner: the first is handed back to be cancelled (spec/bayeux.md 0.7)."""
    client = Server().client()
    first = client.hold()
    assert client.connect().superseded is first.held
    assert client.session.held is None


def test_connect_reply_to_a_closed_session_says_none():
    """A connect that outlives its session tells the client to stop."""
    client = Server().client()
    held = client.hold()
    client.server.machine.remove(client.session)
    assert client.finish(held)[1]["advice"]["reconnect"] == "none"


def test_unknown_session_is_402_with_handshake_advice():
    """The literal text that Widgets compare, and the advice on connects (spec/chat-api-v2.md 7.1)."""
    reply = Server().reply({"id": "3", "channel": "/meta/connect", "clientId": "nobody"})
    assert reply == {
        "id": "3",
        "channel": "/meta/connect",
        "successful": False,
        "error": "402::Unknown client",
        "advice": {"reconnect": "handshake", "interval": 0},
    }


@pytest.mark.parametrize("client_id", [None, 7, "", [], {}, True, "\u0000", "a" * 5000])
def test_odd_client_ids_are_unknown_clients(client_id: object):
    """Any JSON value as clientId is answered with 402."""
    reply = Server().reply({"channel": "/meta/connect", "clientId": client_id})
    assert reply["error"] == "402::Unknown client"


def test_a_socket_speaks_only_for_its_own_session():
    """On a bound socket another clientId is 402, an absent one is the socket's (spec/bayeux.md 7)."""
    server = Server()
    mine, other = server.client(), server.client()
    peer = socket_peer(mine.session)
    reply = server.reply({"channel": "/meta/connect", "clientId": other.session.id}, peer)
    assert reply["error"] == "402::Unknown client"
    assert server.say({"channel": "/meta/connect"}, peer).session is mine.session


def test_a_fresh_socket_adopts_a_known_session():
    """requireHandshakePerConnection is false: the reload extension and fast reconnects need it."""
    server = Server()
    client = server.client()
    message = {"channel": "/meta/connect", "clientId": client.session.id}
    assert server.say(message, socket_peer()).session is client.session


def test_a_fresh_connection_confirms_nothing_that_went_into_a_socket():
    """A connect over another connection does not prove what the session's websocket was given."""
    server = Server()
    client = server.client(socket_peer())
    client.peer.bound, client.session.channel = client.session, object()
    source = Recording()
    client.session.sources.append(source)
    source.cursor = 5
    client.session.hand_out(client.session.written_through())
    server.say(client.message("/meta/connect"), Peer("long-polling"))
    assert (source.confirmed, source.cursor) == (0, 0)
    source.cursor = 5
    client.session.hand_out(client.session.written_through())
    client.connect()
    assert (source.confirmed, source.cursor) == (5, 5)


class Recording:
    """A source that only has cursors."""

    pending = False

    def __init__(self) -> None:
        self.cursor = self.confirmed = 0

    def pull(self) -> list[bytes]:
        return []

    def rewind(self, cursor: int) -> None:
        self.cursor = cursor
