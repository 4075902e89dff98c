"""The state machine of reliable delivery (spec/push.md 4), as pure functions of a Pending and the time.

Theory of operation. An event opens a *round*: a pointer with attempt 0, then the timer repeats it with
attempt 1, 2, ... until the client has been given the transcript, or the attempts are used up. A pointer
always names `retrieved_next`, the first position that the client has not got, never the newest one. Only
retrieval clears; a 2xx clears nothing but the notice of a removal, after which there is nothing to
retrieve.

Each function returns the new record (the same object when nothing changes) and what is to be sent. Callers
set the version and write both in one transaction: `chat.reliable` with the event, `push.resend` at a tick.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.config.settings import Settings
from gateway.model.pending import Pending

# `notify-position` of a customer who is not in the chat any more: there is nothing that he could fetch.
REMOVED = -1
# spec/push.md 10.2.3: 5 s, 30 s, 2 min, 10 min, 30 min, 2 h, 5 h, 10 h.
LONG_TAIL_MS = tuple(1000 * seconds for seconds in (5, 30, 120, 600, 1800, 7200, 18_000, 36_000))
# Part of a wait of the long tail by which it may be shorter or longer.
JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Rules:
    """The options as they are at this moment."""

    delay_ms: int
    attempts: int
    coalesce_ms: int
    long_tail: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        """The rules of a settings snapshot."""
        return cls(
            delay_ms=settings.flex.push_resend_delay_s * 1000,
            attempts=settings.flex.push_resend_attempts,
            coalesce_ms=settings.push.coalesce_ms,
            long_tail=settings.push.long_tail,
        )

    @property
    def last_attempt(self) -> int:
        """The highest `notify-attempt` of a round."""
        return self.attempts + (len(LONG_TAIL_MS) if self.long_tail else 0)

    def wait_ms(self, attempt: int, *, jitter: float) -> int:
        """How long after this attempt the timer acts again; `jitter` is from -1 to 1."""
        step = attempt - self.attempts
        if not self.long_tail or not 0 <= step < len(LONG_TAIL_MS):
            return self.delay_ms
        return round(LONG_TAIL_MS[step] * (1 + JITTER * jitter))


@dataclass(frozen=True, slots=True)
class Pointer:
    """What is to be told: `attempt` and `position` are `notify-attempt` and `notify-position`.

    `exhausted`: nothing is sent any more, this is the record of it.
    """

    attempt: int
    position: int
    exhausted: bool = False


Outcome = tuple[Pending, Pointer | None]


def on_event(
    pending: Pending,
    position: int,
    event_type: str,
    *,
    rules: Rules,
    now_ms: int,
    hold_ms: int = 0,
    busy: bool = False,
) -> Outcome:
    """A notifiable event: send now, or leave it to the timer if a pointer went out a moment ago (4.1).

    `hold_ms`: nothing can or should be sent for so long (grace time of a live client, no node). `busy`: the
    last pointer is still on its way; the new round begins when it is through, so pointers never pile up.
    """
    noted = replace(pending, last_pos=position, event_type=event_type)
    if pending.armed and (hold_ms or _just_sent(pending, rules, now_ms)):
        return noted, None
    return _new_round(noted, rules, now_ms, hold_ms=hold_ms, busy=busy)


def on_removed(
    pending: Pending,
    position: int,
    event_type: str,
    *,
    rules: Rules,
    now_ms: int,
    hold_ms: int = 0,
    busy: bool = False,
) -> Outcome:
    """The customer was removed: what was pending is void, the removal itself is told (4.6)."""
    noted = replace(pending, last_pos=position, event_type=event_type, removal=True)
    return _new_round(noted, rules, now_ms, hold_ms=hold_ms, busy=busy)


def on_registered(
    pending: Pending, *, rules: Rules, now_ms: int, hold_ms: int = 0, busy: bool = False
) -> Outcome:
    """A new device: it is told at once if something was not retrieved (9.4.9)."""
    if not pending.owed or pending.removal:
        return pending, None
    return _new_round(pending, rules, now_ms, hold_ms=hold_ms, busy=busy)


def on_retrieved(pending: Pending, next_position: int) -> Pending:
    """The client was given everything below `next_position` (4.3).

    A removal that was told cannot be cleared like this; one that was not told yet can: the client has just
    been given it. What is not armed stays as it is, which spares a write per message: the caller remembers.
    """
    if next_position <= pending.retrieved_next or not pending.clearable:
        return pending
    moved = replace(pending, retrieved_next=next_position, sent=0)
    return moved if moved.owed else replace(moved, next_ms=None)


def on_timer(
    pending: Pending,
    *,
    rules: Rules,
    now_ms: int,
    delivered: bool = False,
    expired: bool = False,
    jitter: float = 0.0,
) -> Outcome:
    """The time has come: repeat, or stop (4.2, 4.4, 4.6).

    `delivered`: the newest pointer was answered with 2xx. `expired`: the chat ended too long ago.
    """
    if not pending.armed:
        return pending, None
    if pending.removal and delivered and pending.sent:
        return cancelled(pending), None
    if expired or pending.sent > rules.last_attempt:
        return cancelled(pending), Pointer(pending.sent, _position(pending), exhausted=True)
    return _send(pending, rules, now_ms, jitter)


def postponed(pending: Pending, *, rules: Rules, now_ms: int) -> Pending:
    """Nothing can be sent now (no node, push switched off): look again later; no attempt is counted (4.5)."""
    return replace(pending, next_ms=now_ms + rules.delay_ms)


def cancelled(pending: Pending) -> Pending:
    """Nothing more is to be told; where the client is stays known."""
    return replace(pending, next_ms=None) if pending.armed else pending


def restored(pending: Pending) -> Pending:
    """The customer is in the chat again: a removal has nothing more to tell, what was not retrieved has."""
    return replace(cancelled(pending), removal=False) if pending.removal else pending


def _just_sent(pending: Pending, rules: Rules, now_ms: int) -> bool:
    return pending.last_sent_ms is not None and 0 <= now_ms - pending.last_sent_ms <= rules.coalesce_ms


def _new_round(pending: Pending, rules: Rules, now_ms: int, *, hold_ms: int, busy: bool) -> Outcome:
    opened = replace(pending, sent=0, first_sent_ms=None, next_ms=now_ms + hold_ms)
    return (opened, None) if hold_ms or busy else _send(opened, rules, now_ms, 0.0)


def _send(pending: Pending, rules: Rules, now_ms: int, jitter: float) -> Outcome:
    attempt = pending.sent
    after = replace(
        pending,
        sent=attempt + 1,
        first_sent_ms=pending.first_sent_ms if attempt else now_ms,
        last_sent_ms=now_ms,
        next_ms=now_ms + rules.wait_ms(attempt, jitter=jitter),
    )
    return after, Pointer(attempt, _position(pending))


def _position(pending: Pending) -> int:
    return REMOVED if pending.removal else pending.retrieved_next
