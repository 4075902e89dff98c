"""/meta/subscribe (spec/bayeux.md 4)."""

from __future__ import annotations

import pytest
from unit.bayeux.bayeux_server import Server


@pytest.mark.parametrize(
    "subscription", ["/news", ["/news"], ["/news", "/service/x"], "/service/x", "/news/**"]
)
def test_the_subscription_is_echoed_unchanged(subscription: object):
    """String or array, broadcast or service: successful and echoed (iOS waits for it)."""
    assert Server().client().reply("/meta/subscribe", subscription=subscription) == {
        "id": "7",
        "channel": "/meta/subscribe",
        "successful": True,
        "subscription": subscription,
    }


@pytest.mark.parametrize(
    ("subscription", "error"),
    [
        (None, "403::subscription_missing"),
        ([], "403::subscription_invalid"),
        ("news", "403::subscription_invalid"),
        ("/a/*/b", "403::subscription_invalid"),
        (7, "403::subscription_invalid"),
        ({"/news": 1}, "403::subscription_invalid"),
        (["/news", 7], "403::subscription_invalid"),
        ("/meta/connect", "403:/meta/connect:subscribe_denied"),
        ("/meta/**", "403:/meta/**:subscribe_denied"),
        ("/**", "403:/**:subscribe_denied"),
        ("/secret", "403:/secret:subscribe_denied"),
        (["/news", "/secret"], "403:/secret:subscribe_denied"),
    ],
)
def test_refusals_have_no_effect(subscription: object, error: str):
    """Missing, malformed, meta and forbidden subscriptions; all or nothing."""
    client = Server().client()
    reply = client.reply("/meta/subscribe", subscription=subscription)
    assert (reply["successful"], reply["error"]) == (False, error)
    assert client.session.subscriptions == set()


def test_a_service_subscription_is_a_no_op():
    """It succeeds and stores nothing."""
    client = Server().client()
    client.reply("/meta/subscribe", subscription="/service/x")
    assert client.session.subscriptions == set()


def test_idempotent():
    """Subscribing twice changes nothing."""
    client = Server().client()
    for _ in range(2):
        assert client.reply("/meta/subscribe", subscription="/news")["successful"] is True
    assert client.session.subscriptions == {"/news"}


def test_subscriptions_per_session_are_bounded():
    """Neither one array nor many messages get beyond the limit; known ones stay allowed."""
    server = Server(max_subscriptions=2)
    server.rules.subscribable = {"/1", "/2", "/3"}
    client = server.client()
    reply = client.reply("/meta/subscribe", subscription=["/1", "/2", "/3"])
    assert reply["error"] == "403::too_many_subscriptions"
    assert client.reply("/meta/subscribe", subscription=["/1", "/2"])["successful"] is True
    assert client.reply("/meta/subscribe", subscription="/3")["error"] == "403::too_many_subscriptions"
    assert client.reply("/meta/subscribe", subscription="/2")["successful"] is True
