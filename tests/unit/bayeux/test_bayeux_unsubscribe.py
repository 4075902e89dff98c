"""/meta/unsubscribe (spec/bayeux.md 4)."""

from __future__ import annotations

import pytest
from unit.bayeux.bayeux_server import Server


@pytest.mark.parametrize("subscription", ["/news", ["/news", "/news/*"], "/service/x", "/never/subscribed"])
def test_symmetrical_to_subscribe(subscription: object):
    """Echoed unchanged; unknown and service channels succeed as well."""
    client = Server().client()
    client.reply("/meta/subscribe", subscription=["/news", "/news/*"])
    assert client.reply("/meta/unsubscribe", subscription=subscription) == {
        "id": "7",
        "channel": "/meta/unsubscribe",
        "successful": True,
        "subscription": subscription,
    }


@pytest.mark.parametrize(
    ("subscription", "error"),
    [
        (None, "403::subscription_missing"),
        ("x", "403::subscription_invalid"),
        ([[]], "403::subscription_invalid"),
    ],
)
def test_malformed(subscription: object, error: str):
    """A missing or malformed subscription is named."""
    assert Server().client().reply("/meta/unsubscribe", subscription=subscription)["error"] == error


def test_only_the_callers_subscription_ends():
    """The other subscriber goes on to receive."""
    server = Server()
    one, two, writer = server.client(), server.client(), server.client()
    for client in (one, two):
        client.reply("/meta/subscribe", subscription="/news")
    one.reply("/meta/unsubscribe", subscription="/news")
    assert writer.say("/news", data=1).recipients == [two.session]
