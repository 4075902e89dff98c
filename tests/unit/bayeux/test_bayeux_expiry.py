"""Expiry and the agenda (spec/bayeux.md 9)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.bayeux.bayeux_server import Server, socket_peer

MAX_INTERVAL = 75.0


def expired(server: Server, after: float) -> list[str]:
    """Ids of what is due this many seconds from now; time really passes."""
    server.now += after
    return [session.id for session in server.machine.due(server.now)]


def test_from_the_handshake_on():
    """A client that vanishes before its first connect does not leak (#1716)."""
    server = Server()
    client = server.client()
    assert expired(server, MAX_INTERVAL - 1) == []
    assert expired(server, 1) == [client.session.id]


def test_from_the_end_of_a_connect():
    """interval + maxInterval after the reply."""
    server = Server(interval_ms=5_000)
    client = server.client()
    server.now += 70
    client.poll()
    assert expired(server, MAX_INTERVAL + 4) == []
    assert expired(server, 1) == [client.session.id]


def test_never_while_a_poll_is_held():
    """A held connect clears the expiry."""
    server = Server()
    server.client().hold()
    assert expired(server, 10_000) == []


@pytest.mark.parametrize("channel", ["/meta/subscribe", "/service/x", "/secret"])
def test_every_message_is_a_sign_of_life(channel: str):
    """Ordinary messages push the expiry out (#650), never in."""
    server = Server()
    client = server.client()
    server.now += 60
    client.say(channel, subscription="/news")
    assert expired(server, 60) == []
    assert expired(server, 15) == [client.session.id]


def test_a_held_websocket_connect_is_due_at_its_deadline():
    """The agenda answers websocket connects, HTTP polls time themselves."""
    server = Server()
    client = server.client(socket_peer())
    held = client.hold()
    assert expired(server, 29) == []
    assert expired(server, 1) == [client.session.id]
    client.finish(held)
    assert expired(server, MAX_INTERVAL - 1) == []
    assert expired(server, 1) == [client.session.id]


def test_a_closed_session_is_never_due():
    """Nothing is left to do for a session that said goodbye."""
    server = Server()
    client = server.client()
    client.reply("/meta/disconnect")
    assert expired(server, 10_000) == []
    assert len(server.machine._agenda) == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["say", "poll", "wait", "hold", "end"]), st.integers(1, 40))))
def test_a_session_is_due_exactly_when_it_was_silent_for_the_interval(steps: list[tuple[str, int]]):
    """For any life: never due early, always due in time, a few agenda entries at most."""
    server = Server()
    client = server.client()
    held = None
    for step, seconds in steps:
        if step == "say":
            client.say("/meta/subscribe", subscription="/news")
        elif step == "poll":
            held, _ = None, client.poll()
        elif step == "hold":
            held = client.hold()
        elif step == "end" and held:
            held, _ = None, client.finish(held)
        else:
            server.now += seconds
        due = server.machine.due(server.now)
        assert bool(due) is (client.session.expires is not None and client.session.expires <= server.now)
        if due:
            return
        assert len(server.machine._agenda) <= 3
    if held:
        client.finish(held)
    assert expired(server, MAX_INTERVAL) == [client.session.id]
