"""Who may call a GMS path at all: web origins, API keys and basic credentials (spec/chat-api-v2.md 10)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable

from werkzeug.datastructures import Headers

from gateway.api.gms_answer import OriginRefused
from gateway.config import SettingsSource
from gateway.config.origins import OriginPolicy
from gateway.config.views import ServiceSettings
from gateway.errors import Unauthorised


class Origins:
    """The origin policy of the settings in force, rebuilt only when the list changes."""

    def __init__(self, settings_source: SettingsSource) -> None:
        self._settings_source = settings_source
        self._built: tuple[tuple[str, ...], OriginPolicy] = ((), OriginPolicy(()))

    @property
    def policy(self) -> OriginPolicy:
        """The policy for this request."""
        listed = self._settings_source.current.server.cors_allow_origins
        built = self._built
        if built[0] != listed:
            built = self._built = (listed, OriginPolicy(listed))
        return built[1]

    def require(self, headers: Headers) -> None:
        """OriginRefused for an origin that is not on the list; no origin (a native client) is fine."""
        if not self.policy.allows(headers.get("Origin"), headers.get("Host")):
            raise OriginRefused

    def headers(self, headers: Headers) -> list[tuple[str, str]]:
        """The CORS headers of an ordinary answer."""
        return self.policy.headers(headers.get("Origin"), headers.get("Host"))

    def preflight(self, headers: Headers) -> list[tuple[str, str]]:
        """The CORS headers of the answer to OPTIONS."""
        requested = headers.get("Access-Control-Request-Headers")
        return self.policy.preflight(headers.get("Origin"), headers.get("Host"), requested=requested)


def require_credentials(headers: Headers, service: ServiceSettings) -> None:
    """Unauthorised unless the request has what the service wants: an API key, basic credentials, both."""
    if service.apikeys:
        given = headers.get("apikey") or headers.get("x-api-key") or ""
        if not _equals_one(given, service.apikeys):
            raise Unauthorised("apikey")
    if service.basic_auth and not _equals_one(
        _basic(headers.get("Authorization", "")), (service.basic_auth,)
    ):
        raise Unauthorised("Authorization")


def _equals_one(given: str, wanted: Iterable[str]) -> bool:
    """Compare with all of them, each in constant time."""
    secret = given.encode("utf-8", "replace")
    return sum(hmac.compare_digest(secret, one.encode()) for one in wanted) > 0


def _basic(header: str) -> str:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
