"""`gateway bot echo` as a person calls it."""

from __future__ import annotations

import signal

import pytest
from agent_stand import make_stand, served
from click.testing import CliRunner

from gateway.bot.command import bot
from gateway.bot.echo import EXIT_REFUSED


@pytest.fixture(autouse=True)
def signals():
    """The command takes SIGINT and SIGTERM over; the test run wants them back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def test_the_token_may_come_from_the_environment():
    """The exit code tells a supervisor that restarting would not help."""
    with served(make_stand().app) as url:
        result = CliRunner(env={"GATEWAY_BOT_TOKEN": "gwb_wrong"}).invoke(bot, ["echo", "--url", url])
    assert result.exit_code == EXIT_REFUSED


def test_without_a_token_it_says_what_is_missing():
    """Exit code 2 and the name of the variable."""
    result = CliRunner(env={"GATEWAY_BOT_TOKEN": None}).invoke(bot, ["echo"])
    assert (result.exit_code, "GATEWAY_BOT_TOKEN" in result.output) == (2, True)
