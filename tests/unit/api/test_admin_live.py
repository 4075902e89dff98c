"""What runs now under /admin/v1: sessions, nodes, figures, the test of a destination."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.push.receiver import Receiver, answer

from gateway.app import GatewayApp, create_app
from gateway.services import Gateway, Installation

OPERATIONS = [
    ("get", "/sessions"),
    ("get", "/nodes"),
    ("get", "/figures"),
    ("post", "/destinations/test"),
]
CONFIG = """
[push]
pushEnabled=comet,customhttp
allowed_networks=127.0.0.0/8
customhttp.url={url}
customhttp.authorization=Bearer operators-secret
[limits]
enabled=false
"""
CHAT = "/genesys/2/chat/customer-support"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on loopback."""
    with Receiver() as running:
        yield running


@pytest.fixture
def app(tmp_path: Path, receiver: Receiver) -> Iterator[GatewayApp]:
    """A whole node that does not serve."""
    config = tmp_path / "gateway.ini"
    config.write_text(CONFIG.format(url=receiver.url("/push")))
    environ = {"DATA_DIR": str(tmp_path / "data"), "GATEWAY_CONFIG": str(config)}
    gateway = Gateway.build(Installation.from_environment(environ))
    yield create_app(gateway)
    gateway.close()


def call(app: GatewayApp, path: str, body: Any = None, *, role: str | None = "admin") -> Any:
    """A request with a token of this role: POST when there is a body."""
    token = app.gateway.accounts.create(role, "Somebody") if role else ""
    headers = {"Authorization": f"Bearer {token}"}
    client = app.test_client()
    if body is None:
        return client.get(f"/admin/v1{path}", headers=headers)
    return client.post(f"/admin/v1{path}", headers=headers, json=body)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize(("role", "status"), [("supervisor", 403), ("agent", 403), ("bot", 403), (None, 401)])
def test_only_administrators(app: GatewayApp, method: str, path: str, role: str | None, status: int) -> None:
    """Every operation refuses every other role, and callers without a token."""
    refused = call(app, path, {} if method == "post" else None, role=role)
    assert (status, "application/problem+json") == (refused.status_code, refused.content_type)


def test_operations_are_documented(app: GatewayApp) -> None:
    """Each operation is in the document, with a summary and its problems."""
    paths = app.test_client().get("/openapi.json").json["paths"]
    for method, path in OPERATIONS:
        operation = paths[f"/admin/v1{path}"][method]
        assert operation["summary"]
        assert {"200", "401", "403", "500", "503"} <= set(operation["responses"])


def handshake(app: GatewayApp) -> str:
    """A Bayeux session; its client id."""
    hello = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}
    (reply,) = app.test_client().post("/genesys/cometd", json=[hello]).json
    return str(reply["clientId"])


def test_listings_are_bounded(app: GatewayApp) -> None:
    """`limit` cuts a listing to the newest rows; `total` still counts all; nonsense is refused."""
    handshake(app)
    newest = handshake(app)
    page = call(app, "/sessions?limit=1").json
    assert ([newest[:6]], 2) == ([item["id"] for item in page["items"]], page["total"])
    for nonsense in ("0", "1001", "x"):
        assert 422 == call(app, f"/sessions?limit={nonsense}").status_code


def test_sessions_do_not_show_client_ids(app: GatewayApp) -> None:
    """A Bayeux session is listed with its transport; its client id, which is a secret, is cut off."""
    client_id = handshake(app)
    listed = call(app, "/sessions")
    (item,) = listed.json["items"]
    assert (client_id[:6], "long-polling", False, None, []) == (
        item["id"],
        item["transport"],
        item["connected"],
        item["account"],
        item["chats"],
    )
    assert client_id not in listed.text


def test_nodes(app: GatewayApp) -> None:
    """The node that answers, with its counts; it says when it is stopping."""
    (node,) = call(app, "/nodes").json["items"]
    assert (app.gateway.node_id, "running", 0) == (node["id"], node["state"], node["sessions"])
    app.gateway.drain()
    (node,) = call(app, "/nodes").json["items"]
    assert "draining" == node["state"]


def test_figures_sum_labels(app: GatewayApp) -> None:
    """A counter with labels is one number; the delivered part of the notifications stands beside them."""
    for outcome, times in (("delivered", 3), ("failed", 2)):
        app.gateway.metrics.bound("push_notifications_total", "customhttp", "event", outcome).inc(times)
    values = call(app, "/figures").json["values"]
    assert (5, 3) == (values["push_notifications_total"], values["push_delivered_total"])
    assert "push_destination_state" not in values


def test_test_notification(app: GatewayApp, receiver: Receiver) -> None:
    """One POST to the destination; its answer is shown without secrets, and nothing is logged."""
    receiver.behaviours["/push"] = answer(503, b"no room for Bearer operators-secret")
    result = call(app, "/destinations/test", {})
    assert (200, False, 503) == (result.status_code, result.json["delivered"], result.json["status"])
    assert result.json["responseHead"].startswith("no room for")
    assert "operators-secret" not in result.text
    (request,) = receiver.got("/push")
    assert result.json["id"] == request.headers["webhook-id"]
    assert [] == call(app, "/deliveries").json["items"]


def test_test_of_an_unknown_destination(app: GatewayApp) -> None:
    """A provider that is not configured is 404 with the reason."""
    refused = call(app, "/destinations/test", {"provider": "nobody"})
    assert 404 == refused.status_code
    assert refused.json["detail"]


def test_one_test_at_a_time(app: GatewayApp, receiver: Receiver) -> None:
    """A second test while one waits for its answer is 409: the button is no way to flood a receiver."""
    arrived, release = threading.Event(), threading.Event()

    def slow(handler: Any) -> None:
        arrived.set()
        release.wait(20)
        answer(200)(handler)

    receiver.behaviours["/push"] = slow
    first = threading.Thread(target=app.gateway.trials.run)
    first.start()
    assert arrived.wait(20)
    refused = call(app, "/destinations/test", {})
    release.set()
    first.join(20)
    assert 409 == refused.status_code
    assert 1 == len(receiver.got("/push"))
