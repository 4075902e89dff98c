"""What is left of the HTTP request while its websocket is served: nothing."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from gateway.comet.endpoint import CometEndpoint
from gateway.comet.websocket import SOCKET_KEY
from gateway.config import SettingsSource
from gateway.ids import Ids
from gateway.observe.metrics import Metrics


class OfTheRequest:
    """Stands for what Flask makes of a request."""


class Websockets:
    """Looks at what is alive when a socket is served."""

    def __init__(self) -> None:
        self.request: weakref.ref[OfTheRequest] | None = None
        self.environ: dict[str, Any] = {}
        self.alive: bool | None = None
        self.left: list[str] | None = None

    def serve(self, sock: object, peer: object, settings: object) -> None:
        """Takes the place of `WebSockets.serve`."""
        gc.collect()
        assert self.request is not None
        self.alive, self.left = self.request() is not None, list(self.environ)


@pytest.mark.parametrize("over", [StopIteration, ConnectionError])
def test_the_request_is_let_go_before_the_socket_is_served(over: type[Exception]) -> None:
    """Flask's objects and the environ do not live as long as the socket; the server is told that it ended."""
    websockets = Websockets()

    def application(environ: dict[str, Any], _start: Any) -> list[bytes]:
        request = OfTheRequest()
        websockets.request, websockets.environ = weakref.ref(request), environ
        environ[SOCKET_KEY] = object()
        raise over  # with this frame, and so with the request, in its traceback

    endpoint = CometEndpoint(
        application,
        polling=None,
        websockets=websockets,
        exchange=None,
        settings_source=SettingsSource(None, {}),
        ids=Ids(),
        metrics=Metrics(),
    )
    environ = {
        "PATH_INFO": "/genesys/cometd",
        "REQUEST_METHOD": "GET",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "HTTP_UPGRADE": "websocket",
        "HTTP_SEC_WEBSOCKET_VERSION": "13",
        "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with pytest.raises(over):
        endpoint(environ, lambda *_: None)
    assert (False, []) == (websockets.alive, websockets.left)
