"""The Flask application of one node: blueprints on Flask, the Bayeux endpoint in front of it.

`create_app` is the factory for every server; the returned application has the node as `app.gateway`, which is
also what the worker class looks for (limits, metrics, drain).
"""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway import __version__
from gateway.api import (
    accounts,
    admin,
    admin_chats,
    admin_live,
    agent,
    console,
    demo,
    desk,
    files,
    health,
    notebook,
    openapi,
    pages,
    v2,
)
from gateway.api.chat_view import ChatView
from gateway.comet import websocket
from gateway.comet.endpoint import CometEndpoint
from gateway.services import Gateway, Installation


class GatewayApp(Flask):
    """Flask with the node that it serves."""

    gateway: Gateway
    # The worker begins these before others that arrived at the same time.
    urgent_paths = health.URGENT_PATHS


def create_app(gateway: Gateway | None = None) -> GatewayApp:
    """The application of `gateway`, by default of the installation that the environment names (started)."""
    if gateway is None:
        gateway = Gateway.build(Installation.from_environment())
        gateway.start()
    settings = gateway.settings.current
    app = GatewayApp("gateway", static_folder=None)
    app.gateway = gateway
    app.config["MAX_CONTENT_LENGTH"] = settings.server.max_body_size_bytes
    comet_path = settings.server.mount_prefix.rstrip("/") + "/cometd"
    websocket.install(app, comet_path)
    edge = v2.ChatEdge(
        customers=gateway.customers,
        files=gateway.files,
        settings=gateway.settings,
        metrics=gateway.metrics,
        rates=gateway.rates,
        place_of=gateway.desk.lines.position,
    )
    _register(app, gateway, edge, comet_path=comet_path)
    app.wsgi_app = CometEndpoint(  # type: ignore[method-assign]
        v2.ChatEndpoint(app.wsgi_app, edge),
        polling=gateway.polling,
        websockets=gateway.websockets,
        exchange=gateway.exchange,
        settings_source=gateway.settings,
        ids=gateway.ids,
        metrics=gateway.metrics,
    )
    if settings.server.proxy_count:
        hops = settings.server.proxy_count
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def _register(app: GatewayApp, gateway: Gateway, edge: v2.ChatEdge, *, comet_path: str) -> None:
    api = openapi.create(app, version=__version__)
    _register_agents(api, gateway, comet_path=comet_path)
    _register_admin(api, gateway)
    _register_personnel(api, gateway)
    app.register_blueprint(v2.blueprint_of(edge))
    _register_operations(app, gateway)


def _guards(gateway: Gateway) -> dict[str, Any]:
    """What every own API asks before it answers, and counts afterwards."""
    return {"accounts": gateway.accounts, "metrics": gateway.metrics, "rates": gateway.rates}


def _register_agents(api: openapi.OpenApi, gateway: Gateway, *, comet_path: str) -> None:
    """Chats and their files."""
    api.register_blueprint(
        agent.create_blueprint(
            agents=gateway.agents,
            clock=gateway.clock,
            comet_path=comet_path,
            desk=gateway.desk,
            touch=gateway.roster.touch,
            **_guards(gateway),
        )
    )
    api.register_blueprint(files.create_blueprint(files=gateway.agent_files, **_guards(gateway)))


def _register_admin(api: openapi.OpenApi, gateway: Gateway) -> None:
    """Transcripts, notifications, what runs."""
    guards = _guards(gateway)
    api.register_blueprint(admin_chats.create_blueprint(gateway.archive, gateway.census, **guards))
    api.register_blueprint(
        admin.create_blueprint(
            inspection=gateway.inspection, destinations=gateway.push, settings=gateway.settings, **guards
        )
    )
    node = admin_live.Node(
        gateway.node_id, gateway.started_ms, __version__, draining=lambda: gateway.draining
    )
    api.register_blueprint(
        admin_live.create_blueprint(
            gateway.census, trials=gateway.trials, node=node, clock=gateway.clock, **guards
        )
    )


def _register_personnel(api: openapi.OpenApi, gateway: Gateway) -> None:
    """Distribution, logins, accounts."""
    shared = _guards(gateway)
    api.register_blueprint(
        desk.create_blueprint(gateway.desk, gateway.handover, clock=gateway.clock, **shared)
    )
    api.register_blueprint(
        notebook.create_blueprint(
            gateway.notebook,
            gateway.history,
            view=ChatView(gateway.clock, gateway.desk),
            settings_source=gateway.settings,
            touch=gateway.roster.touch,
            **shared,
        )
    )
    api.register_blueprint(
        console.create_blueprint(logins=gateway.logins, settings_source=gateway.settings, **shared)
    )
    api.register_blueprint(accounts.create_blueprint(directory=gateway.directory, **shared))


def _register_operations(app: GatewayApp, gateway: Gateway) -> None:
    """Health and figures, the web pages, the demo."""
    settings, metrics = gateway.settings.current, gateway.metrics
    checks = {
        "store": health.store_check(gateway.store.check),
        "push": lambda: None if gateway.push.alive else "the push worker is not running",
        "draining": lambda: "the gateway is stopping" if gateway.draining else None,
    }
    app.register_blueprint(
        health.create_blueprint(
            checks=checks, accounts=gateway.accounts, metrics=metrics, version=__version__
        )
    )
    app.register_blueprint(
        pages.create_blueprint(
            directory=pages.static_directory(),
            mount_prefix=settings.server.mount_prefix,
            demo=settings.demo.enabled,
            source=settings.server.static_source,
        )
    )
    if settings.demo.enabled:
        app.register_blueprint(demo.create_blueprint(clock=gateway.clock, accounts=gateway.accounts))
