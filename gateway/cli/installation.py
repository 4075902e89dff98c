"""The installation that the environment names, opened beside a gateway that may be running."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from gateway.config import SettingsSource
from gateway.errors import GatewayError
from gateway.services import Installation
from gateway.store.roles import Store


@dataclass(frozen=True, slots=True)
class Opened:
    """The installation with its configuration and its store."""

    installation: Installation
    source: SettingsSource
    store: Store


@contextmanager
def opened() -> Iterator[Opened]:
    """The store of the installation; what the gateway refuses becomes one line and exit code 1."""
    with one_line_errors():
        installation = Installation.from_environment()
        source = installation.settings_source()
        store = installation.open_store(source.current)
        try:
            yield Opened(installation, source, store)
        finally:
            store.close()


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Errors as one line on standard error, with exit code 1."""
    try:
        yield
    except (GatewayError, OSError) as error:
        click.echo(f"gateway: {error}", err=True)
        sys.exit(1)
