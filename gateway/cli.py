"""The command line: `gateway config|token|bot ...` (mounted groups) on the same installation as the server.

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
from gateway.chat.directory import AccountChanges, Directory, generated_password
from gateway.chat.logins import Logins
from gateway.clock import SystemClock
from gateway.config.commands import config
from gateway.errors import GatewayError
from gateway.ids import Ids
from gateway.services import Installation
from gateway.store.roles import Store


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


# --- accounts of agents ---------------------------------------------------------------------------------


@main.group()
def agent() -> None:
    """Accounts of agents, supervisors, bots and administrators with a console login."""


@agent.command("create")
@click.option("--role", type=click.Choice(sorted(ROLES)), default="agent", show_default=True)
@click.option("--name", required=True, help="Account name; agents appear under it in chats.")
@click.option("--capacity", type=click.IntRange(1, 1000), help="Chats at once; else [agents] capacity.")
@click.option("--endpoint", "endpoints", multiple=True, help="A queue it serves; may be repeated; else all.")
@click.option("--auto-accept", is_flag=True, help="Chats of its queues are joined without asking.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create_agent(
    role: str,
    name: str,
    capacity: int | None,
    endpoints: tuple[str, ...],
    auto_accept: bool,
    password_stdin: bool,
) -> None:
    """Create an account. A generated password is printed, alone, on standard output, only this once."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else generated_password()
    changes = AccountChanges(
        password=password, capacity=capacity, endpoints=endpoints, auto_accept=auto_accept
    )
    with _directory() as directory:
        directory.create(name, role, changes)
        if not password_stdin:
            click.echo(password)


@agent.command("list")
def list_agents() -> None:
    """List accounts: name, role, state and queues."""
    with _directory() as directory:
        for account in directory.list():
            state = "active" if account.disabled_ms is None else "disabled"
            served = ",".join(account.endpoints) or "all"
            click.echo(f"{account.role:<10}  {state:<8}  {served}  {account.name}")


@agent.command("disable")
@click.argument("name")
def disable_agent(name: str) -> None:
    """Disable an account, its tokens, its console sessions and its live events."""
    with _directory() as directory:
        directory.change(name, AccountChanges(disabled=True))
        click.echo(f"disabled {name}")


@agent.command("enable")
@click.argument("name")
def enable_agent(name: str) -> None:
    """Let a disabled account in again."""
    with _directory() as directory:
        directory.change(name, AccountChanges(disabled=False))
        click.echo(f"enabled {name}")


@contextmanager
def _directory() -> Iterator[Directory]:
    """The accounts of the installation that the environment names."""
    with _opened() as (installation, store):
        clock = SystemClock()
        logins = Logins(store, Ids(), settings_source=installation.settings_source(), clock=clock)
        yield Directory(store, logins, clock)


# --- the installation -----------------------------------------------------------------------------------


@contextmanager
def _accounts() -> Iterator[Accounts]:
    """The tokens of the installation that the environment names."""
    with _opened() as (_installation, store):
        yield Accounts(store, Ids(), SystemClock())


@contextmanager
def _opened() -> Iterator[tuple[Installation, Store]]:
    """The installation and its store; errors become one line and exit code 1."""
    try:
        installation = Installation.from_environment()
        store = installation.open_store(installation.settings_source().current)
        try:
            yield installation, store
        finally:
            store.close()
    except (GatewayError, OSError) as error:
        click.echo(f"gateway: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
