"""Fixtures of the comet tests."""

import pytest
from unit.comet.comet_stand import Poller, Socket, Stand


@pytest.fixture
def stand() -> Stand:
    """The comet side with default settings."""
    return Stand()


@pytest.fixture
def poller(stand: Stand) -> Poller:
    """A long-polling client in a chat."""
    client = Poller(stand)
    client.handshake()
    client.request_chat()
    return client


@pytest.fixture
def socket_client(stand: Stand) -> Socket:
    """A websocket client in a chat."""
    client = Socket(stand)
    client.handshake()
    client.request_chat()
    return client
