"""Several tabs of one browser: how many polls are held (spec/bayeux.md 8, decision 17)."""

from __future__ import annotations

import pytest
from unit.bayeux.bayeux_server import Client, Server

from gateway.bayeux import Peer

CROWDED = {"reconnect": "retry", "interval": 2000, "multiple-clients": True}


def tabs(server: Server, count: int, browser: str = "b") -> list[Client]:
    """Sessions of one browser that have made their first connect."""
    clients = [server.client(Peer("long-polling", browser=browser)) for _ in range(count)]
    for client in clients:
        client.poll()
    return clients


def test_the_sixth_poll_is_answered_at_once():
    """Five polls are held; from the sixth on the advice is multiple-clients (decision 17)."""
    clients = tabs(Server(), 7)
    for client in clients[:5]:
        client.hold()
    for client in clients[5:]:
        outcome = client.connect()
        assert outcome.hold_s == 0
        reply = client.finish(outcome)[1]
        assert (reply["successful"], reply["advice"]) == (True, CROWDED)


def test_a_limit_of_the_operator():
    """maxSessionsPerBrowser counts held connects; 0 holds none."""
    first, second = tabs(Server(max_sessions_per_browser=1), 2)
    first.hold()
    assert second.connect().hold_s == 0
    (only,) = tabs(Server(max_sessions_per_browser=0), 1)
    assert only.connect().hold_s == 0


@pytest.mark.parametrize("end", ["finish", "supersede", "uncount"])
def test_every_end_of_a_held_poll_is_counted(end: str):
    """A place is free again however the poll ended (#131, #247)."""
    server = Server(max_sessions_per_browser=1)
    first, second = tabs(server, 2)
    held = first.hold()
    if end == "finish":
        first.finish(held)
    elif end == "supersede":
        first.connect()
    else:
        server.machine.uncount(held.held)
        server.machine.uncount(held.held)
    assert second.connect().hold_s == 30
    assert server.machine._held_by_browser == {}


def test_a_tab_does_not_crowd_itself():
    """A second connect of the only session takes the place of its first."""
    (client,) = tabs(Server(max_sessions_per_browser=1), 1)
    client.hold()
    assert client.connect().hold_s == 30


def test_browsers_are_counted_apart():
    """Another browser's polls do not matter."""
    server = Server(max_sessions_per_browser=1)
    (mine,), (other,) = tabs(server, 1, "a"), tabs(server, 1, "b")
    mine.hold()
    assert other.connect().hold_s == 30


def test_clients_without_a_cookie_are_held():
    """Nobody is counted who never returned a cookie (#187)."""
    server = Server(max_sessions_per_browser=1)
    clients = [server.client(Peer("long-polling", new_browser="x")) for _ in range(3)]
    for client in clients:
        client.peer = Peer("long-polling")
        assert client.hold().hold_s == 30


def test_websockets_are_not_counted():
    """Only HTTP connects take a connection away from a browser."""
    server = Server(max_sessions_per_browser=1)
    clients = [server.client(Peer("websocket", browser="b")) for _ in range(2)]
    for client in clients:
        assert client.hold().hold_s == 30


def test_no_interval_ends_the_second_client():
    """multiSessionInterval 0 refuses instead of advising a loop without pauses."""
    first, second = tabs(Server(max_sessions_per_browser=1, multi_session_interval_ms=0), 2)
    first.hold()
    _, reply = second.poll()
    assert (reply["successful"], reply["advice"]["reconnect"]) == (False, "none")
    assert reply["advice"]["multiple-clients"] is True
