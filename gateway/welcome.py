"""What a served gateway says and does at its start: URLs, the one-time admin token, the demo's bot.

Called by `wsgi.py` only, after the application exists. The admin token is printed once in the life of an
installation, on its first start (decision 20); `gateway token create` makes others.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import TextIO
from urllib.parse import urlsplit

import structlog

from gateway.bot import echo
from gateway.chat.accounts import ADMIN, BOT
from gateway.services import Gateway

DEMO_BOT = "Demo bot"
RECEIVER_PATH = "/demo/receiver"
_EVERYWHERE = ("", "0.0.0.0", "::", "[::]")  # noqa: S104 - compared with, not bound to

log = structlog.get_logger(__name__)


def local_url(environ: Mapping[str, str]) -> str:
    """Where this machine reaches the gateway: HOST and PORT, loopback for "every address"."""
    host = environ.get("HOST", "127.0.0.1")
    if host in _EVERYWHERE:
        host = "127.0.0.1"
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"http://{host}:{environ.get('PORT') or '8080'}"


def follow_port(gateway_url: str, configured: str | None) -> str | None:
    """The address of the built-in receiver when the configured one means it but names another port."""
    parts = urlsplit(configured or "")
    own = urlsplit(gateway_url)
    if parts.path != RECEIVER_PATH or parts.hostname not in ("127.0.0.1", "localhost", own.hostname):
        return None
    return None if parts.netloc == own.netloc else gateway_url + RECEIVER_PATH


def first_token(gateway: Gateway) -> str | None:
    """A new admin token if this installation never had one."""
    if any(token.role == ADMIN for token in gateway.accounts.list()):
        return None
    return gateway.accounts.create(ADMIN, "admin")


def banner(gateway: Gateway, url: str, token: str | None) -> str:
    """The lines for the person who started the gateway."""
    prefix = gateway.settings.current.server.mount_prefix
    rows = [
        ("Chat API v2 (REST)", f"{url}{prefix}/2/chat/<service>"),
        ("Chat API v2 with CometD", f"{url}{prefix}/cometd"),
        ("Agent console", f"{url}/console/"),
        ("Operator page", f"{url}/operator/"),
        ("API docs", f"{url}/docs"),
    ]
    if gateway.settings.current.demo.enabled:
        rows.insert(0, ("Demo page", f"{url}/demo/"))
    if token is not None:
        rows.append(("Admin token (shown once)", token))
    width = max(len(name) for name, _ in rows)
    return "\n".join(["", *[f"  {name.ljust(width)}  {value}" for name, value in rows], ""])


def greet(gateway: Gateway, environ: Mapping[str, str], out: TextIO = sys.stdout) -> None:
    """Print the banner and, in demo mode, start the bot."""
    url = local_url(environ)
    print(banner(gateway, url, first_token(gateway)), file=out, flush=True)  # noqa: T201 - for a person
    if gateway.settings.current.demo.enabled:
        start_bot(gateway, url)


def start_bot(gateway: Gateway, url: str) -> threading.Event:
    """Run the echo bot against the public API with a fresh token; the event stops it."""
    token = gateway.accounts.renew(BOT, DEMO_BOT)
    stop = threading.Event()
    threading.Thread(target=echo.run, args=(url, token, stop), name="demo-bot", daemon=True).start()
    gateway.on_drain(stop.set)
    return stop
