"""A stand for tests of the agents' API and of bots: the real engine over a MemoryStore behind Flask."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from gateway.api import agent, files, openapi
from gateway.chat.accounts import Accounts
from gateway.chat.agent_files import AgentFiles
from gateway.chat.agents import Agents
from gateway.chat.customers import Customers, Party, StartRequest
from gateway.chat.file_scans import FileScans
from gateway.chat.files import Files
from gateway.chat.ledger import Ledger
from gateway.chat.presence import Presence
from gateway.chat.reliable import Reliable
from gateway.chat.retrieval import Retrievals
from gateway.clock import ManualClock
from gateway.cluster.bus import Bus
from gateway.config import SettingsSource
from gateway.files.directory import FileDirectory
from gateway.ids import Ids, KeyRing
from gateway.observe.metrics import Metrics
from gateway.rates import Rates
from gateway.store.memory import MemoryStore


@dataclass(frozen=True)
class Stand:
    """The parts that tests talk to."""

    app: Flask
    store: MemoryStore
    clock: ManualClock
    metrics: Metrics
    accounts: Accounts
    customers: Customers
    agents: Agents
    files: Files
    temporary: TemporaryDirectory

    def start_chat(self, nickname: str = "Ann", text: str = "", **user_data: str) -> Party:
        """A new waiting chat of the service `demo`."""
        request = StartRequest(
            service="demo",
            origin="rest",
            nickname=nickname,
            first_name="",
            last_name="",
            subject="Help",
            email="ann@shop.example",
            text=text,
            endpoint="",
            user_data={"tier": "gold", **user_data},
        )
        return self.customers.start(request).party

    def caller(self, role: str, name: str) -> Caller:
        """A new account of this role and a client that uses its token."""
        return Caller(self.app.test_client(), self.accounts.create(role, name))


@dataclass(frozen=True)
class Caller:
    """The API in the hands of one account; answers are werkzeug test responses."""

    client: FlaskClient
    token: str

    def get(self, path: str):
        return self.client.get(f"/agent/v1{path}", headers=self.headers)

    def post(self, path: str, body: object = None):
        kwargs = {} if body is None else {"json": body}
        return self.client.post(f"/agent/v1{path}", headers=self.headers, **kwargs)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def make_stand(ini: str = "", *, limited: bool = False) -> Stand:
    """Everything new, default settings unless `ini` has others, a clock that stands still.

    `limited`: with rate limits, for tests that are about them.
    """
    store, clock, metrics, ids = MemoryStore(), ManualClock(), Metrics(), Ids()
    settings_source = SettingsSource("g.ini", {}, read_file=lambda _: ini.encode())
    presence = Presence(clock)
    common = {"settings_source": settings_source, "clock": clock, "metrics": metrics}
    keys, retrievals = KeyRing(b"secret"), Retrievals(store)
    reliable = Reliable(store, retrievals, keys=keys, settings_source=settings_source, clock=clock)
    ledger = Ledger(store, Bus(), presence=presence, reliable=reliable, **common)
    customers = Customers(
        ledger, store, keys=keys, ids=ids, presence=presence, retrievals=retrievals, **common
    )
    agents = Agents(ledger, store, ids=ids, **common)
    rates = Rates(settings_source, clock, metrics) if limited else None
    accounts = Accounts(store, ids, clock, rates=rates)
    app = Flask("stand")
    api = openapi.create(app, version="0.0")
    blueprint = agent.create_blueprint(
        agents=agents, accounts=accounts, clock=clock, metrics=metrics, rates=rates
    )
    api.register_blueprint(blueprint)
    temporary = TemporaryDirectory(prefix="gateway-files-")
    directory = FileDirectory(Path(temporary.name))
    directory.open()
    counted = {"settings_source": settings_source, "metrics": metrics}
    scans = FileScans(ledger, store, directory=directory, **counted)
    shelf = Files(ledger, store, directory=directory, scans=scans, ids=ids, **common)
    agent_files = AgentFiles(shelf, agents, store, **counted)
    api.register_blueprint(files.create_blueprint(files=agent_files, accounts=accounts, metrics=metrics))
    return Stand(app, store, clock, metrics, accounts, customers, agents, shelf, temporary)


@contextmanager
def served(app: Flask, *, port: int = 0) -> Iterator[str]:
    """The application behind a real socket; yields its base URL."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
