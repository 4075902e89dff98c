"""The delivery worker with a real store and real receivers (spec/push.md 3.6, 4.5, 10.2; R10-R12, R23)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import structlog
from unit.push.receiver import NOW_MS, Receiver, answer, until
from unit.push.rig import Rig, push_threads
from unit.push.rig import row as _row
from unit.routing import chats

from gateway.cluster.bus import Bus
from gateway.errors import Unavailable
from gateway.model import payload
from gateway.model.deliveries import Attempt, Delivery, DeliveryState
from gateway.push.customhttp import Sender
from gateway.routing.decision import route
from gateway.store.memory import MemoryStore

LONGER_THAN_A_LEASE_S = 31


@pytest.fixture
def rig(receiver: Receiver) -> Iterator[Rig]:
    """A rig whose workers are stopped at the end."""
    made = Rig(receiver)
    yield made
    made.stop()


def test_delivered(rig: Rig) -> None:
    """A 2xx makes the row DELIVERED, with one attempt, the log line and the figures."""
    row, node = _row(), rig.node()
    rig.add(row)
    rig.clock.advance(2)
    with structlog.testing.capture_logs() as lines:
        node.run()
    assert DeliveryState.DELIVERED is node.state(row)
    assert [Attempt(row.id, 1, NOW_MS + 2000, 0, status=200, response_head=b"ok")] == list(
        rig.store.attempts(row.id)
    )
    assert [line["event"] for line in lines] == ["push_delivered"]
    assert (
        node.count("push_notifications_total", channel="customhttp", kind="event", outcome="delivered") == 1
    )
    assert node.count("push_latency_seconds_sum") == 2.0


@pytest.mark.parametrize(("status", "reason"), [(503, "HTTP 503"), (302, "HTTP 302"), (410, "HTTP 410")])
def test_one_attempt_only(rig: Rig, status: int, reason: str) -> None:
    """Without PushResend a failure is one POST, one dead letter and the documented log line, for ever."""
    rig.receiver.behaviours["/push"] = answer(status)
    row, node = _row(), rig.node()
    rig.add(row)
    with structlog.testing.capture_logs() as lines:
        node.run()
        rig.clock.advance(3600)
        assert node.worker.claim() == 0
    assert (node.state(row), len(rig.receiver.requests)) == (DeliveryState.FAILED, 1)
    told = [line["reason"] for line in lines if line["event"] == "push_not_delivered"]
    assert [f"delivery failed: {reason}"] == told
    assert node.count("push_dead_letters") == 1


def test_pushed_message_is_the_live_frame(rig: Rig) -> None:
    """From the routing decision to the receiver the message stays the bytes of the comet frame."""
    node = rig.node(config=rig.config() + "[chat]\npush_notification_include_payload=true\n")
    event = chats.event(text="Grüße \U0001f600 </script>")
    decided = route(node.source.current, chats.session(chats.subscription()), event, live=True, now_ms=NOW_MS)
    rig.add(*decided.deliveries)
    node.run()
    expected = b'{"message":%b,"deviceId":"%b"}' % (payload.live(event), chats.DEVICE_ID.encode())
    assert expected == rig.receiver.requests[0].body


def test_unreachable_receiver_is_named_in_the_log(rig: Rig) -> None:
    """A failure without an answer says what happened, in the words of the documented line."""
    config = "[push]\npushEnabled=customhttp\ncustomhttp.url=http://127.0.0.1:1/\n"
    rig.add(_row())
    with structlog.testing.capture_logs() as lines:
        rig.node(config=config).run()
    assert [line["reason"] for line in lines] == ["delivery failed: connection failed"]


class DyingStore(MemoryStore):
    """Dies between the POST and its record, as a killed process does."""

    dead = False

    def finish(self, *args: Any, **options: Any) -> bool:
        """Write, unless the process is dead."""
        if self.dead:
            raise Unavailable("killed")
        return super().finish(*args, **options)


def test_killed_between_post_and_record(rig: Rig) -> None:
    """After the lease another node sends the row again: same webhook-id, same body, then it is recorded."""
    rig.store = DyingStore()
    row, first, second = _row(), rig.node(), rig.node(name="node-b")
    rig.add(row)
    rig.store.dead = True
    first.worker.claim()
    until(lambda: rig.receiver.requests, "first POST")
    assert first.worker.stop()
    rig.store.dead = False
    assert second.worker.claim() == 0, "the lease still protects the row"
    rig.clock.advance(LONGER_THAN_A_LEASE_S)
    second.run()
    posts = rig.receiver.requests
    assert [row.id, row.id] == [post.headers["webhook-id"] for post in posts]
    assert posts[0].body == posts[1].body
    assert (second.state(row), len(rig.store.attempts(row.id))) == (DeliveryState.DELIVERED, 1)


def test_killed_after_the_claim(rig: Rig) -> None:
    """A row that was claimed and never sent is sent by the next claim after the lease, exactly once."""
    row, node = _row(), rig.node()
    rig.add(row)
    rig.store.claim("dead node", now_ms=rig.clock.wall_ms(), lease_ms=30_000, limit=10)
    assert node.worker.claim() == 0
    rig.clock.advance(LONGER_THAN_A_LEASE_S)
    node.run()
    assert [row.id] == [post.headers["webhook-id"] for post in rig.receiver.requests]


def test_lost_lease_does_not_overwrite(rig: Rig) -> None:
    """A node whose lease was taken over cannot change the record of the node that took it."""
    rig.receiver.behaviours["/push"] = rig.receiver.hang
    row, slow, fast = _row(), rig.node(), rig.node(name="node-b")
    rig.add(row)
    slow.worker.claim()
    until(lambda: rig.receiver.requests, "first POST")
    rig.clock.advance(LONGER_THAN_A_LEASE_S)
    rig.receiver.behaviours["/push"] = answer(200)
    fast.worker.claim()
    until(lambda: fast.state(row) is DeliveryState.DELIVERED, "second POST")
    rig.receiver.released.set()
    assert slow.worker.stop()
    assert (fast.state(row), len(rig.store.attempts(row.id))) == (DeliveryState.DELIVERED, 1)


def test_hanging_destination_delays_nobody(rig: Rig) -> None:
    """With more rows for a hanging receiver than memory takes, a good receiver still gets its own."""
    rig.receiver.behaviours["/slow"] = rig.receiver.hang
    node = rig.node()
    rig.add(*[_row(chat=f"slow{number}", provider="slow") for number in range(300)])
    good = [_row(chat=f"good{number}", provider="good") for number in range(3)]
    rig.add(*good)
    node.worker.claim()
    until(lambda: rig.receiver.got("/slow"), "the hanging receiver is in use")
    rig.clock.advance(2.5)
    node.worker.claim()
    until(lambda: all(node.state(row) is DeliveryState.DELIVERED for row in good), "good rows")
    assert not rig.receiver.released.is_set()
    assert len(rig.receiver.got("/slow")) <= 20, "requests in flight per destination are bounded"


def test_hanging_destinations_cannot_use_up_the_node(rig: Rig) -> None:
    """A destination gets its first thread even when others hold all that the node may use."""
    rig.receiver.behaviours["/slow"] = rig.receiver.hang
    node = rig.node(config=rig.config().replace("[push]\n", "[push]\nmax_connections_total=2\n"))
    good = _row(chat="good", provider="good")
    rig.add(*[_row(chat=f"slow{number}", provider="slow") for number in range(9)], good)
    node.worker.claim()
    until(lambda: node.state(good) is DeliveryState.DELIVERED, "good row")
    assert len(rig.receiver.got("/slow")) <= 2


def test_order_within_a_chat(rig: Rig) -> None:
    """A chat's notifications arrive in the order of their positions, a failing one in the middle included."""
    rig.receiver.behaviours["/push"] = lambda handler: answer(
        500 if handler.headers["webhook-id"] == "msg_chat_c1_3" else 200
    )(handler)
    node = rig.node()
    committed = rig.add(*[_row(number) for number in range(1, 9)])
    node.worker.start()
    node.worker.wake_for(committed)
    until(lambda: len(rig.receiver.requests) == 8, "eight POSTs")
    assert [f"msg_chat_c1_{number}" for number in range(1, 9)] == [
        post.headers["webhook-id"] for post in rig.receiver.requests
    ]


def test_bus_wakes_the_worker(rig: Rig) -> None:
    """A committed change with a subscription is pushed through the bus; idle lanes keep no threads."""
    node, bus = rig.node(), Bus()
    bus.subscribe(node.worker.wake_for)
    node.worker.start()
    bus.publish(rig.add(_row()))
    until(lambda: node.state(_row()) is DeliveryState.DELIVERED, "delivery")
    until(lambda: not push_threads(), "no threads")


def test_poll_finds_rows_without_a_wake(rig: Rig) -> None:
    """The safety net: a row whose wake-up was lost is sent all the same."""
    node = rig.node()
    node.worker.start()
    rig.add(_row())
    until(lambda: node.state(_row()) is DeliveryState.DELIVERED, "delivery")


def test_worker_outlives_a_store_in_trouble(rig: Rig) -> None:
    """A store that cannot be claimed from is asked again; nothing is lost."""

    class Stumbling(MemoryStore):
        stumbles = 2

        def claim(self, *args: Any, **options: Any) -> Any:
            if self.stumbles:
                self.stumbles -= 1
                raise Unavailable("disk is full") if self.stumbles else RuntimeError("surprise")
            return super().claim(*args, **options)

    rig.store = Stumbling()
    node = rig.node()
    rig.add(_row())
    with structlog.testing.capture_logs() as lines:
        node.worker.start()
        until(lambda: node.worker.wake() or node.state(_row()) is DeliveryState.DELIVERED, "delivery")
    assert [line["event"] for line in lines][:2] == ["push_store_unavailable", "push_claim_failed"]


REFUSED = {
    "unknown-provider": ({"provider": "nobody"}, "unknown provider"),
    "no-debug-url": ({"debug": True}, "no debug url configured"),
}


@pytest.mark.parametrize(("changes", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_push_check_09_configuration_changed_before_sending(
    rig: Rig, changes: dict[str, Any], reason: str
) -> None:
    """Check 9: what cannot be resolved goes nowhere, not even to the default; a dead letter says why."""
    config = f"[push]\npushEnabled=comet,customhttp\ncustomhttp.url={rig.receiver.url('/push')}\n"
    row, node = _row(**changes), rig.node(config=config)
    rig.add(row)
    with structlog.testing.capture_logs() as lines:
        node.run()
    assert (node.state(row), rig.receiver.requests) == (DeliveryState.FAILED, [])
    assert [reason] == [attempt.error for attempt in rig.store.attempts(row.id)]
    assert [reason] == [line["reason"] for line in lines]


def test_push_check_09_each_destination_gets_its_own(rig: Rig) -> None:
    """Check 9: provider and debug rows arrive at their own URLs and nowhere else."""
    node = rig.node()
    rig.add(
        _row(chat="a"),
        _row(chat="b", debug=True),
        _row(chat="c", provider="good"),
    )
    node.run()
    assert {post.path: post.headers["webhook-id"] for post in rig.receiver.requests} == {
        "/push": "msg_a_c1_16",
        "/debug": "msg_b_c1_16",
        "/good": "msg_c_c1_16",
    }
    assert len(rig.receiver.requests) == 3


def test_debug_does_not_move_production_figures(rig: Rig) -> None:
    """2.4: a debug delivery is recorded but not counted."""
    row, node = _row(debug=True), rig.node()
    rig.add(row)
    node.run()
    assert DeliveryState.DELIVERED is node.state(row)
    assert (
        node.count("push_notifications_total", channel="customhttp", kind="event", outcome="delivered"),
        node.count("push_latency_seconds_count"),
    ) == (0.0, 0.0)


def test_push_check_02_text_of_the_moment(rig: Rig) -> None:
    """Check 2: the text is the configured one when the notification is sent, encoded as JSON."""
    node = rig.node(config=rig.config().replace("dummy message", 'Neue "Nachricht" für Sie'))
    rig.add(_row())
    node.run()
    expected = {"message": 'Neue "Nachricht" für Sie', "deviceId": "a1a23456789123456789"}
    assert expected == orjson.loads(rig.receiver.requests[0].body)


@pytest.mark.parametrize(
    ("confirmed", "state", "posts"),
    [(True, DeliveryState.SKIPPED, 0), (False, DeliveryState.DELIVERED, 1)],
    ids=["picked-up", "not-picked-up"],
)
def test_row07_grace_time(rig: Rig, confirmed: bool, state: DeliveryState, posts: int) -> None:
    """9.2 row 7: nothing before the grace time; after it a push only if comet has not confirmed the event."""
    row = _row(due_ms=NOW_MS + 10_000)
    asked: list[Delivery] = []

    def confirms(about: Delivery) -> bool:
        asked.append(about)
        return confirmed

    node = rig.node(confirmed=confirms)
    rig.add(row)
    assert node.worker.claim() == 0
    rig.clock.advance(10)
    node.run()
    assert (state, posts, [row.id]) == (
        node.state(row),
        len(rig.receiver.requests),
        [about.id for about in asked],
    )


def test_immediate_row_is_not_asked_about(rig: Rig) -> None:
    """Only deferred rows are subject to comet's confirmation (decision 1: both channels)."""
    node = rig.node(confirmed=lambda _row: True)
    rig.add(_row())
    node.run()
    assert len(rig.receiver.requests) == 1


def test_stop_waits_for_what_is_in_flight(rig: Rig) -> None:
    """A stopping worker records the attempt in flight and leaves waiting rows to the next process."""
    rig.receiver.behaviours["/push"] = rig.receiver.hang
    node = rig.node(config=rig.config().replace("[push]\n", "[push]\nmax_connections_per_route=1\n"))
    flying, waiting = _row(chat="a"), _row(chat="b")
    rig.add(flying, waiting)
    node.worker.claim()
    until(lambda: rig.receiver.requests, "POST")
    stopper = threading.Thread(target=node.worker.stop)
    stopper.start()
    rig.receiver.released.set()
    stopper.join()
    assert (node.state(flying), node.state(waiting)) == (DeliveryState.FAILED, DeliveryState.LEASED)


def test_pending_is_read_from_the_store(rig: Rig) -> None:
    """The gauge of pending rows is the store's figure, and no error once the store is closed."""
    node = rig.node()
    rig.add(_row(chat="a"), _row(chat="b"))
    assert node.count("push_pending") == 2
    rig.store.close()
    assert str(float("nan")) == str(node.count("push_pending"))


def test_surprise_while_sending_is_a_dead_letter(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """R23: a row that makes our own code fail ends as a dead letter, and the next row goes on."""
    node = rig.node()
    rig.add(_row(1, chat="a"), _row(2, chat="a"))
    send = Sender.send

    def explode_for_the_first(sender: Sender, row: Delivery, *args: Any, **options: Any) -> Any:
        if row.position == 1:
            raise RuntimeError("surprise")
        return send(sender, row, *args, **options)

    monkeypatch.setattr(Sender, "send", explode_for_the_first)
    node.worker.start()
    until(lambda: node.state(_row(2, chat="a")) is DeliveryState.DELIVERED, "second row")
    assert DeliveryState.FAILED is node.state(_row(1, chat="a"))
