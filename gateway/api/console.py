"""Logging in to the console: name and password become a cookie (HttpOnly, SameSite=Strict, own origin).

The session's id is new with every login. The page gets a token for the header X-CSRF-Token, and a ticket for
its Bayeux handshake, because it cannot read its own cookie. `create_blueprint` is called once by `app`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from flask import Response, jsonify, request
from flask_smorest import Blueprint
from marshmallow import fields, validate
from werkzeug.exceptions import TooManyRequests, Unauthorized

from gateway.api import agent_schemas, problem, routes
from gateway.api.agent import MAX_BODY_BYTES, PREFIX
from gateway.api.bearer import account_of, check_origin, cookie_name, session_of
from gateway.api.routes import SECURITY
from gateway.chat.accounts import Accounts
from gateway.chat.logins import MAX_PASSWORD, Logins
from gateway.config import SettingsSource
from gateway.errors import Forbidden
from gateway.observe.metrics import Metrics
from gateway.rates import Rates

_LOGIN = (400, 401, 403, 413, 415, 422, 429, 500, 503)


class LoginBodySchema(ma.Schema):
    """Who wants to log in."""

    name = fields.String(required=True, validate=validate.Length(max=100))
    password = fields.String(required=True, load_only=True, validate=validate.Length(max=MAX_PASSWORD))


class ConsoleSessionSchema(ma.Schema):
    """Who is logged in."""

    name = fields.String(required=True)
    role = fields.String(required=True)
    csrfToken = fields.String(required=True, metadata={"description": "For the header X-CSRF-Token."})


class TicketSchema(ma.Schema):
    """A token for one Bayeux handshake within a minute, in `ext.agent.token`."""

    token = fields.String(required=True)


class LoggedOutSchema(ma.Schema):
    """Done."""


def create_blueprint(
    *, logins: Logins, accounts: Accounts, settings_source: SettingsSource, metrics: Metrics, rates: Rates
) -> Blueprint:
    """The blueprint of login, logout, session and ticket below /agent/v1."""
    blueprint = Blueprint("console", __name__, url_prefix=PREFIX, description="Console logins.")
    blueprint.ARGUMENTS_PARSER = agent_schemas.JsonParser()
    problem.install(blueprint)

    @blueprint.before_request
    def limit() -> None:
        request.max_content_length = MAX_BODY_BYTES

    @blueprint.after_request
    def finish(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        metrics.bound("http_requests_total", "console", str(response.status_code)).inc()
        return response

    views = _Views(logins, accounts, settings_source, rates)
    _add(blueprint, "POST", "/login", views.login, ConsoleSessionSchema, _LOGIN)
    _add(blueprint, "POST", "/logout", views.logout, LoggedOutSchema, (401, 403, 429, 500, 503))
    _add(blueprint, "GET", "/session", views.session, ConsoleSessionSchema, (401, 500, 503))
    _add(blueprint, "POST", "/ticket", views.ticket, TicketSchema, (401, 403, 429, 500, 503))
    return blueprint


class _Views:
    """The operations; a docstring is its view's text in the OpenAPI document."""

    def __init__(
        self, logins: Logins, accounts: Accounts, settings_source: SettingsSource, rates: Rates
    ) -> None:
        self._logins = logins
        self._accounts = accounts
        self._settings_source = settings_source
        self._rates = rates

    def login(self, body: Mapping[str, Any]) -> Response:
        """Log in with name and password; sets the session's cookie."""
        check_origin(request)
        address = request.remote_addr or ""
        wait_s = self._logins.throttled_s(address, body["name"])
        if wait_s is not None:
            raise TooManyRequests("too many attempts", retry_after=wait_s)
        # Passwords of many names tried from one address count like bad keys; who was here before may come in.
        known = f"login {body['name']}"
        self._rates.admit(known, address=address)
        try:
            made = self._logins.login(body["name"], body["password"])
        except Forbidden:
            self._rates.failed(address=address)
            raise Unauthorized("unknown name or wrong password") from None
        self._rates.proved(known)
        _forget_old(self._logins)
        response = jsonify(name=made.account.name, role=made.account.role, csrfToken=made.csrf)
        _set_cookie(response, made.secret, round(self._settings_source.current.agents.login_lifetime_s))
        return response

    def logout(self) -> Response:
        """End the session; its live events end within a second."""
        account_of(request, self._accounts)
        _forget_old(self._logins)
        response = jsonify({})
        _set_cookie(response, "", 0)
        return response

    def session(self) -> dict[str, Any]:
        """Who is logged in (after a reload of the page)."""
        found = session_of(request, self._accounts)
        if found is None:
            raise Unauthorized("nobody is logged in")
        account, current = found
        return {"name": account.name, "role": account.role, "csrfToken": current.csrf}

    def ticket(self) -> dict[str, Any]:
        """A token for one Bayeux handshake."""
        return {"token": self._logins.ticket(account_of(request, self._accounts))}


def _add(
    blueprint: Blueprint,
    method: str,
    rule: str,
    view: Any,
    answer: type[ma.Schema],
    problems: tuple[int, ...],
) -> None:
    name = view.__name__
    security = SECURITY
    view = routes.problems(blueprint, view, problems)
    if name == "login":
        view = blueprint.arguments(LoginBodySchema)(view)
        security = []
    view = blueprint.response(200, answer)(view)
    view = blueprint.doc(operationId=name, security=security)(view)
    blueprint.add_url_rule(rule, name, view, methods=[method])


def _forget_old(logins: Logins) -> None:
    """The session that the browser had before is over, whoever logs in or out."""
    old = request.cookies.get(cookie_name(request))
    if old:
        logins.logout(old)


def _set_cookie(response: Response, secret: str, max_age_s: int) -> None:
    response.set_cookie(
        cookie_name(request),
        secret,
        max_age=max_age_s,
        path="/",
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )
