"""A stand for tests of the administrators' API: real use cases over a MemoryStore behind Flask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from unit.push.receiver import NOW_MS, delivery
from unit.routing import chats

from gateway.api import admin, openapi
from gateway.chat.accounts import Accounts
from gateway.clock import ManualClock
from gateway.config import SettingsSource
from gateway.ids import Ids
from gateway.model.change import Change
from gateway.model.deliveries import Attempt, Delivery, DeliveryState
from gateway.observe.metrics import Metrics
from gateway.push.inspection import Inspection
from gateway.store.memory import MemoryStore

CONFIG = """
[push]
pushEnabled=comet,customhttp
customhttp.url=http://127.0.0.1:9/push
customhttp.message=You have a new message
customhttp.authorization=Bearer operators-secret
customhttp.header.X-Shop=shop-secret
allow_client_debug=true
"""


@dataclass(frozen=True)
class Status:
    """A destination as the worker describes it."""

    key: str = "@https://receiver.example:443"
    provider: str | None = None
    debug: bool = False
    state: str = "disabled"
    since_ms: int = NOW_MS
    until_ms: int | None = None
    failures: int = 7
    successes: int = 0
    in_flight: int = 1
    waiting: int = 2


@dataclass
class Breakers:
    """Plays the worker's part: one disabled destination, which can be enabled."""

    status: Status = field(default_factory=Status)

    def destinations(self) -> Sequence[Status]:
        return [self.status]

    def enable(self, key: str) -> bool:
        if key == self.status.key:
            self.status = replace(self.status, state="closed")
        return key == self.status.key


@dataclass
class AdminStand:
    """The API with its parts; `wakes` counts how often the worker was woken."""

    config: str = CONFIG
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW_MS))
    wakes: list[None] = field(default_factory=list)

    def __post_init__(self) -> None:
        source = SettingsSource("gateway.ini", {}, read_file=lambda _path: self.config.encode())
        self.accounts = Accounts(self.store, Ids(), self.clock)
        self.app = Flask("stand")
        inspection = Inspection(self.store, source, self.clock, wake=lambda: self.wakes.append(None))
        openapi.create(self.app, version="0.0").register_blueprint(
            admin.create_blueprint(
                inspection=inspection,
                destinations=Breakers(),
                settings=source,
                accounts=self.accounts,
                metrics=Metrics(),
            )
        )
        self.token = self.accounts.create("admin", "Root")

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def get(self, path: str, *, token: str | None = None, **query: Any) -> Any:
        """GET below the prefix."""
        return self.client.get(f"/admin/v1{path}", query_string=query or None, headers=self._headers(token))

    def post(self, path: str, body: object = None, *, token: str | None = None) -> Any:
        """POST below the prefix."""
        kwargs = {} if body is None else {"json": body}
        return self.client.post(f"/admin/v1{path}", headers=self._headers(token), **kwargs)

    def _headers(self, token: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token if token is None else token}"}

    def add(self, *rows: Delivery, chat_id: str = "chat") -> None:
        """Commit rows of one new chat."""
        session = replace(chats.session(chats.subscription()), id=chat_id, version=1, next_index=1)
        self.store.commit(Change(session, deliveries=rows))

    def fail(self, id_: str, *, status: int = 503, head: bytes = b"busy") -> None:
        """Let one queued row fail its attempt."""
        self.store.claim("node", now_ms=self.clock.wall_ms(), lease_ms=30_000, limit=100)
        made = Attempt(id_, 1, self.clock.wall_ms(), 12, status=status, response_head=head)
        assert self.store.finish(id_, "node", state=DeliveryState.FAILED, attempt=made)


def row(id_: str, **changes: Any) -> Delivery:
    """A queued text notification of the stand's chat, on a device of its own."""
    return delivery(**({"id": id_, "chat_id": "chat", "device_id": f"device-{id_}"} | changes))
