"""The command line: `gateway config|token|push|bot ...` on the same installation as the server.

Everything works while the gateway runs; DATA_DIR and GATEWAY_CONFIG name the installation. Exit code 0: done,
1: refused, with one line on standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from gateway import __version__
from gateway.bot.command import bot
from gateway.chat.accounts import ROLES, Accounts
from gateway.clock import SystemClock
from gateway.config.commands import config
from gateway.errors import GatewayError
from gateway.ids import Ids
from gateway.services import Installation


@click.group()
@click.version_option(__version__)
def main() -> None:
    """Open chat gateway: administration from the command line."""


main.add_command(config)
main.add_command(bot)


@main.group()
def token() -> None:
    """Bearer tokens of agents, supervisors, bots and administrators."""


@token.command("create")
@click.option("--role", type=click.Choice(sorted(ROLES)), required=True)
@click.option("--name", required=True, help="Account name; agents and bots appear under it in chats.")
def create_token(role: str, name: str) -> None:
    """Create a token and print it, alone, on standard output. It is shown only this once."""
    with _accounts() as accounts:
        click.echo(accounts.create(role, name))


@token.command("list")
def list_tokens() -> None:
    """List tokens: fingerprint, role, state and name."""
    with _accounts() as accounts:
        for stored in accounts.list():
            state = "active" if stored.revoked_ms is None else "revoked"
            click.echo(f"{stored.fingerprint[:16]}  {stored.role:<10}  {state:<7}  {stored.name}")


@token.command("revoke")
@click.argument("fingerprint")
def revoke_token(fingerprint: str) -> None:
    """Revoke the token whose fingerprint begins with FINGERPRINT."""
    with _accounts() as accounts:
        click.echo(f"revoked {accounts.revoke(fingerprint).name}")


@main.group()
def push() -> None:
    """customhttp notifications."""


@push.command("secret")
@click.option("--provider", default="", help="name of a [push.provider.<name>] section")
@click.option("--debug", is_flag=True, help="the debug destination's")
def show_push_secret(*, provider: str, debug: bool) -> None:
    """Print the keys that sign notifications, the present one first; receivers verify with them."""
    try:
        installation = Installation.from_environment()
        for key in installation.push_keys(provider, debug=debug):
            click.echo(key)
    except (GatewayError, OSError) as error:
        click.echo(f"gateway: {error}", err=True)
        sys.exit(1)


@contextmanager
def _accounts() -> Iterator[Accounts]:
    """Accounts of the installation that the environment names; errors become one line and exit code 1."""
    try:
        installation = Installation.from_environment()
        store = installation.open_store(installation.settings_source().current)
        try:
            yield Accounts(store, Ids(), SystemClock())
        finally:
            store.close()
    except (GatewayError, OSError) as error:
        click.echo(f"gateway: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
