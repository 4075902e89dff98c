"""What time alone makes happen: due connects, expiry, saving, and a sweeper that outlives any failure."""

from __future__ import annotations

import pytest
from unit.comet.comet_stand import Poller, Socket, Stand


def test_a_held_websocket_connect_is_answered_in_time(socket_client: Socket):
    """After the timeout, with nothing to deliver, the connect is answered and the next one is held again."""
    for _ in range(2):
        socket_client.send("/meta/connect")
    socket_client.stand.tick(29)
    assert socket_client.received() == []
    socket_client.stand.tick(1)
    (reply,) = socket_client.received()
    assert (reply["channel"], reply["successful"]) == ("/meta/connect", True)
    assert socket_client.session.held is None


def test_a_silent_websocket_expires_and_is_closed(socket_client: Socket):
    """Nothing heard for maxInterval: the session goes, the socket too."""
    socket_client.stand.tick(76)
    assert not socket_client.is_open
    assert socket_client.stand.machine.sessions == {}


def test_expiry_detaches_but_does_not_end_the_chat(poller: Poller):
    """Bayeux expiry only starts the disconnect timer (7.6)."""
    chat = poller.chat_id
    poller.stand.tick(76)
    assert not poller.stand.engine.presence.is_live(chat)
    assert not poller.stand.engine.store.session(chat).ended_for_customer


def test_a_sweep_reads_before_it_ends(poller: Poller):
    """A session that was heard of between being due and being looked at stays."""
    stand = poller.stand
    stand.engine.clock.advance(76)
    (due,) = stand.machine.due(stand.engine.clock.monotonic())
    poller.connect()
    stand.sweeper._due(due)
    assert not due.closed


def test_cursors_are_saved_within_a_second(poller: Poller):
    """What a connect confirmed is in the store after the next ticks."""
    poller.connect(), poller.connect()
    poller.stand.tick(1)
    stored = poller.stand.engine.store.comet(poller.id)
    assert [(one.chat_id, one.cursor) for one in stored.attachments] == [(poller.chat_id, 1)]


def test_one_bad_session_does_not_stop_the_others(stand: Stand, monkeypatch: pytest.MonkeyPatch):
    """A failure in one session's timer is logged and the rest goes on (#1627)."""
    clients = [Poller(stand) for _ in range(3)]
    for client in clients:
        client.handshake()
    original = stand.sweeper._expire
    bad = clients[0].session

    def expire(session):
        if session is bad:
            raise RuntimeError("bug")
        original(session)

    monkeypatch.setattr(stand.sweeper, "_expire", expire)
    stand.tick(76)
    assert set(stand.machine.sessions) == {bad.id}


def test_sessions_are_counted(stand: Stand):
    """The metric follows the number of sessions."""
    Poller(stand).handshake()
    stand.tick(0.2)
    assert stand.engine.sample("bayeux_sessions") == 1
