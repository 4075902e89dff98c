"""The command line: `gateway config|token|bot ...` (mounted groups) on the same installation as the server.

Everything works while the gateway runs; DATA_DIR and GATEWAY_CONFIG name the installation. Exit code 0: done,
1: refused, with one line on standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from gateway import __version__
from gateway.bot.command import bot
from gateway.chat import export
from gateway.chat.accounts import ROLES, Accounts
from gateway.chat.archive import MAX_PAGE, Archive, Customer
from gateway.clock import SystemClock
from gateway.config import SettingsSource
from gateway.config.commands import config
from gateway.errors import GatewayError, StateConflict
from gateway.ids import Ids
from gateway.model.session import ChatState
from gateway.services import Installation
from gateway.store.roles import ArchiveQuery, Store


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


# --- stored chats: the twins of /admin/v1/chats -----------------------------------------------------------


@main.group()
def chats() -> None:
    """Stored chats: search, export, deletion. Works while the gateway runs."""


@chats.command("list")
@click.option("--text", default="", help="Words of one message.")
@click.option("--customer", default="", help="Words of the customer's nickname or e-mail address.")
@click.option("--agent", default="", help="Words of an agent's nickname or account.")
@click.option("--service", default="")
@click.option("--state", type=click.Choice([state.value for state in ChatState]))
@click.option("--from", "since", type=click.DateTime(), help="Begun then or later (UTC).")
@click.option("--to", "until", type=click.DateTime(), help="Begun before then (UTC).")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
def list_chats(
    *, state: str | None, since: datetime | None, until: datetime | None, limit: int, **texts: str
) -> None:
    """List chats, newest first: id, begin, state, service, customer."""
    query = ArchiveQuery(
        **texts,
        state=ChatState(state) if state else None,
        from_ms=_milliseconds(since),
        until_ms=_milliseconds(until),
    )
    with _archive() as archive:
        cursor = None
        while limit > 0:
            page = archive.search(query, cursor=cursor, limit=min(limit, MAX_PAGE))
            for chat in page.chats:
                begun = export.iso_time(chat.profile.created_ms)
                service, customer = chat.profile.service, chat.customer.nickname
                click.echo(f"{chat.id}  {begun}  {chat.state.value:<7}  {service}  {customer}")
            limit -= len(page.chats)
            cursor = page.cursor
            if cursor is None:
                return


@chats.command("show")
@click.argument("chat_id")
def show_chat(chat_id: str) -> None:
    """Print the transcript of a chat as text."""
    with _archive() as archive:
        click.echo(archive.as_text(chat_id), nl=False)


@chats.command("export")
@click.argument("chat_id")
@click.option("--format", "form", type=click.Choice(["json", "text"]), default="json", show_default=True)
def export_chat(chat_id: str, form: str) -> None:
    """Write a chat with all its events to standard output."""
    with _archive() as archive:
        click.echo(archive.as_json(chat_id) if form == "json" else archive.as_text(chat_id))


@chats.command("purge")
@click.argument("chat_ids", nargs=-1)
@click.option("--email", default="", help="All ended chats of this e-mail address.")
@click.option("--user-data", nargs=2, metavar="KEY VALUE", help="All ended chats with this user data.")
def purge_chats(chat_ids: tuple[str, ...], email: str, user_data: tuple[str, str] | None) -> None:
    """Delete ended chats with everything that belongs to them: by id, or all of a customer."""
    with _archive() as archive:
        for chat_id in chat_ids:
            archive.purge(chat_id)
        deleted, left = len(chat_ids), 0
        if email or user_data:
            key, value = user_data or ("", "")
            of_customer, left = archive.purge_customer(Customer(email, key, value))
            deleted += of_customer
        click.echo(f"deleted {deleted}")
        if left:
            raise StateConflict(f"{left} chats are open and stay; end them first, or use the API")


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.replace(tzinfo=UTC).timestamp() * 1000)


@contextmanager
def _archive() -> Iterator[Archive]:
    """The archive of the installation, without a ledger: a running gateway alone may end chats."""
    with _store() as (store, settings):
        yield Archive(store, settings_source=settings, clock=SystemClock())


@contextmanager
def _accounts() -> Iterator[Accounts]:
    with _store() as (store, _):
        yield Accounts(store, Ids(), SystemClock())


@contextmanager
def _store() -> Iterator[tuple[Store, SettingsSource]]:
    """The store of the installation that the environment names; errors become one line and exit code 1."""
    try:
        installation = Installation.from_environment()
        settings = installation.settings_source()
        store = installation.open_store(settings.current)
        try:
            yield store, settings
        finally:
            store.close()
    except (GatewayError, OSError) as error:
        click.echo(f"gateway: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
