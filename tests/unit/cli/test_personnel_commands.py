"""The command groups `agent` and `token`: what they change, what they show once, how they end."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.app import create_app
from gateway.cli import main
from gateway.errors import Forbidden
from gateway.services import Gateway, Installation

Command = Callable[..., Result]
PASSWORD = "correct horse battery"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command on a new installation."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return lambda *arguments, stdin=None: CliRunner().invoke(main, arguments, input=stdin)


@pytest.fixture
def node(tmp_path: Path, command: Command) -> Iterator[Gateway]:
    """A node on the same installation, open all the time."""
    gateway = Gateway.build(Installation.from_environment({"DATA_DIR": str(tmp_path)}))
    yield gateway
    gateway.close()


def said(code: int, result: Result) -> str:
    """The output of a command that ended with this code and no traceback."""
    assert code == result.exit_code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


def login(gateway: Gateway, name: str, password: str) -> int:
    """The status of a console login."""
    client = create_app(gateway).test_client()
    body = {"name": name, "password": password}
    return client.post("/agent/v1/login", json=body, headers={"Origin": "http://localhost"}).status_code


def test_a_generated_password_is_printed_once_and_opens_the_console(command: Command, node: Gateway):
    """The output of `agent create` is the password and nothing else; no other command shows it."""
    password = said(0, command("agent", "create", "--name", "Eve")).strip()
    assert 1 == len(password.split())
    assert 200 == login(node, "Eve", password)
    assert password not in said(0, command("agent", "list"))


def test_an_account_as_it_was_told(command: Command, node: Gateway):
    """Role, capacity, queues and auto-accept hold in the running node; the password came on stdin, unseen."""
    options = ("--role", "supervisor", "--capacity", "3", "--auto-accept", "--password-stdin")
    queues = ("--endpoint", "Environment:sales", "--endpoint", "Environment:help")
    output = said(0, command("agent", "create", "--name", "Sam", *options, *queues, stdin=f"{PASSWORD}\n"))
    assert "" == output
    assert 200 == login(node, "Sam", PASSWORD)
    account = node.directory.get("Sam")
    assert ("supervisor", 3, True) == (account.role, account.capacity, account.auto_accept)
    assert ("Environment:sales", "Environment:help") == tuple(account.endpoints)
    listed = said(0, command("agent", "list")).split()
    assert ["supervisor", "active", "Environment:sales,Environment:help", "Sam"] == listed


def test_disabled_accounts_stay_outside_until_enabled(command: Command, node: Gateway):
    """Console and tokens of the name are shut in the running node, and open again after `enable`."""
    said(0, command("agent", "create", "--name", "Eve", "--password-stdin", stdin=f"{PASSWORD}\n"))
    token = said(0, command("token", "create", "--role", "agent", "--name", "Eve")).strip()

    def statuses() -> tuple[int, int]:
        me = create_app(node).test_client().get("/agent/v1/me", headers={"Authorization": f"Bearer {token}"})
        return login(node, "Eve", PASSWORD), me.status_code

    assert (200, 200) == statuses()
    assert "disabled Eve\n" == said(0, command("agent", "disable", "Eve"))
    assert (401, 401) == statuses()
    assert "disabled" in said(0, command("agent", "list"))
    assert "enabled Eve\n" == said(0, command("agent", "enable", "Eve"))
    assert (200, 200) == statuses()


def test_tokens_come_and_go(command: Command, node: Gateway):
    """`create` prints the token alone, `list` only its fingerprint; revoked, it opens nothing any more."""
    token = said(0, command("token", "create", "--role", "bot", "--name", "Echo")).strip()
    assert "Echo" == node.accounts.authenticate(token).name
    listed = said(0, command("token", "list"))
    assert token not in listed
    fingerprint, role, state, name = listed.split()
    assert ("bot", "active", "Echo") == (role, state, name)
    assert "revoked Echo\n" == said(0, command("token", "revoke", fingerprint))
    with pytest.raises(Forbidden):
        node.accounts.authenticate(token)
    assert "revoked" == said(0, command("token", "list")).split()[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ("agent", "create", "--name", "Eve"),  # a second time
        ("agent", "create", "--name", "Short", "--password-stdin"),
        ("agent", "disable", "Nobody"),
        ("agent", "enable", "Nobody"),
        ("token", "revoke", "0123456789abcdef"),
    ],
    ids=" ".join,
)
def test_refusals_are_one_line(command: Command, arguments: tuple[str, ...]):
    """What the gateway refuses ends with code 1 and one line that says so."""
    said(0, command("agent", "create", "--name", "Eve"))
    output = said(1, command(*arguments, stdin="short\n"))
    assert (True, 1) == (output.startswith("gateway: "), output.count("\n"))


@pytest.mark.parametrize("role", ["root", ""])
def test_roles_are_those_of_the_documents(command: Command, role: str):
    """Any other is a mistake in the call: code 2."""
    for group in ("agent", "token"):
        assert "Invalid value for '--role'" in said(
            2, command(group, "create", "--name", "E", "--role", role)
        )
