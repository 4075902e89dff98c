"""Where a notification goes, as the settings say at the moment of sending (spec/push.md 2.4, 3.1).

A stored delivery names only a provider and the debug flag, never a URL, so no client input reaches one. What
cannot be resolved is not sent (fails closed). Called by `worker` with one settings snapshot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from gateway.config.settings import Settings
from gateway.routing.policy import Skip, prefix, select

_HEADER = "header."
_PORTS = {"http": 80, "https": 443}
UNUSABLE_URL = Skip("the url cannot be used", "no_url")


@dataclass(frozen=True, slots=True)
class Tls:
    """How the receiver's certificate is judged; an empty `ca_file` means the public authorities.

    `client_cert` and `client_key`: files of our own certificate, for receivers that ask for one.
    """

    verify: bool
    ca_file: str
    client_cert: str = ""
    client_key: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """The parts of a destination's URL, normalised: international names and characters are encoded."""

    secure: bool
    host: str
    port: int
    target: str = field(repr=False)

    @property
    def authority(self) -> str:
        """The value of the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def scheme(self) -> str:
        """http or https."""
        return "https" if self.secure else "http"


@dataclass(frozen=True, slots=True)
class Destination:
    """One receiver. `key` names it (scheme, host, port, provider, debug), `fingerprint` its configuration.

    `message` is the text of notifications without payload; times are seconds; `signing_keys` are `whsec_...`,
    the present one first. Target, headers and keys may hold the operator's secrets and stay out of `repr`.
    """

    key: str
    provider: str | None
    debug: bool
    place: Place
    message: str
    headers: Mapping[str, str] = field(repr=False)
    signing_keys: tuple[str, ...] = field(repr=False)
    connect_timeout_s: float
    read_timeout_s: float
    total_timeout_s: float
    tls: Tls
    fingerprint: str = field(repr=False, default="")

    @property
    def url(self) -> str:
        """Where to post."""
        return f"{self.place.scheme}://{self.place.authority}{self.place.target}"


def resolve(
    settings: Settings, provider: str | None, *, debug: bool, installation_key: str = ""
) -> Destination | Skip:
    """The destination of a provider, or the reason why nothing may be sent to it.

    `installation_key` signs where the configuration names no secret.
    """
    options = select(settings, provider, debug=debug)
    if isinstance(options, Skip):
        return options
    start = prefix(debug=debug)
    place = place_of(options[start + "url"])
    if place is None:
        return UNUSABLE_URL
    return Destination(
        key=_key(place, provider, debug=debug),
        provider=provider or None,
        debug=debug,
        place=place,
        message=options[start + "message"],
        headers=_headers(options, start),
        signing_keys=signing_keys(options, start, installation_key),
        connect_timeout_s=options["customhttp.connect_timeout"],
        read_timeout_s=options["customhttp.read_timeout"],
        total_timeout_s=options["customhttp.total_timeout"],
        tls=Tls(
            verify=options["customhttp.tls_verify"],
            ca_file=options["customhttp.ca_file"],
            client_cert=options["customhttp.client_cert"],
            client_key=options["customhttp.client_key"],
        ),
        fingerprint=hashlib.sha256(repr(sorted(options.items())).encode()).hexdigest(),
    )


def place_of(url: str) -> Place | None:
    """The parts of an http(s) URL; None when it has no usable ones."""
    try:
        parts = parse_url(url)
    except LocationParseError:
        return None
    if parts.scheme not in _PORTS or not parts.host:
        return None
    port = parts.port or _PORTS[parts.scheme]
    return Place(parts.scheme == "https", parts.host.strip("[]"), port, parts.request_uri)


def signing_keys(options: Mapping[str, Any], start: str, installation_key: str) -> tuple[str, ...]:
    """The keys that sign, the present one first; `start` is `prefix(...)`."""
    names = (options[start + "secret"] or installation_key, options[start + "secret.previous"])
    return tuple(key for key in names if key)


def _headers(options: Mapping[str, Any], start: str) -> Mapping[str, str]:
    headers = {
        name.removeprefix(start + _HEADER): value
        for name, value in options.items()
        if name.startswith(start + _HEADER)
    }
    if options[start + "authorization"]:
        headers["authorization"] = options[start + "authorization"]
    return MappingProxyType(headers)


def _key(place: Place, provider: str | None, *, debug: bool) -> str:
    """`provider@https://host:443`, `debug:provider@...`; neither sign can stand in a provider's name."""
    host = f"[{place.host}]" if ":" in place.host else place.host
    return f"{'debug:' if debug else ''}{provider or ''}@{place.scheme}://{host}:{place.port}"
