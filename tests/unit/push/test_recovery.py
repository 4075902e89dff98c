"""Retries, breaker and switched-off destinations with a real worker and receiver (push.md 10.2; R13)."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from unit.push.receiver import Receiver, answer, until
from unit.push.rig import Rig, row

from gateway.model.deliveries import DeliveryKind, DeliveryState
from gateway.push.destinations import DestinationStatus

HALF = b"\x80\x00\x00\x00"  # as random bytes: no jitter
HOUR_S = 3600


@pytest.fixture
def rig(receiver: Receiver) -> Iterator[Rig]:
    """A rig whose workers are stopped at the end."""
    made = Rig(receiver)
    yield made
    made.stop()


def standard(rig: Rig, **options: Any) -> Any:
    """A node with push.retry=standard and without jitter."""
    config = rig.config().replace("[push]\n", "[push]\nretry=standard\n")
    return rig.node(config=config, random_bytes=lambda count: HALF[:count], **options)


def status_of(node: Any, provider: str | None = None) -> DestinationStatus:
    """The production destination of a provider."""
    (found,) = [one for one in node.worker.destinations() if (one.provider, one.debug) == (provider, False)]
    return found


def test_repeated_until_delivered(rig: Rig) -> None:
    """A failure that may pass is repeated on schedule with the same id and body and a fresh time stamp."""
    rig.receiver.behaviours["/push"] = answer(503)
    one, node = row(), standard(rig)
    rig.add(one)
    node.settle()
    for delay_s in (5, 30):
        rig.clock.advance(delay_s - 1)
        assert node.worker.claim() == 0
        rig.clock.advance(1)
        node.settle()
    rig.receiver.behaviours["/push"] = answer(200)
    rig.clock.advance(120)
    node.settle()
    posts = rig.receiver.requests
    assert ["1", "2", "3", "4"] == [post.headers["x-push-attempt"] for post in posts]
    assert 1 == len({(post.headers["webhook-id"], post.body) for post in posts})
    assert 4 == len({post.headers["webhook-timestamp"] for post in posts})
    assert DeliveryState.DELIVERED is node.state(one)
    assert [503, 503, 503, 200] == [made.status for made in rig.store.attempts(one.id)]


def test_exhausted_after_the_schedule(rig: Rig) -> None:
    """Nine attempts, then the row is EXHAUSTED and counted as a dead letter."""
    rig.receiver.behaviours["/push"] = answer(500)
    one, node = row(), standard(rig)
    rig.add(one)
    for _ in range(9):
        node.settle()
        rig.clock.advance(10 * HOUR_S)
    assert (DeliveryState.EXHAUSTED, 9) == (node.state(one), len(rig.receiver.requests))
    assert node.count("push_dead_letters") == 1


def test_not_repeated_after_the_end_of_the_chat(rig: Rig) -> None:
    """A chat that ended a day ago has no further attempts."""
    rig.receiver.behaviours["/push"] = answer(500)
    ended_ms = rig.clock.wall_ms() - 24 * HOUR_S * 1000
    one, node = row(), standard(rig, ended_ms=lambda _chat: ended_ms)
    rig.add(one)
    node.settle()
    assert DeliveryState.EXHAUSTED is node.state(one)


NOT_REPEATED = {
    "permanent": (answer(404), {}),
    "abort-message": (answer(503, **{"webhook-delivery": "abort-message"}), {}),
    "reliable": (answer(503), {"kind": DeliveryKind.POINTER, "message": b"{}"}),
}


@pytest.mark.parametrize(("behaviour", "changes"), NOT_REPEATED.values(), ids=NOT_REPEATED.keys())
def test_not_repeated(rig: Rig, behaviour: Any, changes: dict[str, Any]) -> None:
    """Permanent failures, a receiver that says so, and reliable pointers end with the first attempt."""
    rig.receiver.behaviours["/push"] = behaviour
    one, node = row(**changes), standard(rig)
    rig.add(one)
    node.settle()
    assert (DeliveryState.FAILED, 1) == (node.state(one), len(rig.receiver.requests))


def test_lane_waits_half_a_minute_for_its_head(rig: Rig) -> None:
    """10.2.7: the next notification of the chat waits 30 s for the one that failed, then goes first."""
    rig.receiver.behaviours["/push"] = lambda handler: answer(
        500 if handler.headers["webhook-id"].endswith("_1") else 200
    )(handler)
    head, behind, node = row(1), row(2), standard(rig)
    rig.add(head, behind)
    node.settle()
    rig.clock.advance(5)
    node.settle()
    assert DeliveryState.QUEUED is node.state(behind)
    rig.clock.advance(25)
    node.settle()
    assert (DeliveryState.QUEUED, DeliveryState.DELIVERED) == (node.state(head), node.state(behind))


def test_breaker_opens_and_nothing_is_dropped(rig: Rig) -> None:
    """R13: while the receiver is down nothing is sent but one probe per interval; then all, in order."""
    rig.receiver.behaviours["/push"] = answer(500)
    node = rig.node()
    rig.add(*[row(1, chat=f"failing{number}") for number in range(10)])
    node.settle()
    assert ("open", 10, 0) == (status_of(node).state, status_of(node).failures, status_of(node).successes)
    rows = [row(number, chat=chat) for chat in ("a", "b") for number in range(1, 6)]
    rig.add(*rows)
    for interval_s in (30, 60):
        rig.clock.advance(interval_s - 1)
        assert node.worker.claim() == 0
        rig.clock.advance(1)
        node.settle()
    assert 12 == len(rig.receiver.requests), "one probe at the end of each interval"
    rig.receiver.behaviours["/push"] = answer(200)
    rig.clock.advance(120)
    node.settle(times=20)
    assert "closed" == status_of(node).state
    delivered = [post.headers["webhook-id"] for post in rig.receiver.requests[12:]]
    probes = [one.id for one in rows if node.state(one) is DeliveryState.FAILED]
    for chat in ("a", "b"):
        ours = [f"msg_{chat}_c1_{number}" for number in range(1, 6)]
        assert [one for one in ours if one not in probes] == [one for one in delivered if one in ours]
    assert all(1 == len(rig.store.attempts(one.id)) for one in rows)


def test_ten_minutes_of_a_receiver_that_is_down(rig: Rig) -> None:
    """R13: one probe per interval; after its return everything comes, in order but for what was a probe."""
    rig.receiver.behaviours["/push"] = answer(500)
    node = standard(rig)
    rig.add(*[row(1, chat=f"failing{number}") for number in range(10)])
    node.settle()
    rows = [row(number, chat="a") for number in range(1, 9)]
    rig.add(*rows)
    down = len(rig.receiver.requests)
    for _ in range(60):
        rig.clock.advance(10)
        node.settle()
    # Intervals of 30, 60, 120 and 240 s are over after 450 s, the next one of 300 s is not.
    assert 4 == len(rig.receiver.requests) - down
    assert "open" == status_of(node).state
    rig.receiver.behaviours["/push"] = answer(200)
    for _ in range(30):
        rig.clock.advance(10)
        node.settle(times=3)
    assert "closed" == status_of(node).state
    rig.clock.advance(12 * HOUR_S)  # what had used up a step of its own schedule
    node.settle(times=20)
    assert {DeliveryState.DELIVERED} == {node.state(one) for one in rows}
    # A failed head holds up the chat for 30 s only (10.2.7), so the four probes were four notifications.
    told = [post.headers["webhook-id"] for post in rig.receiver.requests[down + 4 :]]
    first_time = [one.id for one in rows if 1 == len(rig.store.attempts(one.id))]
    assert [one.id for one in rows[4:]] == first_time == [one for one in told if one in first_time]


def test_open_breaker_is_no_ones_business_but_its_own(rig: Rig) -> None:
    """Debug deliveries and other providers are sent while one destination is open."""
    rig.receiver.behaviours["/push"] = answer(500)
    node = rig.node()
    rig.add(*[row(1, chat=f"failing{number}") for number in range(10)])
    node.settle()
    rig.add(row(2, chat="x"), row(2, chat="y", debug=True), row(2, chat="z", provider="good"))
    node.settle()
    states = [node.state(row(2, chat=chat)) for chat in ("x", "y", "z")]
    assert [DeliveryState.QUEUED, DeliveryState.DELIVERED, DeliveryState.DELIVERED] == states
    assert 2 == node.count("push_destination_state", destination=status_of(node).key)


def test_push_check_11_gone_switches_off(rig: Rig) -> None:
    """Check 11: after a 410 nothing is sent, rows are SKIPPED and logged, also after a restart."""
    rig.receiver.behaviours["/push"] = answer(410)
    node = rig.node()
    rig.add(row(1))
    node.settle()
    after_restart = rig.node(name="node-b")
    rig.add(row(2))
    with structlog.testing.capture_logs() as lines:
        after_restart.settle()
    assert (DeliveryState.SKIPPED, "disabled") == (node.state(row(2)), status_of(after_restart).state)
    assert ["destination is disabled"] == [line["reason"] for line in lines]
    assert ["destination is disabled"] == [made.error for made in rig.store.attempts(row(2).id)]
    assert 1 == len(rig.receiver.requests)


def test_enabled_by_an_operator(rig: Rig) -> None:
    """`enable` sends again and is remembered; it says when the key is unknown."""
    rig.receiver.behaviours["/push"] = answer(410)
    node = rig.node()
    rig.add(row(1))
    node.settle()
    rig.receiver.behaviours["/push"] = answer(200)
    assert (True, False) == (node.worker.enable(status_of(node).key), node.worker.enable("nobody"))
    rig.add(row(2))
    rig.node(name="node-b").settle()
    assert (DeliveryState.DELIVERED, []) == (node.state(row(2)), list(rig.store.destinations()))


def test_enabled_by_another_configuration(rig: Rig) -> None:
    """A destination whose options have changed is not the one that was switched off."""
    rig.receiver.behaviours["/push"] = answer(410)
    rig.add(row(1))
    rig.node().settle()
    rig.receiver.behaviours["/push"] = answer(200)
    changed = rig.node(config=rig.config().replace("dummy message", "another"), name="node-b")
    rig.add(row(2))
    changed.settle()
    assert (DeliveryState.DELIVERED, []) == (changed.state(row(2)), list(rig.store.destinations()))


def test_switched_off_after_120_hours(rig: Rig) -> None:
    """Without any success for 120 hours a destination is switched off; restarts do not change that."""
    rig.receiver.behaviours["/push"] = answer(500)
    rig.add(row(1))
    rig.node().settle()
    for number, hours in ((2, 60), (3, 59), (4, 1)):
        assert "closed" == status_of(rig.node(name=f"node-{number}")).state
        rig.clock.advance(hours * HOUR_S)
        rig.add(row(number))
        rig.nodes[-1].settle()
    assert "disabled" == status_of(rig.nodes[-1]).state


def test_forgotten_destination_alarms_nobody(rig: Rig) -> None:
    """A destination that is no longer configured is not shown, and its figure is back at 0."""
    rig.receiver.behaviours["/push"] = answer(410)
    node = rig.node()
    rig.add(row(1))
    node.settle()
    before = status_of(node).key
    assert 3 == node.count("push_destination_state", destination=before)
    node.config = rig.config().replace("127.0.0.1", "localhost")
    until(node.source.poll, "another configuration")
    assert "closed" == status_of(node).state
    assert (False, 0) == (
        before in [one.key for one in node.worker.destinations()],
        node.count("push_destination_state", destination=before),
    )


def test_rate_limit(rig: Rig) -> None:
    """`rate_limit` lets so many through a second, the rest waits in the store."""
    node = rig.node(config=rig.config().replace("[push]\n", "[push]\nrate_limit=3\n"))
    rig.add(*[row(1, chat=f"chat{number}") for number in range(8)])
    seen = []
    for _ in range(3):
        node.settle()
        seen.append(len(rig.receiver.requests))
        rig.clock.advance(1)
    assert [3, 6, 8] == seen


def test_stale_connection_is_replaced_at_once(rig: Rig) -> None:
    """A kept connection that the receiver has closed costs no attempt: one more on a new one, the same id."""
    closing = {"yes": True}

    def vanish(handler: Any) -> None:
        """Answer, and hang up without saying so."""
        answer(200)(handler)
        handler.close_connection = closing["yes"]

    rig.receiver.behaviours["/push"] = vanish
    node = rig.node()
    for number in (1, 2, 3):
        rig.add(row(number, chat=f"chat{number}"))
        node.settle()
    until(lambda: len(rig.receiver.requests) == 3, "three POSTs")
    assert [1, 1, 1] == [len(rig.store.attempts(row(n, chat=f"chat{n}").id)) for n in (1, 2, 3)]
    assert all(node.state(row(n, chat=f"chat{n}")) is DeliveryState.DELIVERED for n in (1, 2, 3))
