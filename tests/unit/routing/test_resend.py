"""The state machine of reliable delivery: spec/push.md 4 point by point, its example, and its laws."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.pending import Pending
from gateway.routing import resend
from gateway.routing.resend import Pointer, Rules

T0 = 1_568_662_361_000
RULES = Rules(delay_ms=15_000, attempts=5, coalesce_ms=1000)
BEFORE = Pending("chat", "user", version=1, retrieved_next=16, last_pos=15)


def at(seconds: float) -> int:
    """Unix milliseconds of a second of the example."""
    return T0 + round(seconds * 1000)


def event(pending: Pending, position: int, seconds: float, **more: int | bool) -> resend.Outcome:
    """An agent's message."""
    return resend.on_event(pending, position, "Message", rules=RULES, now_ms=at(seconds), **more)


def timer(pending: Pending, seconds: float, rules: Rules = RULES, **more: float | bool) -> resend.Outcome:
    """The timer, which finds the record due."""
    return resend.on_timer(pending, rules=rules, now_ms=at(seconds), **more)


def test_worked_example() -> None:
    """The example of section 4, second by second."""
    told = []
    pending, pointer = event(BEFORE, 16, 0)
    told.append((0, pointer, pending.last_pos + 1))
    for second in (15, 30):
        assert pending.next_ms == at(second)
        pending, pointer = timer(pending, second)
        told.append((second, pointer, pending.last_pos + 1))
    pending, pointer = event(pending, 17, 33)
    told.append((33, pointer, pending.last_pos + 1))
    assert pending.next_ms == at(48)
    pending = resend.on_retrieved(pending, 18)
    assert [
        (0, Pointer(0, 16), 17),
        (15, Pointer(1, 16), 17),
        (30, Pointer(2, 16), 17),
        (33, Pointer(0, 16), 18),
    ] == told
    assert (None, 18) == (pending.next_ms, pending.retrieved_next)


@pytest.mark.parametrize(("after_ms", "sends"), [(0, False), (1000, False), (1001, True)])
def test_coalescing(after_ms: int, sends: bool) -> None:
    """4.1: an event within coalesce_ms of the last pointer sends none; the timer will name it."""
    pending, _ = event(BEFORE, 16, 0)
    noted, pointer = event(pending, 17, after_ms / 1000)
    assert 17 == noted.last_pos
    assert (Pointer(0, 16) if sends else None) == pointer
    assert at(15 + after_ms / 1000 if sends else 15) == noted.next_ms


def test_limit_and_new_round() -> None:
    """4.2, 4.4: attempts 0 to 5, then the record of it, and silence until the next event starts again."""
    pending, first = event(BEFORE, 16, 0)
    told = [first]
    second = 0
    while pending.armed:
        second += 15
        pending, pointer = timer(pending, second)
        told.append(pointer)
    assert [*(Pointer(n, 16) for n in range(6)), Pointer(6, 16, exhausted=True)] == told
    assert (pending, None) == timer(pending, 1000)
    again, pointer = event(pending, 17, 1000)
    assert (Pointer(0, 16), at(1015)) == (pointer, again.next_ms)


def test_no_resend_attempts() -> None:
    """A limit of 0: sent once, then exhausted."""
    rules = replace(RULES, attempts=0)
    pending, _ = event(BEFORE, 16, 0)
    assert timer(pending, 15, rules)[1] == Pointer(1, 16, exhausted=True)


def test_partial_retrieval() -> None:
    """4.3: the pointer names the higher position, and its attempts count from 0 again."""
    pending, _ = event(BEFORE, 16, 0)
    pending, _ = event(pending, 18, 20)
    pending = resend.on_retrieved(pending, 17)
    assert at(35) == pending.next_ms
    pending, pointer = timer(pending, 35)
    assert Pointer(0, 17) == pointer
    assert Pointer(1, 17) == timer(pending, 50)[1]


@pytest.mark.parametrize("position", [0, 1, 16])
def test_nothing_new_retrieved(position: int) -> None:
    """A request for what the client has already changes nothing, and costs no write."""
    pending, _ = event(BEFORE, 16, 0)
    assert resend.on_retrieved(pending, position) is pending


def test_retrieval_without_anything_pending_costs_no_write() -> None:
    """What is not armed stays the same object."""
    assert resend.on_retrieved(BEFORE, 99) is BEFORE


def test_removal() -> None:
    """4.6: what was pending is void; -1 is not cleared by retrieval, but by a 2xx."""
    pending, _ = event(BEFORE, 16, 0)
    pending, pointer = resend.on_removed(pending, 17, "ParticipantLeft", rules=RULES, now_ms=at(0.5))
    assert Pointer(0, -1) == pointer
    assert resend.on_retrieved(pending, 99) is pending
    repeated, pointer = timer(pending, 15.5)
    assert Pointer(1, -1) == pointer
    assert (None, None) == (
        timer(repeated, 31, delivered=True)[0].next_ms,
        timer(repeated, 31, delivered=True)[1],
    )


def test_removal_is_repeated_up_to_the_limit() -> None:
    """4.6 with a receiver that never answers."""
    pending, _ = resend.on_removed(BEFORE, 17, "ParticipantLeft", rules=RULES, now_ms=at(0))
    told = []
    while pending.armed:
        pending, pointer = timer(pending, 99)
        told.append(pointer)
    assert [*(Pointer(n, -1) for n in range(1, 6)), Pointer(6, -1, exhausted=True)] == told


def test_delivered_says_nothing_about_retrieval() -> None:
    """3.6: a 2xx stops nothing as long as the customer is in the chat."""
    pending, _ = event(BEFORE, 16, 0)
    assert Pointer(1, 16) == timer(pending, 15, delivered=True)[1]


def test_pointer_on_its_way() -> None:
    """A new round waits for a pointer that is not through yet, and is due as soon as it is."""
    pending, _ = event(BEFORE, 16, 0)
    waiting, pointer = event(pending, 17, 20, busy=True)
    assert (None, at(20)) == (pointer, waiting.next_ms)
    assert Pointer(0, 16) == timer(waiting, 34)[1]


def test_held_event() -> None:
    """Grace time, or no node: nothing is sent; retrieval clears it, else the timer sends attempt 0."""
    held, pointer = event(BEFORE, 16, 0, hold_ms=10_000)
    assert (None, at(10)) == (pointer, held.next_ms)
    assert event(held, 17, 3, hold_ms=10_000)[0].next_ms == at(10)
    assert not resend.on_retrieved(held, 17).armed
    assert Pointer(0, 16) == timer(held, 10)[1]


def test_event_after_a_held_one_is_sent_at_once() -> None:
    """Check 7: a node has registered meanwhile, so the next message is pushed."""
    held, _ = event(BEFORE, 16, 0, hold_ms=15_000)
    assert Pointer(0, 16) == event(held, 17, 1)[1]


def test_postponed_counts_no_attempt() -> None:
    """4.5: while nothing can be sent the timer only looks again."""
    pending, _ = event(BEFORE, 16, 0)
    pending = resend.postponed(pending, rules=RULES, now_ms=at(15))
    assert at(30) == pending.next_ms
    assert Pointer(1, 16) == timer(pending, 30)[1]


def test_new_device() -> None:
    """9.4.9: an immediate pointer if something was not retrieved, else nothing."""
    assert (BEFORE, None) == resend.on_registered(BEFORE, rules=RULES, now_ms=T0)
    owing = replace(BEFORE, last_pos=17)
    assert Pointer(0, 16) == resend.on_registered(owing, rules=RULES, now_ms=T0)[1]


def test_long_tail() -> None:
    """10.2.3: after the attempts eight more, each after its own wait; then exhausted."""
    rules = replace(RULES, attempts=1, long_tail=True)
    pending, _ = event(BEFORE, 16, 0)
    now = T0
    waits, attempts = [], []
    while pending.armed:
        assert pending.next_ms is not None
        waits.append((pending.next_ms - now) // 1000)
        now = pending.next_ms
        pending, pointer = resend.on_timer(pending, rules=rules, now_ms=now)
        assert pointer is not None
        attempts.append((pointer.attempt, pointer.exhausted))
    assert [15, 5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 15] == waits
    assert [*((n, False) for n in range(1, 10)), (10, True)] == attempts


@pytest.mark.parametrize(("jitter", "wait_ms"), [(-1, 4000), (0, 5000), (1, 6000)])
def test_jitter_of_the_long_tail(jitter: float, wait_ms: int) -> None:
    """A wait of the tail is up to 20 % shorter or longer; the configured delay is exact."""
    rules = replace(RULES, long_tail=True)
    assert (15_000, wait_ms) == (rules.wait_ms(4, jitter=jitter), rules.wait_ms(5, jitter=jitter))


def test_chat_that_ended_long_ago() -> None:
    """10.2.3: nobody is reminded of a chat that ended more than a day ago."""
    pending, _ = event(BEFORE, 16, 0)
    after, pointer = timer(pending, 90_000, expired=True)
    assert (None, Pointer(1, 16, exhausted=True)) == (after.next_ms, pointer)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["event", "event", "timer", "timer", "retrieve", "wait", "remove"]),
        st.integers(0, 40),
    ),
    max_size=40,
)


@given(STEPS, st.integers(0, 3))
def test_laws(steps: list[tuple[str, int]], limit: int) -> None:
    """Whatever happens: attempts count 0, 1, 2 ... up to the limit, positions are what was not retrieved, and
    a full retrieval always silences."""
    rules = Rules(delay_ms=15_000, attempts=limit, coalesce_ms=1000)
    pending, index, now, expected = Pending("chat", "user"), 0, T0, 0
    for kind, number in steps:
        before, pointer = pending, None
        now += number * 100
        if kind in ("event", "remove") and not pending.removal:
            index += 1
            on = resend.on_removed if kind == "remove" else resend.on_event
            pending, pointer = on(pending, index, "Message", rules=rules, now_ms=now)
            expected = 0 if pointer else expected
        elif kind == "timer" and pending.next_ms is not None:
            now = max(now, pending.next_ms)
            pending, pointer = resend.on_timer(pending, rules=rules, now_ms=now)
        elif kind == "retrieve":
            pending = resend.on_retrieved(pending, min(number, index + 1))
            expected = 0 if pending is not before else expected
            assert pending.removal or pending.armed is (before.armed and pending.owed)
        if pointer is None:
            continue
        assert pointer.exhausted is (pointer.attempt > limit)
        assert expected == pointer.attempt <= limit + 1
        assert (resend.REMOVED if pending.removal else pending.retrieved_next) == pointer.position
        assert pending.armed is not pointer.exhausted
        expected = 0 if pointer.exhausted else expected + 1
