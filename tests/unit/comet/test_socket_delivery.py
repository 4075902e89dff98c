"""Delivery over websockets: joined frames, readers that fall behind, writers that do not read."""

from __future__ import annotations

import threading
from contextlib import suppress

import orjson
import pytest
from support.waiting import eventually
from unit.chat.engine import ALICE
from unit.comet.comet_stand import Poller, Socket, Stand, texts

from gateway.comet import websocket


def in_chat(stand: Stand, *, send_buffer: int = 1 << 20) -> Socket:
    """A websocket client in a chat with an agent, everything read."""
    client = Socket(stand, send_buffer=send_buffer)
    client.handshake()
    client.send("/meta/connect", connectionType="websocket")
    client.send("/meta/connect", connectionType="websocket")
    client.request_chat()
    stand.engine.agents.accept(ALICE, client.chat_id)
    client.received()
    return client


def test_the_ack_and_the_own_event_leave_in_one_frame(stand: Stand):
    """The ack first, the event behind it, in one array (spec/chat-api-v2.md 7.2)."""
    client = in_chat(stand)
    client.connection._message(_operation(client, "sendMessage", message="hello"))
    (frame,) = client.frames()
    ack, event = frame
    assert ack["successful"] is True
    assert "data" not in ack
    assert event["data"]["messages"][0]["text"] == "hello"


def test_a_session_is_stored_with_its_first_attachment(stand: Stand):
    """A process that dies right after requestChat leaves a client id that goes on (design: idea 1)."""
    client = in_chat(stand)
    stored = stand.engine.store.comet(client.id)
    assert stored is not None
    assert [client.chat_id] == [attachment.chat_id for attachment in stored.attachments]


def test_a_reader_that_falls_behind_misses_nothing_and_is_not_cut_off(stand: Stand):
    """Events of a chat wait behind the cursor, not in the socket: memory is bounded and order kept."""
    client = in_chat(stand, send_buffer=4096)
    sent = [f"{number} " + "x" * 2000 for number in range(200)]
    for text in sent:
        stand.engine.agents.send(ALICE, client.chat_id, text)
    assert client.is_open
    assert client.connection._outbox._backlog_bytes < 2 * stand.machine.options.max_queue_bytes
    got: list[str] = []
    eventually(lambda: got.extend(texts(client.received())) or len(got) >= len(sent), what="all events")
    assert sent == got


def test_a_client_that_asks_and_never_reads_is_cut_off():
    """Answers are exempt from the bounds one at a time, not without end (targets/reliability.md R14)."""
    stand = Stand("[cometd]\nmaxQueueBytes=16384\n[limits]\nenabled=false\n")
    client = in_chat(stand, send_buffer=4096)
    asked = 0
    while client.is_open and asked < 1000:
        client.connection._message(_operation(client, "refresh", transcriptPosition=1))
        asked += 1
    assert not client.is_open
    assert asked < 1000


def test_a_disconnect_over_http_closes_the_websocket_of_the_session(stand: Stand):
    """A session that is over leaves no connection behind that nobody times out."""
    client = in_chat(stand)
    other = Poller(stand)
    other.id = client.id
    other.send("/meta/disconnect")
    assert not client.is_open


def _operation(client: Socket, name: str, **data: object) -> bytes:
    message = client.message(
        "/service/chatV2/customer-support",
        data={"operation": name, "secureKey": client.secure_key, **data},
    )
    return orjson.dumps([message])


def test_pings_do_not_keep_a_socket_without_a_session(stand: Stand, monkeypatch: pytest.MonkeyPatch):
    """A peer that never shakes hands is closed although it never falls silent."""
    monkeypatch.setattr(websocket, "NO_SESSION_TIMEOUT_S", 0.05)
    client = Socket(stand)
    client.wire.setblocking(True)

    def ping() -> None:
        with suppress(OSError):
            while True:
                client.wire.sendall(b"\x89\x80\0\0\0\0")
                client.wire.recv(1 << 16)

    threading.Thread(target=ping, daemon=True).start()
    client.connection.run()
    assert not client.is_open
