"""Signatures: the vector of the specification, rotation, and the installation's own key (push.md 10.2.1)."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from standardwebhooks import Webhook, WebhookVerificationError
from unit.push.receiver import SECRET, Receiver, delivery
from unit.push.sending import destination, post

from gateway.cli import main
from gateway.config import Settings
from gateway.config.errors import ConfigError
from gateway.errors import GatewayError
from gateway.model.deliveries import DeliveryKind
from gateway.push.signing import installation_key, signature

OTHER = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY4"
VECTOR = {
    "webhook_id": "msg_00020aEQFW6V0029_c1_16",
    "timestamp_s": 1568662361,
    "body": b'{"message":{"chatEnded":false,"nextPosition":17},"deviceId":"d1"}',
}
VECTOR_SIGNATURE = "v1,wicDRND0/NX1DHFSaTzclK1Wv76L3yQUhTXNnF8sW98="


def test_push_check_11_vector() -> None:
    """Check 11: the vector of 10.2.1, computed with the reference library of Standard Webhooks."""
    assert VECTOR_SIGNATURE == signature([SECRET], **VECTOR)


def test_push_check_11_rotation() -> None:
    """Check 11: during rotation there are two signatures, the present key's first."""
    assert f"{signature([OTHER], **VECTOR)} {VECTOR_SIGNATURE}" == signature([OTHER, SECRET], **VECTOR)


@pytest.mark.parametrize("keys", [(SECRET,), (OTHER, SECRET)], ids=["one", "rotation"])
def test_a_receiver_can_verify_what_arrives(receiver: Receiver, keys: tuple[str, ...]) -> None:
    """The reference library accepts the very bytes that arrived, and none that were changed."""
    post(destination(receiver.url(), signing_keys=keys))
    got = receiver.requests[0]
    Webhook(SECRET).verify(got.body, got.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(got.body.replace(b"dummy", b"other"), got.headers)


def test_pointer_has_an_idempotency_key(receiver: Receiver) -> None:
    """10.2.2: reminders of one position can be collapsed; other notifications have no such header."""
    pointer = delivery(kind=DeliveryKind.POINTER, message=b"{}", idempotency_key="chat:1:12")
    post(destination(receiver.url()), pointer)
    post(destination(receiver.url()))
    assert ["chat:1:12", None] == [request.headers.get("idempotency-key") for request in receiver.requests]


def test_installation_key_is_made_once_and_private(tmp_path: Path) -> None:
    """Processes that start together agree on one key, which only the owner can read."""
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(installation_key(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (path,) = tmp_path.iterdir()
    assert ({installation_key(tmp_path)}, 0o600) == (set(found), stat.S_IMODE(path.stat().st_mode))
    Webhook(found[0])


@pytest.mark.parametrize("content", ["", "whsec_", "whsec_a", "whsec_\u00e4"])
def test_damaged_key_stops_the_start(tmp_path: Path, content: str) -> None:
    """A file without a key is not signed with; one line says what to do."""
    (tmp_path / "push-signing.key").write_text(content)
    with pytest.raises(GatewayError, match="push-signing.key is damaged"):
        installation_key(tmp_path)


WRONG = {
    "no prefix": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
    "no base64": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY!",
    "too short": "whsec_MDEyMzQ1Njc4OWFiY2RlZg==",
    "asymmetric": "whsk_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
}


@pytest.mark.parametrize(
    "name", ["customhttp.secret", "customhttp.secret.previous", "debug.customhttp.secret"]
)
@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_invalid_secret_is_refused(name: str, text: str) -> None:
    """The configuration refuses it with one line that does not repeat it."""
    with pytest.raises(ConfigError) as refused:
        Settings.from_text(f"[push]\n{name}={text}\n")
    assert f"[push] {name}=(secret) is not possible" in refused.value.reason
    assert (text in refused.value.reason, "\n" in refused.value.reason) == (False, False)


def test_command_shows_the_keys_in_use(tmp_path: Path) -> None:
    """`gateway push secret` prints the configured keys, the installation's where none is set, or one line."""
    file = tmp_path / "gateway.ini"
    file.write_text(f"[push]\ncustomhttp.secret={OTHER}\ncustomhttp.secret.previous={SECRET}\n")
    env = {"DATA_DIR": str(tmp_path / "data"), "GATEWAY_CONFIG": str(file)}
    runner = CliRunner()
    assert f"{OTHER}\n{SECRET}\n" == runner.invoke(main, ["push", "secret"], env=env).output
    own = runner.invoke(main, ["push", "secret", "--debug"], env=env).output
    assert f"{installation_key(tmp_path / 'data')}\n" == own
    unknown = runner.invoke(main, ["push", "secret", "--provider", "x"], env=env)
    assert (1, "gateway: there is no [push.provider.x]\n") == (unknown.exit_code, unknown.output)
