"""When a chat's push subscription starts, changes and ends (spec/push.md 1.3, 2.6).

A refused subscription never fails the chat: it is logged at WARN and counted. Called by `customers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import structlog

from gateway.config.views import FlexSettings
from gateway.model.subscription import SUBSCRIBE_KEY, SUBSCRIPTION_KEYS, Refused, Subscription, ends, parse
from gateway.observe.metrics import Metrics

log = structlog.get_logger(__name__)


def at_start(
    user_data: Mapping[str, str], origin: str, *, flex: FlexSettings, now_ms: int
) -> Subscription | Refused | None:
    """The subscription asked for by Request Chat; the REST family counts only with flex-push-on-join."""
    asked = parse(user_data, origin, now_ms=now_ms)
    if isinstance(asked, Subscription):
        if not flex.push_enabled:
            return Refused("push_disabled")
        if SUBSCRIBE_KEY in user_data and not flex.push_on_join:
            return Refused("push_on_join")
    return asked


def after_update(
    current: Subscription | None,
    changed: Mapping[str, str],
    merged: Mapping[str, str],
    *,
    origin: str,
    flex: FlexSettings,
    now_ms: int,
) -> Subscription | Refused | None:
    """The subscription after `changed` was merged into `merged`; the same object when nothing differs."""
    if ends(changed):
        return None
    if not concerned(changed):
        return current
    asked = parse(merged, origin, now_ms=now_ms)
    if not isinstance(asked, Subscription):
        return asked or current
    if not flex.push_enabled:
        return Refused("push_disabled")
    if current is None:
        return asked
    same = replace(asked, created_ms=current.created_ms, origin=current.origin) == current
    return current if same else asked


def concerned(changed: Mapping[str, str]) -> bool:
    """Whether an update of attached data speaks about the subscription."""
    return not SUBSCRIPTION_KEYS.isdisjoint(changed)


def report_refused(refused: Refused, *, chat_id: str, metrics: Metrics) -> None:
    """Say and count that a subscription was refused."""
    log.warning("push_subscription_rejected", chat_id=chat_id, reason=refused.reason)
    metrics.bound("push_subscription_rejected_total", refused.reason).inc()
