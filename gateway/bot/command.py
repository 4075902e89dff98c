"""`gateway bot ...`: runs the bots of this package from the command line. Mounted by `gateway/cli`."""

from __future__ import annotations

import signal
import sys
import threading

import click

from gateway.bot import echo


@click.group("bot")
def bot() -> None:
    """Run a bot against a gateway."""


@bot.command("echo")
@click.option(
    "--url",
    envvar="GATEWAY_URL",
    default="http://127.0.0.1:8080",
    show_default=True,
    show_envvar=True,
    help="Root of the gateway.",
)
@click.option(
    "--token",
    envvar="GATEWAY_BOT_TOKEN",
    required=True,
    show_envvar=True,
    help="Bearer token of role bot. Better in the environment: other users see a command line.",
)
def run_echo(url: str, token: str) -> None:
    """Repeat what customers say; `agent-bye` ends a chat."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    sys.exit(echo.run(url, token, stop))
