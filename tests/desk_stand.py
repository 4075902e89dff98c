"""A whole node for tests of agents and supervisors: the real application over a real store, a manual clock.

Nothing runs by itself: `sweep` is one round of the desk, `advance` moves the clock first.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from gateway.app import GatewayApp, create_app
from gateway.clock import ManualClock
from gateway.config import SettingsSource
from gateway.services import Gateway, Installation

SERVICE = "support"


class _Installation(Installation):
    """An installation whose configuration is a text."""

    ini = ""

    def settings_source(self) -> SettingsSource:
        return SettingsSource("gateway.ini", {}, read_file=lambda _: self.ini.encode())


class DeskStand:
    """`gateway` is the node, `app` its application; `restart` opens the same directory again."""

    def __init__(self, directory: Path, ini: str = "") -> None:
        self.directory = directory
        self.ini = ini
        self.clock = ManualClock()
        self.tokens: dict[str, str] = {}
        self.open()

    def open(self) -> None:
        """Build the node."""
        kind = type("Configured", (_Installation,), {"ini": self.ini})
        self.gateway: Gateway = Gateway.build(kind(self.directory, {}), clock=self.clock)
        self.app: GatewayApp = create_app(self.gateway)

    def restart(self) -> None:
        """End the node and build another over the same directory."""
        self.gateway.close()
        self.open()

    def sweep(self) -> None:
        """One round of the desk and of the check of live sessions, as the node's thread does it."""
        self.gateway.desk.sweep()
        self.gateway.feed.drop_refused(self.gateway.accounts.still_good)

    def advance(self, seconds: float) -> None:
        """Time passes, then a round."""
        self.clock.advance(seconds)
        self.sweep()

    def person(self, name: str, role: str = "agent") -> Person:
        """An account with a token."""
        if name not in self.tokens:
            self.tokens[name] = self.gateway.accounts.create(role, name)
        return Person(self.app.test_client(), self.tokens[name])

    def ready(self, name: str) -> Person:
        """An agent who is ready."""
        person = self.person(name)
        assert 200 == person.put("/duty", {"ready": True}).status_code
        return person

    def customer(self, nickname: str = "Ann", **fields: str) -> Customer:
        """A customer with a new chat."""
        return Customer(self.app.test_client(), nickname=nickname, **fields)


class Person:
    """The agents' API in the hands of one account."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        path = path if path.startswith("/admin/") else f"/agent/v1{path}"
        return self._client.open(path, method=method, json=body, headers=self._headers | (headers or {}))

    def upload(self, path: str, content: bytes, name: str) -> Any:
        """A file as multipart."""
        form = {"file": (io.BytesIO(content), name)}
        return self._client.post(f"/agent/v1{path}", data=form, headers=self._headers)

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self.call("POST", path, body)

    def put(self, path: str, body: Any = None) -> Any:
        return self.call("PUT", path, body)

    def done(self, path: str, body: Any = None) -> Any:
        """A change that must work; its answer."""
        answer = self.post(path, body)
        assert 200 == answer.status_code, answer.text
        return answer.json

    def offers(self) -> list[tuple[str, str]]:
        """(chat, kind) of what is offered to the caller."""
        me = self.get("/me").json["name"]
        return [
            (chat["chatId"], offer["kind"])
            for chat in self.get("/offers").json["items"]
            for offer in chat["offers"]
            if offer["to"] == me
        ]


class Customer:
    """A customer over REST."""

    def __init__(self, client: FlaskClient, **fields: str) -> None:
        self._client = client
        self.service = fields.pop("service", SERVICE)
        self.started = client.post(f"/genesys/2/chat/{self.service}", data=fields).json
        assert 0 == self.started["statusCode"], self.started
        self.chat_id: str = self.started["chatId"]
        self._identity = {name: self.started[name] for name in ("userId", "secureKey", "alias")}

    def call(self, operation: str, **fields: Any) -> Any:
        url = f"/genesys/2/chat/{self.service}/{self.chat_id}/{operation}"
        return self._client.post(url, data=self._identity | fields).json

    def send(self, text: str) -> Any:
        return self.call("send", message=text)

    def transcript(self) -> list[Any]:
        return list(self.call("refresh", transcriptPosition="0")["messages"])
