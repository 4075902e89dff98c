"""The asynchronous scenario of docs/push.md: a real gateway, examples/receiver.py, real clients."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from docs.markdown import ROOT
from support.clients import Agent, LongPoll, Rest
from support.gateway import RunningGateway, free_port
from support.waiting import eventually

OLD = "whsec_" + base64.b64encode(b"o" * 32).decode()
NEW = "whsec_" + base64.b64encode(b"n" * 32).decode()
DEVICE = "device-0001"


class Example:
    """examples/receiver.py as a process; `said` is what it printed."""

    def __init__(self, directory: Path, port: int, gateway_url: str, *secrets: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._output = directory / "said.jsonl"
        command = [sys.executable, "examples/receiver.py", str(port), "--gateway", f"{gateway_url}/genesys"]
        with self._output.open("wb") as file:
            environ = os.environ | {"WEBHOOK_SECRETS": " ".join(secrets)}
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=file, env=environ)
        eventually(self._answers, what="the receiver")

    def _answers(self) -> bool:
        try:
            return requests.put(f"{self.url}/devices/x", json={}, timeout=2).status_code == 400
        except requests.ConnectionError:
            return False

    def register(self, chat: Rest, device: str = DEVICE) -> None:
        """What an app does when its chat was started."""
        known = {"service": "support", "chatId": chat.chat_id, **chat.identity}
        answer = requests.put(f"{self.url}/devices/{device}", json=known, timeout=5)
        assert 204 == answer.status_code

    def said(self, **members: Any) -> list[dict[str, Any]]:
        """The printed objects that have these members."""
        printed = [json.loads(line) for line in self._output.read_text().splitlines()]
        return [one for one in printed if members.items() <= one.items()]

    def texts(self, chat_id: str) -> list[str]:
        """The messages that it has fetched or was sent for a chat."""
        events = [one["event"] for one in self.said(chatId=chat_id) if "event" in one]
        return [event["text"] for event in events if event["type"] == "Message"]

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait(timeout=10)


class Stage:
    """A gateway, the receiver and an agent."""

    def __init__(self, directory: Path) -> None:
        port, own = free_port(), free_port()
        ini = (
            "[limits]\nenabled=false\n[settings]\nflex-push-resend-delay=1\n"
            f"[push]\npushEnabled=comet,customhttp\ncustomhttp.url=http://127.0.0.1:{port}/push\n"
            f"customhttp.secret={NEW}\ncustomhttp.secret.previous={OLD}\n"
        )
        self.gateway = RunningGateway(directory, ini, port=own)
        self.receiver = Example(directory, port, self.gateway.url, NEW)
        self.agent = Agent(self.gateway.url, self.gateway.token("agent", "Alice"))

    def start(self, **keys: str) -> Rest:
        """Steps 1 and 2: an asynchronous chat over REST with a device, registered with the receiver."""
        data = {
            "GCTI_Chat_AsyncMode": "true",
            "GCTI_Chat_PushSubscribe": "true",
            "GCTI_GMS_NodeGroup": "cluster",
            "GCTI_GMS_PushDeviceId": DEVICE,
            "GCTI_GMS_PushDeviceType": "customhttp",
        } | keys
        chat = Rest(self.gateway.url, **{f"userData[{key}]": value for key, value in data.items()})
        self.receiver.register(chat)
        return chat

    def stop(self) -> None:
        """End everything."""
        self.receiver.stop()
        self.gateway.kill()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One stage for all tests; each has a chat of its own."""
    made = Stage(tmp_path_factory.mktemp("scenario"))
    yield made
    made.stop()


def test_rest_flow(stage: Stage) -> None:
    """Steps 1-4: the receiver is pointed to the transcript and fetches it with the stored key."""
    chat = stage.start(GCTI_GMS_PushResend="true")
    stage.agent.accept(chat.chat_id)
    stage.agent.send(chat.chat_id, "Your parcel has arrived")
    eventually(lambda: stage.receiver.texts(chat.chat_id) == ["Your parcel has arrived"])
    first = stage.receiver.said(deviceId=DEVICE, chatId=chat.chat_id)[1]["message"]
    pointer = first["messages"][0]
    assert ("PushUrl", "PUSH-NOTIFICATION", "") == (pointer["type"], pointer["text"], first["secureKey"])
    assert chat.chat_id == pointer["userData"]["session-id"]
    assert "0" == pointer["userData"]["notify-attempt"]


def test_removal_closes_the_chat_at_the_receiver(stage: Stage) -> None:
    """Step 5: the chat ends; the pointer says -1 and the receiver closes it without fetching."""
    chat = stage.start(GCTI_GMS_PushResend="true")
    stage.agent.accept(chat.chat_id)
    answer = stage.agent.post(f"/chats/{chat.chat_id}/close")
    assert 200 == answer.status_code
    eventually(lambda: stage.receiver.said(chatId=chat.chat_id, what="ended"))


def test_an_unknown_device_is_reminded_until_it_is_registered(stage: Stage) -> None:
    """A receiver that cannot fetch yet answers 503; a reminder comes, is handled, and is the last one."""
    chat = stage.start(GCTI_GMS_PushResend="true", GCTI_GMS_PushDeviceId="device-late")
    stage.agent.accept(chat.chat_id)
    stage.agent.send(chat.chat_id, "Are you there?")
    eventually(lambda: stage.receiver.said(deviceId="device-late", what="later"))
    stage.receiver.register(chat, "device-late")
    eventually(lambda: "Are you there?" in stage.receiver.texts(chat.chat_id), timeout=5)
    attempts = [
        one["message"]["messages"][0]["userData"]["notify-attempt"]
        for one in stage.receiver.said(deviceId="device-late", chatId=chat.chat_id)
        if "message" in one
    ]
    assert attempts[0] == "0"
    assert "1" in attempts


def test_comet_flow(stage: Stage) -> None:
    """The app sleeps, is notified, and comes back: it gets what it missed and what follows."""
    keys = {"push_notification_deviceid": "device-comet", "push_notification_type": "customhttp"}
    client = LongPoll(stage.gateway.url)
    client.handshake()
    client.request_chat(nickname="Cleo", userData=keys)
    own = client.notifications[0]
    chat_id = stage.agent.find("Cleo")
    stage.agent.accept(chat_id)
    client.exchange({"channel": "/meta/disconnect", "clientId": client.client_id})
    stage.agent.send(chat_id, "While you slept")
    eventually(lambda: len(stage.receiver.said(deviceId="device-comet")) >= 2)

    back = LongPoll(stage.gateway.url)
    back.handshake()
    published = back.publish(
        "requestNotifications", secureKey=own["secureKey"], transcriptPosition="1", userData=keys
    )
    missed = [event.get("text") for data in published.notifications for event in data["messages"]]
    assert "While you slept" in missed
    stage.agent.send(chat_id, "Welcome back")
    eventually(lambda: back.poll(1) and "Welcome back" in json.dumps(back.notifications))


# --- the receiver's own checks -------------------------------------------------------------------------


def signed(body: bytes, *secrets: str, id_: str = "msg_1", at: float = 0.0) -> dict[str, str]:
    """Headers as a gateway sends them; `at` seconds from now."""
    stamp = str(int(time.time() + at))
    signatures = [
        base64.b64encode(
            hmac.digest(base64.b64decode(secret[6:]), f"{id_}.{stamp}.".encode() + body, hashlib.sha256)
        ).decode()
        for secret in secrets
    ]
    return {
        "webhook-id": id_,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }


BODY = b'{"message":"hello","deviceId":"device-direct"}'


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (204, lambda: signed(BODY, NEW, id_="ok"), BODY),
        (204, lambda: signed(BODY, OLD, NEW, id_="rotating"), BODY),
        (401, lambda: signed(BODY, OLD), BODY),
        (401, lambda: signed(BODY, NEW), BODY.replace(b"hello", b"hullo")),
        (401, lambda: signed(BODY, NEW) | {"webhook-id": "msg_2"}, BODY),
        (401, lambda: signed(BODY, NEW, at=-400), BODY),
        (401, lambda: signed(BODY, NEW, at=400), BODY),
        (401, dict, BODY),
        (401, lambda: signed(BODY, NEW) | {"webhook-timestamp": "\u00b2"}, BODY),
        (400, lambda: signed(b"[]", NEW, id_="list"), b"[]"),
        (400, lambda: signed(b"{", NEW, id_="broken"), b"{"),
        (400, lambda: signed(b'{"message":5,"deviceId":"d"}', NEW, id_="n"), b'{"message":5,"deviceId":"d"}'),
    ],
)
def test_signatures(stage: Stage, status: int, headers: Any, body: bytes) -> None:
    """Exactly signed, fresh notifications get in, during a rotation too; nothing else does."""
    named = {name: value.encode("latin-1") for name, value in headers().items()}
    assert (
        status == requests.post(f"{stage.receiver.url}/push", data=body, headers=named, timeout=5).status_code
    )


def test_a_repetition_is_handled_once(stage: Stage) -> None:
    """The same webhook-id again is accepted and not printed again."""
    body = b'{"message":"once","deviceId":"device-once"}'
    for _ in range(3):
        headers = signed(body, NEW, id_="msg_once")
        assert 204 == requests.post(stage.receiver.url, data=body, headers=headers, timeout=5).status_code
    assert 1 == len(stage.receiver.said(deviceId="device-once"))
