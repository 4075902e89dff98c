"""The command group `deliveries`: the log of notifications, and replay (docs/push.md)."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from gateway.cli.installation import opened
from gateway.clock import SystemClock
from gateway.model.deliveries import Attempt, Delivery, DeliveryState
from gateway.model.inspection import DeliveryFilter, ReplayRecord, StatusClass
from gateway.observe.redaction import escape
from gateway.push.inspection import Inspection
from gateway.push.signing import installation_key

_STATUS_CLASSES = click.Choice([name.value for name in StatusClass])
_FINISHED = ("failed", "exhausted", "skipped")


@click.group()
def deliveries() -> None:
    """Look at notifications and send them again."""


@deliveries.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice([state.value for state in DeliveryState]))
@click.option("--status", "answers", multiple=True, type=_STATUS_CLASSES, help="last attempt answered so")
@click.option("--chat", "chat_id", help="only of this chat")
@click.option("--device", "device_id", help="only to this device")
@click.option("--provider", help="only to this provider; empty: to the destination of [push]")
@click.option("--since", metavar="TIME", help="created at this time or later, e.g. 2026-11-22T08:00Z")
@click.option("--limit", default=50, type=click.IntRange(1, 10_000), show_default=True)
def list_deliveries(
    *,
    states: tuple[str, ...],
    answers: tuple[str, ...],
    chat_id: str | None,
    device_id: str | None,
    provider: str | None,
    since: str | None,
    limit: int,
) -> None:
    """List notifications, newest first: time, state, attempts, last result, id."""
    wanted = _filter(states, answers, since, chat_id=chat_id, device_id=device_id, provider=provider)
    with _inspection() as inspection:
        page = inspection.page(wanted, after=None, limit=limit)
        for item in page.items:
            click.echo(_line(item.delivery, item.last))
    if page.next is not None:
        click.echo("there are more: narrow the search, or raise --limit", err=True)


@deliveries.command()
@click.argument("delivery_id")
def show(delivery_id: str) -> None:
    """Show one notification: its headers (secrets masked), its body and all attempts."""
    with _inspection() as inspection:
        detail = inspection.detail(delivery_id)
    click.echo(_line(detail.delivery, None))
    for name, value in (detail.headers or {}).items():
        click.echo(f"{name}: {escape(value)}")
    click.echo(f"\n{'(the body is not shown)' if detail.body is None else escape(detail.body)}")
    for record in detail.replays:
        click.echo(_replayed(record))
    for made in detail.attempts:
        head = escape(made.response_head.decode("utf-8", "replace"))
        click.echo(f"\nattempt {made.number}  {_time(made.started_ms)}  {_result(made)}\n{head}")


@deliveries.command()
@click.argument("delivery_id", required=False)
@click.option("--since", metavar="TIME", help="all dead letters created at this time or later")
@click.option("--state", "states", multiple=True, type=click.Choice(_FINISHED), help="with --since")
@click.option("--status", "answers", multiple=True, type=_STATUS_CLASSES, help="with --since")
@click.option("--provider", help="with --since: only to this provider")
@click.option("--chat", "chat_id", help="with --since: only of this chat")
@click.option("--dry-run", is_flag=True, help="with --since: only count")
def replay(
    *,
    delivery_id: str | None,
    since: str | None,
    states: tuple[str, ...],
    answers: tuple[str, ...],
    provider: str | None,
    chat_id: str | None,
    dry_run: bool,
) -> None:
    """Send one notification again, or all dead letters of a time. A running gateway sends within a second."""
    if (delivery_id is None) == (since is None):
        raise click.UsageError("name one notification, or a time with --since")
    if delivery_id is not None and (states or answers or provider is not None or chat_id or dry_run):
        raise click.UsageError("the filters belong to --since")
    with _inspection() as inspection:
        if delivery_id is not None:
            click.echo(_line(inspection.replay(delivery_id, by=_caller()), None))
            return
        wanted = _filter(states, answers, since, provider=provider, chat_id=chat_id)
        done = inspection.replay_window(wanted, by=_caller(), dry_run=dry_run)
        more = "; there are more, repeat the command" if done.more else ""
        click.echo(f"{done.matched} found, {done.replayed} replayed{more}")


@contextmanager
def _inspection() -> Iterator[Inspection]:
    with opened() as here:
        key = installation_key(here.installation.data_dir)
        yield Inspection(here.store, here.source, SystemClock(), installation_key=key)


def _caller() -> str:
    """Who runs the command, as replays are recorded; a container's user may have no name."""
    try:
        return f"command line, {escape(getpass.getuser())}"  # the environment may hold anything
    except (KeyError, OSError):
        return "command line"


def _filter(
    states: tuple[str, ...], answers: tuple[str, ...], since: str | None, **names: str | None
) -> DeliveryFilter:
    return DeliveryFilter(
        states=frozenset(DeliveryState(state) for state in states),
        answers=frozenset(StatusClass(name) for name in answers),
        since_ms=None if since is None else _unix_ms(since),
        **names,
    )


def _unix_ms(text: str) -> int:
    """The time of an ISO text; one without a zone is refused, as it would mean another time elsewhere."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time like 2026-11-22T08:00Z") from None
    if moment.tzinfo is None:
        raise click.BadParameter(f"{text!r} has no time zone; add Z for UTC")
    return round(moment.timestamp() * 1000)


def _line(delivery: Delivery, last: Attempt | None) -> str:
    result = "" if last is None else _result(last)
    count = f"{delivery.attempts} attempts" + (f" ({delivery.replays} replays)" if delivery.replays else "")
    parts = (
        _time(delivery.created_ms),
        f"{delivery.state.value:<9}",
        f"{count:<12}",
        f"{result:<20}",
        delivery.id,
    )
    return escape("  ".join(parts))


def _replayed(record: ReplayRecord) -> str:
    return escape(f"attempt {record.attempt} asked for by {record.by}  {_time(record.at_ms)}")


def _result(made: Attempt) -> str:
    what = f"HTTP {made.status}" if made.status else made.error or ""
    return f"{what} {made.duration_ms} ms"


def _time(utc_ms: int) -> str:
    return datetime.fromtimestamp(utc_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
