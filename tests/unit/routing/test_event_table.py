"""The event table of spec/push.md 6, row by row, for both modes."""

from __future__ import annotations

from typing import Any

import pytest
from unit.routing.chats import (
    AGENT,
    BOT,
    CUSTOMER,
    NOW_MS,
    SUPERVISOR,
    SYSTEM,
    event,
    session,
    settings,
    subscription,
)

from gateway.model.events import Event, EventType, QuitReason, Visibility
from gateway.routing.decision import NOTHING, route

LEFT = EventType.PARTICIPANT_LEFT


def _left(reason: QuitReason) -> Event:
    return event(LEFT, CUSTOMER, text=None, reason=reason, ends_chat=True)


def _pushed(what: Event, push: str = "", **asked: Any) -> bool:
    snapshot = settings(f"pushEnabled=comet,customhttp\n{push}")
    decided = route(snapshot, session(subscription(**asked)), what, live=False, now_ms=NOW_MS)
    assert decided.skips == (), "an event of no interest must not be reported as not pushed"
    assert not (decided.deliveries and decided.reliable), "a pointer is the resend machine's affair"
    return bool(decided.deliveries) or decided.reliable


# row: event -> pushed in plain mode, pushed in reliable mode
ROWS: dict[str, tuple[Event, bool, bool]] = {
    "message-agent": (event(), True, True),
    "message-bot": (event(author=BOT), True, True),
    "message-supervisor": (event(author=SUPERVISOR), True, True),
    "message-system": (event(author=SYSTEM), True, True),
    "message-customer": (event(author=CUSTOMER), False, False),
    "joined-agent": (event(EventType.PARTICIPANT_JOINED), True, True),
    "left-agent": (event(LEFT, reason=QuitReason.LOGOUT), True, True),
    "joined-customer": (event(EventType.PARTICIPANT_JOINED, CUSTOMER), False, False),
    "typing-started-agent": (event(EventType.TYPING_STARTED), False, False),
    "typing-stopped-agent": (event(EventType.TYPING_STOPPED), False, False),
    "typing-started-customer": (event(EventType.TYPING_STARTED, CUSTOMER), False, False),
    "typing-stopped-customer": (event(EventType.TYPING_STOPPED, CUSTOMER), False, False),
    "push-url-agent": (event(EventType.PUSH_URL), True, True),
    "file-uploaded-agent": (event(EventType.FILE_UPLOADED), True, True),
    "file-deleted-agent": (event(EventType.FILE_DELETED), True, True),
    "custom-notice-agent": (event(EventType.CUSTOM_NOTICE), True, True),
    "notice-agent": (event(EventType.NOTICE), True, True),
    "nickname-agent": (event(EventType.NICKNAME_UPDATED), True, True),
    "push-url-customer": (event(EventType.PUSH_URL, CUSTOMER), False, False),
    "file-uploaded-customer": (event(EventType.FILE_UPLOADED, CUSTOMER), False, False),
    "custom-notice-customer": (event(EventType.CUSTOM_NOTICE, CUSTOMER), False, False),
    "nickname-customer": (event(EventType.NICKNAME_UPDATED, CUSTOMER), False, False),
    "idle-alert": (event(EventType.IDLE_ALERT, SYSTEM), True, True),
    "idle-close": (event(EventType.IDLE_CLOSE, SYSTEM), True, True),
    "agents-only-message": (event(visibility=Visibility.AGENTS), False, False),
    "agents-only-joined": (event(EventType.PARTICIPANT_JOINED, visibility=Visibility.AGENTS), False, False),
    "customer-left-0": (_left(QuitReason.LOGOUT), False, False),
    "customer-left-3": (_left(QuitReason.INACTIVE), False, True),
    "customer-left-4": (_left(QuitReason.REMOVED), True, True),
    "customer-left-5": (_left(QuitReason.SYSTEM), True, True),
    "customer-left-7": (_left(QuitReason.IDLE), True, True),
    "customer-left-8": (_left(QuitReason.RESTORE), True, True),
}
_TABLE = [(what, plain, reliable) for what, plain, reliable in ROWS.values()]


@pytest.mark.parametrize(("what", "plain", "reliable"), _TABLE, ids=ROWS.keys())
def test_event_table(what: Event, plain: bool, reliable: bool) -> None:
    """An event notifies in each mode as its row says."""
    assert (plain, reliable) == (_pushed(what), _pushed(what, resend=True))


@pytest.mark.parametrize("reason", list(QuitReason), ids=lambda reason: f"customer-left-{reason}")
@pytest.mark.parametrize("resend", [False, True])
def test_notify_requestor_relays_every_leaving(reason: QuitReason, resend: bool) -> None:
    """With NotifyRequestor each of the customer's leavings is pushed, his own logout included."""
    assert _pushed(_left(reason), notify_requestor=True, resend=resend)


@pytest.mark.parametrize("reason", list(QuitReason), ids=lambda reason: f"customer-left-{reason}")
def test_notify_removal_off_is_the_vendors_behaviour(reason: QuitReason) -> None:
    """`notify_removal=false`: without NotifyRequestor no leaving of the customer is pushed."""
    assert not _pushed(_left(reason), "notify_removal=false")


@pytest.mark.parametrize("kind", [EventType.TYPING_STARTED, EventType.TYPING_STOPPED])
def test_typing_on_request(kind: EventType) -> None:
    """`include_typing=true` pushes typing of others in plain mode, never the customer's, never as pointer."""
    wish = "include_typing=true"
    assert (
        _pushed(event(kind), wish),
        _pushed(event(kind, CUSTOMER), wish),
        _pushed(event(kind), wish, resend=True),
    ) == (True, False, False)


def test_push_check_08_own_activity() -> None:
    """Check 8: own and agents-only events and typing are silent, own leaving needs NotifyRequestor."""
    silent = (
        event(author=CUSTOMER),
        event(EventType.TYPING_STARTED, AGENT),
        event(visibility=Visibility.AGENTS),
        _left(QuitReason.LOGOUT),
    )
    assert [_pushed(what) for what in silent] == [False] * 4
    assert _pushed(_left(QuitReason.LOGOUT), notify_requestor=True)


def test_silent_event_is_no_skip_even_when_push_is_closed() -> None:
    """An event that notifies nobody says nothing, whatever is misconfigured."""
    closed = settings("pushEnabled=comet")
    assert NOTHING is route(
        closed, session(subscription()), event(author=CUSTOMER), live=False, now_ms=NOW_MS
    )
