"""CometD and customhttp together: the same bytes on both, and push while the app is in the background."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
import websocket
from support.gateway import QUIET, RunningGateway
from support.waiting import eventually
from unit.push.receiver import Receiver
from wire.cometd.cometd_clients import AgentApi, LongPolling, WebSocket, texts

KEYS = {
    "GCTI_Chat_PushSubscribe": "true",
    "GCTI_GMS_NodeGroup": "gms-cluster",
    "GCTI_GMS_PushDeviceId": "a1a23456789123456789",
    "GCTI_GMS_PushDeviceType": "customhttp",
}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def push_gateway(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[RunningGateway]:
    """gunicorn with the documented push configuration."""
    port = receiver._server.server_port
    ini = QUIET + (
        "[chat]\npush_notification_include_payload=true\n"
        f"[push]\npushEnabled=comet,customhttp\ncustomhttp.url=http://127.0.0.1:{port}/push\n"
        "customhttp.message=dummy message\nallowed_networks=127.0.0.0/8\nallow_insecure=true\n"
    )
    with RunningGateway(tmp_path_factory.mktemp("push"), ini) as gateway:
        yield gateway


@pytest.fixture
def agent(push_gateway: RunningGateway) -> AgentApi:
    return AgentApi(push_gateway.url, push_gateway.token("agent", "Alice"))


def pushed(receiver: Receiver, text: str) -> bytes:
    """The body of the push whose event has this text."""

    def probe() -> bytes | None:
        for request in list(receiver.requests):
            message = orjson.loads(request.body)["message"]
            if isinstance(message, dict) and message["messages"][0].get("text") == text:
                return request.body
        return None

    return eventually(probe, what=text)  # type: ignore[return-value]


def test_check_29_and_34_the_same_bytes_on_both_channels(push_gateway, receiver: Receiver, agent: AgentApi):
    """The live frame's `data` is the push's `message`, byte for byte; `deviceId` stands beside it."""
    text = "1+1=100% \U0001f600 zwei\nZeilen \u2028 \"<&'"
    client = WebSocket(push_gateway.url + "/genesys/cometd")
    client.handshake()
    client.connect()
    client.request_chat(userData=KEYS)
    chat = agent.accept_last()
    client.connect()
    agent.say(chat, text)
    opcode, frame = client.wire.recv_data()
    assert opcode == websocket.ABNF.OPCODE_TEXT
    body = pushed(receiver, text)
    assert texts(orjson.loads(frame)) == [text]
    data = frame.split(b'"data":', 1)[1][: -len(b"}]")]
    assert body == b'{"message":%b,"deviceId":"a1a23456789123456789"}' % data
    client.close()


def test_check_19_background_and_back(push_gateway, receiver: Receiver, agent: AgentApi):
    """/meta/disconnect with ext.transcriptPosition keeps the chat and pushes; nothing missed or doubled."""
    url = push_gateway.url + "/genesys/cometd"
    client = WebSocket(url)
    client.handshake()
    client.connect()
    client.request_chat(userData=KEYS)
    chat = agent.accept_last()
    agent.say(chat, "seen")
    assert texts(client.connect()) == ["seen"]
    assert client.send("/meta/disconnect", ext={"transcriptPosition": "4"})[0]["successful"] is True
    client.close()
    agent.say(chat, "in the background")
    pushed(receiver, "in the background")
    back = LongPolling(url, cookies=False)
    back.handshake()
    back.connect()
    back.secure_key = client.secure_key
    assert texts(back.publish("requestNotifications", transcriptPosition="4")) == ["in the background"]
    agent.say(chat, "again live")
    assert texts(back.connect()) == ["again live"]
    back.close()
