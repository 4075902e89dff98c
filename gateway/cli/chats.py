"""The command group `chats`: stored chats, the twin of /admin/v1/chats (docs/operations.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import click

from gateway.chat import export
from gateway.chat.archive import MAX_PAGE, STATES, Archive, Customer
from gateway.chat.files import purge_chat
from gateway.cli.installation import opened
from gateway.clock import SystemClock
from gateway.errors import StateConflict
from gateway.store.roles import ArchiveQuery


@click.group()
def chats() -> None:
    """Stored chats: search, export, deletion. Works while the gateway runs."""


@chats.command("list")
@click.option("--text", default="", help="Words of one message.")
@click.option("--customer", default="", help="Words of the customer's nickname or e-mail address.")
@click.option("--agent", default="", help="Words of an agent's nickname or account.")
@click.option("--service", default="")
@click.option("--state", type=click.Choice(list(STATES)))
@click.option("--from", "since", type=click.DateTime(), help="Begun then or later (UTC).")
@click.option("--to", "until", type=click.DateTime(), help="Begun before then (UTC).")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
def list_chats(
    *, state: str | None, since: datetime | None, until: datetime | None, limit: int, **texts: str
) -> None:
    """List chats, newest first: id, begin, state, service, customer."""
    query = ArchiveQuery(
        **texts,
        states=STATES[state] if state else frozenset(),
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
    with opened() as here:
        directory = here.installation.open_files(here.source.current)
        purge = partial(purge_chat, store=here.store, directory=directory)
        yield Archive(here.store, purge=purge, settings_source=here.source, clock=SystemClock())
