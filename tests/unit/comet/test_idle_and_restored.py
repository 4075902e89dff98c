"""CometD clients of quiet, parked and restored chats (spec/chat-api-v2.md 8.4, 8.5; spec/push.md 8)."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from typing import Any

import pytest
from unit.chat.engine import ALICE
from unit.comet.comet_stand import Poller, Socket, Stand, events, texts

IDLE = (
    "[inactivity-control]\nenabled=true\ntimeout-alert=60\ntimeout-alert2=20\ntimeout-close=10\n"
    "[settings]\nsession-restore-extend-by=agent\n"
)
ASYNC = {"GCTI_Chat_AsyncMode": "true"}
ALERTS = [(2, "IdleAlert"), (3, "IdleAlert")]


@pytest.fixture
def stand() -> Stand:
    return Stand(IDLE)


@pytest.fixture(params=[Poller, Socket])
def client(stand: Stand, request: pytest.FixtureRequest) -> Poller | Socket:
    """A client over each transport, with a chat of its own."""
    found = request.param(stand)
    found.handshake()
    found.send("/meta/connect", advice={"timeout": 0})
    found.request_chat()
    return found


def quiet(stand: Stand, seconds: int) -> None:
    for _ in range(seconds):
        stand.engine.clock.advance(1)
        stand.engine.idle.sweep()


def news(client: Poller | Socket) -> list[dict[str, Any]]:
    """The notifications that are there now."""
    sent = client.received() if isinstance(client, Socket) else client.connect()
    return [message for message in sent if "data" in message]


def expires(messages: list[dict[str, Any]]) -> list[int | None]:
    return [message["data"].get("idleTimerExpire") for message in messages if "data" in message]


def test_alerts_close_and_the_seconds_that_are_left(stand: Stand, client: Poller | Socket):
    """Each frame of the alert phase counts down to the next step; the last one ends the chat."""
    client.operation("refresh", transcriptPosition=1)
    quiet(stand, 60)
    frames = news(client)
    assert ([(2, "IdleAlert")], [20]) == (events(frames), expires(frames))
    quiet(stand, 5)
    assert [15] == expires(client.operation("refresh", transcriptPosition=3))
    assert [15] == expires(client.operation("requestNotifications", transcriptPosition=3))
    quiet(stand, 15)
    frames = news(client)
    assert ([(3, "IdleAlert")], [10]) == (events(frames), expires(frames))
    quiet(stand, 10)
    frames = news(client)
    assert [(4, "IdleClose"), (5, "ParticipantLeft")] == events(frames)
    assert [None, None] == expires(frames)
    assert [False, True] == [message["data"]["chatEnded"] for message in frames]


def test_who_comes_back_gets_the_same_frames(stand: Stand, client: Poller | Socket):
    """Frames that are rendered from the store later have the seconds that they had when they happened."""
    quiet(stand, 80)
    live = news(client)
    again = Poller(stand)
    again.handshake()
    again.connect()
    again.secure_key = client.secure_key
    again.operation("requestNotifications", transcriptPosition=2)
    attachment = again.session.sources[0]
    attachment.rewind(1)
    quiet(stand, 3)
    replayed = news(again)
    assert ALERTS == events(replayed)
    assert live == replayed


def test_cancelling_takes_the_countdown_away_without_a_frame(stand: Stand, client: Poller | Socket):
    """The Widget's wake notice: acknowledged, nothing visible, no seconds in later answers (6.9)."""
    quiet(stand, 60)
    news(client)
    ack, *rest = client.operation("customNotice", eventAttributes={"purpose": "cancel-idle-timer"})
    assert (True, []) == (ack["successful"], [message for message in rest if "data" in message])
    assert [None] == expires(client.operation("refresh", transcriptPosition=3))
    quiet(stand, 59)
    assert [] == news(client)
    quiet(stand, 1)
    assert [(3, "IdleAlert")] == events(news(client))


@pytest.mark.parametrize("kind", [Poller, Socket])
def test_a_restored_chat_asks_for_notifications(stand: Stand, kind: type[Poller | Socket]):
    """The first notification has chatEnded false although the transcript holds an end; live events follow."""
    client = kind(stand)
    client.handshake()
    client.send("/meta/connect", advice={"timeout": 0})
    client.request_chat()
    chat = client.chat_id
    stand.engine.agents.accept(ALICE, chat)
    stand.engine.agents.close(ALICE, chat)
    assert (4, "ParticipantLeft") in events(news(client))
    stand.engine.agents.restore(ALICE, chat)
    found = client.operation("requestNotifications", transcriptPosition=1)
    (answer,) = [data for data in (message.get("data", {}) for message in found) if "secureKey" in data]
    assert (False, [1, 2, 3, 4, 5, 6]) == (answer["chatEnded"], [one["index"] for one in answer["messages"]])
    stand.engine.agents.send(ALICE, chat, "welcome back")
    assert ["welcome back"] == texts(news(client))


def test_who_was_away_at_the_end_stays_attached(stand: Stand):
    """A client that had not seen the end yet gets it, what followed it, and everything after."""
    client = Poller(stand)
    client.handshake()
    client.connect()
    client.request_chat()
    chat = client.chat_id
    stand.engine.agents.accept(ALICE, chat)
    stand.engine.agents.close(ALICE, chat)
    stand.engine.agents.restore(ALICE, chat)
    assert [2, 3, 4, 5, 6] == [index for index, _ in events(news(client))]
    client.connect()
    stand.engine.agents.send(ALICE, chat, "still there?")
    assert ["still there?"] == texts(news(client))


@pytest.mark.parametrize("kind", [Poller, Socket])
def test_who_stays_connected_through_end_and_return_is_not_removed(stand: Stand, kind: type[Poller | Socket]):
    """The attachment still counts as presence, and once it goes the disconnect timer runs."""
    client = kind(stand)
    client.handshake()
    client.send("/meta/connect", advice={"timeout": 0})
    client.request_chat()
    chat = client.chat_id
    stand.engine.agents.accept(ALICE, chat)
    stand.engine.agents.close(ALICE, chat)
    stand.engine.agents.restore(ALICE, chat)
    client.operation("requestNotifications", transcriptPosition=1)
    for _ in range(200):
        stand.engine.clock.advance(1)
        stand.engine.timeouts.sweep()
    assert stand.engine.store.session(chat).customer.present
    client.send("/meta/disconnect")
    for _ in range(91):
        stand.engine.clock.advance(1)
        stand.engine.timeouts.sweep()
    assert "3" == stand.engine.store.session(chat).customer.left


def test_an_end_that_nobody_revoked_lets_the_client_go(stand: Stand):
    """Negative control: without a restoration the attachment goes once the end was seen."""
    client = Poller(stand)
    client.handshake()
    client.connect()
    client.request_chat()
    chat = client.chat_id
    stand.engine.agents.accept(ALICE, chat)
    stand.engine.agents.close(ALICE, chat)
    news(client)
    client.connect()
    assert 0 == stand.hub.attached_count(chat)


def test_agents_are_told_of_parked_and_restored_chats(stand: Stand):
    """`taken` and `waiting` say what the waiting list does: a parked chat is not in it."""
    agent = Poller(stand)
    agent.handshake(agent={"token": stand.engine.accounts.create("agent", "Alice")})
    agent.connect()
    customer = Poller(stand)
    customer.handshake()
    customer.connect()
    customer.request_chat(userData=ASYNC)
    chat = customer.chat_id

    def told() -> list[str]:
        frames = [message["data"] for message in agent.connect() if "data" in message]
        return [data["type"] for data in frames if data["type"] != "event"]

    assert ["waiting"] == told()
    stand.engine.agents.accept(ALICE, chat)
    assert ["taken"] == told()
    stand.engine.agents.park(ALICE, chat)
    assert [] == told()
    customer.operation("sendMessage", message="hello?")
    assert ["waiting"] == told()
    stand.engine.agents.accept(ALICE, chat)
    stand.engine.agents.close(ALICE, chat)
    assert ["taken"] == told()
    stand.engine.agents.restore(ALICE, chat)
    assert "waiting" not in told()
