"""The acknowledged messages extension (spec/bayeux.md 10)."""

from __future__ import annotations

import pytest
from unit.bayeux.bayeux_server import Client, Server

ACK = {"ext": {"ack": True}}


def ack_client() -> Client:
    """A session with the extension, after its first connect (batch 1)."""
    client = Server().client(**ACK)
    client.poll(ext={"ack": 0})
    return client


def test_negotiated_in_the_handshake():
    """`ext.ack: true` is answered with itself; unasked it is never sent."""
    server = Server()
    reply = server.reply({"channel": "/meta/handshake", **ACK})
    assert reply["ext"] == {"ack": True}
    plain = server.client()
    assert "ext" not in plain.poll(ext={"ack": 3})[1]


@pytest.mark.parametrize("value", [False, 1, "true", None, {}, []])
def test_only_true_switches_it_on(value: object):
    """`ack: false` and odd values mean off."""
    assert Server().client(ext={"ack": value}).session.ack is False


def test_each_connect_reply_has_the_next_batch():
    """The numbers count connect replies, also empty ones."""
    client = ack_client()
    assert [client.poll(ext={"ack": n})[1]["ext"] for n in (1, 2)] == [{"ack": 2}, {"ack": 3}]


def test_a_lost_reply_is_sent_again():
    """A client that repeats its old number gets the messages again, in order, with newer ones behind."""
    client = ack_client()
    client.session.enqueue(b"1")
    client.session.enqueue(b"2")
    assert client.poll(ext={"ack": 1})[0] == [b"1", b"2"]
    client.session.enqueue(b"3")
    assert client.poll(ext={"ack": 1})[0] == [b"1", b"2", b"3"]
    assert client.poll(ext={"ack": 3})[0] == []


def test_two_lost_replies():
    """Several unconfirmed batches come back as one, in their order."""
    client = ack_client()
    for text in (b"1", b"2", b"3"):
        client.session.enqueue(text)
        client.poll(ext={"ack": 1})
    client.session.enqueue(b"4")
    assert client.poll(ext={"ack": 1})[0] == [b"1", b"2", b"3", b"4"]


def test_partly_confirmed():
    """What the number covers is done with, the rest is sent again."""
    client = ack_client()
    client.session.enqueue(b"1")
    first = client.poll(ext={"ack": 1})[1]["ext"]["ack"]
    client.session.enqueue(b"2")
    client.poll(ext={"ack": first})
    assert client.poll(ext={"ack": first})[0] == [b"2"]


@pytest.mark.parametrize("value", [None, -1, 10**9, "2", True, 1.0, {}, []])
def test_odd_numbers_acknowledge_nothing(value: object):
    """Non-numbers, negatives and numbers never handed out lose no message."""
    client = ack_client()
    client.session.enqueue(b"1")
    client.poll(ext={"ack": 1})
    assert client.poll(ext={"ack": value})[0] == [b"1"]


def test_a_superseded_connect_takes_no_batch():
    """Overlapping connects do not consume one (#511)."""
    client = ack_client()
    first = client.hold(ext={"ack": 1})
    client.session.enqueue(b"1")
    second = client.connect(ext={"ack": 1})
    assert second.superseded is first.held
    frames, reply = client.finish(second)
    assert (frames, reply["ext"]["ack"]) == ([b"1"], 2)


def test_undelivered_messages_make_the_next_connect_due():
    """With something unconfirmed left the connect is not worth holding (resend at once)."""
    client = ack_client()
    client.session.enqueue(b"1")
    client.poll(ext={"ack": 1})
    client.connect(ext={"ack": 1})
    assert client.session.pending
