"""Idle control as values: how far a quiet chat has come, and by which rules (spec/chat-api-v2.md 8.4, 8.5).

A chat without activity passes steps: alert, perhaps a second alert, close. The step and the time since which
it runs are stored (`IdleMark`) only once there is something to remember; before the first alert the newest
event that counts says since when the chat is idle. Pure; times are Unix milliseconds, waits are seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.model.events import Event, EventType

# Written to the attached data when an asynchronous chat is alerted, so that a workflow can act (push.md 2.6).
ASYNC_STATUS = "GCTI_Chat_AsyncStatus"
ASYNC_CHECK_AT = "GCTI_Chat_AsyncCheckAt"
ALERTED = "3"

_ALWAYS = frozenset({EventType.PARTICIPANT_JOINED, EventType.PARTICIPANT_LEFT, EventType.MESSAGE})
_MAJOR = _ALWAYS | {EventType.PUSH_URL, EventType.FILE_UPLOADED, EventType.FILE_DELETED}
# `include-notices`, `async-idle-notices` -> what counts. What idle control itself writes never does.
COUNTING: Mapping[str, frozenset[EventType]] = {
    "none": _ALWAYS,
    "major": _MAJOR,
    "major2": _MAJOR | {EventType.CUSTOM_NOTICE},
    "typing": _MAJOR | {EventType.TYPING_STARTED},
    "all": frozenset(EventType) - {EventType.IDLE_ALERT, EventType.IDLE_CLOSE},
}


class Step(StrEnum):
    """What comes next for a quiet chat."""

    ALERT = "alert"
    ALERT2 = "alert2"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class IdleMark:
    """What a store keeps: `alerts` passed, and since when the wait for the next step runs.

    With 0 alerts it is activity that left no event (the notice `cancel-idle-timer`).
    """

    alerts: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class IdleRules:
    """The options of one kind of chat as they are now. An empty text: the step shows nothing."""

    alert_s: int
    alert2_s: int
    close_s: int
    counting: frozenset[EventType]
    alert_text: str
    alert2_text: str
    close_text: str

    def step(self, alerts: int) -> Step:
        """The next step after so many alerts; a second alert that was switched off is passed over."""
        if alerts == 0:
            return Step.ALERT
        return Step.ALERT2 if alerts == 1 and self.alert2_s else Step.CLOSE

    def wait_s(self, alerts: int) -> int:
        """How long after the last alert, or the last activity, the next step comes."""
        waits = {Step.ALERT: self.alert_s, Step.ALERT2: self.alert2_s, Step.CLOSE: self.close_s}
        return waits[self.step(alerts)]

    def activity(self, events: Iterable[Event]) -> bool:
        """Whether one of the events starts the waiting anew; what only agents see does not."""
        return any(event.for_customer and event.type in self.counting for event in events)

    def expires_in(self, mark: IdleMark | None, now_ms: int) -> int | None:
        """`idleTimerExpire`: whole seconds to the next step while an alert stands, else None."""
        if mark is None or mark.alerts == 0:
            return None
        wait_s = self.wait_s(mark.alerts)
        # Bounded on both sides, whatever the wall clock does.
        return min(max(wait_s - (now_ms - mark.at_ms) // 1000, 0), wait_s)
