"""Batches: decoding, order, handshakes in company, broadcasts, adopting sockets."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from unit.comet.comet_stand import CHANNEL, Poller, Socket, Stand

from gateway.comet.batch import MAX_BATCH, BadBatch, decode


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"7",
        b'"x"',
        b"null",
        b"[]",
        b"[1]",
        b"[[]]",
        b'[["a"]]',
        b"[{},7]",
        b"[" * 3000,
        b'[{"a":"\xff"}]',
    ],
)
def test_bodies_that_are_no_batch(body: bytes):
    """Nested arrays, scalars, empty arrays, bad UTF-8 and bottomless JSON (spec/bayeux.md 5)."""
    with pytest.raises(BadBatch):
        decode(body)


def test_too_many_messages():
    """A batch is bounded."""
    assert len(decode(orjson.dumps([{}] * MAX_BATCH))) == MAX_BATCH
    with pytest.raises(BadBatch):
        decode(orjson.dumps([{}] * (MAX_BATCH + 1)))


def test_replies_in_the_order_of_requests(poller: Poller):
    """Processing is strictly sequential."""
    batch = [poller.message("/meta/subscribe", subscription="/service/chatV2/x") for _ in range(5)]
    assert [reply["id"] for reply in poller.exchange(batch)] == [message["id"] for message in batch]


@pytest.mark.parametrize("position", [0, 1])
def test_nothing_beside_a_handshake_has_an_effect(poller: Poller, position: int):
    """Every message of such a batch is refused, also those of a living session (spec/bayeux.md 2)."""
    batch = [poller.message("/meta/disconnect")]
    batch.insert(position, {"channel": "/meta/handshake", "version": "1.0"})
    replies = poller.exchange(batch)
    assert [(reply["successful"], reply["error"]) for reply in replies] == [
        (False, "400::handshake_must_be_alone")
    ] * 2
    assert list(poller.stand.machine.sessions) == [poller.id]


def news() -> tuple[Stand, Socket]:
    stand = Stand("[cometd]\nbroadcast_channels=/news/**\n")
    client = Socket(stand)
    client.handshake()
    client.send("/meta/subscribe", subscription="/news/**")
    return stand, client


def test_broadcast():
    """Off but for the listed patterns; event to each subscriber, ack to the publisher (decision 11)."""
    stand, reader = news()
    writer = Poller(stand)
    writer.handshake()
    (ack,) = writer.send("/news/a", data={"n": 1})
    assert (ack["successful"], "data" in ack) == (True, False)
    assert reader.received() == [{"channel": "/news/a", "data": {"n": 1}}]
    assert writer.send("/other", data=1)[0]["error"] == "403:/other:publish_denied"


def test_a_broadcast_deeper_than_the_encoder_goes():
    """The publisher gets an error, and its session goes on."""
    stand, client = news()
    deep: Any = 1
    for _ in range(400):
        deep = [deep]
    batch = [{**client.message("/news/a"), "data": deep}]
    result = stand.exchange.process(batch, client.peer)
    (ack,) = [orjson.loads(message) for message in result.messages]
    assert (ack["successful"], ack["error"]) == (False, "400::malformed_message")
    stand.exchange.written(result)
    assert client.session.busy == 0


def test_an_exception_leaves_no_session_busy(poller: Poller, monkeypatch: pytest.MonkeyPatch):
    """A bug in one batch must not silence its session."""
    session = poller.session
    monkeypatch.setattr(poller.stand.exchange, "_publish_service", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        poller.operation("sendMessage", message="x")
    assert session.busy == 0


def test_switching_from_websocket_to_polling(socket_client: Socket):
    """A connect over HTTP closes the session's websocket and is the only one from then on."""
    for _ in range(2):
        socket_client.send("/meta/connect")
    poller = Poller(socket_client.stand)
    poller.id = socket_client.id
    replies = poller.connect()
    assert [reply["channel"] for reply in replies] == ["/meta/connect"]
    assert not socket_client.is_open
    assert poller.session.channel is None


def test_a_second_websocket_connect_supersedes(socket_client: Socket):
    """Both are answered on the same socket, the first at once."""
    socket_client.send("/meta/connect")
    socket_client.send("/meta/connect")
    first = socket_client.session.held.reply["id"]
    (reply,) = socket_client.send("/meta/connect")
    assert (reply["id"], reply["successful"]) == (first, True)


def test_disconnect_on_a_websocket_answers_both(socket_client: Socket):
    """The client closes its socket only after both replies (spec/bayeux.md 0.13)."""
    for _ in range(2):
        socket_client.send("/meta/connect")
    replies = socket_client.send("/meta/disconnect")
    assert [(reply["channel"], reply["successful"]) for reply in replies] == [
        ("/meta/disconnect", True),
        ("/meta/connect", True),
    ]
    assert replies[1]["advice"]["reconnect"] == "none"


def test_a_handshake_on_a_bound_socket_replaces_its_session(socket_client: Socket):
    """The socket's new session wins, the old one lives on without a socket (#760)."""
    old = socket_client.session
    socket_client.handshake()
    assert (old.channel, socket_client.session.channel) == (None, socket_client.connection)
    assert not old.closed


def test_one_request_cannot_order_a_thousand_transcripts(poller: Poller, monkeypatch: pytest.MonkeyPatch):
    """Beyond the bound the rest of a batch is refused, not executed; the next batch is served (R14)."""
    monkeypatch.setattr("gateway.comet.exchange.MAX_ANSWERS_BYTES", 20_000)
    poller.operation("sendMessage", message="x" * 9_000)
    data = {"operation": "refresh", "secureKey": poller.secure_key, "transcriptPosition": 1}
    replies = poller.exchange([poller.message(CHANNEL, data=data) for _ in range(10)])
    acks = [reply for reply in replies if "successful" in reply]
    assert [ack["successful"] for ack in acks] == [True] * 3 + [False] * 7
    assert {ack["error"] for ack in acks[3:]} == {"503::temporarily_unavailable"}
    assert poller.operation("refresh", transcriptPosition=1)[0]["successful"] is True
