"""Publishing to broadcast and service channels (spec/bayeux.md 4)."""

from __future__ import annotations

import pytest
from unit.bayeux.bayeux_server import Server

from gateway.bayeux import BroadcastPublish, ServicePublish


def test_broadcast_reaches_each_subscriber_once():
    """Overlapping subscriptions give one copy; the publisher gets its own event."""
    server = Server()
    client = server.client()
    client.reply("/meta/subscribe", subscription=["/news/*", "/news/**"])
    outcome = client.say("/news/a", data={"n": 1})
    assert isinstance(outcome, BroadcastPublish)
    assert outcome.recipients == [client.session]
    assert outcome.ack == {"id": "7", "channel": "/news/a", "successful": True}
    assert outcome.event == {"channel": "/news/a", "data": {"n": 1}}


def test_a_publisher_cannot_speak_with_the_servers_voice():
    """Only channel, data and ext travel: no advice, no error, neither id nor clientId (0.15, 4)."""
    outcome = (
        Server()
        .client()
        .say(
            "/news",
            data=1,
            ext={"binary": {}},
            advice={"reconnect": "none"},
            error="402::x",
            successful=False,
        )
    )
    assert outcome.event == {"channel": "/news", "data": 1, "ext": {"binary": {}}}


def test_an_event_always_has_data():
    """cometd.js tells events from acks by `data`."""
    assert Server().client().say("/news").event == {"channel": "/news", "data": None}


def test_a_service_publish_is_handed_over_with_its_ack():
    """The ack has no data (0.5)."""
    outcome = Server().client().say("/service/x", data=[1])
    assert isinstance(outcome, ServicePublish)
    assert (outcome.channel, outcome.data) == ("/service/x", [1])
    assert outcome.ack == {"id": "7", "channel": "/service/x", "successful": True}


@pytest.mark.parametrize("identifier", ["x1", 12, 1.5, 0])
def test_the_id_is_echoed_as_it_came(identifier: object):
    """Strings exactly, and the numbers that a real client sends (spec/client-compatibility.md 1.3)."""
    assert Server().client().say("/news", id=identifier).ack["id"] == identifier


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("/secret", "403:/secret:publish_denied"),
        ("/service/unknown", "403:/service/unknown:publish_denied"),
        ("/service", "403:/service:publish_denied"),
        ("/meta/unknown", "405::channel_invalid"),
        ("/meta/subscribe/x", "405::channel_invalid"),
        ("/meta", "405::channel_invalid"),
        ("/news/*", "405::channel_invalid"),
        ("/news/**", "405::channel_invalid"),
    ],
)
def test_refusals(channel: str, error: str):
    """Forbidden, meta and wildcard channels; an exact match before any policy (faye's 2020 bypass)."""
    reply = Server().client().reply(channel, data=1)
    assert reply == {"id": "7", "channel": channel, "successful": False, "error": error}


def test_an_unknown_client_gets_the_real_trace():
    """The reply of spec/chat-api-v2.md 7.1, member by member."""
    message = {"channel": "/service/chatV2/svc", "id": "5", "clientId": "gone", "data": {}}
    assert Server().reply(message) == {
        "channel": "/service/chatV2/svc",
        "id": "5",
        "error": "402::Unknown client",
        "successful": False,
    }


def test_service_and_meta_traffic_is_never_distributed():
    """A `/**` subscriber of broadcast channels sees neither."""
    server = Server()
    server.rules.subscribable.add("/**")
    client = server.client()
    client.reply("/meta/subscribe", subscription="/**")
    assert isinstance(client.say("/service/x", data=1), ServicePublish)
    assert client.say("/news", data=1).recipients == [client.session]
