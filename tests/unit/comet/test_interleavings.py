"""Races between the requests of one client, each forced into the order that hurts (spec/bayeux.md 3, 5, 7).

A request is begun (processed, its answer not yet written) and ended (written, or failed) by the test, so what
happens in between is exactly what the test says.
"""

from __future__ import annotations

import pytest
from unit.chat.engine import ALICE
from unit.comet.comet_stand import CHANNEL, Poller, Socket, Stand, events, texts

from gateway.bayeux import Session


def say(client, text: str) -> None:
    client.stand.engine.agents.send(ALICE, client.chat_id, text)


def joined(client: Poller) -> Poller:
    """The agent is in the chat and the client knows it."""
    client.stand.engine.agents.accept(ALICE, client.chat_id)
    client.connect(), client.connect()
    return client


def same_client(client, kind: type = Poller):
    """Another connection of the same client."""
    other = kind(client.stand)
    other.id, other.secure_key = client.id, client.secure_key
    return other


def acked(stand: Stand) -> Poller:
    """A client with the ack extension, in a chat with an agent, up to date; its last number is 3."""
    client = Poller(stand)
    client.handshake(ack=True)
    client.operation("requestChat", nickname="Ann")
    (answer, _) = client.connect(ext={"ack": 0})
    client.secure_key = answer["data"]["secureKey"]
    stand.engine.agents.accept(ALICE, client.chat_id)
    client.connect(ext={"ack": 1}), client.connect(ext={"ack": 2})
    return client


# --- second connect against the first ---------------------------------------------------------------------


def test_second_connect_before_the_first_is_processed(poller: Poller):
    """A held connect that was not woken is cancelled with nothing in it; the event goes to the second."""
    joined(poller)
    first = poller.park()
    second = poller.begin([poller.message("/meta/connect")])
    say(poller, "hi")
    assert poller.end(first) == []
    assert texts(poller.end(second)) == ["hi"]


def test_second_connect_while_the_first_is_being_written(poller: Poller):
    """The first takes the event and its write fails; the second, held already, is woken and has it."""
    joined(poller)
    say(poller, "hi")
    first = poller.begin([poller.message("/meta/connect")])
    second = poller.begin([poller.message("/meta/connect")])
    waiter = second.parked.held.waiter
    assert waiter._lock.locked()
    poller.end(first, written=False)
    assert not waiter._lock.locked(), "it would wait for its whole timeout (cometd #595)"
    assert texts(poller.end(second)) == ["hi"]


GUARDED = pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "negative control"])


def credulous_confirm(session: Session, batch: int | None) -> bool:
    """`confirm` that takes what is still being written for arrived."""
    for delivery in session._open:
        delivery.written = True
    return _confirm(session, batch)


_confirm = Session.confirm


@GUARDED
def test_a_connect_confirms_nothing_that_is_still_being_written(
    poller: Poller, monkeypatch: pytest.MonkeyPatch, guarded: bool
):
    """A process that dies between the overtaking connect and the end of the write loses nothing."""
    joined(poller)
    if not guarded:
        monkeypatch.setattr(Session, "confirm", credulous_confirm)
    say(poller, "hi")
    poller.begin([poller.message("/meta/connect")])
    poller.begin([poller.message("/meta/connect")])
    poller.stand.restart()
    assert texts(poller.connect()) == (["hi"] if guarded else [])


@GUARDED
def test_the_end_of_a_chat_in_a_failing_write(poller: Poller, monkeypatch: pytest.MonkeyPatch, guarded: bool):
    """The chat is not let go of by a connect that overtakes its last answer; the end comes again."""
    joined(poller)
    if not guarded:
        monkeypatch.setattr(Session, "confirm", credulous_confirm)
    poller.stand.engine.agents.close(ALICE, poller.chat_id)
    first = poller.begin([poller.message("/meta/connect")])
    second = poller.begin([poller.message("/meta/connect")])
    poller.end(first, written=False)
    ended = [message["data"]["chatEnded"] for message in poller.end(second) if "data" in message]
    assert (True in ended) is guarded


@GUARDED
def test_overlapping_connects_with_acknowledgements_double_nothing(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, guarded: bool
):
    """The same number again gives the delivery back; that its write then fails changes nothing (#508).

    An answer is in no transcript, so no index would tell the client that it came twice.
    """
    client = acked(stand)
    if not guarded:
        monkeypatch.setattr(Session, "undo", forgetful_undo)
    client.operation("refresh", transcriptPosition=-1)
    first = client.begin([client.message("/meta/connect", ext={"ack": 3})])
    second = client.begin([client.message("/meta/connect", ext={"ack": 3})])
    client.end(first, written=False)
    answers = client.end(second)[:-1] + client.connect(ext={"ack": 5})[:-1]
    assert len(answers) == (1 if guarded else 2)


_undo = Session.undo


def forgetful_undo(session: Session, delivery) -> None:
    """`undo` without its memory of what was settled already."""
    delivery.settled = False
    _undo(session, delivery)


def test_a_write_that_fails_after_its_acknowledgement(stand: Stand):
    """The number is the client's word: a reset after the last byte does not bring the messages again."""
    client = acked(stand)
    say(client, "hi")
    first = client.begin([client.message("/meta/connect", ext={"ack": 3})])
    assert events(client.connect(ext={"ack": 4})) == []
    client.end(first, written=False)
    assert events(client.connect(ext={"ack": 5})) == []


def test_two_connects_do_not_cancel_each_other_for_ever(poller: Poller):
    """The cancelled one is answered once and nothing of it remains; the winner stays (#800, #910)."""
    first = poller.park()
    second = poller.begin([poller.message("/meta/connect")])
    assert poller.end(first) == []
    assert poller.session.held is second.parked.held
    assert poller.end(second)[-1]["successful"] is True
    assert poller.session.held is None


# --- publish against connect ------------------------------------------------------------------------------


def test_an_event_between_the_operation_and_its_answer(poller: Poller):
    """What the agent says while an operation is answered comes after the answer, and once."""
    joined(poller)
    held = poller.park()
    data = {"operation": "sendMessage", "secureKey": poller.secure_key, "message": "mine"}
    publish = poller.begin([poller.message(CHANNEL, data=data)])
    say(poller, "theirs")
    assert held.parked.held.waiter._lock.locked()
    (ack,) = poller.end(publish)
    assert ack["successful"] is True
    assert texts(poller.end(held)) == ["mine", "theirs"]


def test_a_connect_between_a_publish_and_its_answer(poller: Poller):
    """A connect beside an unanswered requestNotifications does not deliver its events twice."""
    joined(poller)
    say(poller, "old")
    data = {"operation": "requestNotifications", "secureKey": poller.secure_key, "transcriptPosition": 3}
    request = poller.begin([poller.message(CHANNEL, data=data)])
    meanwhile = poller.begin([poller.message("/meta/connect", advice={"timeout": 0})])
    assert texts(poller.end(request)) == ["old"]
    assert texts(poller.end(meanwhile)) == []


# --- disconnect against a held connect --------------------------------------------------------------------


def test_a_disconnect_while_the_poll_is_being_written(poller: Poller):
    """The poll took an event, the session ends, the poll cannot be written: nothing is left behind."""
    joined(poller)
    held = poller.park()
    say(poller, "bye")
    (reply,) = poller.send("/meta/disconnect")
    assert reply["successful"] is True
    assert poller.end(held, written=False) == []
    assert poller.stand.machine.sessions == {}
    assert poller.stand.machine.due(1e9) == []
    assert poller.connect()[0]["error"] == "402::Unknown client"


# --- expiry against a write -------------------------------------------------------------------------------


def test_expiry_while_an_answer_is_being_written(poller: Poller):
    """A download that takes longer than maxInterval is no silence: the time counts from its end (#147)."""
    joined(poller)
    say(poller, "large")
    slow = poller.begin([poller.message("/meta/connect")])
    poller.stand.tick(80)
    assert poller.id in poller.stand.machine.sessions
    assert texts(poller.end(slow)) == ["large"]
    poller.stand.tick(74)
    assert poller.id in poller.stand.machine.sessions
    poller.stand.tick(2)
    assert poller.id not in poller.stand.machine.sessions


def test_expiry_after_a_failed_write(poller: Poller):
    """A poll that could not be written leaves a session that ends in time (#256, #674)."""
    held = poller.park()
    poller.end(held, written=False)
    poller.stand.tick(76)
    assert poller.id not in poller.stand.machine.sessions


# --- takeover against a late reply ------------------------------------------------------------------------


def test_a_websocket_takes_over_while_a_poll_is_being_written(poller: Poller):
    """The poll's write fails after the takeover: its event comes over the websocket, once."""
    joined(poller)
    say(poller, "hi")
    late = poller.begin([poller.message("/meta/connect")])
    socket = same_client(poller, Socket)
    socket.send("/meta/connect")
    poller.end(late, written=False)
    assert texts(socket.received()) == ["hi"]
    say(poller, "next")
    assert texts(socket.received()) == ["next"]


def test_a_poll_takes_over_from_a_dying_websocket(socket_client: Socket):
    """What was written into the dead socket comes with the poll, in order, and later events once."""
    socket_client.stand.engine.agents.accept(ALICE, socket_client.chat_id)
    for _ in range(3):
        socket_client.send("/meta/connect", advice={"timeout": 0})
    say(socket_client, "into the void")
    poller = same_client(socket_client)
    assert texts(poller.connect()) == ["into the void"]
    socket_client.die()
    say(socket_client, "next")
    assert texts(poller.connect()) == ["next"]


def test_a_second_websocket_while_the_first_is_held(socket_client: Socket):
    """The newer socket wins; the end of the older one does not touch the session any more."""
    socket_client.send("/meta/connect"), socket_client.send("/meta/connect")
    newer = same_client(socket_client, Socket)
    newer.send("/meta/connect")
    socket_client.die()
    assert newer.session.channel is newer.connection
    socket_client.stand.engine.agents.accept(ALICE, socket_client.chat_id)
    assert events(newer.received()) == [(2, "ParticipantJoined")]


def test_a_revived_session_against_a_late_reply_of_the_process_before(poller: Poller):
    """Answers of a process that is being replaced do not reach into the one that took over."""
    joined(poller)
    say(poller, "hi")
    exchange, late = poller.stand.exchange, poller.begin([poller.message("/meta/connect")])
    poller.stand.restart()
    assert texts(poller.connect()) == ["hi"]
    exchange.failed(late)
    assert texts(poller.connect()) == []
