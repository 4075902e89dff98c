"""Live frames for agents on /service/agent (decision 12)."""

from __future__ import annotations

from typing import Any

import pytest
from unit.chat.engine import ALICE, BOB, ROBOT
from unit.comet.comet_stand import Poller, Socket, Stand

from gateway.chat.decision import Decision
from gateway.chat.notices import Notice
from gateway.model.events import Draft, EventType, Visibility
from gateway.model.session import ChatSession


class Agent(Socket):
    """An agent's websocket."""

    def enter(self, role: str, name: str) -> dict[str, Any]:
        return self.handshake(agent={"token": self.stand.engine.accounts.create(role, name)})

    def feed(self) -> list[tuple[str, str, int | None]]:
        """(type, chat, index of the event) of the frames that arrived."""
        found = []
        for message in self.received():
            assert message["channel"] == "/service/agent"
            assert set(message["data"]) == {"type", "chatId", "event"}
            event = message["data"]["event"]
            found.append((message["data"]["type"], message["data"]["chatId"], event and event["index"]))
        return found


@pytest.fixture
def alice(stand: Stand) -> Agent:
    agent = Agent(stand)
    assert agent.enter("agent", "Alice")["successful"] is True
    return agent


def test_the_life_of_a_chat(alice: Agent, poller: Poller):
    """waiting, taken, then the events of the chats that the account takes part in."""
    stand, chat = alice.stand, poller.chat_id
    bob = Agent(stand)
    bob.enter("agent", "Bob")
    assert alice.feed() == [("waiting", chat, None)]
    stand.engine.agents.accept(ALICE, chat)
    poller.operation("sendMessage", message="hi")
    assert alice.feed() == [("taken", chat, None), ("event", chat, 2), ("event", chat, 3)]
    assert bob.feed() == [("taken", chat, None)]
    stand.engine.agents.leave(ALICE, chat)
    assert bob.feed() == [("waiting", chat, None)]
    assert alice.feed() == [("waiting", chat, None), ("event", chat, 4)]
    stand.engine.agents.accept(BOB, chat)
    poller.operation("disconnect")
    assert bob.feed() == [("taken", chat, None), ("event", chat, 5), ("event", chat, 6)]
    assert alice.feed() == [("taken", chat, None)]


def test_taken_is_told_also_after_a_restart(poller: Poller):
    """A chat that waited before this process began leaves the list in the consoles, too."""
    stand, chat = poller.stand, poller.chat_id
    stand.restart()
    alice = Agent(stand)
    alice.enter("agent", "Alice")
    stand.engine.agents.accept(ALICE, chat)
    assert alice.feed()[0] == ("taken", chat, None)


@pytest.mark.parametrize("agent", [{"token": "wrong"}, {"token": 7}, {}, "x", []])
def test_a_bad_token_is_refused(stand: Stand, agent: object):
    """403 and no session."""
    reply = Poller(stand).handshake(agent=agent)
    assert (reply["successful"], reply["error"], reply["advice"]["reconnect"]) == (
        False,
        "403::handshake_denied",
        "none",
    )
    assert stand.machine.sessions == {}


def test_strangers_have_no_channel(poller: Poller, alice: Agent):
    """Subscribing without a token is 403, publishing is 403 for everybody; customers see no frame."""
    (reply,) = poller.send("/meta/subscribe", subscription="/service/agent")
    assert reply["error"] == "403:/service/agent:subscribe_denied"
    (reply,) = alice.send("/meta/subscribe", subscription="/service/agent")[-1:]
    assert reply["successful"] is True
    for client in (poller, alice):
        (reply,) = client.send("/service/agent", data={"type": "waiting"})
        assert reply["error"] == "403:/service/agent:publish_denied"


def test_agents_only_events_reach_agents(alice: Agent, poller: Poller):
    """Agents see events of every visibility (the customer has gone: wrap-up)."""
    stand, chat = alice.stand, poller.chat_id
    stand.engine.agents.accept(ALICE, chat)
    poller.operation("disconnect")
    alice.feed()
    stand.engine.agents.leave(ALICE, chat)
    assert ("event", chat, 4) in alice.feed()


def test_polling_agents(stand: Stand, poller: Poller):
    """The feed waits in the outbox of an agent that polls, in order."""
    agent = Poller(stand)
    agent.handshake(agent={"token": stand.engine.accounts.create("agent", "Alice")})
    chats = []
    for _ in range(3):
        customer = Poller(stand)
        customer.handshake()
        customer.request_chat()
        chats.append(customer.chat_id)
    assert [message["data"]["chatId"] for message in agent.connect()[:-1]] == chats


def test_a_feed_without_a_reader_is_bounded():
    """An agent that never polls is dropped, not kept for ever."""
    stand = Stand("[cometd]\nmaxQueue=2\n")
    agent = Poller(stand)
    agent.handshake(agent={"token": stand.engine.accounts.create("agent", "Alice")})
    for _ in range(4):
        customer = Poller(stand)
        customer.handshake()
        customer.request_chat()
    assert agent.connect()[0]["error"] == "402::Unknown client"
    assert stand.feed._sessions == {}


def details(agent: Agent) -> list[tuple[str, dict[str, Any]]]:
    """(type, detail) of the notices that arrived."""
    data = [message["data"] for message in agent.received()]
    return [(one["type"], one["detail"]) for one in data if "detail" in one]


def test_a_notice_reaches_whom_it_is_for(stand: Stand):
    """Named accounts, every supervisor where it says so, everybody when nobody is named; never bots."""
    people = {name: Agent(stand) for name in ("Alice", "Bob", "Sara", "Robot")}
    for name, agent in people.items():
        agent.enter({"Sara": "supervisor", "Robot": "bot"}.get(name, "agent"), name)
        agent.received()
    for notice, expected in (
        (Notice("offer", "c", to=frozenset({"Alice"})), {"Alice"}),
        (Notice("chat", "c", to=frozenset({"Bob"}), overseers=True), {"Bob", "Sara"}),
        (Notice("queues", detail={"a:b": 1}), {"Alice", "Bob", "Sara"}),
    ):
        stand.feed.tell(notice)
        told = {name for name, agent in people.items() if details(agent) == [(notice.kind, notice.detail)]}
        assert expected == told


def test_bots_get_what_the_customer_gets(stand: Stand, poller: Poller):
    """An event for the personnel only is no frame for a bot in the chat, and is one for the agent."""
    alice, robot = Agent(stand), Agent(stand)
    alice.enter("agent", "Alice")
    robot.enter("bot", "Robot")
    for account in (ROBOT, ALICE):
        stand.engine.agents.accept(account, poller.chat_id)
    for agent in (alice, robot):
        agent.received()

    def whisper(session: ChatSession) -> Decision:
        author = session.profile.by_owner("Alice")
        return Decision(drafts=(Draft(EventType.MESSAGE, author, text="x", visibility=Visibility.AGENTS),))

    stand.engine.ledger.change(poller.chat_id, whisper)
    assert ([("event", poller.chat_id, 4)], []) == (alice.feed(), robot.feed())


def test_sessions_of_a_bad_credential_go(stand: Stand):
    """Only those, and the account counts as connected exactly as long."""
    alice, bob = Agent(stand), Agent(stand)
    alice.enter("agent", "Alice")
    bob.enter("agent", "Bob")
    assert (True, False) == (stand.feed.connected("Alice"), stand.feed.connected("Carl"))
    assert 1 == stand.feed.drop_refused(lambda account: account.name != "Alice")
    assert (False, True) == (stand.feed.connected("Alice"), stand.feed.connected("Bob"))
