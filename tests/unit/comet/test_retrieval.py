"""What a comet client is given ends the reminders to its device, what it is not given does not (4.3)."""

from __future__ import annotations

import pytest
from unit.chat.engine import ALICE
from unit.chat.reliable_stand import KEYS, ReliableEngine, Told
from unit.comet.comet_stand import NAMES, Client, Messages, Poller, Socket, Stand

from gateway.model.deliveries import DeliveryState

DEVICE = {**KEYS, "push_notification_deviceid": "device-9", "push_notification_type": "customhttp"}


class ReliableStand(Stand):
    """The comet stand over an engine with reliable push."""

    engine: ReliableEngine

    def __init__(self, ini: str = "") -> None:
        self.engine = ReliableEngine(ini)
        self.build()

    def chat(self, client: Client, **ext: bool) -> None:
        """A reliable chat of this client, which has seen everything; the join was long ago."""
        client.handshake(**ext)
        poll(client)
        answers = client.operation("requestChat", **NAMES, userData=KEYS) + poll(client)
        client.secure_key = next(message["data"]["secureKey"] for message in answers if "data" in message)
        self.engine.agents.accept(ALICE, client.chat_id)
        for _ in range(2):
            poll(client)
        self.engine.sent()
        self.engine.after(2)

    def say(self, client: Client) -> None:
        """The agent's message, number 3, and its pointer."""
        self.engine.agents.send(ALICE, client.chat_id, "hello")
        assert [("0", "3", 4)] == self.engine.sent()

    def reminded(self) -> list[Told]:
        """What is sent 15 seconds later."""
        return self.engine.after(15)


@pytest.fixture
def stand() -> ReliableStand:
    """Real parts, nothing in the background."""
    return ReliableStand()


def poll(client: Client) -> Messages:
    """A connect that is answered at once; with the ack extension it confirms what came before."""
    ext = {"ext": {"ack": client.session.batch}} if client.session.ack else {}
    return client.send("/meta/connect", connectionType=client.peer.transport, advice={"timeout": 0}, **ext)


def test_written_to_a_poll(stand: ReliableStand) -> None:
    """Without the ack extension a frame that was written counts."""
    client = Poller(stand)
    stand.chat(client)
    stand.say(client)
    poll(client)
    assert [] == stand.reminded()


def test_not_written_to_a_poll(stand: ReliableStand) -> None:
    """A reply that could not be written delivers nothing."""
    client = Poller(stand)
    stand.chat(client)
    stand.say(client)
    result = client.begin([client.message("/meta/connect", advice={"timeout": 0})])
    client.end(result, written=False)
    assert [("1", "3", 4)] == stand.reminded()


def test_not_polled(stand: ReliableStand) -> None:
    """An attached session alone delivers nothing."""
    client = Poller(stand)
    stand.chat(client)
    stand.say(client)
    assert [("1", "3", 4)] == stand.reminded()


def test_acknowledged_by_the_next_connect(stand: ReliableStand) -> None:
    """With the ack extension a frame counts when the next connect confirms it, not when it is written."""
    client = Poller(stand)
    stand.chat(client, ack=True)
    stand.say(client)
    poll(client)
    assert [("1", "3", 4)] == stand.reminded()
    poll(client)
    assert [] == stand.reminded()


def test_written_through_a_websocket(stand: ReliableStand) -> None:
    """The usual case: a live event on an open websocket."""
    client = Socket(stand)
    stand.chat(client)
    stand.say(client)
    assert [] == stand.reminded()


def test_a_websocket_chat_costs_one_write_per_message(stand: ReliableStand) -> None:
    """Clearing is one write; frames with nothing pending cost none."""
    client = Socket(stand)
    stand.chat(client)
    stand.say(client)
    stand.reminded()
    before = stand.engine.store.pending(client.chat_id)
    for _ in range(5):
        client.operation("sendMessage", message="mine")
    stand.reminded()
    assert before == stand.engine.store.pending(client.chat_id)


def test_a_closed_comet_channel_delivers_nothing(stand: ReliableStand) -> None:
    """`pushEnabled=customhttp`: events pass the client by, so its connects must not count as retrieval."""
    stand.engine.configure(stand.engine._ini.replace("comet,customhttp", "customhttp"))
    client = Socket(stand)
    stand.chat(client)
    stand.engine.customers.transcript(stand.engine.customers.by_key(client.secure_key), 1)
    stand.say(client)
    poll(client)
    poll(client)
    client.send("/meta/disconnect", ext={"transcriptPosition": 3})
    assert [("1", "3", 4)] == stand.reminded()


@pytest.mark.parametrize(("position", "reminded"), [(3, [("1", "3", 4)]), ("4", []), (99, [("1", "3", 4)])])
def test_background(stand: ReliableStand, position: int | str, reminded: list[Told]) -> None:
    """8: the position of a /meta/disconnect says what the app has; never more than it was handed out."""
    client = Poller(stand)
    stand.chat(client, ack=True)
    stand.say(client)
    if position != 99:
        poll(client)
    client.send("/meta/disconnect", ext={"transcriptPosition": position})
    assert reminded == stand.reminded()
    assert not stand.engine.presence.is_live(stand.engine.customers.by_key(client.secure_key).session.id)


def test_request_notifications(stand: ReliableStand) -> None:
    """9.4.9: coming back with another device: an immediate pointer, then the answer clears everything."""
    client = Poller(stand)
    stand.chat(client)
    client.send("/meta/disconnect", ext={"transcriptPosition": 3})
    stand.say(client)
    back = Poller(stand)
    back.handshake()
    back.secure_key = client.secure_key
    back.operation(
        "requestNotifications", transcriptPosition="3", userData={"GCTI_GMS_PushDeviceId": "device-9"}
    )
    (row,) = stand.engine.store.claim("w", now_ms=stand.engine.clock.wall_ms(), lease_ms=9, limit=9)
    assert ("device-9", f"{back.chat_id}:1:3") == (row.device_id, row.idempotency_key)
    stand.engine.store.finish(row.id, "w", state=DeliveryState.DELIVERED, attempt=None)
    assert [] == stand.reminded()


def test_request_notifications_of_an_unsubscribed_chat(stand: ReliableStand) -> None:
    """9.4.9: a device registered in the middle of a chat is told of what the client says it lacks."""
    client = Poller(stand)
    client.handshake()
    client.request_chat()
    stand.engine.agents.accept(ALICE, client.chat_id)
    client.operation("requestNotifications", transcriptPosition=3, userData=DEVICE)
    assert [] == stand.engine.sent()
    stand.engine.agents.send(ALICE, client.chat_id, "hello")
    assert [("0", "3", 4)] == stand.engine.sent()


def test_a_revived_session_after_a_restart_clears(stand: ReliableStand) -> None:
    """The process dies between frame and confirmation: the next process learns of it and is silent."""
    client = Poller(stand)
    stand.chat(client)
    stand.say(client)
    stand.restart()
    client.connect()
    client.connect()
    assert [] == stand.reminded()
