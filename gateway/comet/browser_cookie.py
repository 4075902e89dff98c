"""The BAYEUX_BROWSER cookie: a browser's identity, never its authority (decision 6; spec/bayeux.md 8)."""

from __future__ import annotations

from gateway.config.views import CometdSettings
from gateway.ids import Ids, fingerprint

# Longer values are not ours.
_MAX_VALUE = 128


def presented(cookie_header: str | None, name: str) -> str | None:
    """The fingerprint of the cookie's value in a Cookie header, or None.

    Parsed by hand: real jars carry names with dots and values with braces and commas over 1 KB
    (spec/client-compatibility.md 5), which cookie libraries drop or refuse.
    """
    if not cookie_header:
        return None
    prefix = name + "="
    for part in cookie_header.split(";"):
        item = part.strip()
        if item.startswith(prefix):
            value = item[len(prefix) :].strip('"')
            return fingerprint(value) if 0 < len(value) <= _MAX_VALUE else None
    return None


def fresh(ids: Ids) -> str:
    """A new cookie value: over 128 random bits."""
    return ids.alphanumeric()


def header(value: str, settings: CometdSettings, *, https: bool) -> str:
    """The Set-Cookie header: cross-site attributes on https, Lax on plain http, unless configured."""
    secure = _choice(settings.browser_cookie_secure, automatic=https)
    partitioned = _choice(settings.browser_cookie_partitioned, automatic=https)
    same_site = settings.browser_cookie_same_site
    if same_site == "auto":
        same_site = "None" if https else "Lax"
    parts = [f"{settings.browser_cookie_name}={value}", "Path=/", "HttpOnly", f"SameSite={same_site}"]
    if secure:
        parts.append("Secure")
    if partitioned:
        parts.append("Partitioned")
    return "; ".join(parts)


def _choice(option: str, *, automatic: bool) -> bool:
    return automatic if option == "auto" else option == "true"
