"""Destinations come from the settings of the moment and fail closed (spec/push.md 2.4, 3.1)."""

from __future__ import annotations

from gateway.config.settings import Settings
from gateway.push.destination import Destination, resolve
from gateway.routing.policy import Skip

CONFIG = """
[push]
pushEnabled=comet,customhttp
customhttp.url=https://receiver.example/push?token=abc
customhttp.message=You have a new message
customhttp.authorization=Basic c2VjcmV0
customhttp.header.X-Tenant=one
customhttp.total_timeout=7
debug.customhttp.url=http://127.0.0.1:9000/
debug.customhttp.message=debug message
[push.provider.P]
customhttp.url=https://sms.example/push
customhttp.header.X-Tenant=two
[push.provider.Bare]
customhttp.message=other text
"""


def _resolve(provider: str | None = None, *, debug: bool = False, config: str = CONFIG) -> Destination:
    found = resolve(Settings.from_text(config), provider, debug=debug)
    assert isinstance(found, Destination)
    return found


def test_default_destination() -> None:
    """[push] itself: URL, text, headers and times as configured."""
    found = _resolve()
    assert (found.url, found.message) == ("https://receiver.example/push?token=abc", "You have a new message")
    assert dict(found.headers) == {"authorization": "Basic c2VjcmV0", "x-tenant": "one"}
    assert (found.connect_timeout_s, found.read_timeout_s, found.total_timeout_s) == (5.0, 15.0, 7.0)
    assert (found.tls.verify, found.tls.ca_file) == (True, "")


def test_debug_takes_its_own_options_only() -> None:
    """Debug has its URL and text and none of the production headers."""
    found = _resolve(debug=True)
    assert (found.url, found.message, dict(found.headers)) == ("http://127.0.0.1:9000/", "debug message", {})


def test_provider_overrides_and_inherits() -> None:
    """A provider's own options win, missing ones come from [push] (table 9.3, row g)."""
    own, bare = _resolve("P"), _resolve("Bare")
    assert (
        own.url,
        own.message,
        own.headers["x-tenant"],
    ) == ("https://sms.example/push", "You have a new message", "two")
    assert (bare.url, bare.message) == ("https://receiver.example/push?token=abc", "other text")


def test_push_check_09_never_cross_over() -> None:
    """Check 9: no debug URL, unknown provider, no URL: nothing to send to, with the documented reasons."""
    production = Settings.from_text("[push]\ncustomhttp.url=https://receiver.example/")
    debug = Settings.from_text("[push]\ndebug.customhttp.url=https://receiver.example/")
    found = (
        resolve(production, None, debug=True),
        resolve(production, "Unknown", debug=False),
        resolve(debug, None, debug=False),
    )
    reasons = [skip.reason for skip in found if isinstance(skip, Skip)]
    assert reasons == ["no debug url configured", "unknown provider", "no url configured"]


def test_repr_shows_no_secret() -> None:
    """Neither the URL's query nor header values can reach a log by way of repr."""
    shown = repr(_resolve())
    assert ("token=abc" in shown, "c2VjcmV0" in shown) == (False, False)
