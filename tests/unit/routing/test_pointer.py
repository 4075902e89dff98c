"""The body of reliable notifications, spec/push.md 3.4 member by member."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from unit.routing.chats import AGENT, CHAT_ID, CUSTOMER, NOW_MS, event, session, settings, subscription

from gateway.config.errors import ConfigError
from gateway.config.settings import Settings
from gateway.ids import KeyRing
from gateway.model.deliveries import Attempt, DeliveryKind, DeliveryState
from gateway.model.events import EventType, Visibility
from gateway.model.pending import Pending
from gateway.model.session import ChatSession, ChatState
from gateway.routing import pointer, resend

KEYS = KeyRing(b"a secret")
PENDING = Pending(CHAT_ID, CUSTOMER.user_id, version=3, retrieved_next=16, last_pos=16, event_type="Message")
FIRST = resend.Pointer(attempt=0, position=16)


def _occasion(snapshot: Settings, **changes: Any) -> pointer.Occasion:
    chat: ChatSession = changes.pop("chat", session(subscription(resend=True)))
    return pointer.Occasion(chat, snapshot, NOW_MS, KEYS, **changes)


def _message(
    more: str = "", told: resend.Pointer = FIRST, pending: Pending = PENDING, **changes: Any
) -> dict[str, Any]:
    return orjson.loads(pointer.message(pending, told, _occasion(settings(more=more), **changes)))


def test_documented_sample() -> None:
    """The sample of 3.4, apart from the key, which is empty (7, rule 2); all of userData is text."""
    expected = {
        "secureKey": "",
        "chatId": "deprecated",
        "nextPosition": 17,
        "messages": [
            {
                "from": {"nickname": "", "participantId": 0, "type": "Client"},
                "index": 0,
                "text": "PUSH-NOTIFICATION",
                "type": "PushUrl",
                "utcTime": 1568662361000,
                "userData": {
                    "notify-attempt": "0",
                    "notify-position": "16",
                    "user-id": "007D5D7FE31F001B",
                    "session-id": "00020aEQFW6V0029",
                },
            }
        ],
        "alias": "0",
        "chatEnded": False,
        "userId": "deprecated",
        "statusCode": 0,
        "monitored": False,
    }
    assert expected == _message()


KEY = KEYS.secure_key("00020aEQFW6V0029", "007D5D7FE31F001B", "5a17")
CONTENTS = {
    "session-id": ({"session-id": "00020aEQFW6V0029"}, ""),
    "user-id": ({"user-id": "007D5D7FE31F001B"}, ""),
    "user-id, app-dbid": ({"user-id": "007D5D7FE31F001B", "app-dbid": "0"}, ""),
    "session-id, secure-key": ({"session-id": "00020aEQFW6V0029", "secure-key": KEY}, KEY),
}


@pytest.mark.parametrize(("content", "expected"), CONTENTS.items())
def test_push_check_10_flex_push_content(content: str, expected: tuple[dict[str, str], str]) -> None:
    """userData holds exactly the identifiers that the operator lists; `secure-key` also fills the member."""
    identifiers, key = expected
    chat = session(subscription(resend=True))
    salted = replace(CUSTOMER, salt="5a17")
    chat = replace(chat, profile=replace(chat.profile, participants=(salted, AGENT)))
    found = _message(f"allow_insecure=true\n[settings]\nflex-push-content={content}", chat=chat)
    user_data = found["messages"][0]["userData"]
    assert {"notify-attempt": "0", "notify-position": "16", **identifiers} == user_data
    assert key == found["secureKey"]


LISTED = "[push]\ncustomhttp.url={url}\n{more}\n[settings]\nflex-push-content=secure-key\n"


@pytest.mark.parametrize("url", ["http://receiver.example/", "http://127.0.0.1:9999/"])
def test_push_check_10_key_over_plain_http_is_refused(url: str) -> None:
    """No start with `secure-key` and plain http, unless allowed or on loopback in development (7.3)."""
    with pytest.raises(ConfigError, match="secure-key"):
        Settings.from_text(LISTED.format(url=url, more=""))
    Settings.from_text(LISTED.format(url=url, more="allow_insecure=true"))
    Settings.from_text(LISTED.format(url="https://receiver.example/", more=""))


def test_push_check_10_key_in_development() -> None:
    """The development profile allows plain http with the key on loopback only."""
    profile = "[server]\nprofile=development\n"
    Settings.from_text(LISTED.format(url="http://127.0.0.1:9999/", more="") + profile)
    with pytest.raises(ConfigError, match="secure-key"):
        Settings.from_text(LISTED.format(url="http://receiver.example/", more="") + profile)


@pytest.mark.parametrize(
    ("state", "ended"), [(ChatState.ENDED, True), (ChatState.WRAP_UP, False)], ids=["session", "participant"]
)
def test_removal(state: ChatState, ended: bool) -> None:
    """A removal is position -1; chatEnded tells the end of the session from that of the participation."""
    found = _message(
        told=resend.Pointer(0, resend.REMOVED), chat=session(subscription(resend=True), state=state)
    )
    assert ("-1", 17, ended) == (
        found["messages"][0]["userData"]["notify-position"],
        found["nextPosition"],
        found["chatEnded"],
    )


def test_position_is_what_was_not_retrieved() -> None:
    """notify-position is where the client is, nextPosition lies behind the newest event."""
    found = _message(told=resend.Pointer(2, 16), pending=replace(PENDING, last_pos=40))
    user_data = found["messages"][0]["userData"]
    assert ("2", "16", 41) == (
        user_data["notify-attempt"],
        user_data["notify-position"],
        found["nextPosition"],
    )


def test_row_of_a_pointer() -> None:
    """A pointer is a queued row with a new id per version and a key by which receivers collapse reminders."""
    step = pointer.step_for(PENDING, replace(PENDING, sent=1), FIRST, _occasion(settings()))
    assert step is not None
    assert step.delivery is not None
    row = step.delivery
    assert (4, row.id) == (step.after.version, step.after.delivery_id)
    assert ("msg_00020aEQFW6V0029_c1_16_4", "00020aEQFW6V0029:1:16") == (row.id, row.idempotency_key)
    assert (DeliveryKind.POINTER, DeliveryState.QUEUED, 16) == (row.kind, row.state, row.position)


def test_row_of_the_limit() -> None:
    """The end of a round is a finished row that says why; the record keeps no pointer on its way."""
    ended = resend.Pointer(6, 16, exhausted=True)
    step = pointer.step_for(PENDING, resend.cancelled(PENDING), ended, _occasion(settings()))
    assert step is not None
    assert step.delivery is not None
    assert (DeliveryState.EXHAUSTED, 1) == (step.delivery.state, step.delivery.attempts)
    assert Attempt(step.delivery.id, 1, NOW_MS, 0, error="resend_exhausted") == step.attempt


def test_nothing_changed_is_no_step() -> None:
    """What changes nothing is not written."""
    assert pointer.step_for(PENDING, PENDING, None, _occasion(settings())) is None


def test_inline_events() -> None:
    """3.5: with `reliable_inline_events` what was not retrieved follows; typing and hidden do not."""
    shown = [
        event(index=16),
        event(EventType.TYPING_STARTED, index=17, text=None),
        event(index=18, visibility=Visibility.AGENTS),
        event(index=19, text="Bye"),
    ]
    found = _message(events=pointer.visible(shown))
    assert [(0, "PUSH-NOTIFICATION"), (16, "Hello"), (19, "Bye")] == [
        (each["index"], each["text"]) for each in found["messages"]
    ]


@pytest.mark.parametrize(
    ("push", "inline"),
    [
        ("", False),
        ("reliable_inline_events=true", True),
        ("reliable_inline_events=true\nforce_text_only=true", False),
    ],
)
def test_inline_events_are_off_by_default_and_below_the_privacy_lock(push: str, inline: bool) -> None:
    """9.4.1: force_text_only keeps content out of pointers, too."""
    assert inline is pointer.inlined(settings(f"pushEnabled=customhttp\n{push}"))
