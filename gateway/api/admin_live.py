"""What runs now, under /admin/v1: Bayeux sessions, nodes, figures, and a test of a destination.

The operator page's second half, in a module of its own; roles, limits and problems are those of `admin`.
Listings are bounded: an operator looks at the newest, monitoring reads /metrics. `create_blueprint` is called
once by `app`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from flask import g
from flask_smorest import Blueprint

from gateway.api import admin_live_schemas as schemas
from gateway.api.admin import PREFIX, guard
from gateway.api.routes import Route, add
from gateway.chat.accounts import Accounts
from gateway.chat.export import iso_time
from gateway.clock import Clock
from gateway.comet.census import SessionStatus
from gateway.observe.figures import figures
from gateway.observe.metrics import Metrics
from gateway.push.trial import Trials
from gateway.rates import Rates

_READS = (401, 403, 429, 500, 503)
_LISTS = (401, 403, 422, 429, 500, 503)
_ROUTES = (
    Route(
        "GET",
        "/sessions",
        "list_sessions",
        schemas.SessionsSchema,
        query=schemas.LimitSchema,
        problems=_LISTS,
    ),
    Route("GET", "/nodes", "list_nodes", schemas.NodesSchema, problems=_READS),
    Route("GET", "/figures", "show_figures", schemas.FiguresSchema, problems=_READS),
    Route(
        "POST",
        "/destinations/test",
        "test_destination",
        schemas.TestResultSchema,
        body=schemas.TestSchema,
        problems=(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
    ),
)

log = structlog.get_logger(__name__)


class Census(Protocol):
    """Who knows the Bayeux sessions of this node; see `comet.census`."""

    @property
    def total(self) -> int:
        """How many there are."""
        ...

    def sessions(self, limit: int) -> list[SessionStatus]:
        """The newest."""
        ...


@dataclass(frozen=True, slots=True)
class Node:
    """This node: its name, since when it runs (Unix milliseconds), its version, whether it is stopping."""

    id: str
    started_ms: int
    version: str
    draining: Callable[[], bool]


class _Views:
    """The operations, run with `g.account` set; a docstring is its view's text in the OpenAPI document."""

    def __init__(self, census: Census, *, trials: Trials, node: Node, clock: Clock, metrics: Metrics) -> None:
        self._census = census
        self._trials = trials
        self._node = node
        self._clock = clock
        self._metrics = metrics

    def list_sessions(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """The Bayeux sessions of this node, newest first."""
        now_ms = self._clock.wall_ms()
        items = [session_shown(each, now_ms) for each in self._census.sessions(query["limit"])]
        return {"items": items, "total": self._census.total}

    def list_nodes(self) -> dict[str, Any]:
        """The nodes of the installation; in this release the one that answers."""
        values = figures(self._metrics)
        shown = {
            "id": self._node.id,
            "address": socket.gethostname(),
            "version": self._node.version,
            "startedAt": iso_time(self._node.started_ms),
            "heartbeatAt": iso_time(self._clock.wall_ms()),
            "state": "draining" if self._node.draining() else "running",
            "leader": True,
            "sessions": self._census.total,
            "chats": int(values["chats_open"]),
            "websockets": int(values["websocket_connections"]),
            "heldPolls": int(values["held_polls"]),
        }
        return {"items": [shown]}

    def show_figures(self) -> dict[str, Any]:
        """Counters and gauges of this node, labels summed up; /metrics has them in full."""
        return {"at": iso_time(self._clock.wall_ms()), "values": figures(self._metrics)}

    def test_destination(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send one test notification and wait for its answer.

        It is not logged and counts nowhere. 404 with the reason: nothing may be sent there; 409: another is
        under way.
        """
        result = self._trials.run(body["provider"] or None, debug=body["debug"])
        log.info("push_tested", provider=body["provider"], status=result.status, by=g.account.name)
        return {
            "id": result.id,
            "delivered": result.delivered,
            "status": result.status,
            "error": result.error,
            "durationMs": result.duration_ms,
            "responseHead": result.head,
        }


def create_blueprint(
    census: Census,
    *,
    trials: Trials,
    node: Node,
    clock: Clock,
    accounts: Accounts,
    metrics: Metrics,
    rates: Rates | None = None,
) -> Blueprint:
    """The blueprint of the live half of /admin/v1."""
    views = _Views(census, trials=trials, node=node, clock=clock, metrics=metrics)
    blueprint = Blueprint(
        "admin_live", __name__, url_prefix=PREFIX, description="What runs now, for administrators."
    )
    guard(blueprint, accounts=accounts, metrics=metrics, rates=rates)
    for route in _ROUTES:
        add(blueprint, route, getattr(views, route.view))
    return blueprint


def session_shown(status: SessionStatus, now_ms: int) -> dict[str, Any]:
    """A Bayeux session."""
    return {
        "id": status.id,
        "transport": status.transport,
        "connected": status.connected,
        "createdAt": iso_time(now_ms - status.age_ms),
        "queued": status.queued,
        "account": status.account,
        "chats": [
            {"id": each.chat_id, "cursor": each.cursor, "confirmed": each.confirmed} for each in status.chats
        ],
    }
