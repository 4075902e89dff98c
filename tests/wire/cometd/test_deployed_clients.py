"""What deployed clients send and need over CometD (spec/client-compatibility.md), each by its own habit.

The table in docs/cometd.md says which statement is proven where; what is common to all clients is in
`test_cometd_checks.py`, the REST half in `tests/wire/rest`.
"""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import requests
from support.waiting import eventually
from wire.cometd.cometd_clients import (
    CHANNEL,
    NAMES,
    AgentApi,
    Client,
    LongPolling,
    WebSocket,
    indexes,
    texts,
)
from wire.cometd.test_cometd_restore import ALICE, Widget
from wire.cometd.test_cometd_restore import start as start  # a fixture
from wire.cometd.test_cometd_transport import Held

TYPES = {
    *("ParticipantJoined", "ParticipantLeft", "Message", "PushUrl", "TypingStarted", "TypingStopped"),
    *("NicknameUpdated", "FileUploaded", "FileDeleted", "CustomNotice", "Notice", "IdleAlert", "IdleClose"),
}


def data_of(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The notifications among messages."""
    return [message["data"] for message in messages if "data" in message]


# --- the 402 trap (2.7) -------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["customer", "agent"])
@pytest.mark.parametrize("kind", [LongPolling, WebSocket])
def test_the_402_trap(start, kind: type[Client], first: str):
    """The session vanishes on the server: the next message of each side arrives, nothing is asked for."""
    node = start()
    widget = Widget(node.url, kind)
    widget.poll()
    widget.client.request_chat()
    chat = node.chat_of(widget.client)
    node.gateway.agents.accept(ALICE, chat)
    widget.poll(), widget.poll()
    node.drop(widget.client)
    heard: list[dict[str, Any]] = []
    if first == "agent":
        node.gateway.agents.send(ALICE, chat, "agent")
    for _ in range(4):  # as the connect loop goes on by itself
        heard += widget.poll()
    heard += widget.client.publish("sendMessage", message="customer")
    if first == "customer":
        node.gateway.agents.send(ALICE, chat, "agent")
    heard += widget.poll()
    assert sorted(texts(heard)) == ["agent", "customer"]
    assert widget.handshakes == 2
    widget.client.close()


@pytest.mark.parametrize("kind", [LongPolling, WebSocket])
def test_the_402_trap_is_real(start, kind: type[Client]):
    """Negative control: without the ways back the customer never hears the agent again."""
    node = start("[chat]\nimplicit_attach=false\n")
    widget = Widget(node.url, kind)
    widget.poll()
    widget.client.request_chat()
    chat = node.chat_of(widget.client)
    node.gateway.agents.accept(ALICE, chat)
    widget.poll(), widget.poll()
    node.drop(widget.client)
    node.gateway.agents.send(ALICE, chat, "agent")
    heard = [message for _ in range(4) for message in widget.poll()]
    heard += widget.client.publish("sendMessage", message="customer")
    assert texts(heard + widget.poll()) == []
    widget.client.close()


def test_a_held_connect_of_a_dropped_websocket_session_ends_at_once(start):
    """Otherwise publishes get 402 and their texts are lost until the connect ends (2.7)."""
    node = start()
    client = WebSocket(node.url)
    client.handshake()
    client.connect()
    client.wire.send(orjson.dumps([client.message("/meta/connect")]))
    eventually(lambda: node.gateway.hub.machine.sessions[client.id].held)
    node.drop(client)
    opcode, data = client.wire.recv_data()
    assert (opcode, data[:2]) == (8, (1008).to_bytes(2, "big"))


# --- requests (1) -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/subscribe", "/unsubscribe", "/disconnect", "/"])
def test_type_suffixes_of_all_libraries(open_client, path: str):
    """Some append the type, some publish to the bare URL, some with a slash; none is redirected (1.1)."""
    client = open_client(LongPolling)
    client.handshake()
    channel = f"/meta{path}" if len(path) > 1 else CHANNEL
    message = client.message(channel, subscription=CHANNEL, data={"operation": "requestChat", **NAMES})
    response = client.post([message], path, allow_redirects=False)
    assert (response.status_code, response.json()[0]["successful"]) == (200, True)


def test_subscribe_and_request_in_one_body(client: Client):
    """Both are done, in order, and the answer comes once (1.8, Java)."""
    batch = [client.message("/meta/subscribe", subscription=CHANNEL)]
    batch.append(client.message(CHANNEL, data={"operation": "requestChat", **NAMES}))
    messages = client.exchange(batch)
    acks = [message for message in messages if "successful" in message]
    assert [ack["channel"] for ack in acks] == ["/meta/subscribe", CHANNEL]
    assert indexes(messages) == [1]


def test_disconnect_and_unsubscribe_in_one_body(client: Client):
    """The first works, the second is for an unknown client then (1.8)."""
    batch = [client.message("/meta/disconnect"), client.message("/meta/unsubscribe", subscription=CHANNEL)]
    replies = {reply["channel"]: reply for reply in client.exchange(batch)}
    assert replies["/meta/disconnect"]["successful"] is True
    assert replies["/meta/unsubscribe"]["error"] == "402::Unknown client"


@pytest.mark.parametrize("data", [{"secureKey": ""}, {}], ids=["empty key", "no message"])
def test_sends_that_miss_something(client: Client, data: dict[str, str]):
    """RAKBANK sends without a text, and with an empty key: an error event, and the chat goes on (1.6)."""
    client.request_chat()
    fields = {"operation": "sendMessage", "secureKey": client.secure_key, **data}
    fields |= {"message": "x"} if data else {}
    ack, *rest = client.send(CHANNEL, data=fields)
    error = data_of(rest or client.connect())[0]
    assert (ack["successful"], error["statusCode"], error["chatEnded"]) == (True, 2, False)
    assert error["errors"][0]["code"] == 101
    assert texts(client.publish("sendMessage", message="on we go")) == ["on we go"]


def test_a_notice_without_a_text(client: Client):
    """A customNotice may carry eventAttributes alone; that of a widget waking up makes no event (1.5)."""
    client.request_chat()
    messages = client.publish("customNotice", eventAttributes={"purpose": "cancel-idle-timer"})
    assert (messages[0]["successful"], data_of(messages)) == (True, [])
    (event,) = data_of(client.publish("customNotice", eventAttributes={"a": {"b": "c"}}))[0]["messages"]
    assert (event["type"], event["eventAttributes"]["a"]) == ("CustomNotice", {"b": "c"})


@pytest.mark.parametrize(
    "auth", [{"encoded": "Z21zOnNlY3JldA=="}, {"username": "gms", "password": "secret"}], ids=["iOS", "bank"]
)
def test_credentials_inside_a_publish(start, auth: dict[str, str]):
    """Both forms of `auth` are understood (1.9)."""
    client = LongPolling(start("[chat.customer-support]\nbasic_auth=gms:secret\n").url)
    client.handshake()
    assert client.publish("requestChat", nickname="Ann", auth=auth)[1]["data"]["statusCode"] == 0


def test_to_the_background_and_back(client: Client, open_client, alice: AgentApi):
    """iOS says how far it got in the goodbye; the chat lives on and goes on from there (1.10)."""
    client.request_chat()
    chat = alice.accept_last()
    client.connect()
    (reply,) = client.send("/meta/disconnect", ext={"transcriptPosition": "3"})
    assert reply["successful"] is True
    alice.say(chat, "while away")
    back = open_client(type(client))
    back.handshake()
    back.connect()
    back.secure_key = client.secure_key
    messages = back.publish("requestNotifications", transcriptPosition="3")
    assert (indexes(messages), data_of(messages)[0]["chatEnded"]) == ([3], False)


# --- delivery (2) -------------------------------------------------------------------------------------------


def test_the_first_event_names_the_customer(client: Client):
    """The own ParticipantJoined has the nickname of the request and comes with the key (2.2, 2.3)."""
    _, event, *_ = client.publish("requestChat", nickname="Lex 7")
    (joined,) = event["data"]["messages"]
    assert event["channel"] == CHANNEL
    assert (joined["type"], joined["from"]["nickname"], joined["from"]["type"]) == (
        "ParticipantJoined",
        "Lex 7",
        "Client",
    )
    assert len(event["data"]["secureKey"]) >= 32


@pytest.mark.parametrize(
    ("position", "expected"),
    [({}, [1, 2]), ({"transcriptPosition": 0}, [1, 2]), ({"transcriptPosition": ""}, [1, 2])]
    + [({"transcriptPosition": 2}, [2]), ({"transcriptPosition": "2"}, [2]), ({"transcriptPosition": 3}, [])],
)
def test_request_notifications_always_answers(
    client: Client, alice: AgentApi, position: dict[str, Any], expected: list[int]
):
    """Numbers, strings, absent, 0, and nothing new: one notification with chatEnded false (2.4)."""
    client.request_chat()
    alice.accept_last()
    client.connect()
    notifications = data_of(client.publish("requestNotifications", **position))
    assert [[event["index"] for event in one["messages"]] for one in notifications] == [expected]
    assert [one["chatEnded"] for one in notifications] == [False]
    assert notifications[0]["nextPosition"] == 3


# --- fields (3) ---------------------------------------------------------------------------------------------


def test_every_notification_has_what_the_pickiest_client_needs(client: Client, alice: AgentApi):
    """statusCode, chatEnded, non-empty ids, integer participants, known types; the real key or none (3)."""
    first = client.request_chat(userData={"n": 7, "flag": False})
    chat = alice.accept_last()
    alice.say(chat, "hello")
    messages = [{"data": first}, *client.connect()]
    for operation in ({"operation": "startTyping"}, {"operation": "sendMessage", "message": "x"}):
        messages += client.publish(**operation)
    messages += client.publish("pushUrl", pushUrl="https://a.example/")
    messages += client.publish("updateNickname", nickname="Bea")
    messages += client.publish("disconnect")
    notifications = data_of(messages)
    assert notifications[-1]["chatEnded"] is True
    last = 0
    for one in notifications:
        assert (type(one["statusCode"]), type(one["chatEnded"])) == (int, bool)
        assert (one["chatId"], one["userId"], one["alias"]) == ("deprecated", "deprecated", "0")
        assert one.get("secureKey", client.secure_key) == client.secure_key
        for event in one["messages"]:
            assert event["index"] > last
            last = event["index"]
            assert event["type"] in TYPES
            assert (type(event["utcTime"]), type(event["from"]["participantId"])) == (int, int)
            assert (type(event["from"]["nickname"]), type(event["from"]["type"])) == (str, str)
            assert all(isinstance(value, str) for value in event.get("userData", {}).values())


# --- cancelled connects and slow tabs (spec/bayeux.md 13) ---------------------------------------------------


@pytest.mark.parametrize(("ini", "status"), [("", 409), ("duplicateMetaConnectHttpResponseCode=499\n", 499)])
def test_the_status_of_a_cancelled_connect(start, ini: str, status: int):
    """Quiet and configurable: neither 408, which browsers repeat, nor 500, which alarms (#883, #843)."""
    node = start(f"[cometd]\n{ini}")
    client = LongPolling(node.url)
    client.handshake()
    client.connect()
    held = Held(client)
    eventually(lambda: node.gateway.hub.machine.sessions[client.id].held)
    assert client.connect()[-1]["successful"] is True
    assert held.answered().status_code == status


def test_an_upgrade_is_refused_at_once(endpoint: str):
    """A version that nobody speaks gets an HTTP answer, so that the client falls back (#603)."""
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "8"}
    response = requests.get(endpoint, headers={**headers, "Sec-WebSocket-Key": "x"}, timeout=5)
    assert (response.status_code, response.headers["Sec-WebSocket-Version"]) == (426, "13")
