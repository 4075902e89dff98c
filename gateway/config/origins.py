"""Which web origins may use the gateway: one rule for REST, CometD and the websocket upgrade (decision 18).

Called by `api/` (REST answers and preflights) and by `comet/` (long-polling, upgrade).
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

# What a client may ask for in a preflight (spec/chat-api-v2.md 10).
ALLOWED_REQUEST_HEADERS = frozenset(
    {
        "accept",
        "apikey",
        "authorization",
        "cache-control",
        "contactcenterid",
        "content-type",
        "gms_user",
        "x-api-key",
        "x-requested-with",
    }
)
MAX_AGE_SECONDS = 3600
_EXPOSED = "X-Request-Id, Retry-After"


class OriginPolicy:
    """The allow-list of `[server] cors_allow_origins`; `*` allows every origin except `null`."""

    def __init__(self, allow_origins: Iterable[str]) -> None:
        self._allowed = frozenset(
            origin.strip().rstrip("/").lower() for origin in allow_origins if origin.strip()
        )

    @property
    def any_origin(self) -> bool:
        """Whether every origin is reflected (worth a warning outside demo mode)."""
        return "*" in self._allowed

    def allows(self, origin: str | None, host: str | None) -> bool:
        """True for no origin (native clients), the own origin, and listed ones; `null` never."""
        if origin is None:
            return True
        wanted = origin.strip().lower()
        if wanted == "null" or not wanted:
            return False
        return (
            "*" in self._allowed or wanted in self._allowed or urlsplit(wanted).netloc == (host or "").lower()
        )

    def headers(self, origin: str | None, host: str | None) -> list[tuple[str, str]]:
        """CORS headers of an ordinary answer (errors included): nothing for requests without an origin."""
        if origin is None:
            return [("Vary", "Origin")]
        if not self.allows(origin, host) or not _is_header_safe(origin):
            return [("Vary", "Origin")]
        return [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", _EXPOSED),
            ("Vary", "Origin"),
        ]

    def preflight(
        self, origin: str | None, host: str | None, *, requested: str | None
    ) -> list[tuple[str, str]]:
        """Headers that answer an OPTIONS request; `requested` is Access-Control-Request-Headers."""
        headers = self.headers(origin, host)
        if len(headers) == 1:
            return headers
        names = [name.strip() for name in (requested or "").split(",")]
        granted = [name for name in names if name.lower() in ALLOWED_REQUEST_HEADERS]
        headers.append(("Access-Control-Allow-Methods", "POST, GET, OPTIONS"))
        headers.append(("Access-Control-Max-Age", str(MAX_AGE_SECONDS)))
        if granted:
            headers.append(("Access-Control-Allow-Headers", ", ".join(granted)))
        return headers


def _is_header_safe(value: str) -> bool:
    return value.isascii() and value.isprintable()
