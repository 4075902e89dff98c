"""A real gateway for the CometD wire tests, started once, and clients that are closed afterwards."""

from collections.abc import Callable, Iterator

import pytest
import requests
from support.gateway import QUIET, RunningGateway
from wire.cometd.cometd_clients import AgentApi, Client, LongPolling, WebSocket


@pytest.fixture(scope="session")
def cometd_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """gunicorn with default settings, but for one broadcast pattern."""
    ini = QUIET + "[cometd]\nbroadcast_channels=/news/**\n"
    with RunningGateway(tmp_path_factory.mktemp("cometd"), ini) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def endpoint(cometd_gateway: RunningGateway) -> str:
    """The URL of the Bayeux endpoint."""
    return cometd_gateway.url + "/genesys/cometd"


@pytest.fixture(scope="session")
def alice(cometd_gateway: RunningGateway) -> AgentApi:
    """An agent."""
    return AgentApi(cometd_gateway.url, cometd_gateway.token("agent", "Alice"))


@pytest.fixture
def open_client(endpoint: str) -> Iterator[Callable[..., Client]]:
    """Makes clients of a given class."""
    made: list[Client] = []

    def make(kind: type[Client], **options) -> Client:
        made.append(kind(options.pop("url", endpoint), **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture(params=["long-polling", "websocket"])
def client(request: pytest.FixtureRequest, open_client: Callable[..., Client]) -> Client:
    """A client over each transport that has shaken hands and connected once."""
    found = open_client(LongPolling if request.param == "long-polling" else WebSocket)
    assert found.handshake()["successful"] is True
    assert found.connect()[-1]["successful"] is True
    return found


@pytest.fixture
def held_polls(cometd_gateway: RunningGateway) -> Callable[[], int]:
    """How many polls the gateway holds now."""

    def count() -> int:
        lines = requests.get(cometd_gateway.url + "/metrics", timeout=10).text.splitlines()
        return int(next(float(line.split()[1]) for line in lines if line.startswith("held_polls ")))

    return count
