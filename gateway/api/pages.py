"""The web pages: landing page, API documentation, demo, console and operator, and their files.

Pages are static files of `static/`; the only thing filled in is the mount prefix. Every page comes with a
strict Content-Security-Policy (design/ui.md 6): own files only, no inline script or style, no frames. Links
inside the pages are relative, so a proxy may put everything under a prefix. The files of the chat widget may
be loaded by pages of any origin; what those may then do is for `cors_allow_origins` to say.
"""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from pathlib import Path

from flask import Blueprint, Request, Response, redirect, request
from werkzeug.exceptions import NotFound

from gateway.api import problem
from gateway.api.assets import EMBEDDED, Assets

# What the demo page shows in frames of its own, in demo mode only.
_FRAMED = ("pages.console_page", "pages.demo_shop_page")
_NO_FRAME = "frame-ancestors 'none'"
# Stands in the pages for `[server] mount_prefix`.
MOUNT_PLACEHOLDER = "@MOUNT@"
# Modules are fetched with CORS, also by pages that may not use the API.
_EMBEDDED_HEADERS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_HOST = re.compile(r"[A-Za-z0-9.\-\[\]:]{1,255}", re.ASCII)
# The operator page holds an admin token: nothing but its own modules, styles, drawings and API.
OPERATOR_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
# The console holds a login: the same, and its live events over a websocket of the same host.
_CONSOLE_POLICY = OPERATOR_POLICY.replace("connect-src 'self'", "connect-src {connect}")


def static_directory() -> Path:
    """Where the pages are: in the package when installed, beside it in the source tree."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "static"
    return installed if installed.is_dir() else package.parent / "static"


def create_blueprint(
    *,
    directory: Path,
    mount_prefix: str,
    demo: bool,
    source: bool = False,
    monotonic: Callable[[], float] = time.monotonic,
) -> Blueprint:
    """The blueprint of the pages.

    `demo` adds the demo page, which needs the routes of `demo.py`; with `source` scripts keep their comments.
    """
    blueprint = Blueprint("pages", __name__)
    problem.install(blueprint)
    assets = Assets(directory, source=source, monotonic=monotonic)

    def page(name: str) -> Response:
        text = (directory / name / "index.html").read_text(encoding="utf-8")
        text = text.replace(MOUNT_PLACEHOLDER, html.escape(mount_prefix, quote=True))
        return Response(text, mimetype="text/html")

    blueprint.add_url_rule("/", "home", lambda: page("home"))
    blueprint.add_url_rule("/docs", "docs", lambda: page("docs"))
    blueprint.add_url_rule("/docs/", "docs_slash", lambda: redirect("../docs", 308))
    for name in ("console", "operator", *(("demo", "demo/shop") if demo else ())):
        blueprint.add_url_rule(f"/{name}/", f"{name.replace('/', '_')}_page", lambda name=name: page(name))

    @blueprint.get("/static/<path:name>")
    @blueprint.get("/static/-/<version>/<path:name>")
    def static_file(name: str, version: str = "") -> Response:
        asset = assets.get(name)
        if asset is None:
            raise NotFound
        response = assets.respond(asset, request, version=version)
        if name.startswith(EMBEDDED):
            response.headers.update(_EMBEDDED_HEADERS)
        return response

    @blueprint.after_request
    def finish(response: Response) -> Response:
        response.headers.update(security_headers(request))
        if request.endpoint == "pages.operator_page":
            response.headers["Content-Security-Policy"] = OPERATOR_POLICY
        if request.endpoint == "pages.console_page":
            policy = _CONSOLE_POLICY.format(connect=_connect_sources(request))
            response.headers["Content-Security-Policy"] = policy
        if demo and request.endpoint in _FRAMED:
            policy = response.headers["Content-Security-Policy"]
            response.headers["Content-Security-Policy"] = policy.replace(_NO_FRAME, "frame-ancestors 'self'")
        response.headers.setdefault("Cache-Control", "no-cache")
        return response

    return blueprint


def security_headers(request: Request) -> dict[str, str]:
    """The headers of every page: what it may load, that nobody frames it, and that it leaks no address."""
    policy = (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; "
        f"connect-src {_connect_sources(request)}; require-trusted-types-for 'script'"
    )
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _connect_sources(request: Request) -> str:
    """'self' and the websocket of the same host by name: older browsers do not count it as 'self'."""
    host = request.headers.get("Host", "")
    if not _HOST.fullmatch(host):
        return "'self'"
    return f"'self' {'wss' if request.is_secure else 'ws'}://{host}"
