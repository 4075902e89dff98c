"""The acceptance checks of spec/push.md 11 (numbers 1, 2, 3, 5, 6, 8 and 9), end to end.

A real gateway, a real receiver, agents by token. That nothing is sent is read from the outbox: the row of a
notification is written in the same transaction as its event, so once the event is acknowledged, a row is
there or never will be.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
import requests
from support.clients import Agent, LongPoll, Message, Rest
from support.gateway import RunningGateway
from support.waiting import eventually
from unit.push.receiver import Receiver, answer

DEVICE = "a1a23456789123456789"
TEXT = "dummy message"
REST_KEYS = {
    "GCTI_Chat_PushSubscribe": "true",
    "GCTI_GMS_NodeGroup": "gms-cluster-X",
    "GCTI_GMS_PushDeviceId": DEVICE,
    "GCTI_GMS_PushDeviceType": "customhttp",
}
COMET_KEYS = {"push_notification_deviceid": DEVICE, "push_notification_type": "customhttp"}


class Stand:
    """A gateway with its receiver, and an agent."""

    def __init__(self, gateway: RunningGateway, receiver: Receiver) -> None:
        self.gateway = gateway
        self.receiver = receiver
        self.agent = Agent(gateway.url, gateway.token("agent", "Alice"))

    def rest(self, nickname: str, *, service: str = "support", **keys: str) -> Rest:
        """A customer over REST with this attached data, and the agent in the chat."""
        data = {f"userData[{key}]": value for key, value in keys.items()}
        chat = Rest(self.gateway.url, service=service, nickname=nickname, **data)
        self.agent.accept(chat.chat_id)
        return chat

    def comet(self, nickname: str) -> tuple[LongPoll, str]:
        """A customer over CometD with a device, and the chat, which the agent has accepted."""
        client = LongPoll(self.gateway.url)
        client.handshake()
        client.request_chat(nickname=nickname, userData=COMET_KEYS)
        chat = self.agent.find(nickname)
        self.agent.accept(chat)
        return client, chat

    def outbox(self, chat_id: str) -> list[str]:
        """The types of the events of a chat that have a notification, in order."""
        connection = sqlite3.connect(self.gateway.data_dir / "gateway.sqlite3")
        try:
            rows = connection.execute(
                "SELECT event_type FROM delivery WHERE chat_id=? ORDER BY position", (chat_id,)
            ).fetchall()
        finally:
            connection.close()
        return [row[0] for row in rows]

    def posts(self, chat_id: str, count: int) -> list[Any]:
        """Wait for so many requests about a chat; all that came, in order of arrival."""

        def mine() -> list[Any]:
            return [item for item in list(self.receiver.requests) if item.headers["x-chat-id"] == chat_id]

        eventually(lambda: len(mine()) >= count, what=f"{count} notifications")
        return mine()


@pytest.fixture(scope="module")
def stands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stand]]:
    """Stands by configuration: tests with the same one share a gateway, each has chats of its own."""
    with ExitStack() as stack:

        @cache
        def make(ini: str) -> Stand:
            receiver = stack.enter_context(Receiver())
            whole = f"[limits]\nenabled=false\n[log]\nlevel=debug\n{ini.format(url=receiver.url(''))}"
            gateway = RunningGateway(tmp_path_factory.mktemp("push"), whole)
            return Stand(stack.enter_context(gateway), receiver)

        yield make


@pytest.fixture
def stand(request: pytest.FixtureRequest, stands: Callable[[str], Stand]) -> Stand:
    """A stand with the configuration that the test gives as parameter; `{url}` is the receiver."""
    return stands(request.param)


def configured(*inis: str) -> pytest.MarkDecorator:
    """The `[chat]`, `[push]` ... sections of the test's gateway."""
    return pytest.mark.parametrize("stand", inis, indirect=True)


def channels(value: str, *, include: str = "true") -> str:
    """The two options that most checks vary."""
    chat = f"[chat]\npush_notification_include_payload={include}\n"
    return f"{chat}[push]\npushEnabled={value}\ncustomhttp.url={{url}}/push\ncustomhttp.message={TEXT}\n"


def live(client: LongPoll) -> list[Message]:
    """Event frames: answers to the client's own operations carry its key, events never do."""
    return [data for data in client.notifications if "secureKey" not in data]


def texts(items: list[Any]) -> list[str]:
    """The message texts of notifications with payload."""
    bodies = [json.loads(item.body)["message"]["messages"] for item in items]
    return [event["text"] for body in bodies for event in body if event["type"] == "Message"]


# --- 1 and 2: channels and content ----------------------------------------------------------------------


@configured(channels("comet,customhttp"))
def test_push_check_01_both(stand: Stand):
    """Both channels open: one comet frame and one POST per event, and the POST carries the frame's bytes."""
    client, chat = stand.comet("Ann")
    client.poll()
    stand.agent.send(chat, "hello \u2713")
    raw = client.raw_poll()
    joined, said = stand.posts(chat, 2)
    message = said.body.removeprefix(b'{"message":').removesuffix(b',"deviceId":"%b"}' % DEVICE.encode())

    assert json.loads(joined.body)["message"] == live(client)[-1]
    assert b'"data":' + message in raw
    assert ["hello \u2713"] == [event["text"] for event in json.loads(message)["messages"]]
    assert "secureKey" not in json.loads(message)
    assert ["ParticipantJoined", "Message"] == stand.outbox(chat)


@configured(channels("comet"))
def test_push_check_01_comet(stand: Stand):
    """Only comet is open: a frame per event, no POST."""
    client, chat = stand.comet("Ann")
    stand.agent.send(chat, "hello")
    eventually(lambda: client.poll(1) and "hello" in str(live(client)))

    assert [] == stand.outbox(chat)
    assert [] == stand.receiver.requests


@configured(channels("customhttp"))
def test_push_check_01_customhttp(stand: Stand):
    """Only customhttp is open: one POST per event, no event frame; answers to operations still come."""
    client, chat = stand.comet("Ann")
    stand.agent.send(chat, "hello")
    posts = stand.posts(chat, 2)
    client.poll(0.1)
    client.poll(0.1)

    assert ["hello"] == texts(posts)
    assert [] == live(client)
    assert 1 == len(client.notifications)


@configured(channels(""))
def test_push_check_01_none(stand: Stand):
    """No channel is open: neither frames nor POSTs; the transcript has it all."""
    client, chat = stand.comet("Ann")
    stand.agent.send(chat, "hello")
    client.poll(0.1)
    client.poll(0.1)
    key = client.notifications[0]["secureKey"]
    (answer,) = client.publish("refresh", secureKey=key, transcriptPosition=1).notifications

    assert [] == live(client)
    assert [] == stand.outbox(chat)
    assert "hello" == answer["messages"][-1]["text"]


@configured(channels("comet,customhttp", include="false"))
def test_push_check_02(stand: Stand):
    """Without payload: comet has the full event, the POST exactly the configured text and the device."""
    client, chat = stand.comet("Ann")
    stand.agent.send(chat, "hello")
    eventually(lambda: client.poll(1) and "hello" in str(live(client)))
    bodies = {item.body for item in stand.posts(chat, 2)}

    assert {b'{"message":"%b","deviceId":"%b"}' % (TEXT.encode(), DEVICE.encode())} == bodies


# --- 3: who decides about the payload --------------------------------------------------------------------


@configured(
    channels("comet,customhttp", include="false") + "[chat.rich]\npush_notification_include_payload=true\n"
)
def test_push_check_03(stand: Stand):
    """The session key overrides the option in both directions; a service's section overrides [chat]."""
    shown = {}
    for service in ("support", "rich"):
        for key in (None, "true", "false"):
            wish = {} if key is None else {"GCTI_GMS_PushIncludePayload": key}
            chat = stand.rest(f"{service} {key}", service=service, **REST_KEYS, **wish)
            message = json.loads(stand.posts(chat.chat_id, 1)[0].body)["message"]
            shown[service, key] = "payload" if isinstance(message, dict) else message

    assert {
        ("support", None): TEXT,
        ("support", "true"): "payload",
        ("support", "false"): TEXT,
        ("rich", None): "payload",
        ("rich", "true"): "payload",
        ("rich", "false"): TEXT,
    } == shown


# --- 6: subscriptions that do not count ------------------------------------------------------------------


@configured(channels("comet,customhttp"))
@pytest.mark.parametrize("missing", sorted(REST_KEYS))
def test_push_check_06_keys(stand: Stand, missing: str):
    """Without any one of the mandatory keys the chat works, nothing is sent, and the log says so."""
    keys = {key: value for key, value in REST_KEYS.items() if key != missing}
    chat = stand.rest("Ann", **keys)
    stand.agent.send(chat.chat_id, "hello")
    lines = [line for line in stand.gateway.log().splitlines() if chat.chat_id in line]

    assert "hello" == chat.events()[-1]["text"]
    assert [] == stand.outbox(chat.chat_id)
    # Without PushSubscribe the other keys are inert (spec/push.md 1.1): nothing was asked for.
    expected = missing != "GCTI_Chat_PushSubscribe"
    assert expected == any("push_subscription_rejected" in line and "incomplete" in line for line in lines)


SWITCHED_OFF = {
    channels("comet,customhttp") + "[settings]\nflex-push-on-join=false\n": "push_on_join",
    channels("comet,customhttp") + "[settings]\nflex-push-enabled=false\n": "push_disabled",
    channels("comet,fcm"): "push type is not enabled",
}


@pytest.mark.parametrize("ini", SWITCHED_OFF, ids=SWITCHED_OFF.values())
def test_push_check_06_options(stands: Callable[[str], Stand], ini: str):
    """Subscriptions switched off, or of a type that is not open: the chat works, no POST, a log line."""
    stand = stands(ini)
    chat = stand.rest("Ann", **REST_KEYS)
    stand.agent.send(chat.chat_id, "hello")

    assert "hello" == chat.events()[-1]["text"]
    assert [] == stand.outbox(chat.chat_id)
    assert SWITCHED_OFF[ini] in stand.gateway.log()


# --- 8: whose activity notifies ------------------------------------------------------------------------


@configured(channels("comet,customhttp"))
def test_push_check_08_own_and_typing(stand: Stand):
    """Own messages and anybody's typing are not notified, although both have an index."""
    chat = stand.rest("Ann", **REST_KEYS)
    chat.send("mine")
    chat.call("startTyping", message="mi")
    for state in ("started", "stopped"):
        answer = stand.agent.post(f"/chats/{chat.chat_id}/typing", {"state": state})
        assert 200 == answer.status_code
    stand.agent.send(chat.chat_id, "yours")

    assert ["ParticipantJoined", "Message"] == stand.outbox(chat.chat_id)
    assert ["yours"] == texts(stand.posts(chat.chat_id, 2))


@configured(channels("comet,customhttp"))
def test_push_check_08_own_disconnect(stand: Stand):
    """Own disconnect: a POST only with NotifyRequestor; reason 0 is in it and in no Chat API answer."""
    silent = stand.rest("Ann", **REST_KEYS)
    told = stand.rest("Bob", **REST_KEYS, GCTI_GMS_NotifyRequestor="true")
    for chat in (silent, told):
        assert chat.call("disconnect")["chatEnded"] is True
    left = json.loads(stand.posts(told.chat_id, 2)[1].body)["message"]
    shown = told.events()[-1]

    assert ["ParticipantJoined"] == stand.outbox(silent.chat_id)
    assert (True, "ParticipantLeft") == (left["chatEnded"], left["messages"][0]["type"])
    assert "0" == left["messages"][0]["eventAttributes"]["GCTI_SYSTEM"]["quit-reason-code"]
    assert "ParticipantLeft" == shown["type"]
    assert "eventAttributes" not in shown


@configured(channels("comet,customhttp"))
@pytest.mark.parametrize("reliable", [False, True], ids=["plain", "reliable"])
def test_push_check_08_agents_only(stand: Stand, reliable: bool):
    """A whisper and a consultant's coming, speaking and going: no POST, no frame, no pointer, no answer."""
    keys = REST_KEYS | ({"GCTI_GMS_PushResend": "true"} if reliable else {})
    chat = stand.rest("Ann", **keys)
    comet = LongPoll(stand.gateway.url)
    comet.handshake()
    comet.publish("requestNotifications", secureKey=chat.secure_key, transcriptPosition=0)
    bob = Agent(stand.gateway.url, stand.gateway.token("agent", "Bob"))
    bob.get("/me")  # now he is known, and can be asked
    path, before = f"/chats/{chat.chat_id}", chat.events()
    told = stand.outbox(chat.chat_id)
    for caller, action, body in (
        (stand.agent, "whispers", {"text": "SECRET one"}),
        (stand.agent, "consult", {"agent": "Bob", "note": "SECRET two"}),
        (bob, "accept", None),
        (bob, "whispers", {"text": "SECRET three"}),
        (bob, "typing", {"state": "started"}),
        (bob, "leave", None),
    ):
        answer = caller.post(f"{path}/{action}", body)
        assert 200 == answer.status_code, answer.text

    assert told == stand.outbox(chat.chat_id)
    assert before == chat.events()
    stand.agent.send(chat.chat_id, "for everybody")
    eventually(lambda: comet.poll(0.2) and "for everybody" in str(comet.notifications))
    assert ["for everybody"] == [event["text"] for event in chat.events()[len(before) :]]
    heard = [str(comet.notifications), str(chat.events())]
    heard += [item.body.decode() for item in stand.posts(chat.chat_id, 1 if reliable else 2)]
    assert not [text for text in heard if "SECRET" in text or "Bob" in text]
    seen = stand.agent.get(f"{path}/events").json()["items"]
    assert ["SECRET one", "SECRET three"] == [
        event["text"] for event in seen if event.get("visibility") == "agents" and event["type"] == "Message"
    ]


# --- 9: providers and debug ----------------------------------------------------------------------


@configured(
    channels("comet,customhttp")
    + "allow_client_debug=true\n"
    + "[push.provider.acme]\ncustomhttp.url={url}/acme\n"
    + "[push.provider.tested]\ncustomhttp.url={url}/tested\ndebug.customhttp.url={url}/tested-debug\n"
)
def test_push_check_09(stand: Stand):
    """The provider's address is used; an unknown provider or a missing debug address means no POST at all."""
    addresses = {
        (None, "false"): "/push",
        ("acme", "false"): "/acme",
        ("tested", "false"): "/tested",
        ("tested", "true"): "/tested-debug",
        (None, "true"): None,
        ("acme", "true"): None,
        ("unknown", "false"): None,
        ("unknown", "true"): None,
    }
    used: dict[tuple[str | None, str], str | None] = {}
    for provider, debug in addresses:
        wish = {"GCTI_GMS_PushDebug": debug} | ({"GCTI_GMS_PushProvider": provider} if provider else {})
        chat = stand.rest(f"{provider} {debug}", **REST_KEYS, **wish)
        sent = stand.outbox(chat.chat_id)
        used[provider, debug] = stand.posts(chat.chat_id, 1)[0].path if sent else None

    assert addresses == used
    assert 4 == len(stand.receiver.requests)


# --- 5: a failure is one dead letter, and a replay is the same notification ---------------------------------


class Admin:
    """The administrators' API of a gateway."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.url = f"{gateway.url}/admin/v1"
        self.headers = {"Authorization": f"Bearer {gateway.token('admin', 'Root')}"}

    def get(self, path: str, **query: str) -> Any:
        """The object of a GET that succeeds."""
        answer = requests.get(f"{self.url}{path}", headers=self.headers, params=query, timeout=10)
        assert 200 == answer.status_code, answer.text
        return answer.json()

    def post(self, path: str, body: object = None) -> Any:
        """The object of a POST that succeeds."""
        answer = requests.post(f"{self.url}{path}", headers=self.headers, json=body, timeout=10)
        assert 200 == answer.status_code, answer.text
        return answer.json()

    def states(self, chat_id: str) -> list[str]:
        """The states of a chat's notifications, newest first."""
        return [item["state"] for item in self.get("/deliveries", chatId=chat_id)["items"]]


@configured(channels("comet,customhttp"))
@pytest.mark.parametrize("way", ["api", "window", "cli", "cli window"])
def test_push_check_05(stand: Stand, way: str):
    """No PushResend and a 500: one POST, one dead letter; replays by each way have the id and the body."""
    stand.receiver.behaviours["/push"] = answer(500)
    begun = datetime.now(UTC).isoformat()
    chat = stand.rest("Ann", **REST_KEYS)
    admin = Admin(stand.gateway)
    eventually(lambda: admin.states(chat.chat_id) == ["failed"], what="a dead letter")
    (first,) = stand.posts(chat.chat_id, 1)
    id_ = first.headers["webhook-id"]

    assert id_ == admin.get("/deliveries", chatId=chat.chat_id)["items"][0]["id"]
    assert first.body.decode() == admin.get(f"/deliveries/{id_}")["body"]
    stand.receiver.behaviours["/push"] = answer(200)
    if way == "api":
        admin.post(f"/deliveries/{id_}/replay")
    elif way == "window":
        admin.post("/deliveries/replay", {"since": begun, "chatId": chat.chat_id})
    elif way == "cli":
        assert id_ in stand.gateway.cli("deliveries", "list", "--state", "failed", "--chat", chat.chat_id)
        stand.gateway.cli("deliveries", "replay", id_)
    else:
        said = stand.gateway.cli("deliveries", "replay", "--since", begun, "--chat", chat.chat_id)
        assert said.startswith("1 found, 1 replayed")
    eventually(lambda: admin.states(chat.chat_id) == ["delivered"], what="the replay")
    both = stand.posts(chat.chat_id, 2)
    shown = admin.get(f"/deliveries/{id_}")

    assert [id_, id_] == [post.headers["webhook-id"] for post in both]
    assert both[0].body == both[1].body
    assert [500, 200] == [made["status"] for made in shown["history"]]
    assert 1 == shown["replays"]
    assert "HTTP 500" in stand.gateway.cli("deliveries", "show", id_)
