"""/meta/handshake (spec/bayeux.md 2)."""

from __future__ import annotations

import pytest
from unit.bayeux.bayeux_server import TYPES, Server

from gateway.bayeux import Peer

HELLO = {"id": "1", "channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": TYPES}


def test_reply_has_every_documented_member():
    """The reply is exactly the one of the reference server."""
    assert Server().reply(HELLO) == {
        "id": "1",
        "channel": "/meta/handshake",
        "successful": True,
        "clientId": "client1",
        "version": "1.0",
        "minimumVersion": "1.0",
        "supportedConnectionTypes": TYPES,
        "advice": {"reconnect": "retry", "interval": 0, "timeout": 30_000},
    }


def test_a_client_id_in_a_handshake_is_ignored():
    """Session fixation fails: the id is always the server's."""
    assert Server().reply({**HELLO, "clientId": "mine"})["clientId"] == "client1"


def test_again_on_the_same_cookie_is_another_session():
    """A re-handshake leaves the old session to its expiry (#760)."""
    server, peer = Server(), Peer("long-polling", browser="b")
    first, second = server.client(peer), server.client(peer)
    assert set(server.machine.sessions) == {first.session.id, second.session.id}


@pytest.mark.parametrize("missing", ["version", "supportedConnectionTypes", "id"])
def test_members_that_real_clients_omit_may_be_missing(missing: str):
    """Version, types and id are not demanded (iOS sends no id)."""
    hello = {name: value for name, value in HELLO.items() if name != missing}
    reply = Server().reply(hello)
    assert reply["successful"] is True
    assert ("id" in reply) is (missing != "id")


@pytest.mark.parametrize("types", [[], ["flash"], "long-polling", {"a": 1}, 7, [None, 3, ["websocket"]]])
def test_no_common_transport_is_refused_without_a_session(types: object):
    """No common connection type: error 301, advice none, no client id."""
    server = Server()
    reply = server.reply({**HELLO, "supportedConnectionTypes": types})
    assert (reply["successful"], reply["error"][:4], reply["advice"]["reconnect"]) == (False, "301:", "none")
    assert "clientId" not in reply
    assert server.machine.sessions == {}


def test_policy_refuses():
    """A refused handshake is 403 with advice none (spec/chat-api-v2.md 7.1)."""
    server = Server()
    server.rules.open = False
    assert server.reply(HELLO) == {
        "id": "1",
        "channel": "/meta/handshake",
        "successful": False,
        "error": "403::handshake_denied",
        "advice": {"reconnect": "none", "interval": 0},
    }


def test_bad_credentials_refuse():
    """Wrong credentials: 403, and the advice not to try again (decision 12, faye #542)."""
    reply = Server().reply(HELLO, Peer("long-polling", denied=True))
    assert (reply["successful"], reply["error"]) == (False, "403::handshake_denied")
    assert reply["advice"]["reconnect"] == "none"


def test_not_alone_in_its_batch_is_refused():
    """A handshake that shares its array is refused."""
    server = Server()
    reply = server.reply(HELLO, Peer("long-polling", alone=False))
    assert (reply["successful"], reply["error"]) == (False, "400::handshake_must_be_alone")
    assert server.machine.sessions == {}


def test_transports_that_are_off_are_not_offered():
    """supportedConnectionTypes names what the options allow."""
    server = Server(connection_types=("websocket", "long-polling"))
    assert server.reply(HELLO)["supportedConnectionTypes"] == ["websocket", "long-polling"]


@pytest.mark.parametrize("ext", [None, 3, "x", [1], {"ack": "yes"}, {"gateway": 1}, {"timesync": []}])
def test_odd_extensions_are_ignored(ext: object):
    """`ext` may be any JSON value; nothing unknown is answered."""
    reply = Server().reply({**HELLO, "ext": ext})
    assert reply["successful"] is True
    assert "ext" not in reply


def test_gateway_extension_marks_our_own_widget():
    """`ext.gateway: true` is remembered (decision 19)."""
    assert Server().client(ext={"gateway": True}).session.gateway_ext is True
    assert Server().client().session.gateway_ext is False
