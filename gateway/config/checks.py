"""Rules between options: contradictions that refuse a snapshot, and doubts that only warn.

Called once per snapshot by `Settings`, with its views and providers complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gateway.config.errors import ConfigError
from gateway.config.kinds_net import is_loopback_url
from gateway.config.registry import PROVIDER_PREFIX

if TYPE_CHECKING:
    from gateway.config.settings import Settings

_URLS = ("customhttp.url", "debug.customhttp.url")


def refuse_contradictions(settings: Settings) -> None:
    """Raise ConfigError for options that must not be combined (spec/push.md 2.5, 7.3, 10.2.9).

    `allow_insecure=true` lifts the rules about plain http and certificates, and so does the development
    profile, with which a customer's key may be sent over plain http to this machine only.
    """
    _refuse_ports(settings)
    if settings.push.allow_insecure:
        return
    development = settings.server.profile == "development"
    for section, name, url in _plain_http_urls(settings):
        if "secure-key" in settings.flex.push_content and not (development and is_loopback_url(url)):
            _refuse(settings, section, name, "plain http while flex-push-content lists secure-key; use https")
        if not development and not is_loopback_url(url):
            _refuse(
                settings,
                section,
                name,
                "plain http to another machine; use https or [push] allow_insecure=true",
            )
    for section in () if development else _push_sections(settings):
        if not settings.get(section, "customhttp.tls_verify"):
            _refuse(settings, section, "customhttp.tls_verify", "false needs [push] allow_insecure=true")


def doubts(settings: Settings) -> Iterator[str]:
    """Combinations that work, but hardly as they are meant."""
    enabled, origin = settings.push.enabled, settings.origin("push", "pushEnabled")
    if enabled and "comet" not in enabled:
        yield f"{origin}: [push] pushEnabled lacks comet: no live events over CometD"
    if "customhttp" in enabled and not settings.get("push", "customhttp.url") and not settings.providers():
        yield f"{origin}: [push] customhttp is enabled without customhttp.url"
    for name in settings.providers():
        section = PROVIDER_PREFIX + name
        if _lends_credentials(settings, section):
            yield f"[{section}] has its own customhttp.url and sends the authorization of [push] there"


def advisories(settings: Settings) -> tuple[str, ...]:
    """What an operator should know at every start, without being a fault of the file (decision 18)."""
    if "*" in settings.server.cors_allow_origins and not settings.demo.enabled:
        return ("[server] cors_allow_origins=* lets pages of any web site use the chat API",)
    return ()


def _lends_credentials(settings: Settings, section: str) -> bool:
    """A provider with its own URL that inherits [push]'s Authorization value would hand it to a stranger."""

    def inherits(name: str) -> bool:
        return settings.origin(section, name) == settings.origin("push", name)

    lent = bool(settings.get("push", "customhttp.authorization")) and inherits("customhttp.authorization")
    return lent and not inherits("customhttp.url")


def _push_sections(settings: Settings) -> Iterator[str]:
    yield "push"
    yield from (PROVIDER_PREFIX + name for name in settings.providers())


def _refuse_ports(settings: Settings) -> None:
    """No destination on another machine behind a port that is not listed."""
    ports = settings.push.allowed_ports
    if "*" in ports:
        return
    for section, name, url in _urls(settings):
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if str(port) not in ports and not is_loopback_url(url):
            _refuse(settings, section, name, f"port {port} is not in [push] allowed_ports")


def _plain_http_urls(settings: Settings) -> Iterator[tuple[str, str, str]]:
    return (found for found in _urls(settings) if found[2].startswith("http:"))


def _urls(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """(section, option, URL) of every destination that is set."""
    for section in _push_sections(settings):
        for name in _URLS:
            if url := settings.get(section, name):
                yield section, name, url


def _refuse(settings: Settings, section: str, name: str, reason: str) -> None:
    origin = settings.origin(section, name)
    line = origin.rpartition(":")[2]
    raise ConfigError(f"{origin}: [{section}] {name}: {reason}", line=int(line) if line.isdecimal() else None)
