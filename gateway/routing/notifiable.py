"""Which events notify the customer's device (spec/push.md 6, the event table).

The rule: an event notifies if the customer can see it, did not cause it, and it is no typing indicator. The
exceptions are about the customer's own leaving, the only own event that is ever relayed.
"""

from __future__ import annotations

from gateway.config.views import PushSettings
from gateway.model.events import EPHEMERAL, Event, EventType, QuitReason
from gateway.model.subscription import Subscription

# Removals that the customer did not cause; INACTIVE (3) is his own silence.
_NOT_HIS_DOING = frozenset({QuitReason.REMOVED, QuitReason.SYSTEM, QuitReason.IDLE, QuitReason.RESTORE})


def is_removal(event: Event, customer_id: int) -> bool:
    """Whether with this event the customer left the chat or was removed from it."""
    return event.type is EventType.PARTICIPANT_LEFT and event.author == customer_id


def notifies(event: Event, customer_id: int, subscription: Subscription, push: PushSettings) -> bool:
    """Whether the event is worth a notification to the customer with this participant id."""
    if not event.for_customer:
        return False
    if event.author == customer_id:
        return is_removal(event, customer_id) and _removal_notifies(event.reason, subscription, push)
    if event.type in EPHEMERAL:
        return push.include_typing and not subscription.resend
    return True


def _removal_notifies(reason: QuitReason | None, subscription: Subscription, push: PushSettings) -> bool:
    if subscription.notify_requestor:
        return True
    if subscription.resend:
        return reason is not QuitReason.LOGOUT
    return push.notify_removal and reason in _NOT_HIS_DOING
