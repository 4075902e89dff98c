"""The command group `token`: bearer tokens of agents, supervisors, bots and administrators."""

from __future__ import annotations

import click

from gateway.chat.accounts import ROLES, Accounts
from gateway.cli.installation import opened
from gateway.clock import SystemClock
from gateway.ids import Ids


@click.group()
def token() -> None:
    """Bearer tokens of agents, supervisors, bots and administrators."""


@token.command("create")
@click.option("--role", type=click.Choice(sorted(ROLES)), required=True)
@click.option("--name", required=True, help="Account name; agents and bots appear under it in chats.")
def create_token(role: str, name: str) -> None:
    """Create a token and print it, alone, on standard output. It is shown only this once."""
    with opened() as here:
        accounts = Accounts(here.store, Ids(), SystemClock())
        click.echo(accounts.create(role, name))


@token.command("list")
def list_tokens() -> None:
    """List tokens: fingerprint, role, state and name."""
    with opened() as here:
        accounts = Accounts(here.store, Ids(), SystemClock())
        for stored in accounts.list():
            state = "active" if stored.revoked_ms is None else "revoked"
            click.echo(f"{stored.fingerprint[:16]}  {stored.role:<10}  {state:<7}  {stored.name}")


@token.command("revoke")
@click.argument("fingerprint")
def revoke_token(fingerprint: str) -> None:
    """Revoke the token whose fingerprint begins with FINGERPRINT."""
    with opened() as here:
        accounts = Accounts(here.store, Ids(), SystemClock())
        click.echo(f"revoked {accounts.revoke(fingerprint).name}")
