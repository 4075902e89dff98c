"""Accounts and tokens of the personnel under /admin/v1, for administrators only.

Passwords and tokens go in and out once; the store has hashes. `create_blueprint` is called once by `app`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from flask_smorest import Blueprint
from marshmallow import fields, validate

from gateway.api import desk_schemas
from gateway.api.admin import PREFIX, guard
from gateway.api.agent import SENDS
from gateway.api.desk import page
from gateway.api.routes import Route, add
from gateway.chat.accounts import ROLES, Accounts
from gateway.chat.directory import AccountChanges, Directory, generated_password
from gateway.chat.export import iso_time
from gateway.model.accounts import StoredAccount
from gateway.observe.metrics import Metrics
from gateway.rates import Rates
from gateway.store.roles import Token

_ROLE = validate.OneOf(sorted(ROLES))


class AccountChangesSchema(ma.Schema):
    """What to change; absent members stay as they are."""

    role = fields.String(validate=_ROLE)
    password = fields.String(load_only=True)
    capacity = fields.Integer(metadata={"description": "Chats at once; 0: the configured default."})
    endpoints = fields.List(fields.String(), metadata={"description": "Queues it serves; none: all."})
    auto_accept = fields.Boolean(data_key="autoAccept")
    disabled = fields.Boolean()


class NewAccountSchema(AccountChangesSchema):
    """A new account; without a password one is generated."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=100))
    role = fields.String(required=True, validate=_ROLE)


class AccountSchema(ma.Schema):
    """An account; `password` only in the answer that generated it."""

    name = fields.String(required=True)
    role = fields.String(required=True)
    createdAt = fields.String(required=True, metadata={"format": "date-time"})
    disabledAt = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    capacity = fields.Integer(required=True, allow_none=True)
    endpoints = fields.List(fields.String(), required=True)
    autoAccept = fields.Boolean(required=True)
    canLogIn = fields.Boolean(required=True)
    password = fields.String(metadata={"description": "Generated; shown this once."})


class AccountPageSchema(desk_schemas.PageSchema):
    """Accounts by name."""

    items = fields.List(fields.Nested(AccountSchema), required=True)


class NewTokenSchema(ma.Schema):
    """A new token."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=100))
    role = fields.String(required=True, validate=_ROLE)


class TokenSchema(ma.Schema):
    """A token; `token` only in the answer that made it."""

    fingerprint = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True)
    createdAt = fields.String(required=True, metadata={"format": "date-time"})
    revokedAt = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    token = fields.String(metadata={"description": "Shown this once."})


class TokenPageSchema(desk_schemas.PageSchema):
    """Tokens, oldest first."""

    items = fields.List(fields.Nested(TokenSchema), required=True)


_READS = (401, 403, 422, 429, 500, 503)
_WRITES = SENDS
_ACCOUNT, _TOKEN = "/accounts/<string:name>", "/tokens/<fingerprint>"
_PAGE = desk_schemas.PageQuerySchema
_ROUTES = (
    Route("GET", "/accounts", "list_accounts", AccountPageSchema, query=_PAGE, problems=_READS),
    Route("POST", "/accounts", "create_account", AccountSchema, body=NewAccountSchema, problems=_WRITES),
    Route("GET", _ACCOUNT, "get_account", AccountSchema),
    Route("PATCH", _ACCOUNT, "change_account", AccountSchema, body=AccountChangesSchema, problems=_WRITES),
    Route("GET", "/tokens", "list_tokens", TokenPageSchema, query=_PAGE, problems=_READS),
    Route("POST", "/tokens", "create_token", TokenSchema, body=NewTokenSchema, problems=_WRITES),
    Route("DELETE", _TOKEN, "revoke_token", TokenSchema, problems=(401, 403, 404, 422, 429, 500, 503)),
)


class _Views:
    """The operations, for administrators; a docstring is its view's text in the OpenAPI document."""

    def __init__(self, directory: Directory, accounts: Accounts) -> None:
        self._directory = directory
        self._accounts = accounts

    def list_accounts(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """All accounts."""
        return page(self._directory.list(), query, _account)

    def create_account(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create an account with a console login."""
        changes = {key: value for key, value in body.items() if key not in ("name", "role")}
        generated = None if "password" in changes else generated_password()
        made = self._directory.create(
            body["name"], body["role"], _changes(changes | ({"password": generated} if generated else {}))
        )
        return _account(made) | ({"password": generated} if generated else {})

    def get_account(self, name: str) -> dict[str, Any]:
        """One account."""
        return _account(self._directory.get(name))

    def change_account(self, body: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Change or disable an account.

        A disabled one, its tokens, its console sessions and its live events end within a second.
        """
        return _account(self._directory.change(name, _changes(body)))

    def list_tokens(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """All tokens, revoked ones too."""
        return page(self._accounts.list(), query, _token)

    def create_token(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create a token; the answer shows it, once."""
        token = self._accounts.create(body["role"], body["name"])
        return _token(self._accounts.of_token(token)) | {"token": token}

    def revoke_token(self, fingerprint: str) -> dict[str, Any]:
        """Revoke the token whose fingerprint begins so."""
        return _token(self._accounts.revoke(fingerprint))


def create_blueprint(
    *, directory: Directory, accounts: Accounts, metrics: Metrics, rates: Rates | None = None
) -> Blueprint:
    """The blueprint of accounts and tokens."""
    views = _Views(directory, accounts)
    blueprint = Blueprint("accounts", __name__, url_prefix=PREFIX, description="Accounts and tokens.")
    guard(blueprint, accounts=accounts, metrics=metrics, rates=rates)
    for route in _ROUTES:
        add(blueprint, route, getattr(views, route.view))
    return blueprint


def _changes(body: Mapping[str, Any]) -> AccountChanges:
    endpoints = body.get("endpoints")
    return AccountChanges(**{**body, "endpoints": tuple(endpoints) if endpoints is not None else None})


def _account(account: StoredAccount) -> dict[str, Any]:
    return {
        "name": account.name,
        "role": account.role,
        "createdAt": iso_time(account.created_ms),
        "disabledAt": iso_time(account.disabled_ms) if account.disabled_ms else None,
        "capacity": account.capacity,
        "endpoints": list(account.endpoints),
        "autoAccept": account.auto_accept,
        "canLogIn": account.password_hash is not None,
    }


def _token(token: Token) -> dict[str, Any]:
    return {
        "fingerprint": token.fingerprint,
        "name": token.name,
        "role": token.role,
        "createdAt": iso_time(token.created_ms),
        "revokedAt": iso_time(token.revoked_ms) if token.revoked_ms else None,
    }
