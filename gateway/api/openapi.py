"""The OpenAPI document of our own APIs: flask-smorest set up so that it documents and nothing else.

Called by `app`: `api = openapi.create(app, version=...)`, then `api.register_blueprint(...)` for each own
API. The document is served at `/openapi.json`; the page that shows it is our own (`static/docs/`).
"""

from __future__ import annotations

from flask import Flask
from flask_smorest import Api

from gateway.api import problem
from gateway.api.agent_schemas import ProblemSchema

DESCRIPTION = (
    "The gateway's own APIs; the customers' side (Chat API v2 over REST and CometD) is in the manual. "
    "Errors are application/problem+json. Live events come over Bayeux: handshake with "
    '{"ext": {"agent": {"token": ...}}}, then events arrive on the channel /service/agent.'
)
BEARER = {"type": "http", "scheme": "bearer", "description": "A token of `gateway token create`."}

CONSOLE = {
    "type": "apiKey",
    "in": "cookie",
    "name": "__Host-console",
    "description": "The cookie of /agent/v1/login (without https: `console`); unsafe methods also need the "
    "header X-CSRF-Token and the gateway's own Origin.",
}


class OpenApi(Api):
    """smorest's Api with our error answers instead of its own, in the document as well as on the wire."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        problem.install(self._app)


def create(app: Flask, *, version: str) -> OpenApi:
    """Prepare `/openapi.json` for `app` and answer the application's own errors as problems."""
    app.config.update(
        API_TITLE="Open chat gateway",
        API_VERSION=version,
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = OpenApi(app, spec_kwargs={"info": {"description": DESCRIPTION}})
    api.spec.components.security_scheme("bearer", BEARER)
    api.spec.components.security_scheme("console", CONSOLE)
    api.spec.components.schema(problem.SCHEMA, schema=ProblemSchema)
    return api
