"""The content table of spec/push.md 9.3 and the destination selection 2.4, row by row."""

from __future__ import annotations

import orjson
import pytest
from unit.routing.chats import NOW_MS, event, session, settings, subscription

from gateway.config.settings import Settings
from gateway.model import payload
from gateway.model.deliveries import Delivery, DeliveryKind
from gateway.model.subscription import Subscription
from gateway.routing.decision import Route, route
from gateway.routing.policy import policy_for

TEXT, PAYLOAD, POINTER = DeliveryKind.TEXT, DeliveryKind.PAYLOAD, DeliveryKind.POINTER
INCLUDE = "[chat]\npush_notification_include_payload=true"
PROVIDER = "[push.provider.P]\ncustomhttp.url=http://127.0.0.1:9997/p"


def _route(asked: Subscription, push: str = "pushEnabled=comet,customhttp", **options: str) -> Route:
    return route(settings(push, **options), session(asked), event(), live=False, now_ms=NOW_MS)


def _delivery(asked: Subscription, push: str = "pushEnabled=comet,customhttp", **options: str) -> Delivery:
    (delivery,) = _route(asked, push, **options).deliveries
    return delivery


ROWS = {
    "a": ("", subscription(), TEXT, False, None),
    "b": (INCLUDE, subscription(), PAYLOAD, False, None),
    "d": ("", subscription(debug=True), TEXT, True, None),
    "e": (INCLUDE, subscription(debug=True), PAYLOAD, True, None),
    "g": (PROVIDER, subscription(provider="P"), TEXT, False, "P"),
    "g-include": (f"{INCLUDE}\n{PROVIDER}", subscription(provider="P"), PAYLOAD, False, "P"),
    "g-debug-inherited": (PROVIDER, subscription(provider="P", debug=True), TEXT, True, "P"),
}


@pytest.mark.parametrize(("more", "asked", "kind", "debug", "provider"), ROWS.values(), ids=ROWS.keys())
def test_content_table(
    more: str, asked: Subscription, kind: DeliveryKind, debug: bool, provider: str | None
) -> None:
    """Kind and destination of a delivery are those of its row; only text has no stored message."""
    delivery = _delivery(asked, more=more)
    assert (kind, debug, provider) == (delivery.kind, delivery.debug, delivery.provider)
    assert (kind is TEXT) == (delivery.message is None)


POINTERS = {
    "c": ("", subscription(resend=True)),
    "c-include": (INCLUDE, subscription(resend=True)),
    "f": ("", subscription(debug=True, resend=True)),
}


@pytest.mark.parametrize(("more", "asked"), POINTERS.values(), ids=POINTERS.keys())
def test_reliable_rows_belong_to_the_resend_machine(more: str, asked: Subscription) -> None:
    """Rows c and f: no delivery here, the event is handed to the machine, which sends a pointer."""
    decided = _route(asked, more=more)
    assert ((), True) == (decided.deliveries, decided.reliable)
    assert POINTER is policy_for(settings(more=more), "demo", asked).kind


ONLY_PRODUCTION = "customhttp.url=http://127.0.0.1:9999/"
ONLY_DEBUG = "debug.customhttp.url=http://127.0.0.1:9998/"
REFUSALS = {
    "h-no-debug-url": (ONLY_PRODUCTION, subscription(debug=True), "no debug url configured", "no_debug_url"),
    "h-no-url": (ONLY_DEBUG, subscription(), "no url configured", "no_url"),
    "h-unknown-provider": (
        ONLY_PRODUCTION,
        subscription(provider="Q"),
        "unknown provider",
        "unknown_provider",
    ),
}


@pytest.mark.parametrize(("urls", "asked", "reason", "metric"), REFUSALS.values(), ids=REFUSALS.keys())
def test_nothing_is_sent_to_a_stand_in(urls: str, asked: Subscription, reason: str, metric: str) -> None:
    """Row h: no destination of the asked kind, no delivery, and the documented reason."""
    decided = _route(asked, urls=urls)
    assert ((), [(reason, metric)]) == (
        decided.deliveries,
        [(skip.reason, skip.metric) for skip in decided.skips],
    )


def test_client_may_not_select_a_provider_outside_the_list() -> None:
    """A configured provider that clients may not select is as good as unknown (2.4)."""
    decided = _route(
        subscription(provider="P"),
        "pushEnabled=customhttp\nclient_selectable_providers=Other",
        more=PROVIDER,
    )
    assert [skip.metric for skip in decided.skips] == ["unknown_provider"]


def test_client_debug_needs_permission() -> None:
    """`allow_client_debug=false` (the production default) refuses debug instead of crossing over (2.4)."""
    production = Settings.from_text(
        "[push]\npushEnabled=customhttp\ncustomhttp.url=http://127.0.0.1:1/\ndebug.customhttp.url=http://127.0.0.1:2/"
    )
    decided = route(production, session(subscription(debug=True)), event(), live=False, now_ms=NOW_MS)
    assert (decided.deliveries, [skip.metric for skip in decided.skips]) == ((), ["debug_not_allowed"])


SERVICE_ON = "[chat.demo]\npush_notification_include_payload=true"
SERVICE_OFF = "[chat.demo]\npush_notification_include_payload=false"
PRECEDENCE = {
    "default": ("", None, TEXT),
    "chat": (INCLUDE, None, PAYLOAD),
    "service-over-chat-off": (f"{INCLUDE}\n{SERVICE_OFF}", None, TEXT),
    "service-over-chat-on": (SERVICE_ON, None, PAYLOAD),
    "session-over-service-on": (SERVICE_OFF, True, PAYLOAD),
    "session-over-service-off": (SERVICE_ON, False, TEXT),
}


@pytest.mark.parametrize(("more", "asked", "kind"), PRECEDENCE.values(), ids=PRECEDENCE.keys())
def test_push_check_03_include_payload_precedence(more: str, asked: bool | None, kind: DeliveryKind) -> None:
    """Check 3: session key, then service section, then [chat], then text only."""
    assert kind is _delivery(subscription(include_payload=asked), more=more).kind


@pytest.mark.parametrize(("resend", "kind"), [(False, TEXT), (True, POINTER)])
def test_privacy_lock_wins(resend: bool, kind: DeliveryKind) -> None:
    """9.4.1: force_text_only beats the session key; a pointer holds no content and stays."""
    asked = subscription(include_payload=True, resend=resend)
    assert kind is policy_for(settings("pushEnabled=customhttp\nforce_text_only=true"), "demo", asked).kind


def test_payload_is_the_live_frame() -> None:
    """Decision 2: the pushed message is byte for byte the data of the live comet frame."""
    assert payload.live(event()) == _delivery(subscription(), more=INCLUDE).message


def test_exposed_ids_are_in_payloads_too() -> None:
    """With comet_expose_chat_id the payload names the chat, as the comet frame then does (7, rule 4)."""
    message = _delivery(subscription(), more=f"{INCLUDE}\ncomet_expose_chat_id=true").message
    identity = payload.Identity("00020aEQFW6V0029", "007D5D7FE31F001B", "0")
    assert payload.live(event(), identity) == message


def test_push_check_02_text_is_looked_up_when_sending() -> None:
    """Check 2: without payload nothing of the event is stored with the delivery."""
    assert None is _delivery(subscription()).message


def test_payload_has_no_key() -> None:
    """7, rule 2: a payload has no secureKey member at all."""
    assert "secureKey" not in orjson.loads(_delivery(subscription(), more=INCLUDE).message or b"")
