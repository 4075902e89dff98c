"""SIGKILL at four points of a notification's life loses none (targets/reliability.md R10, R11).

Agents write into subscribed chats while the worker dies again and again at one point. In the end every event
of the transcripts that is due has arrived or stands as a visible row, what arrived twice is equal, and the
notifications of a chat arrived in order. A negative control stores a notification apart from its event and
must fail.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

import orjson
import pytest
import requests
from support.clients import Agent, Rest
from support.gateway import RunningGateway
from support.waiting import eventually
from unit.push.receiver import Receiver

MESSAGES = 60
CHATS = 3
POINTS = ["before-enqueue", "after-enqueue", "in-flight", "after-2xx"]
INI = """[limits]
enabled=false
[log]
level=warning
[chat]
push_notification_include_payload=true
[push]
pushEnabled=comet,customhttp
customhttp.total_timeout=1
customhttp.url={url}
"""


class DyingGateway(RunningGateway):
    """See `dying_wsgi`."""

    app = "tests.faults.dying_wsgi:app"


def subscribed(url: str) -> Rest:
    """A chat whose customer has a device."""
    values = {
        "GCTI_Chat_PushSubscribe": "true",
        "GCTI_GMS_NodeGroup": "gms-cluster",
        "GCTI_GMS_PushDeviceId": "device",
        "GCTI_GMS_PushDeviceType": "customhttp",
    }
    return Rest(url, **{f"userData[{name}]": value for name, value in values.items()})


def write(agent: Agent, chat_id: str, text: str) -> None:
    """Send until it is acknowledged; the gateway may die meanwhile. A text may then stand there twice."""

    def send() -> bool:
        with suppress(requests.RequestException, AssertionError):
            agent.send(chat_id, text)
            return True
        return False

    eventually(send, timeout=20, what=f"{text} is acknowledged")


def rows(gateway: RunningGateway) -> dict[str, str]:
    """The stored notifications: id and state."""
    with sqlite3.connect(gateway.data_dir / "gateway.sqlite3") as connection:
        return dict(connection.execute("SELECT id, state FROM delivery"))


def due(chats: list[Rest]) -> dict[str, list[str]]:
    """By chat the ids of the notifications that its transcript promises, in order."""
    return {
        chat.chat_id: [
            f"msg_{chat.chat_id}_c1_{event['index']}"
            for event in chat.twin().events()
            if event["from"]["type"] == "Agent"
        ]
        for chat in chats
    }


def broken_promises(gateway: RunningGateway, chats: list[Rest], receiver: Receiver) -> list[str]:
    """Everything that is not as promised, in words."""
    states, found = rows(gateway), []
    arrived = [(post.headers["webhook-id"], post.body) for post in receiver.requests]
    ids = list(dict.fromkeys(id_ for id_, _ in arrived))
    for chat_id, expected in due(chats).items():
        lost = [id_ for id_ in expected if id_ not in ids and states.get(id_) not in ("failed", "exhausted")]
        found += [f"lost: {id_}" for id_ in lost]
        order = [id_ for id_ in ids if id_ in expected]
        if order != [id_ for id_ in expected if id_ in order]:
            found.append(f"order of {chat_id}")
    found += [f"differs: {id_}" for id_ in ids if len({body for one, body in arrived if one == id_}) > 1]
    found += [f"not finished: {id_}" for id_, state in states.items() if state in ("queued", "leased")]
    twice = len(arrived) - len(ids)
    # Each kill hits as many attempts in flight as there are chats.
    return [*found, *([f"{twice} duplicates"] if twice > deaths(gateway) * CHATS else [])]


def deaths(gateway: RunningGateway) -> int:
    """How often the worker has killed itself."""
    path = gateway.data_dir / "deaths"
    return path.stat().st_size if path.exists() else 0


def run(directory: Path, point: str, receiver: Receiver) -> tuple[int, list[str]]:
    """Write, die, settle; how often it died and what was broken."""
    ini = INI.format(url=receiver.url("/push"))
    with DyingGateway(directory, ini, env={"DIE_AT": point}) as gateway:
        agent = Agent(gateway.url, gateway.token("agent", "Alice"))
        chats = [subscribed(gateway.url) for _ in range(CHATS)]
        for chat in chats:
            agent.accept(chat.chat_id)
        for number in range(MESSAGES):
            write(agent, chats[number % CHATS].chat_id, f"message {number}")
        eventually(lambda: _answers(gateway), timeout=20)
        eventually(lambda: _is_settled(gateway), timeout=25, what="nothing is queued")
        return deaths(gateway), broken_promises(gateway, chats, receiver)


def _is_settled(gateway: RunningGateway) -> bool:
    return not {"queued", "leased"} & set(rows(gateway).values())


def _answers(gateway: RunningGateway) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"{gateway.url}/healthz", timeout=2).status_code == 200
    return False


@pytest.mark.parametrize("point", POINTS)
def test_no_notification_is_lost(tmp_path: Path, point: str) -> None:
    """Whatever the point of death: all arrived, in order, repetitions are equal."""
    with Receiver() as receiver:
        died, broken = run(tmp_path, point, receiver)
    assert (True, []) == (died >= 3, broken)
    assert all(orjson.loads(post.body)["deviceId"] == "device" for post in receiver.requests)


def test_notifications_apart_from_their_events_are_found_out(tmp_path: Path) -> None:
    """Negative control: stored in a second transaction, a notification is lost with the process."""
    with Receiver() as receiver:
        _died, broken = run(tmp_path, "outbox-apart", receiver)
    assert any(text.startswith("lost: ") for text in broken)
