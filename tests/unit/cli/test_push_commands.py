"""The command groups `push` and `deliveries`: what they say, what they never say, how they end."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from store.values import NOW, attempt, delivery, outbox
from unit.push.receiver import Receiver, answer

from gateway.cli import main
from gateway.model.deliveries import DeliveryState
from gateway.store.sqlite import SqliteStore

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
        ("id", "--status", "5xx"),
        ("--since", "yesterday"),
        ("--since", "2026-11-22T08:00"),
    ],
)
def test_a_replay_names_one_or_a_time(gateway, arguments: tuple[str, ...]):
    """Anything else is a mistake in the command, and nothing is done."""
    said(2, gateway("deliveries", "replay", *arguments))


def test_rows_are_found_by_their_last_answer_and_a_replay_has_a_name(
    gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """`--status` narrows listing and replay; what the command replayed says who ran it."""
    monkeypatch.setenv("LOGNAME", "olga")
    said(0, gateway("deliveries", "list"))  # makes the installation
    store = SqliteStore(tmp_path / "data" / "gateway.sqlite3")
    store.commit(outbox(delivery("d1"), delivery("d2", device_id="other")))
    store.claim("n1", now_ms=NOW, lease_ms=1000, limit=2)
    for id_, status in (("d1", 503), ("d2", 404)):
        made = replace(attempt(id_), status=status, error=None)
        store.finish(id_, "n1", state=DeliveryState.FAILED, attempt=made)
    store.close()
    listed = said(0, gateway("deliveries", "list", "--status", "5xx", "--status", "none"))
    assert ["d1"] == [line.split()[-1] for line in listed.splitlines()]
    window = ("deliveries", "replay", "--since", "2000-01-01T00:00Z", "--status", "4xx")
    assert "1 found, 1 replayed" in said(0, gateway(*window))
    assert "asked for by command line, olga" in said(0, gateway("deliveries", "show", "d2"))
    assert "asked for" not in said(0, gateway("deliveries", "show", "d1"))
    monkeypatch.setenv("LOGNAME", "olga\udcff\n")  # bytes that are no text
    said(0, gateway("deliveries", "replay", "d1"))
    assert "asked for by command line, olga\\" in said(0, gateway("deliveries", "show", "d1"))
