"""Malformed messages and error texts (spec/bayeux.md 1)."""

from __future__ import annotations

import re

import pytest
from unit.bayeux.bayeux_server import Server

from gateway.bayeux import error_text


@pytest.mark.parametrize("identifier", [{}, [], True, "x" * 129, ["a"], {"a": 1}])
def test_an_odd_id_is_refused_and_not_echoed(identifier: object):
    """405::message_id_invalid, without repeating what came."""
    reply = Server().reply({"channel": "/meta/handshake", "id": identifier})
    assert reply == {"channel": "/meta/handshake", "successful": False, "error": "405::message_id_invalid"}


def test_no_channel():
    """400::channel_missing, with the id."""
    assert Server().reply({"id": "1"}) == {"id": "1", "successful": False, "error": "400::channel_missing"}


@pytest.mark.parametrize(
    "channel", ["", "/", "news", "/a//b", "/a/", "/a b/\n", "/<x>", 7, [], {}, True, "/" + "a" * 1024, "/ä"]
)
def test_bad_channels(channel: object):
    """405::channel_invalid, without repeating what came."""
    reply = Server().reply({"channel": channel})
    assert reply == {"successful": False, "error": "405::channel_invalid"}


def test_an_argument_keeps_only_channel_characters():
    """What the peer wrote cannot forge an error text or carry markup."""
    text = error_text(403, "/a:<b>,\r\n\u2028" + "x" * 500, "denied")
    assert re.fullmatch(r"403:/abx{125}:denied", text)


def test_the_historical_text_is_an_option():
    """`402::session_unknown` for clients of CometD 3 and later."""
    reply = Server(unknown_client="402::session_unknown").reply({"channel": "/x", "clientId": "?"})
    assert reply["error"] == "402::session_unknown"
