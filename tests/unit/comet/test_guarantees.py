"""What is delivered once and in order with the ack extension, and what without it, across every kind of loss.

Each guarantee has a negative control: the same story without the mechanism that keeps it loses or doubles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from unit.chat.engine import ALICE
from unit.comet.comet_stand import Messages, Poller, Socket, Stand, texts

from gateway.bayeux import Session


class Acked:
    """A customer with the ack extension over whichever transport; counts as cometd.js does."""

    def __init__(self, stand: Stand, kind: type[Poller] | type[Socket] = Poller) -> None:
        self.stand = stand
        self.batch = 0
        self.shown: list[str] = []
        self.wire: Poller | Socket = kind(stand)
        self.wire.handshake(ack=True)
        self.wire.operation("requestChat", nickname="Ann")
        self.key = next(message["data"] for message in self.connect() if "data" in message)["secureKey"]
        self.wire.secure_key = self.key
        stand.engine.agents.accept(ALICE, self.wire.chat_id)
        self.connect()

    def switch(self, kind: type[Poller] | type[Socket]) -> None:
        """Go on with the same client id over a new connection."""
        old, self.wire = self.wire, kind(self.stand)
        self.wire.id, self.wire.secure_key = old.id, old.secure_key

    def lose(self) -> None:
        """A connect whose reply never arrives."""
        self._send()

    def connect(self) -> Messages:
        """A connect whose reply arrives."""
        messages = self._send()
        self.shown += texts(messages)
        self.batch = messages[-1]["ext"]["ack"]
        return messages

    def _send(self) -> Messages:
        return self.wire.send("/meta/connect", ext={"ack": self.batch}, advice={"timeout": 0})

    def say(self, text: str) -> None:
        self.stand.engine.agents.send(ALICE, self.wire.chat_id, text)


def crash(stand: Stand) -> None:
    """The process dies without writing anything more, and another starts."""
    stand.engine.bus._observers = ()
    stand.engine.build()
    stand.build()


def lost_replies(stand: Stand) -> list[str]:
    client = Acked(stand)
    client.say("one")
    client.lose()
    client.say("two")
    client.lose()
    client.connect(), client.connect()
    return client.shown


def transport_switch(stand: Stand) -> list[str]:
    """A reply is lost over polling, the next over a websocket that dies, and polling fetches everything."""
    client = Acked(stand)
    client.say("one")
    client.lose()
    client.switch(Socket)
    client.lose()
    client.say("two")
    assert isinstance(client.wire, Socket)
    client.wire.die()
    client.switch(Poller)
    client.connect(), client.connect()
    return client.shown


def half_open_socket(stand: Stand) -> list[str]:
    """The socket swallows a frame without an error, another one continues the session."""
    client = Acked(stand, Socket)
    client.wire.send("/meta/connect", ext={"ack": client.batch})
    client.say("one")  # answers the held connect; nobody reads it
    client.switch(Socket)
    client.say("two")
    client.connect(), client.connect()
    return client.shown


def restart(stand: Stand) -> list[str]:
    """The gateway stops after a reply that arrived; its number is known to the next process."""
    client = Acked(stand)
    client.say("one")
    client.connect()
    stand.restart()
    client.say("two")
    client.connect(), client.connect()
    return client.shown


def restart_after_a_loss(stand: Stand) -> list[str]:
    client = Acked(stand)
    client.say("one")
    client.lose()
    stand.restart()
    client.say("two")
    client.connect(), client.connect()
    return client.shown


def crash_and_lost_replies(stand: Stand) -> list[str]:
    """The new process counts up to the number that the client repeats because it hears nothing."""
    client = Acked(stand)
    crash(stand)
    client.say("one")
    for _ in range(client.batch + 1):
        client.lose()
    client.say("two")
    client.connect(), client.connect()
    return client.shown


STORIES = [lost_replies, transport_switch, half_open_socket, restart, restart_after_a_loss]
STORIES += [crash_and_lost_replies]


@pytest.mark.parametrize("story", STORIES)
def test_with_acknowledgements_each_event_comes_once_in_order(
    stand: Stand, story: Callable[[Stand], list[str]]
):
    """Across lost replies, half-open sockets, transport switches and restarts nothing is lost or doubled."""
    assert story(stand) == ["one", "two"]


def _confirm_all(self: Session, batch: int | None) -> bool:
    return _confirm(self, None)


_confirm = Session.confirm

CONTROLS = [
    (lost_replies, "confirm", _confirm_all, []),
    (transport_switch, "confirm", _confirm_all, ["two"]),
    (half_open_socket, "confirm", _confirm_all, ["two"]),
    (restart, "handed_out", lambda _: {}, ["one", "one", "two"]),
    (restart_after_a_loss, "confirm", _confirm_all, ["two"]),
    (crash_and_lost_replies, "go_on_after", lambda self, _: setattr(self, "restored", False), ["two"]),
]


@pytest.mark.parametrize(("story", "mechanism", "without", "outcome"), CONTROLS)
def test_negative_controls(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, story: Any, mechanism: str, without: Any, outcome: list
):
    """Without its mechanism each of these stories loses or doubles an event."""
    monkeypatch.setattr(Session, mechanism, without)
    assert story(stand) == outcome


def test_a_crash_repeats_but_never_loses(stand: Stand):
    """Killed before the number was stored: the events come again, and their indexes say so."""
    client = Acked(stand)
    client.say("one")
    client.connect()
    crash(stand)
    client.say("two")
    client.connect(), client.connect()
    assert client.shown == ["one", "one", "two"]


@pytest.mark.parametrize("kind", [Poller, Socket])
def test_after_a_crash_the_old_client_id_goes_on(stand: Stand, kind: type[Poller] | type[Socket]):
    """No 402: polling continues, and a websocket re-binds on its new socket, both from their cursors."""
    client = kind(stand)
    client.handshake()
    client.request_chat()
    stand.engine.agents.accept(ALICE, client.chat_id)
    for _ in range(2):
        client.send("/meta/connect", advice={"timeout": 0})
    stand.tick(1)
    crash(stand)
    again = kind(stand)
    again.id, again.secure_key = client.id, client.secure_key
    stand.engine.agents.send(ALICE, again.chat_id, "hello")
    messages = again.send("/meta/connect", advice={"timeout": 0})
    assert [message["successful"] for message in messages if "successful" in message] == [True]
    assert texts(messages + again.send("/meta/connect", advice={"timeout": 0})) == ["hello"]


def test_without_a_stored_cursor_the_client_is_unknown(stand: Stand, monkeypatch: pytest.MonkeyPatch):
    """Negative control: what a crash leaves behind is what brings the session back."""
    monkeypatch.setattr(stand.engine.store, "save_comet", lambda _: None)
    client = Poller(stand)
    client.handshake()
    client.request_chat()
    stand.tick(1)
    crash(stand)
    assert client.connect()[0]["error"] == "402::Unknown client"


def test_ack_answers_nobody_fetches_are_bounded():
    """With the ack extension answers wait for a connect; who only asks is cut off (R14)."""
    stand = Stand("[cometd]\nmaxQueueBytes=8192\n[limits]\nenabled=false\n")
    client = Acked(stand)
    session = client.wire.session
    client.say("x" * 3000)
    for _ in range(50):
        client.wire.operation("refresh", transcriptPosition=1)
        if session.closed:
            break
    assert session.closed
    assert session.outbox_bytes < 8192 + 4096


@pytest.mark.parametrize("clear", [True, False], ids=["dead socket", "slow socket"])
def test_a_broadcast_that_could_not_be_written_waits(clear: bool):
    """A broadcast message goes out on the next connection when the socket died with or before it."""
    stand = Stand("[cometd]\nbroadcast_channels=/news\n")
    client = Socket(stand, send_buffer=4096)
    client.handshake()
    client.send("/meta/subscribe", subscription="/news")
    writer = Poller(stand)
    writer.handshake()
    if not clear:
        writer.send("/news", data="x" * 200_000)
    else:
        client.wire.close()
    for number in range(3):
        writer.send("/news", data=number)
    client.die()
    poller = Poller(stand)
    poller.id = client.id
    assert [message.get("data") for message in poller.connect()][:-1] == [0, 1, 2]


def test_what_came_before_the_first_connect_is_numbered_with_it(stand: Stand):
    """With the ack extension nothing queued between handshake and first connect is lost (#521)."""
    client = Poller(stand)
    client.handshake(ack=True)
    (ack,) = client.operation("requestChat", nickname="Ann")
    assert ack["successful"] is True
    lost = client.connect(ext={"ack": 0})
    again = client.connect(ext={"ack": 0})
    assert [message["data"] for message in again[:-1]] == [message["data"] for message in lost[:-1]] != []
    assert client.connect(ext={"ack": again[-1]["ext"]["ack"]})[:-1] == []


def test_a_tab_in_the_background_keeps_its_session(stand: Stand):
    """Browsers run its timers once a minute; the default maxInterval is longer (#699)."""
    client = Poller(stand)
    client.handshake()
    client.connect()
    for _ in range(3):
        stand.tick(60)
        assert client.connect()[0]["successful"] is True
