"""The command groups `push` and `deliveries`: what they say, what they never say, how they end."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from unit.push.receiver import Receiver, answer

from gateway.cli import main

CONFIG = """
[push]
pushEnabled=comet,customhttp
customhttp.authorization=Bearer operators-secret
[push.provider.acme]
customhttp.url={url}
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on loopback."""
    with Receiver() as running:
        yield running


@pytest.fixture
def gateway(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    """Runs a command on a new installation whose provider `acme` is the receiver."""
    (tmp_path / "gateway.ini").write_text(CONFIG.format(url=receiver.url("/acme")))
    monkeypatch.setenv("GATEWAY_CONFIG", str(tmp_path / "gateway.ini"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return lambda *arguments: CliRunner().invoke(main, arguments)


def said(code: int, result: Result) -> str:
    """The output of a command that ended with this code and no traceback."""
    assert code == result.exit_code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


def test_push_test_sends_one_notification(gateway, receiver: Receiver):
    """One POST with the destination's settings; status, time and the answer are shown, no secret is."""
    receiver.behaviours["/acme"] = answer(202, b"thanks for Bearer operators-secret")
    output = said(0, gateway("push", "test", "--provider", "acme"))
    (request,) = receiver.got("/acme")
    assert b'{"message":"test notification","deviceId":"test"}' == request.body
    assert "Bearer operators-secret" == request.headers["authorization"]
    assert output.startswith("HTTP 202 in ")
    assert "thanks for" in output
    assert "operators-secret" not in output


@pytest.mark.parametrize("provider", [(), ("--provider", "acme")])
def test_push_test_of_an_address(gateway, receiver: Receiver, provider: tuple[str, ...]):
    """An address stands in for the configured one, the other settings stay."""
    said(0, gateway("push", "test", receiver.url("/elsewhere"), *provider))
    assert ["Bearer operators-secret"] == [
        request.headers["authorization"] for request in receiver.got("/elsewhere")
    ]
    assert [] == receiver.got("/acme")


def test_push_test_ends_with_1_when_it_was_not_accepted(gateway, receiver: Receiver):
    """Every answer but 2xx, and none at all."""
    receiver.behaviours["/acme"] = answer(500)
    assert "HTTP 500" in said(1, gateway("push", "test", "--provider", "acme"))
    assert "connection failed" in said(1, gateway("push", "test", "http://127.0.0.1:1/"))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("push", "test"), "gateway: no url configured"),
        (("push", "test", "--provider", "nobody"), "gateway: unknown provider"),
        (("push", "test", "--provider", "acme", "--debug"), "gateway: no debug url configured"),
        (("deliveries", "show", "nothing"), "gateway: no such notification"),
        (("deliveries", "replay", "nothing"), "gateway: no such notification"),
    ],
)
def test_refusals_are_one_line(gateway, arguments: tuple[str, ...], line: str):
    """What cannot be done is said in one line, with exit code 1."""
    assert [line] == said(1, gateway(*arguments)).splitlines()


@pytest.mark.parametrize("url", ["ftp://host/", "http://receiver.example/", "no url"])
def test_an_address_is_judged_as_in_the_configuration(gateway, url: str):
    """Other schemes, and plain http to other machines, are refused without a traceback."""
    assert 1 == len(said(1, gateway("push", "test", url)).splitlines())


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("id", "--since", "2026-11-22T08:00Z"),
        ("id", "--dry-run"),
        ("--since", "yesterday"),
        ("--since", "2026-11-22T08:00"),
    ],
)
def test_a_replay_names_one_or_a_time(gateway, arguments: tuple[str, ...]):
    """Anything else is a mistake in the command, and nothing is done."""
    said(2, gateway("deliveries", "replay", *arguments))
