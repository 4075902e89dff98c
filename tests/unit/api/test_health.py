"""Health routes: what they say, to whom, and that trouble in a check is an answer."""

from __future__ import annotations

import pytest
from flask import Flask

from gateway.api import health
from gateway.chat.accounts import Accounts
from gateway.clock import ManualClock
from gateway.errors import Unavailable
from gateway.ids import Ids
from gateway.observe.metrics import Metrics
from gateway.store.memory import MemoryStore


@pytest.fixture
def checks():
    return {"store": lambda: None, "push": lambda: None, "draining": lambda: None}


@pytest.fixture
def accounts():
    return Accounts(MemoryStore(), Ids(), ManualClock())


@pytest.fixture
def client(checks, accounts):
    app = Flask("health")
    blueprint = health.create_blueprint(checks=checks, accounts=accounts, metrics=Metrics(), version="1.2.3")
    app.register_blueprint(blueprint)
    return app.test_client()


def test_a_live_process_is_healthy_whatever_its_store(client, checks):
    """/healthz looks at nothing."""
    checks["store"] = lambda: 1 / 0
    answer = client.get("/healthz")
    assert (
        answer.status_code,
        answer.json,
        answer.headers["Cache-Control"],
    ) == (200, {"status": "ok"}, "no-store")


def test_ready_when_every_check_is_content(client):
    """/readyz names what it looked at."""
    answer = client.get("/readyz")
    expected = {"status": "ready", "checks": {"store": "ok", "push": "ok", "draining": "ok"}}
    assert (200, expected) == (answer.status_code, answer.json)


def test_not_ready_gives_all_reasons(client, checks):
    """A reason, a GatewayError and a crash in a check each become one line; the crash's text stays inside."""

    def broken():
        raise ZeroDivisionError("hunter2")

    def full():
        raise Unavailable("disk full")

    checks.update(store=health.store_check(full), push=broken, draining=lambda: "stopping")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert answer.json["reasons"] == ["store: disk full", "push: the check failed", "draining: stopping"]
    assert "Retry-After" in answer.headers


def test_a_real_store_passes_until_it_is_closed(client, checks):
    """Store.check is what the check runs."""
    store = MemoryStore()
    checks["store"] = health.store_check(store.check)
    assert client.get("/readyz").status_code == 200
    store.close()
    assert client.get("/readyz").status_code == 503


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("127.9.9.9", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}, 401),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.7"}, 401),
        ("203.0.113.7", {}, 401),
        ("", {}, 401),
    ],
)
def test_metrics_are_for_this_machine(client, address, headers, status):
    """A proxy on this machine does not open them to the world."""
    answer = client.get("/metrics", environ_overrides={"REMOTE_ADDR": address}, headers=headers)
    assert status == answer.status_code


@pytest.mark.parametrize(
    ("role", "status"), [("admin", 200), ("supervisor", 403), ("agent", 403), ("bot", 403)]
)
def test_metrics_from_elsewhere_need_an_admin_token(client, accounts, role, status):
    """Other roles are told that theirs is not enough."""
    headers = {"Authorization": f"Bearer {accounts.create(role, 'Robin')}"}
    answer = client.get("/metrics", environ_overrides={"REMOTE_ADDR": "203.0.113.7"}, headers=headers)
    assert status == answer.status_code


def test_metrics_are_prometheus_text(client):
    """The format that scrapers ask for."""
    answer = client.get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert b"# TYPE chats_open gauge" in answer.data


def test_version(client):
    """Name and version, nothing else."""
    assert client.get("/version").json == {"name": "open-chat-gateway", "version": "1.2.3"}
