"""What somebody sees who has just cloned the repository and runs `make run` (decision 20), without a browser.

The demo configuration on a free port: the banner, the bot over both interfaces, the built-in receiver that
shows each notification beside the chat, tokens, and an agent's way through the waiting list.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from support.clients import Agent, LongPoll, Message, Rest
from support.gateway import ROOT, RunningGateway
from support.waiting import eventually

DEVICE = "newcomer-device"
# The promise of the first page: an answer within a minute of cloning; the bot itself is faster.
FIRST_ANSWER_S = 60
ADMIN_TOKEN = re.compile(r"gwa_[A-Za-z0-9_-]{43}")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """`make run`, on a free port and with a data directory of its own."""
    ini = (ROOT / "examples" / "demo.ini").read_text()
    with RunningGateway(tmp_path_factory.mktemp("demo"), ini) as gateway:
        yield gateway


@pytest.fixture
def agents(demo: RunningGateway) -> tuple[Agent, Agent]:
    """Two agents with fresh tokens."""
    return Agent(demo.url, demo.token("agent", "Alice")), Agent(demo.url, demo.token("agent", "Bernd"))


def from_others(events: list[Message]) -> list[str]:
    """What the customer was told."""
    return [
        event["text"] for event in events if event["type"] == "Message" and event["from"]["type"] != "Client"
    ]


def notified(data: Message) -> bool:
    """Whether a device is told of this event: not the customer's own ones, no typing (spec/push.md 6)."""
    (event,) = data["messages"]
    return event["from"]["type"] != "Client" and not event["type"].startswith("Typing")


def received(demo: RunningGateway) -> list[Message]:
    """The newcomer's notifications that the built-in receiver shows, newest last."""
    items = requests.get(f"{demo.url}/demo/received", timeout=10).json()["items"]
    assert sorted(item["number"] for item in items) == [item["number"] for item in items]
    return [item for item in items if item["body"]["deviceId"] == DEVICE]


def test_the_banner_names_the_urls_and_the_token_once(tmp_path: Path):
    """First start: the addresses, which answer, and one admin token, which works; second start: no token."""
    ini = (ROOT / "examples" / "demo.ini").read_text()
    with RunningGateway(tmp_path, ini) as gateway:
        first = eventually(lambda: "Admin token" in gateway.log() and gateway.log())
        (token,) = ADMIN_TOKEN.findall(first)
        me = Agent(gateway.url, token).get("/me").json()
        for path in ("/genesys/2/chat/<service>", "/genesys/cometd"):
            assert gateway.url + path in first
        for path in ("/demo/", "/console/", "/operator/", "/docs"):
            assert 200 == requests.get(gateway.url + path, timeout=10).status_code
            assert gateway.url + path in first
        gateway.stop()
        gateway.start()
        second = eventually(lambda: gateway.log().count("Demo page") == 2 and gateway.log()[len(first) :])

    assert "admin" == me["role"]
    assert [] == ADMIN_TOKEN.findall(second)


def test_token_create_prints_the_token_alone(demo: RunningGateway):
    """`gateway token create` writes the token and nothing else; it works at once."""
    printed = demo.cli("token", "create", "--role", "supervisor", "--name", "Sam")

    assert re.fullmatch(r"gws_[A-Za-z0-9_-]{43}\n", printed)
    assert {"name": "Sam", "role": "supervisor"}.items() <= Agent(demo.url, printed.strip()).get(
        "/me"
    ).json().items()


def test_the_bot_answers_over_rest(demo: RunningGateway):
    """A chat over plain REST has an answer of the bot within a minute."""
    chat = Rest(demo.url, service="demo", nickname="Rita", text="hello over REST")

    assert eventually(lambda: from_others(chat.events()), timeout=FIRST_ANSWER_S)


def test_the_bot_answers_over_cometd_and_the_receiver_shows_it(demo: RunningGateway):
    """The notification that the receiver shows last carries the very object of the comet frame."""
    client = LongPoll(demo.url, service="demo")
    client.handshake()
    keys = {"push_notification_deviceid": DEVICE, "push_notification_type": "customhttp"}
    client.request_chat(nickname="Carla", text="hello over CometD", userData=keys)
    eventually(lambda: client.poll(5) and from_others(client.events()), timeout=FIRST_ANSWER_S)
    frames = [data for data in client.notifications if "secureKey" not in data and notified(data)]
    shown = eventually(lambda: len(received(demo)) >= len(frames) and received(demo))

    assert frames == [item["body"]["message"] for item in shown][: len(frames)]
    assert json.dumps(frames[-1]) == json.dumps(shown[len(frames) - 1]["body"]["message"])
    assert shown[-1]["headers"]["webhook-id"]


def test_two_agents_want_the_same_chat(demo: RunningGateway, agents: tuple[Agent, Agent]):
    """The chat is in both waiting lists; the first gets it, the second is told who did."""
    first, second = agents
    chat = Rest(demo.url, service="demo", nickname="Wanda").chat_id

    for agent in agents:
        assert "Wanda" in [item["nickname"] for item in agent.waiting()]
    assert 200 == first.post(f"/chats/{chat}/accept").status_code
    refused = second.post(f"/chats/{chat}/accept")
    assert (409, "Alice") == (refused.status_code, refused.json()["by"])
    assert "application/problem+json" == refused.headers["Content-Type"]
    assert 200 == first.post(f"/chats/{chat}/accept").status_code
    assert chat not in [item["chatId"] for item in second.waiting()]
    assert chat in [item["chatId"] for item in first.get("/chats", state="mine").json()["items"]]


def test_an_agent_talks_and_closes(demo: RunningGateway, agents: tuple[Agent, Agent]):
    """Accept, send, close: the customer sees the agent come, speak, and the chat end for good."""
    agent, other = agents
    client = LongPoll(demo.url, service="demo")
    client.handshake()
    key = client.request_chat(nickname="Xenia")["secureKey"]
    chat = agent.find("Xenia")
    agent.accept(chat)
    agent.send(chat, "Good morning")
    assert 403 == other.post(f"/chats/{chat}/messages", {"text": "me too"}).status_code
    assert 200 == agent.post(f"/chats/{chat}/close").status_code
    eventually(lambda: client.poll(5) and client.notifications[-1]["chatEnded"])
    late = client.publish("sendMessage", secureKey=key, message="late").notifications[0]
    spoken = [event for event in client.events() if event["from"]["nickname"] == "Alice"]

    assert ["ParticipantJoined", "Message"] == [event["type"] for event in spoken][:2]
    assert "Good morning" == spoken[1]["text"]
    assert [False] * (len(client.notifications) - 2) == [d["chatEnded"] for d in client.notifications[:-2]]
    assert (2, True, 249) == (late["statusCode"], late["chatEnded"], late["errors"][0]["code"])
    assert 409 == agent.post(f"/chats/{chat}/messages", {"text": "late"}).status_code


def test_an_impossible_configuration_ends_the_gateway_with_one_line(tmp_path):
    """A value that cannot work refuses to start, says why in one line, and does not loop."""
    with pytest.raises(AssertionError, match="ended with"):
        RunningGateway(tmp_path, "[settings]\nflex-disconnect-timeout=never\n")
    lines = [
        line for line in (tmp_path / "gateway.log").read_text().splitlines() if "flex-disconnect" in line
    ]
    assert 1 == len(lines)
    assert lines[0].startswith("gateway: ")
