"""All that the worker knows of the application it serves, in one place.

The worker serves any WSGI callable. If that callable has a `gateway` attribute (ours has), three things are
taken
from it: the live `[limits]` section, the metrics and the `drain()` hook of the graceful stop. Whatever is
absent has a default, so tests and foreign applications run under the same worker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class WsgiApplication(Protocol):
    """gunicorn's application object: `wsgi()` returns the loaded WSGI callable, always the same one."""

    def wsgi(self) -> Callable[..., Any]: ...


class Limits(Protocol):
    """Deadlines (seconds) and cap of a connection: the `[limits]` section (targets/reliability.md R16)."""

    @property
    def enabled(self) -> bool: ...
    @property
    def header_timeout_s(self) -> float: ...
    @property
    def body_timeout_s(self) -> float: ...
    @property
    def write_timeout_s(self) -> float: ...
    @property
    def max_connections_per_address(self) -> int: ...


@dataclass(frozen=True, slots=True)
class DefaultLimits:
    """The limits of an application that has no settings.

    `enabled=False` lifts the cap per address; the deadlines stay, because no honest client meets them.
    """

    enabled: bool = True
    # A request head is a few hundred bytes; 10 s is ample on the worst mobile link.
    header_timeout_s: float = 10.0
    # A body may pause this long, and after as long again must have come at BODY_BYTES_PER_SECOND on average.
    body_timeout_s: float = 20.0
    # One piece of an answer must have been taken over by a kernel on the way within this time.
    write_timeout_s: float = 20.0
    # A whole office behind one address is fine; few addresses must not hold all connections. 0: no cap.
    max_connections_per_address: int = 5000


# Slower than a 1985 modem means that somebody does it on purpose.
BODY_BYTES_PER_SECOND = 500


def limits_from(app: WsgiApplication) -> Limits:
    """Return the limits in force now: `app.wsgi().gateway.settings.current.limits`, else the defaults."""
    settings = getattr(_gateway(app), "settings", None)
    section = getattr(getattr(settings, "current", None), "limits", None)
    return section or DefaultLimits()


def count_slow_client(app: WsgiApplication, reason: str) -> None:
    """Count a connection closed for `reason` (header, body, write, address)."""
    metrics = getattr(_gateway(app), "metrics", None)
    if metrics is not None:
        metrics.bound("slow_clients_closed_total", reason).inc()


def urgent_requests(app: WsgiApplication) -> tuple[bytes, ...]:
    """How requests begin that are served before others: the application's `urgent_paths` (monitoring)."""
    paths = getattr(app.wsgi(), "urgent_paths", ())
    return tuple(f"{method} {path}".encode() for method in ("GET", "HEAD") for path in paths)


def drain(app: WsgiApplication) -> None:
    """Run the application's drain hook; after it held polls are answered and websockets told to go."""
    hook = getattr(_gateway(app), "drain", None)
    if hook is not None:
        hook()


def _gateway(app: WsgiApplication) -> Any:
    return getattr(app.wsgi(), "gateway", None)
