"""The command group `push`: the keys that sign, and a try of a destination."""

from __future__ import annotations

import os
import sys

import click

from gateway.cli.installation import one_line_errors
from gateway.clock import SystemClock
from gateway.config import SettingsSource
from gateway.errors import NotFound
from gateway.ids import Ids
from gateway.observe.redaction import escape
from gateway.push.signing import installation_key
from gateway.push.trial import Result, Trials
from gateway.services import Installation

HEAD_SHOWN = 500


@click.group()
def push() -> None:
    """Destinations of notifications: their keys, and a test."""


@push.command("secret")
@click.option("--provider", default="", help="name of a [push.provider.<name>] section")
@click.option("--debug", is_flag=True, help="the debug destination's")
def show_secret(*, provider: str, debug: bool) -> None:
    """Print the keys that sign notifications, the present one first; receivers verify with them."""
    with one_line_errors():
        for key in Installation.from_environment().push_keys(provider, debug=debug):
            click.echo(key)


@push.command()
@click.argument("url", required=False)
@click.option("--provider", help="the destination of this provider instead of [push]")
@click.option("--debug", is_flag=True, help="the debug destination")
def test(*, url: str | None, provider: str | None, debug: bool) -> None:
    """Send one test notification with a destination's settings; URL, if given, stands in for its address.

    Exit code 0: the receiver answered with 2xx.
    """
    with one_line_errors():
        key = installation_key(Installation.from_environment().data_dir)
        trials = Trials(_settings(url, provider, debug=debug), SystemClock(), Ids(), installation_key=key)
        try:
            result = trials.run(provider, debug=debug)
        except NotFound as refused:
            click.echo(f"gateway: {refused}", err=True)
            sys.exit(1)
    _report(result)


def _settings(url: str | None, provider: str | None, *, debug: bool) -> SettingsSource:
    """The configuration, with `url` in the place of the destination's: the checks judge it as any other."""
    environ = dict(os.environ)
    file = environ.get("GATEWAY_CONFIG") or None
    if url is not None:
        section = f"PUSH__PROVIDER__{provider.upper()}" if provider else "PUSH"
        environ[f"GATEWAY__{section}__{'DEBUG_' if debug else ''}CUSTOMHTTP_URL"] = url
    return SettingsSource(file, environ)


def _report(result: Result) -> None:
    """Status, time and the beginning of the answer; exit code 1 unless it is 2xx."""
    what = f"HTTP {result.status}" if result.status else result.error
    click.echo(f"{what} in {result.duration_ms} ms")
    if result.head:
        click.echo(escape(result.head[:HEAD_SHOWN]))
    if not result.delivered:
        sys.exit(1)
