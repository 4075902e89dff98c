"""Who may call what under /admin/v1, route by route as the application has them: a new route is in here."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.app import GatewayApp, create_app
from gateway.services import Gateway, Installation

PREFIX = "/admin/v1"
# Everything else is for administrators only.
SUPERVISORS = {
    ("GET", f"{PREFIX}/chats"),
    ("GET", f"{PREFIX}/chats/<chatId>"),
    ("GET", f"{PREFIX}/chats/<chatId>/export"),
}
ADMINISTRATORS = {
    ("GET", f"{PREFIX}/accounts"),
    ("POST", f"{PREFIX}/accounts"),
    ("GET", f"{PREFIX}/accounts/<string:name>"),
    ("PATCH", f"{PREFIX}/accounts/<string:name>"),
    ("GET", f"{PREFIX}/tokens"),
    ("POST", f"{PREFIX}/tokens"),
    ("DELETE", f"{PREFIX}/tokens/<fingerprint>"),
    ("DELETE", f"{PREFIX}/chats/<chatId>"),
    ("POST", f"{PREFIX}/chats/purge"),
    ("GET", f"{PREFIX}/sessions"),
    ("GET", f"{PREFIX}/nodes"),
    ("GET", f"{PREFIX}/figures"),
    ("GET", f"{PREFIX}/config"),
    ("GET", f"{PREFIX}/destinations"),
    ("POST", f"{PREFIX}/destinations/test"),
    ("POST", f"{PREFIX}/destinations/<id>/enable"),
    ("GET", f"{PREFIX}/deliveries"),
    ("POST", f"{PREFIX}/deliveries/replay"),
    ("GET", f"{PREFIX}/deliveries/<deliveryId>"),
    ("POST", f"{PREFIX}/deliveries/<deliveryId>/replay"),
    ("POST", f"{PREFIX}/deliveries/<deliveryId>/cancel"),
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayApp]:
    """A whole node that does not serve."""
    directory: Path = tmp_path_factory.mktemp("roles")
    environ = {"DATA_DIR": str(directory), "GATEWAY__LIMITS__ENABLED": "false"}
    gateway = Gateway.build(Installation.from_environment(environ))
    yield create_app(gateway)
    gateway.close()


def routes(app: GatewayApp) -> set[tuple[str, str]]:
    """Every method and rule of this API."""
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(f"{PREFIX}/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_route_is_in_the_matrix(app: GatewayApp) -> None:
    """No route of this API is without a row here."""
    assert SUPERVISORS | ADMINISTRATORS == routes(app)


@pytest.mark.parametrize("role", ["admin", "supervisor", "agent", "bot", None])
def test_each_role_on_each_route(app: GatewayApp, role: str | None) -> None:
    """A role gets in where it has a row; elsewhere 403 as a problem, and 401 without a token."""
    token = app.gateway.accounts.create(role, f"the {role}") if role else "none"
    allowed = {"admin": SUPERVISORS | ADMINISTRATORS, "supervisor": SUPERVISORS}.get(role or "", set())
    client, wrong = app.test_client(), []
    for method, rule in sorted(routes(app)):
        answer = client.open(rule, method=method, headers={"Authorization": f"Bearer {token}"})
        got_in = answer.status_code not in (401, 403)
        if got_in is not ((method, rule) in allowed):
            wrong.append((method, rule, answer.status_code))
        if not got_in:
            assert (403 if role else 401) == answer.status_code
            assert "application/problem+json" == answer.content_type
    assert [] == wrong
