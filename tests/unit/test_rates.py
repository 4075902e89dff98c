"""Limits: what they count, when they open again, what they cost in memory (8.6; reliability.md 4.1, 4.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from gateway.clock import ManualClock
from gateway.config import SettingsSource
from gateway.errors import RateLimited
from gateway.observe.metrics import Metrics
from gateway.rates import Buckets, Counters, Rates, network_of


class Stand:
    """Rates over a clock that stands still; `configure` replaces the ini."""

    def __init__(self, ini: str = "", *, max_keys: int = 20_000) -> None:
        self.ini = ini
        self.settings = SettingsSource("gateway.ini", {}, read_file=lambda _: self.ini.encode())
        self.clock = ManualClock()
        self.metrics = Metrics()
        self.rates = Rates(self.settings, self.clock, self.metrics, max_keys=max_keys)

    def configure(self, ini: str) -> None:
        self.ini = ini
        assert self.settings.poll()

    def refused(self, call, *args, **kwargs) -> int:
        """Seconds to wait, 0 when the call passes."""
        try:
            call(*args, **kwargs)
        except RateLimited as error:
            return error.retry_after_s
        return 0


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


@pytest.mark.parametrize(
    ("name", "amount", "window_s"), [("chat", 60, 60), ("handshake", 600, 60), ("agent", 20, 1)]
)
def test_windows(name: str, amount: int, window_s: int):
    """The default amounts of the specification; above them the rest of the window, others go on."""
    stand = Stand()
    call = getattr(stand.rates, name)
    assert [stand.refused(call, "a") for _ in range(amount + 2)] == [0] * amount + [window_s] * 2
    assert stand.refused(call, "b") == 0
    stand.clock.advance(window_s / 2)
    assert stand.refused(call, "a") == max(1, window_s // 2)
    stand.clock.advance(window_s / 2)
    assert stand.refused(call, "a") == 0
    assert stand.metrics.registry.get_sample_value("rate_limited_total", {"limit": name}) == 3


def test_the_wall_clock_means_nothing():
    """A jump of a day neither opens nor closes a window (R21)."""
    stand = Stand("[limits]\nchats_per_minute=1\n")
    stand.rates.chat("a")
    for jump in (86_400, -2 * 86_400):
        stand.clock.jump_wall(jump)
        assert stand.refused(stand.rates.chat, "a") == 60


def test_typing_is_merged_but_a_burst_of_starts_never_hides_the_stop():
    """Two a second of each kind and party; what is too much is no error (8.6)."""
    rates = Stand().rates
    assert [rates.typing("c", "u", "started") for _ in range(5)] == [True, True, False, False, False]
    assert rates.typing("c", "u", "stopped")
    assert rates.typing("c", "agent:Bob", "started")
    assert rates.typing("c2", "u", "started")


def test_bad_secrets_close_an_address_but_not_their_neighbours():
    """10 wrong ones a minute; a secret that was right before passes, and so does any other address."""
    stand = Stand()
    rates = stand.rates
    rates.proved("right")
    for _ in range(10):
        assert stand.refused(rates.admit, "wrong", address="192.0.2.1") == 0
        rates.failed(address="192.0.2.1")
    assert stand.refused(rates.admit, "wrong", address="192.0.2.1") == 60
    assert stand.refused(rates.admit, "right", address="192.0.2.1") == 0
    assert stand.refused(rates.admit, "wrong", address="192.0.2.2") == 0
    stand.clock.advance(60)
    assert stand.refused(rates.admit, "wrong", address="192.0.2.1") == 0


def test_bad_keys_close_a_chat_to_strangers():
    """20 an hour for one chat, from wherever they come; other chats are open."""
    stand = Stand()
    for number in range(20):
        stand.rates.failed(address=f"192.0.2.{number}", chat_id="c")
    assert stand.refused(stand.rates.admit, "x", address="198.51.100.1", chat_id="c") == 3600
    assert stand.refused(stand.rates.admit, "x", address="198.51.100.1", chat_id="d") == 0


@pytest.mark.parametrize("enabled", [True, False])
def test_enabled_false_lets_everything_pass(enabled: bool):
    """Also when it is switched while the gateway runs; the negative control is `true`."""
    stand = Stand()
    stand.configure(f"[limits]\nenabled={str(enabled).lower()}\nchats_per_minute=1\nrequests_burst=1\n")
    calls = [
        *[lambda: stand.rates.chat("a")] * 2,
        *[lambda: stand.rates.session("c")] * 2,
        *[lambda: stand.rates.failed(address="a")] * 10,
        lambda: stand.rates.admit("x", address="a"),
    ]
    assert enabled is (sum(stand.refused(call) for call in calls) > 0)
    assert enabled is not all(stand.rates.typing("c", "u", "k") for _ in range(10))


@given(st.lists(st.tuples(st.integers(0, 4), st.text(max_size=3)), max_size=400))
def test_memory_is_bounded(calls):
    """Whatever is called with whatever keys, there are never more counters than allowed."""
    stand = Stand("[limits]\nchats_per_minute=2\n", max_keys=8)
    rates = stand.rates
    for kind, key in calls:
        operations = (
            (rates.chat, (key,), {}),
            (rates.handshake, (key,), {}),
            (rates.agent, (key,), {}),
            (rates.failed, (), {"address": key, "chat_id": key}),
            (rates.proved, (key,), {}),
        )
        call, args, kwargs = operations[kind]
        stand.refused(call, *args, **kwargs)
    assert len(rates._windows) <= 8
    assert len(rates._bad) <= 8
    assert len(rates._proven) <= 8


@given(st.integers(1, 20), st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 70)), max_size=60))
def test_a_window_never_gives_more_than_its_amount(amount: int, hits):
    """For any history: at most the amount per window and key, and the wait that is told is enough."""
    clock = ManualClock()
    storage = Counters(clock)
    limiter, item = FixedWindowRateLimiter(storage), RateLimitItemPerMinute(amount)
    opened: dict[str, tuple[float, int]] = {}
    for key, pause in hits:
        clock.advance(pause)
        begin, used = opened.get(key, (-1e9, 0))
        if clock.monotonic() >= begin + 60:
            begin, used = clock.monotonic(), 0
        assert limiter.hit(item, key) is (used < amount)
        opened[key] = (begin, used + 1)
        assert storage.get_expiry(item.key_for(key)) == pytest.approx(begin + 60)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_an_ipv6_host_cannot_multiply_itself(address: str, network: str):
    """A /64 counts as one address."""
    assert network_of(address) == network
