"""What the settings say about the pushes of one subscription (spec/push.md 2.4, 5, 9.2, 9.3).

`policy_for` answers everything that does not depend on the event. It is computed per notifiable event and not
cached: a chat without a subscription never gets here, and with one these few us are nothing beside a POST.
`select` is the one place that picks a destination; `push.destination` asks it again when sending, so a
provider that vanished meanwhile fails closed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.config.settings import Settings
from gateway.model.deliveries import DeliveryKind
from gateway.model.subscription import Subscription

COMET = "comet"
CUSTOMHTTP = "customhttp"


@dataclass(frozen=True, slots=True)
class Skip:
    """Why an event is not pushed: `reason` stands in the log line's brackets, `metric` is a fixed word."""

    reason: str
    metric: str


# The first text is the vendor's, alerts look for it literally (spec/push.md 5).
NOT_FULL_MODE = Skip(
    "GMS is not running in full mode or incompatible Chat Server version", "notification_mode"
)
TYPE_CLOSED = Skip("push type is not enabled", "type_not_enabled")
TYPE_UNKNOWN = Skip("push type is not supported", "type_not_supported")
SWITCHED_OFF = Skip("flex-push-enabled is false", "flex_push_disabled")
UNKNOWN_PROVIDER = Skip("unknown provider", "unknown_provider")
DEBUG_REFUSED = Skip("debug is not allowed", "debug_not_allowed")
NO_DEBUG_URL = Skip("no debug url configured", "no_debug_url")
NO_URL = Skip("no url configured", "no_url")
# Skips with this metric are logged as Trc 59758 (`observe.logs.log_no_node`) instead of Dbg 09900.
NO_NODE = "no_node"


@dataclass(frozen=True, slots=True)
class ChannelPolicy:
    """The settings applied to one subscription.

    `blocked` says why nothing can be pushed at all (None: customhttp is open). `grace_ms` is how long a push
    waits for a connected CometD client to pick the event up (row 7 of 9.2); 0: both channels get it at once.
    `expose_ids`: payloads carry the real chatId and userId, as the comet frames then do.
    """

    blocked: Skip | None
    kind: DeliveryKind
    grace_ms: int
    expose_ids: bool


def comet_open(push_enabled: Collection[str]) -> bool:
    """Whether events are published to CometD subscribers (spec/push.md 9.2, rows 1-6)."""
    return COMET in push_enabled


def policy_for(settings: Settings, service: str, subscription: Subscription) -> ChannelPolicy:
    """The policy of a subscription to a chat of `service`."""
    values = settings.for_service(service)
    either_or = comet_open(settings.push.enabled) and not values.push_notification_to_active_client
    wanted = subscription.include_payload
    include = values.push_notification_include_payload if wanted is None else wanted
    return ChannelPolicy(
        blocked=_blocked(settings, subscription),
        kind=_kind(subscription, include=include and not settings.push.force_text_only),
        grace_ms=round(settings.push.active_grace_s * 1000) if either_or else 0,
        expose_ids=values.comet_expose_chat_id,
    )


def _kind(subscription: Subscription, *, include: bool) -> DeliveryKind:
    """Table 3.5: reliable mode is always a pointer, which holds no content, so `include` does not matter."""
    if subscription.resend:
        return DeliveryKind.POINTER
    return DeliveryKind.PAYLOAD if include else DeliveryKind.TEXT


def _blocked(settings: Settings, subscription: Subscription) -> Skip | None:
    """The first reason, from the widest to the narrowest, that keeps this subscription from being pushed."""
    if not settings.chat.enable_notification_mode:
        return NOT_FULL_MODE
    if subscription.device_type not in settings.push.enabled:
        return TYPE_CLOSED
    if subscription.device_type != CUSTOMHTTP:
        return TYPE_UNKNOWN
    if not settings.flex.push_enabled:
        return SWITCHED_OFF
    group = subscription.node_group
    if group and settings.cluster.name and group != settings.cluster.name:
        return Skip(f"no gms node found in group={group}", NO_NODE)
    if subscription.provider and not settings.push.may_select(subscription.provider):
        return UNKNOWN_PROVIDER
    if subscription.debug and not settings.push.allow_client_debug:
        return DEBUG_REFUSED
    chosen = select(settings, subscription.provider, debug=subscription.debug)
    return chosen if isinstance(chosen, Skip) else None


def select(settings: Settings, provider: str | None, *, debug: bool) -> Mapping[str, Any] | Skip:
    """The destination options of a provider (by option name), or why it must not be used.

    Debug and production never stand in for each other, nor [push] for an unknown provider (spec/push.md 2.4).
    """
    options = settings.provider(provider or "")
    if options is None:
        return UNKNOWN_PROVIDER
    if not options[prefix(debug=debug) + "url"]:
        return NO_DEBUG_URL if debug else NO_URL
    return options


def prefix(*, debug: bool) -> str:
    """How the option names of a destination begin."""
    return "debug.customhttp." if debug else "customhttp."
