"""The administrators' API under /admin/v1: the log of notifications, destinations, configuration.

Role admin, bearer tokens. It holds no rules: what a replay or a cancellation may do is decided by
`push.inspection`. `create_blueprint` is called once by `app` and registered with the Api of `openapi.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import structlog
from flask import Response, g, request
from flask_smorest import Blueprint

from gateway.api import admin_schemas as schemas
from gateway.api import problem
from gateway.api.admin_shapes import (
    config_shown,
    delivery_shown,
    destination_key,
    destination_shown,
    detail_shown,
    wanted,
)
from gateway.api.agent_schemas import JsonParser
from gateway.api.bearer import account_of
from gateway.api.routes import Route, add
from gateway.chat.accounts import ADMIN, Account, Accounts
from gateway.config import SettingsSource
from gateway.errors import Forbidden, NotFound
from gateway.observe.metrics import Metrics
from gateway.push.inspection import Inspection
from gateway.rates import Rates

PREFIX = "/admin/v1"
# The longest is a customer's: an address and one entry of user data, 8,192 characters of up to 6 bytes.
MAX_BODY_BYTES = 65_536

log = structlog.get_logger(__name__)


class DestinationStatus(Protocol):
    """One destination: `state` closed|open|half-open|disabled, times in Unix milliseconds."""

    key: str
    provider: str | None
    debug: bool
    state: str
    since_ms: int
    until_ms: int | None
    failures: int
    successes: int
    in_flight: int
    waiting: int


class Destinations(Protocol):
    """Who knows the destinations' circuit breakers: the push worker."""

    def destinations(self) -> Sequence[DestinationStatus]:
        """Those that this node has sent to."""
        ...

    def enable(self, key: str) -> bool:
        """Send to a disabled one again; False when there is none of this key."""
        ...


_READS = (401, 403, 429, 500, 503)
_DELIVERY = "/deliveries/<deliveryId>"
_CHANGES = (401, 403, 404, 409, 429, 500, 503)
_ROUTES = (
    Route(
        "GET",
        "/deliveries",
        "list_deliveries",
        schemas.PageSchema,
        query=schemas.ListQuerySchema,
        problems=(401, 403, 422, 429, 500, 503),
    ),
    Route("GET", _DELIVERY, "show_delivery", schemas.DetailSchema),
    Route("POST", f"{_DELIVERY}/replay", "replay_delivery", schemas.DeliverySchema, problems=_CHANGES),
    Route("POST", f"{_DELIVERY}/cancel", "cancel_delivery", schemas.DeliverySchema, problems=_CHANGES),
    Route(
        "POST",
        "/deliveries/replay",
        "replay_window",
        schemas.WindowResultSchema,
        body=schemas.WindowSchema,
        problems=(400, 401, 403, 413, 415, 422, 429, 500, 503),
    ),
    Route("GET", "/destinations", "list_destinations", schemas.DestinationsSchema, problems=_READS),
    Route("POST", "/destinations/<id>/enable", "enable_destination", schemas.DestinationsSchema),
    Route("GET", "/config", "show_config", schemas.ConfigSchema, problems=_READS),
)


class _Views:
    """The operations, run with `g.account` set; a docstring is its view's text in the OpenAPI document."""

    def __init__(self, inspection: Inspection, destinations: Destinations, settings: SettingsSource) -> None:
        self._inspection = inspection
        self._destinations = destinations
        self._settings = settings

    def list_deliveries(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """List notifications, newest first."""
        page = self._inspection.page(wanted(query), after=query.get("cursor"), limit=query["limit"])
        return {
            "items": [delivery_shown(item.delivery, last=item.last) for item in page.items],
            "next": schemas.cursor_text(page.next),
        }

    def show_delivery(self, delivery_id: str) -> dict[str, Any]:
        """One notification with its headers, its body and all attempts."""
        return detail_shown(self._inspection.detail(delivery_id))

    def replay_delivery(self, delivery_id: str) -> dict[str, Any]:
        """Send a notification again, with the same webhook-id.

        Whatever came of it before. Repeating the request while it waits is harmless; 409 while it is in
        flight.
        """
        delivery = self._inspection.replay(delivery_id, by=_caller().name)
        log.info("push_replayed", delivery=delivery_id, by=_caller().name)
        return delivery_shown(delivery)

    def cancel_delivery(self, delivery_id: str) -> dict[str, Any]:
        """Take back a notification that waits; 409 when it is in flight or finished."""
        delivery = self._inspection.cancel(delivery_id)
        log.info("push_cancelled", delivery=delivery_id, by=_caller().name)
        return delivery_shown(delivery)

    def replay_window(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send the dead letters of a time again, oldest first, at most 10,000 in one request.

        With `dryRun` they are only counted.
        """
        done = self._inspection.replay_window(wanted(body), by=_caller().name, dry_run=body["dryRun"])
        if not body["dryRun"]:
            log.info("push_window_replayed", replayed=done.replayed, by=_caller().name)
        return {
            "matched": done.matched,
            "replayed": done.replayed,
            "more": done.more,
            "dryRun": body["dryRun"],
        }

    def list_destinations(self) -> dict[str, Any]:
        """The destinations that this node has sent to, with their circuit breakers."""
        return {"items": [destination_shown(each) for each in self._destinations.destinations()]}

    def enable_destination(self, id: str) -> dict[str, Any]:
        """Send to a disabled destination again; its circuit breaker is closed."""
        key = destination_key(id)
        if key is None or not self._destinations.enable(key):
            raise NotFound("no such destination")
        return self.list_destinations()

    def show_config(self) -> dict[str, Any]:
        """The configuration in force, with the origin of each value."""
        return config_shown(self._settings.current)


def create_blueprint(
    *,
    inspection: Inspection,
    destinations: Destinations,
    settings: SettingsSource,
    accounts: Accounts,
    metrics: Metrics,
    rates: Rates | None = None,
) -> Blueprint:
    """The blueprint of /admin/v1."""
    views = _Views(inspection, destinations, settings)
    blueprint = Blueprint("admin", __name__, url_prefix=PREFIX, description="What administrators do.")
    guard(blueprint, accounts=accounts, metrics=metrics, rates=rates)
    for route in _ROUTES:
        add(blueprint, route, getattr(views, route.view))
    return blueprint


def guard(
    blueprint: Blueprint,
    *,
    accounts: Accounts,
    metrics: Metrics,
    rates: Rates | None = None,
    readers: frozenset[str] = frozenset({ADMIN}),
) -> None:
    """What every part of this API has: roles, rates, problems, headers, a body limit, Python's names.

    Only administrators change something; `readers` are the roles that may read.
    """
    blueprint.ARGUMENTS_PARSER = JsonParser()
    problem.install(blueprint)

    @blueprint.url_value_preprocessor
    def rename(endpoint: str | None, values: dict[str, Any] | None) -> None:
        """Paths are documented in the API's own spelling, views use Python's."""
        for name, python_name in (("deliveryId", "delivery_id"), ("chatId", "chat_id")):
            if values and name in values:
                values[python_name] = values.pop(name)

    @blueprint.before_request
    def authenticate() -> None:
        request.max_content_length = MAX_BODY_BYTES
        if request.method == "OPTIONS":
            return
        g.account = account_of(request, accounts)
        if rates is not None:
            rates.agent(g.account.name)
        reads = request.method in ("GET", "HEAD")
        if g.account.role not in (readers if reads else (ADMIN,)):
            raise Forbidden("this token's role may not do that")

    @blueprint.after_request
    def finish(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        metrics.bound("http_requests_total", "admin", str(response.status_code)).inc()
        return response


def _caller() -> Account:
    account: Account = g.account
    return account
