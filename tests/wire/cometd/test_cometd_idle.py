"""Golden frames of idle control over CometD and customhttp, check 25, and a restart in between.

A real gateway with waits of seconds and a real receiver. Expected values: spec/chat-api-v2.md 4.3, 8.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from support.gateway import QUIET, RunningGateway
from support.waiting import eventually
from unit.push.receiver import Receiver
from wire.cometd.cometd_clients import TRANSPORTS, Client, LongPolling, Messages
from wire.cometd.cometd_golden import ANN, live, masked

DEVICE = "a1a23456789123456789"
KEYS = {
    "GCTI_Chat_PushSubscribe": "true",
    "GCTI_GMS_NodeGroup": "gms-cluster",
    "GCTI_GMS_PushDeviceId": DEVICE,
    "GCTI_GMS_PushDeviceType": "customhttp",
}
SYSTEM = {"nickname": "system", "participantId": 0, "type": "External"}
ASYNC = {"GCTI_Chat_AsyncMode": "true"}


def frame(index: int, kind: str, author: dict[str, Any] = SYSTEM, /, **members: Any) -> dict[str, Any]:
    """A live notification of one event."""
    event = {"from": author, "index": index, "type": kind, "utcTime": "<utcTime>", **members}
    return live(event, ended=kind == "ParticipantLeft")


def alert(index: int, text: str, upcoming: str, seconds: int) -> dict[str, Any]:
    data = {"next-idle-timer-type": upcoming, "next-idle-timer-secs": str(seconds)}
    return frame(index, "IdleAlert", text=text, userData=data) | {"idleTimerExpire": seconds}


LEFT = {"GCTI_SYSTEM": {"quit-reason-code": "7"}}
GOLDEN = [
    alert(2, "still there?", "ALERT", 1),
    alert(3, "last call", "CLOSE", 2),
    frame(4, "IdleClose", text="closed"),
    frame(5, "ParticipantLeft", ANN, eventAttributes=LEFT),
]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[RunningGateway]:
    """gunicorn with short waits; asynchronous chats have others than ordinary ones."""
    ini = QUIET + (
        "[chat]\npush_notification_include_payload=true\n"
        f"[push]\npushEnabled=comet,customhttp\ncustomhttp.url={receiver.url('/push')}\n"
        "allowed_networks=127.0.0.0/8\nallow_insecure=true\n"
        "[inactivity-control]\nenabled=true\ntimeout-alert=2\ntimeout-alert2=1\ntimeout-close=2\n"
        "message-alert=still there?\nmessage-alert2=last call\nmessage-close=closed\n"
        "[settings]\nasync-idle-alert=1\nasync-idle-close=6\n"
    )
    with RunningGateway(tmp_path_factory.mktemp("idle"), ini) as running:
        yield running


def enter(gateway: RunningGateway, kind: type[Client], **user_data: str) -> Client:
    client = kind(gateway.url + "/genesys/cometd")
    client.handshake()
    client.connect()
    client.request_chat(userData=user_data)
    return client


def heard(client: Client, kind: str, seen: Messages | None = None) -> Messages:
    """Poll until an event of this type has arrived; all notifications so far."""
    found: Messages = seen if seen is not None else []

    def arrived() -> bool:
        found.extend(message["data"] for message in client.connect() if "data" in message)
        return any(event["type"] == kind for data in found for event in data["messages"])

    eventually(arrived, what=kind)
    return found


def answered(client: Client, position: int) -> dict[str, Any]:
    """The answer to a refresh."""
    messages = client.publish("refresh", transcriptPosition=position)
    return next(data for data in (one.get("data", {}) for one in messages) if "secureKey" in data)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_golden_frames_of_a_chat_that_falls_asleep(
    gateway: RunningGateway, receiver: Receiver, transport: str
):
    """Alert, second alert, close and the end are exactly the documented ones, live and as notifications."""
    client = enter(gateway, TRANSPORTS[transport], **KEYS)
    receiver.requests.clear()
    frames = heard(client, "ParticipantLeft")
    assert [masked(data) for data in frames] == GOLDEN
    eventually(lambda: len(receiver.requests) == len(GOLDEN), what="the notifications")
    bodies = [orjson.loads(request.body) for request in receiver.requests]
    assert bodies == [{"message": data, "deviceId": DEVICE} for data in frames]
    client.close()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_check_25_alert_countdown_and_cancel(gateway: RunningGateway, transport: str):
    """The alert is the system's; answers count down; the wake notice is silent and ends the countdown."""
    client = enter(gateway, TRANSPORTS[transport], **ASYNC)
    first = heard(client, "IdleAlert")[-1]
    assert (first["idleTimerExpire"], first["messages"][0]["from"]["type"]) == (6, "External")
    assert answered(client, 3)["idleTimerExpire"] in range(7)
    messages = client.publish("customNotice", eventAttributes={"purpose": "cancel-idle-timer"})
    after = answered(client, 1)
    assert [message for message in messages if "data" in message] == []
    assert [event["type"] for event in after["messages"]][:2] == ["ParticipantJoined", "IdleAlert"]
    # Until the next alert, which is a second away, nothing counts down.
    assert ("idleTimerExpire" in after) == (len(after["messages"]) > 2)
    eventually(lambda: answered(client, -1)["messages"][0]["index"] == 3, what="the next alert")
    client.close()


def test_a_standing_alert_survives_a_kill(gateway: RunningGateway):
    """The process is killed between alert and close: the new one closes and does not alert again."""
    client = enter(gateway, LongPolling, **ASYNC)
    assert heard(client, "IdleAlert")[-1]["idleTimerExpire"] == 6
    client.close()
    gateway.restart()
    again = LongPolling(gateway.url + "/genesys/cometd")
    again.handshake()
    again.connect()
    again.secure_key = client.secure_key
    standing = again.publish("requestNotifications", transcriptPosition=2)[1]["data"]
    assert [event["type"] for event in standing["messages"]] == ["IdleAlert"]
    assert standing["idleTimerExpire"] in range(7)
    rest = [event["type"] for data in heard(again, "ParticipantLeft") for event in data["messages"]]
    assert rest == ["IdleClose", "ParticipantLeft"]
    again.close()
