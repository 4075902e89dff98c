"""Idle control as decisions: which rules a chat has, what its next step is, what ends the waiting.

Pure; `idle_control` has the clock. Invariants: protocol requests never matter here (8.2 is another clock,
`timeouts`); what idle control writes is no activity; after a close nothing of it is left in the chat.
Called by `idle_control` (steps), `customers` (the notice cancel-idle-timer, idleTimerExpire) and `ledger`
(activity), see spec/chat-api-v2.md 8.4 and 8.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gateway.chat import parting
from gateway.chat.decision import NOTHING, Decision
from gateway.config import Settings
from gateway.model.events import EPHEMERAL, Draft, Event, EventType, QuitReason
from gateway.model.idle import (
    ALERTED,
    ASYNC_CHECK_AT,
    ASYNC_STATUS,
    COUNTING,
    IdleMark,
    IdleRules,
    Step,
)
from gateway.model.participants import Participant
from gateway.model.session import ChatProfile, ChatSession


def rules_for(settings: Settings, profile: ChatProfile) -> IdleRules | None:
    """The rules of a chat; None when it may be quiet for ever. Asynchronous chats always have some."""
    texts = settings.inactivity
    if profile.async_mode:
        flex = settings.flex
        timeouts = (flex.async_idle_alert_s, 0, flex.async_idle_close_s)
        notices = flex.async_idle_notices
    elif texts.enabled:
        timeouts = (texts.timeout_alert_s, texts.timeout_alert2_s, texts.timeout_close_s)
        notices = texts.include_notices
    else:
        return None
    return IdleRules(
        *timeouts, COUNTING[notices], texts.message_alert, texts.message_alert2, texts.message_close
    )


def expires_in(settings: Settings, profile: ChatProfile, now_ms: int) -> int | None:
    """`idleTimerExpire` of an answer given now; None unless an alert stands."""
    if profile.idle is None:
        return None
    rules = rules_for(settings, profile)
    return rules.expires_in(profile.idle, now_ms) if rules is not None else None


def next_step(session: ChatSession, rules: IdleRules, *, author: Participant, now_ms: int) -> Decision:
    """The step that has come due: an alert, or the close. A step without a text is passed in silence."""
    profile = session.profile
    alerts = alerts_of(profile)
    step = rules.step(alerts)
    if step is Step.CLOSE:
        return _close(session, rules, author)
    mark = IdleMark(alerts + 1, now_ms)
    changed = replace(profile, idle=mark)
    wait_s = rules.wait_s(mark.alerts)
    if profile.async_mode:
        due = {ASYNC_STATUS: ALERTED, ASYNC_CHECK_AT: _utc(now_ms + wait_s * 1000)}
        changed = replace(changed, user_data={**profile.user_data, **due})
    text = rules.alert_text if step is Step.ALERT else rules.alert2_text
    if not text:
        return Decision(profile=changed)
    upcoming = "CLOSE" if rules.step(mark.alerts) is Step.CLOSE else "ALERT"
    data = {"next-idle-timer-type": upcoming, "next-idle-timer-secs": str(wait_s)}
    return Decision(drafts=(Draft(EventType.IDLE_ALERT, author, text=text, user_data=data),), profile=changed)


def _close(session: ChatSession, rules: IdleRules, author: Participant) -> Decision:
    closed = parting.closed(session, QuitReason.IDLE)
    if not rules.close_text:
        return closed
    notice = Draft(EventType.IDLE_CLOSE, author, text=rules.close_text)
    return closed._replace(drafts=(notice, *closed.drafts))


def cancelled(settings: Settings, profile: ChatProfile, now_ms: int) -> Decision:
    """The notice `cancel-idle-timer`: activity that leaves no event (6.9)."""
    if rules_for(settings, profile) is None:
        return NOTHING
    return Decision(profile=replace(_awake(profile), idle=IdleMark(0, now_ms)))


def noted(settings: Settings, profile: ChatProfile, events: Sequence[Event]) -> ChatProfile:
    """The profile after new events: activity takes back an alert, and a parked chat may wake up."""
    if profile.idle is not None:
        rules = rules_for(settings, profile)
        if rules is None or rules.activity(events):
            profile = replace(_awake(profile), idle=None)
    woken = next((event for event in events if _wakes(event, profile.customer.id)), None)
    if profile.parked and woken is not None:
        # It comes back from outside the queue: whoever has waited meanwhile is served first.
        profile = replace(profile, parked=False, placement=profile.place.anew(woken.utc_ms))
    return profile


def alerts_of(profile: ChatProfile) -> int:
    """How many alerts stand."""
    return profile.idle.alerts if profile.idle is not None else 0


def _wakes(event: Event, customer_id: int) -> bool:
    """The customer is heard of, typing apart, or somebody comes."""
    spoke = event.author == customer_id and event.type not in EPHEMERAL
    return spoke or event.type is EventType.PARTICIPANT_JOINED


def _awake(profile: ChatProfile) -> ChatProfile:
    """Without what an alert wrote to the attached data."""
    if alerts_of(profile) == 0 or ASYNC_STATUS not in profile.user_data:
        return profile
    kept: Mapping[str, str] = {
        key: value for key, value in profile.user_data.items() if key not in (ASYNC_STATUS, ASYNC_CHECK_AT)
    }
    return replace(profile, user_data=kept)


def _utc(ms: int) -> str:
    """Whole seconds, RFC 3339: what a workflow compares with its clock."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
