"""Rate limits of the GMS paths (spec/chat-api-v2.md 8.6)."""

from __future__ import annotations

from wire.rest.rest_client import Rest

from gateway.api.gms_rates import Buckets
from gateway.clock import ManualClock

NAMES = {"nickname": "Ann"}


def test_a_bucket_gives_its_burst_and_then_its_rate():
    """30 at once, then 10 a second; other keys are not touched."""
    clock = ManualClock()
    buckets = Buckets(clock, per_second=10, burst=30)
    assert [buckets.take("a") for _ in range(31)] == [True] * 30 + [False]
    assert buckets.take("b")
    clock.advance(1)
    assert [buckets.take("a") for _ in range(11)] == [True] * 10 + [False]


def test_the_memory_of_buckets_is_bounded():
    """Buckets that are full again are dropped; a flood of keys empties the table instead of growing it."""
    clock = ManualClock()
    buckets = Buckets(clock, per_second=10, burst=30, max_keys=100)
    for number in range(1000):
        assert buckets.take(str(number))
    assert len(buckets) <= 100


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
    """Whoever only knows the chatId cannot slow the customer down."""
    rest = Rest("[limits]\nenabled=true\n")
    chat = rest.start()
    for _ in range(50):
        assert chat.call("refresh", {"secureKey": "wrong"}).json["statusCode"] == 2
    assert chat.call("refresh").json["statusCode"] == 0


def test_a_flood_of_starts_is_429():
    """60 chats a minute from one address, then 429 with Retry-After; another address goes on."""
    rest = Rest("[limits]\nenabled=true\n")
    assert {rest.post("chat/svc", NAMES).status_code for _ in range(60)} == {200}
    response = rest.post("chat/svc", NAMES)
    assert (response.status_code, response.json["statusCode"], response.headers["Retry-After"]) == (
        429,
        1,
        "10",
    )
    elsewhere = rest.http.post(
        "/genesys/2/chat/svc", data=NAMES, environ_overrides={"REMOTE_ADDR": "192.0.2.1"}
    )
    assert elsewhere.status_code == 200
