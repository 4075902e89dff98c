"""The command group `push`: the keys that sign, and a try of a destination."""

from __future__ import annotations

import os
import sys
import time

import click
import orjson

from gateway.cli.installation import one_line_errors
from gateway.clock import SystemClock
from gateway.config import Settings, SettingsSource
from gateway.ids import Ids
from gateway.model.deliveries import Delivery, DeliveryKind
from gateway.observe.redaction import escape, redact_text
from gateway.push.customhttp import Reply, Sender
from gateway.push.destination import Destination, resolve
from gateway.push.signing import installation_key
from gateway.routing.policy import Skip
from gateway.services import Installation

HEAD_SHOWN = 500
TEXT = "test notification"


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
        settings = _settings(url, provider, debug=debug)
        key = installation_key(Installation.from_environment().data_dir)
        destination = resolve(settings, provider, debug=debug, installation_key=key)
        if isinstance(destination, Skip):
            click.echo(f"gateway: {destination.reason}", err=True)
            sys.exit(1)
        begun = time.monotonic()
        reply = Sender(settings.push.allowed_networks, SystemClock()).send(
            _notification(provider, debug=debug), destination, attempt=1
        )
    _report(reply, destination, round((time.monotonic() - begun) * 1000))


def _settings(url: str | None, provider: str | None, *, debug: bool) -> Settings:
    """The configuration, with `url` in the place of the destination's: the checks judge it as any other."""
    environ = dict(os.environ)
    file = environ.get("GATEWAY_CONFIG") or None
    if url is not None:
        section = f"PUSH__PROVIDER__{provider.upper()}" if provider else "PUSH"
        environ[f"GATEWAY__{section}__{'DEBUG_' if debug else ''}CUSTOMHTTP_URL"] = url
    return SettingsSource(file, environ).current


def _notification(provider: str | None, *, debug: bool) -> Delivery:
    now_ms = SystemClock().wall_ms()
    return Delivery(
        id=f"msg_test_{Ids().alphanumeric()}",
        chat_id="test",
        user_id="test",
        position=0,
        kind=DeliveryKind.PAYLOAD,
        event_type="Test",
        device_id="test",
        created_ms=now_ms,
        due_ms=now_ms,
        provider=provider,
        debug=debug,
        message=orjson.dumps(TEXT),
    )


def _report(reply: Reply, destination: Destination, duration_ms: int) -> None:
    """Status, time and the beginning of the answer, without anything secret; exit code 1 unless it is 2xx."""
    what = f"HTTP {reply.status}" if reply.status else reply.error
    click.echo(f"{what} in {duration_ms} ms")
    head = reply.head.decode("utf-8", "replace")
    for secret in filter(None, destination.headers.values()):
        head = head.replace(secret, "********")
    if head:
        click.echo(escape(redact_text(head)[:HEAD_SHOWN]))
    if reply.status is None or not 200 <= reply.status < 300:
        sys.exit(1)
