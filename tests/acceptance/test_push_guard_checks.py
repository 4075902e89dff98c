"""The acceptance checks 10, 11 and 12 (first half) of spec/push.md 11, end to end.

Keys and secrets stay where they belong, destinations that fail or hang hurt nobody else, and customers with a
device may be silent. A real gateway and a real receiver; that nothing arrives is read from the delivery log.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from standardwebhooks import Webhook
from support.clients import Agent, Rest, WebSocket
from support.gateway import RunningGateway, free_port
from support.waiting import eventually
from unit.push.receiver import Handler, Receiver, answer

OLD = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
NEW = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4"
AUTHORIZATION = "Basic c2VjcmV0LWNhbmFyeQ=="
HEADER = "header-canary-4711"
KEYS = {
    "GCTI_Chat_PushSubscribe": "true",
    "GCTI_GMS_NodeGroup": "gms-cluster-X",
    "GCTI_GMS_PushDeviceId": "device-1",
    "GCTI_GMS_PushDeviceType": "customhttp",
}
INI = """[limits]
enabled=false
[log]
level=debug
[chat]
push_notification_include_payload=true
[push]
pushEnabled=comet,customhttp
log_bodies=all
coalesce_ms=0
customhttp.url={url}/push
customhttp.secret={new}
customhttp.secret.previous={old}
customhttp.authorization={authorization}
customhttp.header.X-Canary={header}
{providers}
[settings]
{settings}
"""
Open = Callable[..., "Stand"]


class Stand:
    """A gateway with its receiver, an agent and an administrator."""

    def __init__(self, gateway: RunningGateway, receiver: Receiver) -> None:
        self.gateway, self.receiver = gateway, receiver
        self.agent = Agent(gateway.url, gateway.token("agent", "Alice"))
        self._admin = {"Authorization": f"Bearer {gateway.token('admin', 'Root')}"}

    def chat(self, **keys: str) -> Rest:
        """A customer with a device, and the agent in the chat."""
        data = {f"userData[{key}]": value for key, value in (KEYS | keys).items()}
        chat = Rest(self.gateway.url, **data)
        self.agent.accept(chat.chat_id)
        return chat

    def admin(self, path: str) -> requests.Response:
        """A read of the administrators' API."""
        return requests.get(f"{self.gateway.url}/admin/v1{path}", headers=self._admin, timeout=10)

    def enable(self, id_: str) -> None:
        """Switch a destination on again."""
        url = f"{self.gateway.url}/admin/v1/destinations/{id_}/enable"
        answered = requests.post(url, headers=self._admin, timeout=10)
        assert answered.ok, answered.text

    def rows(self, chat_id: str) -> list[dict[str, Any]]:
        """The delivery log of a chat, oldest first."""
        return list(reversed(self.admin(f"/deliveries?chatId={chat_id}").json()["items"]))

    def states(self, chat_id: str) -> list[str]:
        return [row["state"] for row in self.rows(chat_id)]

    def posts(self, chat_id: str, count: int) -> list[Any]:
        """Wait for so many requests about a chat; all that came."""

        def mine() -> list[Any]:
            return [post for post in list(self.receiver.requests) if post.headers["x-chat-id"] == chat_id]

        eventually(lambda: len(mine()) >= count, what=f"{count} notifications")
        return mine()


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Open]:
    """Opens a stand with providers and [settings]; `{url}` in `providers` is the receiver."""
    opened: list[RunningGateway] = []
    with Receiver() as receiver:

        def make(providers: str = "", settings: str = "") -> Stand:
            url = receiver.url("")
            filled = providers.format(url=url)
            secrets = {"new": NEW, "old": OLD, "authorization": AUTHORIZATION, "header": HEADER}
            opened.append(
                RunningGateway(tmp_path, INI.format(url=url, providers=filled, settings=settings, **secrets))
            )
            return Stand(opened[0], receiver)

        try:
            yield make
        finally:
            receiver.released.set()
            for gateway in opened:
                gateway.kill()


# --- 10: keys and secrets -----------------------------------------------------------------------------------


def test_push_check_10_no_key_by_default(stand: Open):
    """No customer's key in any POST, neither in an event nor in a pointer, whose member is empty."""
    here = stand()
    plain, reliable = here.chat(), here.chat(GCTI_GMS_PushResend="true")
    posts = here.posts(plain.chat_id, 1) + here.posts(reliable.chat_id, 1)
    pointer = json.loads(posts[-1].body)["message"]

    assert "" == pointer["secureKey"]
    assert "secure-key" not in pointer["messages"][0]["userData"]
    for post in posts:
        for key in (plain.secure_key, reliable.secure_key):
            assert key not in post.body.decode() + str(post.headers)


def test_push_check_10_key_on_demand_is_masked_in_the_log(stand: Open):
    """With `flex-push-content` the pointer holds the key; the delivery log and the process log show none."""
    here = stand("allow_insecure=true\n", "flex-push-content=session-id,secure-key\n")
    chat = here.chat(GCTI_GMS_PushResend="true")
    post = here.posts(chat.chat_id, 1)[0]
    message = json.loads(post.body)["message"]
    id_ = post.headers["webhook-id"]
    eventually(lambda: "delivered" in here.states(chat.chat_id))
    shown = here.admin(f"/deliveries/{id_}")

    assert chat.secure_key == message["messages"][0]["userData"]["secure-key"] == message["secureKey"]
    assert shown.json()["body"] is not None
    for text in (shown.text, here.gateway.cli("deliveries", "show", id_), here.gateway.log()):
        assert chat.secure_key not in text


def test_push_check_10_operators_secrets_are_sent_and_shown_nowhere(stand: Open):
    """The receiver gets the headers and sends them back; log, delivery log and configuration mask them."""
    here = stand()
    here.receiver.behaviours["/push"] = _echo
    chat = here.chat()
    post = here.posts(chat.chat_id, 1)[0]
    eventually(lambda: ["delivered"] == here.states(chat.chat_id))
    shown = here.admin(f"/deliveries/{post.headers['webhook-id']}").text
    texts = [shown, here.admin("/config").text, here.admin("/destinations").text, here.gateway.log()]
    texts.append(here.gateway.cli("config", "show", "--origin"))

    assert (AUTHORIZATION, HEADER) == (post.headers["authorization"], post.headers["x-canary"])
    for secret in (AUTHORIZATION, HEADER, OLD, NEW):
        assert [False] * len(texts) == [secret in text for text in texts], secret


def _echo(handler: Handler) -> None:
    """Answer with the request's headers, in the head and in the body."""
    sent = " ".join(handler.headers.values())
    answer(200, sent.encode(), **{"x-echo": handler.headers["authorization"]})(handler)


def test_push_check_10_plain_http_elsewhere_is_refused(tmp_path: Path):
    """With the key in notifications, a plain http destination on another machine stops the start."""
    ini = "[push]\npushEnabled=customhttp\ncustomhttp.url=http://receiver.example/\n"
    with pytest.raises(AssertionError, match="gateway ended"):
        RunningGateway(tmp_path, f"{ini}[settings]\nflex-push-content=session-id,secure-key\n")


# --- 11: signatures, addresses, destinations that fail ----------------------------------------------------


def test_push_check_11_two_signatures_during_rotation(stand: Open):
    """A receiver that knows the old secret only, and one that knows the new one only, both verify."""
    here = stand()
    post = here.posts(here.chat().chat_id, 1)[0]

    assert 2 == len(post.headers["webhook-signature"].split())
    for secret in (OLD, NEW):
        assert json.loads(post.body) == Webhook(secret).verify(post.body, post.headers)


INNER = ("localhost", "[::ffff:127.0.0.1]", "169.254.169.254", "2130706433", "0x7f.1", "0.0.0.0")


def test_push_check_11_inner_addresses_and_redirects(stand: Open):
    """No spelling of an inner address is connected to, and a redirect is not followed."""
    refused = "".join(
        f"[push.provider.p{n}]\ncustomhttp.url=https://{host}/inner\n" for n, host in enumerate(INNER)
    )
    providers = f"allowed_networks=127.0.0.1/32\n[push.provider.away]\ncustomhttp.url={{url}}/away\n{refused}"
    here = stand(providers)
    here.receiver.behaviours["/away"] = answer(302, location=here.receiver.url("/inner"))
    away = here.chat(GCTI_GMS_PushProvider="away")
    eventually(lambda: ["failed"] == here.states(away.chat_id))
    for number in range(1, len(INNER)):
        chat = here.chat(GCTI_GMS_PushProvider=f"p{number}")
        eventually(lambda chat=chat: ["failed"] == here.states(chat.chat_id))

    assert {"/away"} == {post.path for post in here.receiver.requests}


def test_push_check_11_gone_and_enabled_again(stand: Open):
    """A 410 switches the destination off, for what comes next, too, until an administrator enables it."""
    here = stand()
    here.receiver.behaviours["/push"] = answer(410)
    chat = here.chat()
    eventually(lambda: ["failed"] == here.states(chat.chat_id))
    here.agent.send(chat.chat_id, "hello")
    eventually(lambda: ["failed", "skipped"] == here.states(chat.chat_id))
    (gone,) = here.admin("/destinations").json()["items"]
    here.receiver.behaviours["/push"] = answer(200)
    here.enable(gone["id"])
    here.agent.send(chat.chat_id, "again")
    eventually(lambda: "delivered" == here.states(chat.chat_id)[-1])

    assert "disabled" == gone["state"]
    assert 2 == len(here.posts(chat.chat_id, 2))


def test_push_check_11_breaker_opens_and_closes(stand: Open):
    """Five refused connections open it and notifications wait; enabled, it delivers them in order."""
    port = free_port()
    here = stand(f"[push.provider.late]\ncustomhttp.url=http://127.0.0.1:{port}/late\n")
    for _ in range(5):
        chat = here.chat(GCTI_GMS_PushProvider="late")
        eventually(lambda chat=chat: ["failed"] == here.states(chat.chat_id))
    waiting = here.chat(GCTI_GMS_PushProvider="late")
    here.agent.send(waiting.chat_id, "hello")
    late = _destination(here, "late")

    assert "open" == late["state"]
    assert ["queued", "queued"] == here.states(waiting.chat_id)
    assert [0, 0] == [row["attempts"] for row in here.rows(waiting.chat_id)]
    with _ReceiverAt(port) as receiver:
        here.enable(late["id"])
        eventually(lambda: ["delivered", "delivered"] == here.states(waiting.chat_id))
        assert [row["id"] for row in here.rows(waiting.chat_id)] == [
            post.headers["webhook-id"] for post in receiver.requests
        ]
    assert "closed" == _destination(here, "late")["state"]


def _destination(here: Stand, provider: str) -> dict[str, Any]:
    found = here.admin("/destinations").json()["items"]
    return next(one for one in found if one["provider"] == provider)


class _ReceiverAt(Receiver):
    """A receiver on a port chosen before."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._server.server_close()
        self._server = type(self._server)(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._server.receiver = self  # type: ignore[attr-defined]


def test_push_check_11_order_with_a_slow_receiver(stand: Open):
    """One request of a chat at a time, in the order of the transcript, while others overtake it."""
    here = stand("[push.provider.slow]\ncustomhttp.url={url}/slow\n")
    gate, at_once = threading.Semaphore(0), []

    def slow(handler: Handler) -> None:
        at_once.append(1)
        gate.acquire(timeout=20)
        at_once.pop()
        answer(200)(handler)

    here.receiver.behaviours["/slow"] = slow
    chat, other = here.chat(GCTI_GMS_PushProvider="slow"), here.chat()
    for number in range(8):
        here.agent.send(chat.chat_id, f"m{number}")
    here.agent.send(other.chat_id, "quick")
    here.posts(other.chat_id, 2)
    most = []
    for number in range(1, 10):
        here.posts(chat.chat_id, number)
        most.append(len(at_once))
        gate.release()
    eventually(lambda: ["delivered"] * 9 == here.states(chat.chat_id))
    events = [json.loads(post.body)["message"]["messages"][0] for post in here.posts(chat.chat_id, 9)]

    assert {1} == set(most)
    assert [f"m{number}" for number in range(8)] == [event.get("text") for event in events[1:]]
    assert sorted(event["index"] for event in events) == [event["index"] for event in events]


def test_push_check_11_comet_goes_on_beside_a_hanging_receiver(stand: Open):
    """While every connection to a destination hangs, comet and another destination get every event."""
    here = stand("[push.provider.stuck]\ncustomhttp.url={url}/stuck\n")
    here.receiver.behaviours["/stuck"] = here.receiver.hang
    stuck = [here.chat(GCTI_GMS_PushProvider="stuck") for _ in range(22)]  # more than connections to it
    eventually(lambda: 20 == len(here.receiver.got("/stuck")))
    client = WebSocket(here.gateway.ws_url)
    client.handshake()
    client.request_chat(nickname="Comet", userData=KEYS)
    chat_id = here.agent.find("Comet")
    here.agent.accept(chat_id)
    for number in range(20):
        here.agent.send(chat_id, f"m{number}")
        eventually(lambda number=number: client.poll(1) and f"m{number}" in str(client.notifications[-1]))
    here.posts(chat_id, 21)

    assert {"leased", "queued"} >= {state for chat in stuck for state in here.states(chat.chat_id)}


# --- 12, first half: silence ---------------------------------------------------------------------------


def test_push_check_12_a_silent_customer_with_a_device_stays(stand: Open):
    """Without a device a silent customer is removed with reason 3 after flex-disconnect-timeout; with one
    the clock is flex-push-timeout: the same silence is over, and the customer is in the chat."""
    here = stand(settings="flex-disconnect-timeout=1\nflex-push-timeout=86400\n")
    subscribed = here.chat()
    unsubscribed = here.chat(GCTI_Chat_PushSubscribe="false")
    eventually(lambda: _departures(here, unsubscribed))

    assert (["3"], []) == (_departures(here, unsubscribed), _departures(here, subscribed))
    assert 0 == subscribed.call("refresh", transcriptPosition=1)["statusCode"]


def _departures(here: Stand, chat: Rest) -> list[str]:
    """The reasons of those who left a chat, from the transcript."""
    connection = sqlite3.connect(here.gateway.data_dir / "gateway.sqlite3")
    try:
        found = connection.execute(
            "SELECT reason FROM event JOIN chat ON chat.seq = event.chat"
            " WHERE chat.id=? AND type='ParticipantLeft' ORDER BY idx",
            (chat.chat_id,),
        ).fetchall()
    finally:
        connection.close()
    return [row[0] for row in found]
