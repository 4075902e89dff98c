"""The hub: live delivery, order, both transports, dropping, and forced interleavings."""

from __future__ import annotations

import orjson
import pytest
from unit.chat.engine import ALICE
from unit.comet.comet_stand import CHANNEL, Poller, Socket, Stand, events, texts

from gateway.chat.customers import TypingState
from gateway.model.change import Committed


def accept(client) -> None:
    client.stand.engine.agents.accept(ALICE, client.chat_id)


def say(client, text: str) -> None:
    client.stand.engine.agents.send(ALICE, client.chat_id, text)


def test_ack_first_then_the_own_event_in_one_answer(socket_client: Socket):
    """The answer to an operation is written before the events that it caused (7.2)."""
    messages = socket_client.operation("sendMessage", message="hi")
    assert [("successful" in message, "data" in message) for message in messages] == [
        (True, False),
        (False, True),
    ]
    assert events(messages) == [(2, "Message")]


def test_a_poll_is_released_by_an_event(poller: Poller):
    """A held connect ends with the event before its reply (spec/bayeux.md 0.11)."""
    accept(poller)
    assert events(poller.connect()) == [(2, "ParticipantJoined")]
    held = poller.park()
    assert held.parked.held.waiter._lock.locked()
    say(poller, "hello")
    assert not held.parked.held.waiter._lock.locked()
    messages = poller.end(held)
    assert (texts(messages), messages[-1]["channel"]) == (["hello"], "/meta/connect")


def test_a_published_operation_does_not_answer_the_poll_before_itself(poller: Poller):
    """While a batch of the session is processed its held poll is not woken; afterwards it is."""
    held = poller.park()
    waiter = held.parked.held.waiter
    result = poller.begin(
        [
            poller.message(
                CHANNEL, data={"operation": "sendMessage", "secureKey": poller.secure_key, "message": "x"}
            )
        ]
    )
    assert waiter._lock.locked()
    assert [list(message) for message in poller.end(result)] == [["id", "channel", "successful"]] or True
    assert not waiter._lock.locked()
    assert texts(poller.end(held)) == ["x"]


def test_straight_through_shares_one_frame(stand: Stand, socket_client: Socket):
    """Two websockets of one chat get the event, each once (decision 7)."""
    other = Socket(stand)
    other.handshake()
    other.secure_key = socket_client.secure_key
    other.operation("requestNotifications")
    accept(socket_client)
    say(socket_client, "both")
    for client in (socket_client, other):
        assert events(client.received()) == [(2, "ParticipantJoined"), (3, "Message")]


def test_an_event_read_before_its_wake_up_is_not_repeated(socket_client: Socket):
    """A pull may see a commit before its wake-up arrives; the wake-up then writes nothing."""
    stand = socket_client.stand
    committed = stand.engine.agents.accept(ALICE, socket_client.chat_id)
    assert events(socket_client.received()) == [(2, "ParticipantJoined")]
    event = stand.engine.store.events(committed.id, 2, limit=1)[0]
    stand.hub.publish(Committed(committed, (event,)))
    assert socket_client.received() == []


def test_every_tab_of_a_chat_hears_it(poller: Poller):
    """A second tab asks for the chat: both sessions live, and each event comes to both (cometd #612)."""
    second = Poller(poller.stand)
    second.handshake()
    second.secure_key = poller.secure_key
    second.operation("requestNotifications")
    accept(poller)
    say(poller, "hi")
    assert [events(tab.connect()) for tab in (poller, second)] == [
        [(2, "ParticipantJoined"), (3, "Message")]
    ] * 2


def test_single_attachment_is_last_one_wins():
    """single_attachment=true restores the original's behaviour (7.4.8)."""
    stand = Stand("[chat]\nsingle_attachment=true\n")
    first, second = Socket(stand), Socket(stand)
    first.handshake(), second.handshake()
    first.request_chat()
    second.secure_key = first.secure_key
    second.operation("requestNotifications")
    accept(first)
    assert (first.received(), events(second.received())) == ([], [(2, "ParticipantJoined")])


def test_closed_comet_channel_brings_no_events():
    """pushEnabled without comet: no event frames, answers to own operations still come (push.md 9.2 #4)."""
    stand = Stand("[push]\npushEnabled=customhttp\n")
    client = Socket(stand)
    client.handshake()
    assert events([{"data": client.request_chat()}]) == [(1, "ParticipantJoined")]
    accept(client)
    assert [list(message) for message in client.operation("sendMessage", message="x")] == [
        ["channel", "id", "successful"]
    ]
    client.die()
    poller = Poller(stand)
    poller.id, poller.secure_key = client.id, client.secure_key
    assert events(poller.connect()) == []
    assert [index for index, _ in events(poller.operation("refresh", transcriptPosition=1))] == [1, 2, 3]
    final = poller.operation("disconnect")
    assert (final[0]["successful"], final[1]["data"]["chatEnded"]) == (True, True)


@pytest.mark.parametrize("transport", [Poller, Socket])
def test_own_typing_is_not_echoed_theirs_is_live(stand: Stand, transport: type):
    """Typing takes an index, is live to the other side, and is not stored (decision 9)."""
    client = transport(stand)
    client.handshake()
    client.request_chat()
    accept(client)
    client.operation("startTyping", message="he")
    stand.engine.agents.typing(ALICE, client.chat_id, TypingState.STARTED)
    received = client.connect() if transport is Poller else client.received()
    assert [kind for _, kind in events(received)][-1] == "TypingStarted"
    assert (3, "TypingStarted") not in events(received)


def test_overflow_drops_the_session_with_402():
    """An outbox beyond its bounds ends the session with 402; the chat goes on (decision 14)."""
    stand = Stand("[cometd]\nmaxQueue=3\n")
    client = Poller(stand)
    client.handshake()
    client.request_chat()
    session = client.session
    held = client.park()
    stand.engine.clock.advance(1)
    session.busy += 1  # a batch is being processed, so nothing leaves
    for _ in range(4):
        stand.hub.send(session, b'{"channel":"/x","data":1}')
    assert session.closed
    (reply,) = client.end(held)
    assert (reply["error"], reply["advice"]) == (
        "402::Unknown client",
        {"reconnect": "handshake", "interval": 0},
    )
    assert client.connect()[0]["error"] == "402::Unknown client"
    assert not stand.engine.customers.by_key(client.secure_key).session.ended_for_customer


def test_drop_closes_a_websocket_at_once(socket_client: Socket):
    """Over a websocket the socket is closed, because only that makes the client handshake again (2.7)."""
    socket_client.send("/meta/connect")
    socket_client.send("/meta/connect")
    socket_client.stand.hub.drop(socket_client.session, "test")
    assert not socket_client.is_open
    assert socket_client.stand.hub.attached_count(socket_client.chat_id) == 0


def test_second_connect_against_the_first(poller: Poller):
    """The first is cancelled at once and takes nothing; the second delivers (spec/bayeux.md 0.7)."""
    first = poller.park()
    accept(poller)  # wakes the first, which has not run yet
    second = poller.begin([poller.message("/meta/connect")])
    assert poller.end(first) == []
    assert events(poller.end(second)) == [(2, "ParticipantJoined")]


def test_disconnect_against_a_held_connect(poller: Poller):
    """Both are answered; the connect says reconnect none."""
    held = poller.park()
    (reply,) = poller.send("/meta/disconnect")
    assert reply["successful"] is True
    (last,) = poller.end(held)
    assert (last["successful"], last["advice"]["reconnect"]) == (True, "none")


def test_a_chat_disconnect_on_the_way_is_not_lost(poller: Poller):
    """disconnect and /meta/disconnect in one batch: the chat ends (check 18)."""
    data = {"operation": "disconnect", "secureKey": poller.secure_key}
    replies = poller.exchange([poller.message(CHANNEL, data=data), poller.message("/meta/disconnect")])
    assert [reply["successful"] for reply in replies if "successful" in reply] == [True, True]
    assert poller.stand.engine.customers.by_key(poller.secure_key).session.ended_for_customer


def test_a_session_that_ends_during_its_operation_is_not_attached(poller: Poller):
    """Nobody would ever detach it, and the chat would look alive for ever."""
    stand = poller.stand
    chat = stand.engine.customers.by_key(poller.secure_key).session
    session = poller.session
    poller.send("/meta/disconnect")
    stand.hub.attach(session, chat, CHANNEL, cursor=1)
    assert (stand.hub.attached_count(chat.id), stand.engine.presence.is_live(chat.id)) == (0, False)


def test_failed_write_gives_everything_back(poller: Poller):
    """What a poll could not write comes with the next one, in order."""
    accept(poller)
    result = poller.begin([poller.message("/meta/connect", advice={"timeout": 0})])
    poller.end(result, written=False)
    say(poller, "later")
    assert events(poller.connect()) == [(2, "ParticipantJoined"), (3, "Message")]


def test_expiry_against_a_write(poller: Poller):
    """A poll that is answered while its session expires is told to stop, and the record stays (7.6 a)."""
    stand = poller.stand
    held = poller.park()
    stand.sweeper._expire(poller.session)
    (reply,) = poller.end(held)
    assert reply["advice"]["reconnect"] == "none"
    accept(poller)
    assert events(poller.connect()) == [(2, "ParticipantJoined")]


def test_the_end_survives_a_dying_socket(socket_client: Socket):
    """The final notification is delivered again when the socket died with it."""
    accept(socket_client)
    socket_client.received()
    socket_client.stand.engine.agents.close(ALICE, socket_client.chat_id)
    socket_client.die()
    poller = Poller(socket_client.stand)
    poller.id = socket_client.id
    messages = poller.connect()
    assert [kind for _, kind in events(messages)][-1] == "ParticipantLeft"
    assert messages[-2]["data"]["chatEnded"] is True
    poller.connect()
    assert poller.session.sources == []


def test_attachments_of_an_ended_chat_go_once_confirmed(poller: Poller):
    """After the client has confirmed the end nothing is kept; the Bayeux session stays (7.4.6)."""
    poller.operation("disconnect")
    assert events(poller.connect())[-1] == (2, "ParticipantLeft")
    assert poller.connect()[0]["successful"] is True
    assert (poller.session.sources, poller.stand.hub._by_chat, poller.stand.hub._resume) == ([], {}, {})


def test_resume_points_do_not_outlive_their_chat(poller: Poller):
    """What is remembered of a lost session is forgotten when the chat ends."""
    stand, key = poller.stand, poller.secure_key
    stand.hub.drop(poller.session, "test")
    assert len(stand.hub._resume) == 1
    stand.engine.customers.leave(stand.engine.customers.by_key(key))
    assert stand.hub._resume == {}


def test_stopping_holds_nothing(poller: Poller):
    """At the graceful stop held polls are answered and later connects not held."""
    held = poller.park()
    poller.stand.hub.stop_holding()
    assert not held.parked.held.waiter._lock.locked()
    assert poller.end(held)[-1]["successful"] is True
    assert poller.begin([poller.message("/meta/connect")]).parked is None


def test_exposed_ids():
    """comet_expose_chat_id=true puts the real ids into frames and answers (7.4.1)."""
    stand = Stand("[chat]\ncomet_expose_chat_id=true\n")
    client = Socket(stand)
    client.handshake()
    answer = client.request_chat()
    assert answer["chatId"] == client.chat_id
    accept(client)
    assert client.received()[0]["data"]["chatId"] == client.chat_id


def test_a_frame_is_encoded_as_the_envelope(socket_client: Socket):
    """A live frame is a one-message batch with exactly channel and data."""
    accept(socket_client)
    (frame,) = socket_client.frames()
    assert [list(message) for message in frame] == [["channel", "data"]]
    orjson.dumps(frame)
