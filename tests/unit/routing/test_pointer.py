"""The body of reliable notifications, spec/push.md 3.4 member by member."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from unit.routing.chats import CUSTOMER, NOW_MS, event, session, settings, subscription

from gateway.model.events import Event, EventType, QuitReason
from gateway.model.session import ChatState
from gateway.routing.decision import route


def _pointer(what: Event, more: str = "", state: ChatState = ChatState.ACTIVE) -> dict[str, Any]:
    snapshot = settings(more=more)
    chat = session(subscription(resend=True), state=state)
    (delivery,) = route(snapshot, chat, what, live=False, now_ms=NOW_MS).deliveries
    return orjson.loads(delivery.message or b"")


def test_documented_sample() -> None:
    """The sample of 3.4, apart from the key, which is empty (7, rule 2)."""
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
    assert expected == _pointer(event())


CONTENTS = {
    "session-id": {"session-id": "00020aEQFW6V0029"},
    "user-id": {"user-id": "007D5D7FE31F001B"},
    "user-id, app-dbid": {"user-id": "007D5D7FE31F001B", "app-dbid": "0"},
    "session-id, secure-key": {"session-id": "00020aEQFW6V0029"},
}


@pytest.mark.parametrize(("content", "expected"), CONTENTS.items())
def test_flex_push_content(content: str, expected: dict[str, str]) -> None:
    """userData holds exactly the identifiers that the operator lists; a key is never made up."""
    more = f"allow_insecure=true\n[settings]\nflex-push-content={content}"
    user_data = _pointer(event(), more)["messages"][0]["userData"]
    assert {"notify-attempt": "0", "notify-position": "16", **expected} == user_data


@pytest.mark.parametrize(
    ("state", "ended"), [(ChatState.ENDED, True), (ChatState.WRAP_UP, False)], ids=["session", "participant"]
)
def test_removal(state: ChatState, ended: bool) -> None:
    """A removal is position -1; chatEnded tells the end of the session from that of the participation."""
    removal = event(
        EventType.PARTICIPANT_LEFT, CUSTOMER, text=None, reason=QuitReason.REMOVED, ends_chat=True
    )
    pointer = _pointer(removal, state=state)
    assert ("-1", 17, ended) == (
        pointer["messages"][0]["userData"]["notify-position"],
        pointer["nextPosition"],
        pointer["chatEnded"],
    )


def test_position_is_the_index_of_the_event() -> None:
    """Until the resend machine exists a pointer names its own event."""
    pointer = _pointer(event(index=40))
    assert (pointer["messages"][0]["userData"]["notify-position"], pointer["nextPosition"]) == ("40", 41)
