"""Who may do what on the Bayeux endpoint: default deny (spec/bayeux.md 11, decisions 11 and 12)."""

from __future__ import annotations

import re
from functools import lru_cache

from gateway.bayeux import Peer, Session, channels
from gateway.config import SettingsSource

CHAT_PREFIX = "/service/chatV2/"
AGENT_CHANNEL = "/service/agent"

_SERVICE = re.compile(r"[A-Za-z0-9._-]{1,64}")


@lru_cache(256)  # asked twice per message, and an installation has few services
def service_of(channel: str) -> str | None:
    """The chat service that a channel names, or None."""
    if not channel.startswith(CHAT_PREFIX):
        return None
    name = channel[len(CHAT_PREFIX) :]
    return name if _SERVICE.fullmatch(name) else None


class GatewayPolicy:
    """Chat channels for everybody, the agent channel for agents, broadcast channels as configured."""

    def __init__(self, settings_source: SettingsSource) -> None:
        self._settings_source = settings_source

    def can_handshake(self, peer: Peer) -> bool:
        """CometD is on only in notification mode (spec/chat-api-v2.md 7.1)."""
        return self._settings_source.current.chat.enable_notification_mode

    def can_subscribe(self, session: Session, channel: str) -> bool:
        """Service subscriptions are no-ops and succeed, except the agents' channel for strangers."""
        if channels.is_service(channel):
            return channel != AGENT_CHANNEL or session.principal is not None
        return self._broadcast(channel)

    def can_publish(self, session: Session, channel: str) -> bool:
        """Chat operations, and broadcast where configured."""
        if channels.is_service(channel):
            return service_of(channel) is not None
        return self._broadcast(channel)

    def _broadcast(self, channel: str) -> bool:
        patterns = self._settings_source.current.cometd.broadcast_channels
        return any(channels.matches(pattern, channel) for pattern in patterns)
