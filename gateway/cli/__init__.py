"""The command line: `gateway config|agent|token|bot|chats|deliveries|push ...` on a server's installation.

Everything works while the gateway runs; DATA_DIR and GATEWAY_CONFIG name the installation. Exit code 0: done,
1: refused, with one line on standard error. One module for each group; `config` and `bot` come from their
packages.
"""

from __future__ import annotations

import click

from gateway import __version__
from gateway.bot.command import bot
from gateway.cli.agents import agent
from gateway.cli.chats import chats
from gateway.cli.deliveries import deliveries
from gateway.cli.push import push
from gateway.cli.tokens import token
from gateway.config.commands import config


@click.group()
@click.version_option(__version__)
def main() -> None:
    """Open chat gateway: administration from the command line."""


for group in (config, bot, agent, token, chats, deliveries, push):
    main.add_command(group)
