"""The channel table of spec/push.md 9.2 and its ambiguous cells 9.4, row by row."""

from __future__ import annotations

import pytest
from unit.routing.chats import NOW_MS, event, session, settings, subscription

from gateway.model.subscription import Subscription
from gateway.routing.decision import NO_NODE, NOTHING, Skip, comet_open, route

BOTH = "pushEnabled=comet,customhttp"
EITHER = "[chat]\npush_notification_to_active_client=false"
NO_MODE = "[chat]\nenable_notification_mode=false"
OTHER_GROUP = "[cluster]\nname=elsewhere"

DEV = subscription()
NO_DEV = None
FCM = subscription(device_type="fcm")

CLOSED = Skip("push type is not enabled", "type_not_enabled")
NOT_FULL_MODE = Skip(
    "GMS is not running in full mode or incompatible Chat Server version", "notification_mode"
)
NO_GROUP = Skip("no gms node found in group=gms-cluster", NO_NODE)

# id: pushEnabled, sections, live, subscription -> comet, seconds until the push is due (None: none), skip
ROWS = {
    "row01-empty": ("pushEnabled=", "", True, DEV, False, None, CLOSED),
    "row02-comet-live": ("pushEnabled=comet", "", True, NO_DEV, True, None, None),
    "row02-comet-live-dev": ("pushEnabled=comet", "", True, DEV, True, None, CLOSED),
    "row03-comet-not-live": ("pushEnabled=comet", "", False, DEV, True, None, CLOSED),
    "row04-customhttp-live": ("pushEnabled=customhttp", "", True, DEV, False, 0, None),
    "row04-customhttp-live-TA-false": ("pushEnabled=customhttp", EITHER, True, DEV, False, 0, None),
    "row05-customhttp-no-dev": ("pushEnabled=customhttp", "", False, NO_DEV, False, None, None),
    "row06-both-live": (BOTH, "", True, DEV, True, 0, None),
    "row07-both-live-TA-false": (BOTH, EITHER, True, DEV, True, 10, None),
    "row08-both-gone": (BOTH, "", False, DEV, True, 0, None),
    "row08-both-gone-TA-false": (BOTH, EITHER, False, DEV, True, 0, None),
    "row09-both-live-no-dev": (BOTH, "", True, NO_DEV, True, None, None),
    "row10-both-rest": (BOTH, "", False, DEV, True, 0, None),
    "row11-both-rest-no-dev": (BOTH, "", False, NO_DEV, True, None, None),
    "row12-other-type": (BOTH, "", True, FCM, True, None, CLOSED),
    "row12-other-type-enabled": (
        "pushEnabled=comet,fcm",
        "",
        True,
        FCM,
        True,
        None,
        Skip("push type is not supported", "type_not_supported"),
    ),
    "row13-no-notification-mode": (BOTH, NO_MODE, False, DEV, True, None, NOT_FULL_MODE),
    "row14-group-without-node": (BOTH, OTHER_GROUP, False, DEV, True, None, NO_GROUP),
}


@pytest.mark.parametrize(
    ("push", "more", "live", "asked", "comet", "delay_s", "skip"), ROWS.values(), ids=ROWS.keys()
)
def test_channel_table(
    push: str,
    more: str,
    live: bool,
    asked: Subscription | None,
    comet: bool,
    delay_s: int | None,
    skip: Skip | None,
) -> None:
    """An agent's message takes exactly the channels of its row; what is not pushed has the row's reason."""
    snapshot = settings(push, more=more)
    decided = route(snapshot, session(asked), event(), live=live, now_ms=NOW_MS)
    assert comet == comet_open(snapshot.push.enabled)
    assert ((skip,) if skip else ()) == decided.skips
    due = [] if delay_s is None else [NOW_MS + delay_s * 1000]
    assert due == [delivery.due_ms for delivery in decided.deliveries]


@pytest.mark.parametrize("group", ["gms-cluster", None])
def test_node_of_the_named_group_serves_it(group: str | None) -> None:
    """A named node pushes for its own group and for subscriptions that name none (5)."""
    snapshot = settings(more="[cluster]\nname=gms-cluster")
    decided = route(snapshot, session(subscription(node_group=group)), event(), live=False, now_ms=NOW_MS)
    assert len(decided.deliveries) == 1


def test_master_switch_is_read_at_once() -> None:
    """`flex-push-enabled=false` silences existing subscriptions, with a reason (2.6, 9.1 DEV)."""
    decided = route(
        settings(more="[settings]\nflex-push-enabled=false"),
        session(DEV),
        event(),
        live=False,
        now_ms=NOW_MS,
    )
    assert (decided.deliveries, tuple(skip.metric for skip in decided.skips)) == ((), ("flex_push_disabled",))


@pytest.mark.parametrize("written", [" Comet , CUSTOMHTTP,customhttp, pigeon"])
def test_push_enabled_is_read_leniently(written: str) -> None:
    """9.4.8: blanks, upper case, duplicates and unknown types do not matter."""
    decided = route(settings(f"pushEnabled={written}"), session(DEV), event(), live=True, now_ms=NOW_MS)
    assert len(decided.deliveries) == 1


def test_chat_without_subscription_is_not_examined() -> None:
    """The usual chat costs one look at its profile: the settings are not even touched."""
    assert NOTHING is route(None, session(), event(), live=False, now_ms=NOW_MS)  # type: ignore[arg-type]


def test_delivery_is_complete() -> None:
    """A delivery names its chat, party, position and device; its id has no dot (10.2.1) and is stable."""
    (delivery,) = route(settings(), session(DEV), event(), live=False, now_ms=NOW_MS).deliveries
    assert delivery.id == "msg_00020aEQFW6V0029_c1_16"
    assert (
        delivery.chat_id,
        delivery.user_id,
        delivery.position,
    ) == ("00020aEQFW6V0029", "007D5D7FE31F001B", 16)
    assert (
        delivery.device_id,
        delivery.event_type,
        delivery.created_ms,
    ) == ("a1a23456789123456789", "Message", NOW_MS)
