"""The command group `config`: check a file, show the effective values, write the option reference.

Mounted by gateway/cli. Exit code 0 = fine, 1 = the configuration or the reference is not.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from gateway.config import checks, docs
from gateway.config.errors import ConfigError
from gateway.config.kinds import format_value
from gateway.config.settings import Item, Settings
from gateway.config.source import SettingsSource

MASK = "********"


@click.group()
def config() -> None:
    """Check, show and document the configuration."""


@config.command()
@click.argument("file", type=click.Path(dir_okay=False))
def check(file: str) -> None:
    """Load FILE with the environment's overrides; print warnings, or the one reason why it is refused."""
    settings = _load(file)
    for warning in settings.warnings:
        click.echo(f"warning: {warning}")
    for advisory in checks.advisories(settings):
        click.echo(f"note: {advisory}")
    click.echo(f"{file}: ok")


@config.command()
@click.option("--file", envvar="GATEWAY_CONFIG", type=click.Path(dir_okay=False), help="ini file to read")
@click.option("--origin", is_flag=True, help="say where each value comes from")
def show(*, file: str | None, origin: bool) -> None:
    """Print the effective values as an ini file; secrets are masked and commented out."""
    current = ""
    for item in sorted(_load(file).items(), key=_place):
        if item.section != current:
            click.echo(f"{'' if not current else chr(10)}[{item.section}]")
            current = item.section
        click.echo(_line(item) + (f"\n# ^ {item.origin}" if origin else ""))


@config.command("docs")
@click.option("--path", default="docs/options.md", type=click.Path(dir_okay=False), help="file to write")
@click.option("--check", "check_only", is_flag=True, help="write nothing; exit 1 when the file is stale")
def write_docs(*, path: str, check_only: bool) -> None:
    """Write the option reference from the registry."""
    target, text = Path(path), docs.render()
    if not check_only:
        target.write_text(text, encoding="utf-8")
    elif not target.is_file() or target.read_text(encoding="utf-8") != text:
        raise click.ClickException(f"{path} is stale; run `gateway config docs`")


def _load(file: str | None) -> Settings:
    try:
        return SettingsSource(file, os.environ).current
    except ConfigError as error:
        raise click.ClickException(error.reason) from None


def _place(item: Item) -> tuple[str, str]:
    """Sections together, sub-sections after their base; the order inside a section stays the manual's."""
    return item.option.section, item.section


def _line(item: Item) -> str:
    if item.option.secret and item.value:
        return f"# {item.name}={MASK} (secret)"
    return f"{item.name}={format_value(item.value)}"
