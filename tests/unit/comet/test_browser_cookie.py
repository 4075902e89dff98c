"""The BAYEUX_BROWSER cookie among hostile jars (spec/client-compatibility.md 5, decision 6)."""

from __future__ import annotations

import pytest

from gateway.comet import browser_cookie
from gateway.config import SettingsSource
from gateway.ids import Ids, fingerprint

NAME = "BAYEUX_BROWSER"
META = (
    '_genesys.widgets.webchat.metaData={"proactive":false,"prefilled":{"a":[1,2]},"t":"' + "x" * 1200 + '"}'
)


@pytest.mark.parametrize(
    "jar",
    [
        "BAYEUX_BROWSER=abc",
        f"{META}; BAYEUX_BROWSER=abc; _genesys.widgets.webchat.state.keys={{a,b}}",
        "a.b=1,2;BAYEUX_BROWSER=abc;x",
        "; ;=;;BAYEUX_BROWSER=abc",
        'BAYEUX_BROWSER="abc"',
        "XBAYEUX_BROWSER=no;  BAYEUX_BROWSER=abc ",
        "NOT_BAYEUX_BROWSER=BAYEUX_BROWSER=no; BAYEUX_BROWSER=abc",
        "caf\xe9=\xff; BAYEUX_BROWSER=abc",
    ],
)
def test_found_in_any_jar(jar: str):
    """Dots in names, braces, commas, quotes, rubbish and over 1 KB do not hide it."""
    assert browser_cookie.presented(jar, NAME) == fingerprint("abc")


@pytest.mark.parametrize(
    "jar",
    [
        None,
        "",
        META,
        "BAYEUX_BROWSER",
        "BAYEUX_BROWSER=",
        "bayeux_browser=abc",
        "BAYEUX_BROWSER=" + "x" * 129,
    ],
)
def test_not_found(jar: str | None):
    """No, empty, misspelt or over-long values are no browser."""
    assert browser_cookie.presented(jar, NAME) is None


def settings(**options: str):
    lines = "".join(f"{name}={value}\n" for name, value in options.items())
    source = SettingsSource("x.ini", {}, read_file=lambda _: f"[cometd]\n{lines}".encode())
    return source.current.cometd


@pytest.mark.parametrize(
    ("https", "options", "expected"),
    [
        (False, {}, "BAYEUX_BROWSER=v; Path=/; HttpOnly; SameSite=Lax"),
        (True, {}, "BAYEUX_BROWSER=v; Path=/; HttpOnly; SameSite=None; Secure; Partitioned"),
        (
            True,
            {"browserCookiePartitioned": "false"},
            "BAYEUX_BROWSER=v; Path=/; HttpOnly; SameSite=None; Secure",
        ),
        (
            False,
            {"browserCookieSameSite": "Strict", "browserCookieName": "X"},
            "X=v; Path=/; HttpOnly; SameSite=Strict",
        ),
        (
            False,
            {"browserCookieSameSite": "None", "browserCookieSecure": "true"},
            "BAYEUX_BROWSER=v; Path=/; HttpOnly; SameSite=None; Secure",
        ),
    ],
)
def test_attributes(https: bool, options: dict[str, str], expected: str):
    """Automatic on http and https, and each option (decision 6, spec/chat-api-v2.md 7.1)."""
    assert browser_cookie.header("v", settings(**options), https=https) == expected


def test_values_have_enough_randomness():
    """More than 128 bits, only characters that need no quoting."""
    value = browser_cookie.fresh(Ids())
    assert value.isalnum()
    assert len(value) >= 22
    assert value != browser_cookie.fresh(Ids())
