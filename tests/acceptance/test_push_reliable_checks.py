"""The acceptance checks of spec/push.md 11 about reliable mode (4, 5, 7 and 10), end to end.

A real gateway, a real receiver; the delay is one second, the shortest that can be configured. Nothing here
measures time: the attempts count themselves.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from support.clients import Agent, LongPoll, Rest
from support.gateway import RunningGateway
from support.waiting import eventually
from unit.push.receiver import Receiver, answer

KEYS = {
    "GCTI_Chat_PushSubscribe": "true",
    "GCTI_GMS_NodeGroup": "gms-cluster-X",
    "GCTI_GMS_PushDeviceId": "device-1",
    "GCTI_GMS_PushDeviceType": "customhttp",
    "GCTI_GMS_PushResend": "true",
}
INI = """[limits]
enabled=false
[push]
pushEnabled=comet,customhttp
coalesce_ms=0
customhttp.url={url}
[settings]
flex-push-resend-delay=1
flex-push-resend-attempts=2
"""


class Stand:
    """A gateway, a receiver and an agent."""

    def __init__(self, gateway: RunningGateway, receiver: Receiver) -> None:
        self.gateway, self.receiver = gateway, receiver
        self.agent = Agent(gateway.url, gateway.token("agent", "Alice"))

    def chat(self) -> Rest:
        """A reliable chat over REST; the agent has joined, and the customer has seen it."""
        data = {f"userData[{key}]": value for key, value in KEYS.items()}
        chat = Rest(self.gateway.url, **data)
        self.agent.accept(chat.chat_id)
        self.until(chat.chat_id, ("0", "2"))
        chat.events(2)
        self.quiet(chat.chat_id)
        return chat

    def bodies(self, chat_id: str) -> list[dict[str, Any]]:
        """All pointers of a chat, in order of arrival."""
        found = [each for each in list(self.receiver.requests) if each.headers["x-chat-id"] == chat_id]
        return [json.loads(each.body)["message"] for each in found]

    def told(self, chat_id: str) -> list[tuple[str, str]]:
        """(notify-attempt, notify-position) of each."""
        data = [body["messages"][0]["userData"] for body in self.bodies(chat_id)]
        return [(each["notify-attempt"], each["notify-position"]) for each in data]

    def until(self, chat_id: str, last: tuple[str, str]) -> None:
        """Wait until this pointer has arrived."""
        eventually(lambda: last in self.told(chat_id), what=f"pointer {last}, got {self.told(chat_id)}")

    def armed(self) -> float:
        """Chats that will be reminded."""
        text = requests.get(f"{self.gateway.url}/metrics", timeout=5).text
        (line,) = [line for line in text.splitlines() if line.startswith("push_unretrieved ")]
        return float(line.split()[1])

    def quiet(self, chat_id: str) -> None:
        """Wait until nobody is to be reminded of anything."""
        eventually(lambda: self.armed() == 0, what=f"silence of {chat_id}, got {self.told(chat_id)}")


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """One gateway for the tests of this file; each leaves it silent."""
    with Receiver() as receiver:
        ini = INI.format(url=receiver.url("/push"))
        with RunningGateway(tmp_path_factory.mktemp("reliable"), ini) as gateway:
            yield Stand(gateway, receiver)


def test_push_check_04_shape(stand: Stand):
    """The first POST, member by member with its types."""
    chat = stand.chat()
    stand.agent.send(chat.chat_id, "hello")
    stand.until(chat.chat_id, ("0", "3"))
    body = stand.bodies(chat.chat_id)[-1]
    utc_time = body["messages"][0].pop("utcTime")
    chat.events(3)

    assert isinstance(utc_time, int)
    assert {
        "secureKey": "",
        "chatId": "deprecated",
        "nextPosition": 4,
        "messages": [
            {
                "from": {"nickname": "", "participantId": 0, "type": "Client"},
                "index": 0,
                "text": "PUSH-NOTIFICATION",
                "type": "PushUrl",
                "userData": {
                    "notify-attempt": "0",
                    "notify-position": "3",
                    "user-id": chat.identity["userId"],
                    "session-id": chat.chat_id,
                },
            }
        ],
        "alias": "0",
        "chatEnded": False,
        "userId": "deprecated",
        "statusCode": 0,
        "monitored": False,
    } == body
    stand.quiet(chat.chat_id)


def test_push_check_04_attempts_and_limit(stand: Stand):
    """Answered with 200 but never fetched: attempts 0, 1, 2, then silence and a record; all ids differ."""
    chat = stand.chat()
    before = len(stand.told(chat.chat_id))
    stand.agent.send(chat.chat_id, "hello")
    stand.until(chat.chat_id, ("2", "3"))
    stand.quiet(chat.chat_id)
    ids = [each.headers["webhook-id"] for each in stand.receiver.requests]

    assert [("0", "3"), ("1", "3"), ("2", "3")] == stand.told(chat.chat_id)[before:]
    assert len(ids) == len(set(ids))


def test_push_check_04_refresh_stops_it(stand: Stand):
    """A refresh from notify-position ends the reminders; a receipt for a part moves the position."""
    chat = stand.chat()
    stand.agent.send(chat.chat_id, "one")
    stand.agent.send(chat.chat_id, "two")
    stand.until(chat.chat_id, ("1", "3"))
    chat.call("readReceipt", transcriptPosition=3)
    stand.until(chat.chat_id, ("0", "4"))

    assert ["two"] == [event["text"] for event in chat.events(4)]
    stand.quiet(chat.chat_id)
    assert 5 == stand.bodies(chat.chat_id)[-1]["nextPosition"]


def test_push_check_04_removal(stand: Stand):
    """The end of the session is told as -1 with chatEnded until the receiver answers 2xx."""
    chat = stand.chat()
    stand.receiver.behaviours["/push"] = answer(500)
    try:
        stand.agent.post(f"/chats/{chat.chat_id}/close")
        stand.until(chat.chat_id, ("1", "-1"))
    finally:
        del stand.receiver.behaviours["/push"]
    stand.quiet(chat.chat_id)

    assert (True, 5) == (
        stand.bodies(chat.chat_id)[-1]["chatEnded"],
        stand.bodies(chat.chat_id)[-1]["nextPosition"],
    )


def test_push_check_04_comet_clears(stand: Stand):
    """9.4.5: a customer who polls over CometD gets one pointer and no reminders."""
    client = LongPoll(stand.gateway.url)
    client.handshake()
    client.request_chat(nickname="Poll", userData=KEYS)
    chat_id = stand.agent.find("Poll")
    stand.agent.accept(chat_id)
    stand.agent.send(chat_id, "hello")
    eventually(lambda: client.poll(1) and "hello" in str(client.notifications))
    stand.quiet(chat_id)

    assert {"0"} == {attempt for attempt, _ in stand.told(chat_id)}


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
def test_push_check_07_restart(tmp_path: Path, kill: bool):
    """What was owed when the gateway went down is told by the next one, until it is fetched."""
    with Receiver() as receiver:
        receiver.behaviours["/push"] = answer(503)
        ini = INI.format(url=receiver.url("/push")).replace("attempts=2", "attempts=1000")
        with RunningGateway(tmp_path, ini) as gateway:
            stand = Stand(gateway, receiver)
            chat = Rest(gateway.url, **{f"userData[{key}]": value for key, value in KEYS.items()})
            stand.agent.accept(chat.chat_id)
            stand.agent.send(chat.chat_id, "hello")
            stand.until(chat.chat_id, ("0", "2"))
            if kill:
                gateway.kill()
            else:
                gateway.stop()
            receiver.requests.clear()
            del receiver.behaviours["/push"]
            gateway.start()
            eventually(lambda: [each for each in stand.told(chat.chat_id) if each[0] > "0"])
            assert {"2"} == {position for _, position in stand.told(chat.chat_id)}
            assert 4 == stand.bodies(chat.chat_id)[-1]["nextPosition"]
            chat.events(2)
            stand.quiet(chat.chat_id)


def test_push_check_07_group_without_node(tmp_path: Path):
    """No node of the group: the chat works, Trc 59758, no POST; with one, all that is owed is told."""
    with Receiver() as receiver:
        elsewhere = INI.format(url=receiver.url("/push")) + "[cluster]\nname=another-cluster\n"
        with RunningGateway(tmp_path, elsewhere) as gateway:
            stand = Stand(gateway, receiver)
            chat = Rest(gateway.url, **{f"userData[{key}]": value for key, value in KEYS.items()})
            stand.agent.accept(chat.chat_id)
            stand.agent.send(chat.chat_id, "nobody hears of this yet")
            line = f"no gms node found in group={KEYS['GCTI_GMS_NodeGroup']}"
            eventually(lambda: "59758" in gateway.log() and line in gateway.log(), what="the trace line")
            assert [] == receiver.requests
            gateway.stop()
            gateway.config.write_text(elsewhere.replace("another-cluster", KEYS["GCTI_GMS_NodeGroup"]))
            gateway.start()
            stand.agent.send(chat.chat_id, "now")
            eventually(lambda: stand.told(chat.chat_id), what="a pointer")
            assert {"2"} == {position for _, position in stand.told(chat.chat_id)}
