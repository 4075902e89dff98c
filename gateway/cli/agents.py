"""The command group `agent`: accounts with a console login (docs/agents.md)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from gateway.chat.accounts import ROLES
from gateway.chat.directory import AccountChanges, Directory, generated_password
from gateway.chat.logins import Logins
from gateway.cli.installation import opened
from gateway.clock import SystemClock
from gateway.ids import Ids


@click.group()
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
    with opened() as here:
        clock = SystemClock()
        yield Directory(
            here.store, Logins(here.store, Ids(), settings_source=here.source, clock=clock), clock
        )
