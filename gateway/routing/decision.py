"""The routing decision for one event of one chat: the tables 9.2 and 9.3 of spec/push.md as a pure function.

`chat.ledger` calls `route` for each event inside the change, so the deliveries are committed together with
the event. The comet channel needs no delivery: its clients are woken after the commit if `comet_open`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config.settings import Settings
from gateway.model import payload
from gateway.model.deliveries import Delivery, DeliveryKind
from gateway.model.events import Event
from gateway.model.session import ChatSession
from gateway.model.subscription import Subscription
from gateway.routing.notifiable import notifies
from gateway.routing.policy import NO_NODE, ChannelPolicy, Skip, comet_open, policy_for

__all__ = ["NO_NODE", "NOTHING", "ChannelPolicy", "Route", "Skip", "comet_open", "route"]


@dataclass(frozen=True, slots=True)
class Route:
    """Notifications to store with the event, and reasons why one that was asked for is not sent.

    `reliable`: the event is one for the resend machine (`routing/resend.py`), which must not send for
    `hold_ms`.
    """

    deliveries: tuple[Delivery, ...] = ()
    skips: tuple[Skip, ...] = ()
    reliable: bool = False
    hold_ms: int = 0


NOTHING = Route()


def route(settings: Settings, session: ChatSession, event: Event, *, live: bool, now_ms: int) -> Route:
    """Decide about one event.

    `session` is the chat after the change, `live` the CS of 9.1 (the customer has a live comet attachment),
    `now_ms` Unix time. Events that would not notify anybody (section 6) give NOTHING, not a skip.

    Row 7 of 9.2 (either/or mode, client connected): the delivery is due only after the grace time, that is
    `due_ms > created_ms`. By then `PushWorker` asks whether comet has confirmed the event and drops it if so;
    a reliable one is cleared by the confirmation. Row 14 (no node) loses a plain notification, a reliable one
    waits for its timer.
    """
    subscription = session.profile.subscription
    if subscription is None or not notifies(event, session.customer.id, subscription, settings.push):
        return NOTHING
    policy = policy_for(settings, session.profile.service, subscription)
    if policy.blocked is not None:
        waits = subscription.resend and policy.blocked.metric == NO_NODE
        return Route((), (policy.blocked,), waits, settings.flex.push_resend_delay_s * 1000 if waits else 0)
    if policy.kind is DeliveryKind.POINTER:
        return Route(reliable=True, hold_ms=policy.grace_ms if live else 0)
    due_ms = now_ms + policy.grace_ms if live else now_ms
    message = _message(settings, policy, session, event)
    return Route(deliveries=(_delivery(session, event, subscription, policy.kind, message, now_ms, due_ms),))


def _message(settings: Settings, policy: ChannelPolicy, session: ChatSession, event: Event) -> bytes | None:
    """The `message` member by kind (9.3); None is the configured text, looked up when sending."""
    if policy.kind is DeliveryKind.TEXT:
        return None
    if not policy.expose_ids:
        return payload.push(event)
    real = payload.Identity(session.id, session.customer.user_id, payload.DEPRECATED.alias)
    return payload.push(event, real)


def _delivery(
    session: ChatSession,
    event: Event,
    subscription: Subscription,
    kind: DeliveryKind,
    message: bytes | None,
    now_ms: int,
    due_ms: int,
) -> Delivery:
    customer = session.customer
    return Delivery(
        id=f"msg_{session.id}_c{customer.id}_{event.index}",
        chat_id=session.id,
        user_id=customer.user_id,
        position=event.index,
        kind=kind,
        event_type=event.type.value,
        device_id=subscription.device_id,
        created_ms=now_ms,
        due_ms=due_ms,
        provider=subscription.provider,
        debug=subscription.debug,
        message=message,
    )
