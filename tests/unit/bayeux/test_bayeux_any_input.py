"""Any JSON whatever: the engine answers validly, never raises, and never touches a foreign session."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.bayeux.bayeux_server import Server

from gateway.bayeux import BroadcastPublish, Connect, Peer, Reply, ServicePublish

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
CHANNELS = [
    f"/meta/{name}" for name in ("handshake", "connect", "disconnect", "subscribe", "unsubscribe", "x")
]
CHANNELS += ["/service/x", "/service/agent", "/news", "/news/*", "/news/**", "/**", "/", ""]
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from(CHANNELS) | JSON,
        "id": st.text(max_size=5) | JSON,
        "clientId": st.sampled_from(["own", "foreign"]) | JSON,
        "subscription": st.sampled_from(["/news", "/service/x", "/news/**"]) | JSON,
        "supportedConnectionTypes": st.just(["long-polling"]) | JSON,
        "connectionType": JSON,
        "version": JSON,
        "ext": st.fixed_dictionaries({}, optional={"ack": JSON, "timesync": JSON, "agent": JSON}) | JSON,
        "advice": st.fixed_dictionaries({}, optional={"timeout": JSON, "interval": JSON}) | JSON,
        "data": JSON,
        "successful": JSON,
        "error": JSON,
    },
)


def check_reply(reply: dict[str, Any]) -> None:
    """What [C] needs of a reply, and what it must never contain."""
    assert isinstance(reply["successful"], bool)
    assert "data" not in reply
    assert reply["successful"] or isinstance(reply["error"], str)
    assert not (reply["successful"] and reply.get("advice", {}).get("reconnect") == "handshake")
    orjson.dumps(reply)


@settings(max_examples=100, deadline=None)
@given(st.lists(MESSAGE, max_size=12))
def test_any_sequence_of_messages(messages: list[dict[str, Any]]):
    """Replies are valid, nothing raises, and the session of another browser stays as it was."""
    server = Server()
    foreign = server.client(Peer("long-polling", browser="theirs"))
    foreign.reply("/meta/subscribe", subscription="/news")
    foreign.session.enqueue(b"theirs")
    own = server.client(Peer("long-polling", browser="mine"))
    ids = {"own": own.session.id, "foreign": foreign.session.id}
    before = (foreign.session.connects, set(foreign.session.subscriptions), list(foreign.session.outbox))
    for message in messages:
        value = message.get("clientId")
        if isinstance(value, str):
            message = {**message, "clientId": ids.get(value, value)}
        outcome = server.say(message, Peer("long-polling", browser="mine", alone=len(messages) == 1))
        if isinstance(outcome, Reply):
            check_reply(outcome.reply)
        elif isinstance(outcome, Connect):
            assert outcome.session is not foreign.session
            check_reply(server.machine.finish_connect(outcome.session, outcome.held, batch=1, now=server.now))
        else:
            assert isinstance(outcome, (ServicePublish, BroadcastPublish))
            assert outcome.session is not foreign.session
            check_reply(outcome.ack)
        server.now += 0.1
    after = (foreign.session.connects, set(foreign.session.subscriptions), list(foreign.session.outbox))
    assert after == before
    assert not foreign.session.closed
