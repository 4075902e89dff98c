"""What monitors ask: /healthz, /readyz, /metrics, /version.

* `/healthz`: the process answers; it looks at nothing, so that trouble of the store never gets the process
  killed.
* `/readyz`: traffic may come here; every named check is run, 503 with the reasons otherwise.
* `/metrics`: for the machine itself or an admin token; figures tell outsiders too much.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from flask import Blueprint, Request, Response, request
from werkzeug.exceptions import Forbidden

from gateway.api import problem
from gateway.api.bearer import account_of
from gateway.chat.accounts import Accounts
from gateway.errors import GatewayError
from gateway.observe.metrics import CONTENT_TYPE, Metrics

# Returns None when all is well, otherwise the reason in a few words without secrets; may raise a
# GatewayError.
Check = Callable[[], str | None]

# A gateway under siege must not be restarted because its monitor had to queue.
URGENT_PATHS = ("/healthz", "/readyz")

# Any of these means that a proxy on this machine speaks for somebody else.
_FORWARDING_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")

log = structlog.get_logger(__name__)


def create_blueprint(
    *, checks: Mapping[str, Check], accounts: Accounts, metrics: Metrics, version: str
) -> Blueprint:
    """The blueprint at the root. `checks` in order of importance, for example store, push, draining."""
    blueprint = Blueprint("health", __name__)
    problem.install(blueprint)

    @blueprint.get("/healthz")
    def healthz() -> dict[str, Any]:
        return {"status": "ok"}

    @blueprint.get("/readyz")
    def readyz() -> dict[str, Any] | Response:
        results = {name: _reason(name, check) for name, check in checks.items()}
        reasons = [f"{name}: {reason}" for name, reason in results.items() if reason is not None]
        if reasons:
            detail = "the gateway is not ready for traffic"
            return problem.problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, reasons=reasons)
        return {"status": "ready", "checks": dict.fromkeys(results, "ok")}

    @blueprint.get("/metrics")
    def show_metrics() -> Response:
        if not is_local(request) and account_of(request, accounts).role != "admin":
            raise Forbidden("an admin token is needed")
        return Response(metrics.render(), content_type=CONTENT_TYPE)

    @blueprint.get("/version")
    def show_version() -> dict[str, Any]:
        return {"name": "open-chat-gateway", "version": version}

    @blueprint.after_request
    def finish(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        return response

    return blueprint


def store_check(check: Callable[[], None]) -> Check:
    """A Check out of `Store.check`, which raises Unavailable when a write would fail."""

    def run() -> str | None:
        check()
        return None

    return run


def is_local(request: Request) -> bool:
    """Whether the request was made on this machine and not on behalf of another by a proxy."""
    if any(name in request.headers for name in _FORWARDING_HEADERS):
        return False
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _reason(name: str, check: Check) -> str | None:
    try:
        return check()
    except GatewayError as error:
        return str(error) or type(error).__name__
    except Exception:  # noqa: BLE001 - a check that fails in an unforeseen way means "not ready", never 500
        log.exception("readiness_check_failed", check=name)
        return "the check failed"
