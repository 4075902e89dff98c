"""Rate limits of the GMS paths (spec/chat-api-v2.md 8.6)."""

from __future__ import annotations

from unit.chat.engine import SERVICE
from wire.rest.rest_client import Rest

NAMES = {"nickname": "Ann"}


def test_a_session_over_its_limit_is_told_to_repeat():
    """HTTP 200 with statusCode 1; a second later it works, and other sessions never noticed."""
    rest = Rest("[limits]\nenabled=true\n")
    chat, other = rest.start(), rest.start()
    codes = [chat.call("refresh").json["statusCode"] for _ in range(31)]
    assert codes == [0] * 30 + [1]
    assert other.call("refresh").json["statusCode"] == 0
    rest.engine.clock.advance(1)
    assert chat.call("refresh").json["statusCode"] == 0


def test_a_wrong_key_does_not_use_up_the_session():
    """Whoever only knows the chatId cannot slow the customer down, who was here before."""
    rest = Rest("[limits]\nenabled=true\n")
    chat = rest.start()
    chat.call("refresh")
    codes = [chat.call("refresh", {"secureKey": "wrong"}).json["statusCode"] for _ in range(50)]
    assert codes == [2] * 10 + [1] * 40
    assert chat.call("refresh").json["statusCode"] == 0


def test_of_a_thousand_guesses_twenty_are_looked_at(monkeypatch):
    """From many addresses, 20 an hour for one chat; above it statusCode 1 with Retry-After (4.1)."""
    rest = Rest("[limits]\nenabled=true\n")
    chat = rest.start()
    looked_at = []
    authenticate = rest.engine.customers.authenticate
    monkeypatch.setattr(
        rest.engine.customers, "authenticate", lambda **given: looked_at.append(1) or authenticate(**given)
    )
    url = f"/genesys/2/chat/{SERVICE}/{chat.id}/refresh"
    for number in range(1000):
        answer = rest.http.post(
            url,
            data={**chat.identity, "secureKey": f"guess-{number}"},
            environ_overrides={"REMOTE_ADDR": f"10.0.{number // 200}.{number % 200}"},
        )
    assert len(looked_at) == 20
    assert (answer.status_code, answer.json["statusCode"], answer.headers["Retry-After"]) == (200, 1, "3600")
    assert "errors" not in answer.json


def test_a_flood_of_starts_is_429():
    """60 chats a minute from one address, then 429 with Retry-After; another address goes on."""
    rest = Rest("[limits]\nenabled=true\n")
    assert {rest.post("chat/svc", NAMES).status_code for _ in range(60)} == {200}
    response = rest.post("chat/svc", NAMES)
    assert (response.status_code, response.json["statusCode"], response.headers["Retry-After"]) == (
        429,
        1,
        "60",
    )
    elsewhere = rest.http.post(
        "/genesys/2/chat/svc", data=NAMES, environ_overrides={"REMOTE_ADDR": "192.0.2.1"}
    )
    assert elsewhere.status_code == 200
