"""Where a notification goes, as the settings say at the moment of sending (spec/push.md 2.4, 3.1).

A stored delivery names only a provider and the debug flag, never a URL, so no client input reaches one. What
cannot be resolved is not sent (fails closed). Called by `worker` with one settings snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType

from gateway.config.settings import Settings
from gateway.routing.policy import Skip, prefix, select

_HEADER = "header."


@dataclass(frozen=True, slots=True)
class Tls:
    """How the receiver's certificate is judged; an empty `ca_file` means the public authorities."""

    verify: bool
    ca_file: str


@dataclass(frozen=True, slots=True)
class Destination:
    """One receiver. `message` is the text of notifications without payload; times are seconds.

    URL and headers may hold the operator's secrets and stay out of `repr`.
    """

    url: str = field(repr=False)
    message: str
    headers: MappingProxyType[str, str] = field(repr=False)
    connect_timeout_s: float
    read_timeout_s: float
    total_timeout_s: float
    tls: Tls


def resolve(settings: Settings, provider: str | None, *, debug: bool) -> Destination | Skip:
    """The destination of a provider, or the reason why nothing may be sent to it."""
    options = select(settings, provider, debug=debug)
    if isinstance(options, Skip):
        return options
    start = prefix(debug=debug)
    headers = {
        name.removeprefix(start + _HEADER): value
        for name, value in options.items()
        if name.startswith(start + _HEADER)
    }
    if options[start + "authorization"]:
        headers["authorization"] = options[start + "authorization"]
    return Destination(
        url=options[start + "url"],
        message=options[start + "message"],
        headers=MappingProxyType(headers),
        connect_timeout_s=options["customhttp.connect_timeout"],
        read_timeout_s=options["customhttp.read_timeout"],
        total_timeout_s=options["customhttp.total_timeout"],
        tls=Tls(verify=options["customhttp.tls_verify"], ca_file=options["customhttp.ca_file"]),
    )
