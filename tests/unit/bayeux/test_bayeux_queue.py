"""What a session owes: nothing is lost and the order is kept, whatever happens to deliveries."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.bayeux import Delivery, Session


class Transcript:
    """A source over a list that grows, as a chat attachment is one over a transcript."""

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.cursor = self.confirmed = 0

    @property
    def pending(self) -> bool:
        return self.cursor < len(self.events)

    def pull(self) -> list[bytes]:
        taken, self.cursor = self.events[self.cursor :], len(self.events)
        return taken

    def rewind(self, cursor: int) -> None:
        self.cursor = min(cursor, self.cursor)


def make(*, ack: bool) -> tuple[Session, Transcript]:
    session = Session(
        id="c", transport="long-polling", origin="", browser=None, browser_bound=False, ack=ack, created=0.0
    )
    transcript = Transcript()
    session.sources.append(transcript)
    return session, transcript


class World:
    """A session, its client, and a network that loses what it is told to lose."""

    def __init__(self, *, ack: bool) -> None:
        self.session, self.transcript = make(ack=ack)
        self.sent: dict[bytes, list[bytes]] = {b"q": [], b"t": []}
        self.got: list[bytes] = []
        self.acked = 0

    def enqueue(self) -> None:
        frame = b"q%d" % len(self.sent[b"q"])
        self.sent[b"q"].append(frame)
        self.session.enqueue(frame)

    def say(self) -> None:
        frame = b"t%d" % len(self.sent[b"t"])
        self.sent[b"t"].append(frame)
        self.transcript.events.append(frame)

    def deliver(self) -> None:
        """A connect reply that arrives; the client's next connect confirms it."""
        self.arrive(self.hand_out())

    def failed(self) -> None:
        """A reply whose write fails: the transport undoes it."""
        delivery = self.session.collect(1 << 20)
        self.session.hand_out(delivery)
        self.session.undo(delivery)

    def lost(self) -> None:
        """A reply that was written and never arrived (only the ack extension can tell)."""
        self.hand_out()

    def hand_out(self) -> Delivery:
        self.session.confirm(self.acked if self.session.ack else None)
        delivery = self.session.collect(1 << 20)
        self.session.hand_out(delivery)
        return delivery

    def arrive(self, delivery: Delivery) -> None:
        self.got.extend(delivery.frames)
        self.acked = delivery.batch


STEPS = ["enqueue", "say", "deliver", "failed"]


def check(world: World) -> None:
    """Everything arrived exactly once and in order of its kind."""
    for _ in range(2):
        world.deliver()
    for kind, frames in world.sent.items():
        assert [frame for frame in world.got if frame.startswith(kind)] == frames
    assert world.session.outbox_bytes == 0
    assert world.transcript.confirmed == len(world.transcript.events)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*STEPS, "lost"]), max_size=40))
def test_with_acknowledgements_nothing_is_lost(steps: list[str]):
    """Writes that fail and replies that never arrive: every message comes exactly once, in order."""
    world = World(ack=True)
    for step in steps:
        getattr(world, step)()
    check(world)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=40))
def test_without_acknowledgements_failed_writes_lose_nothing(steps: list[str]):
    """Whatever the transport could not write is delivered later, exactly once, in order."""
    world = World(ack=False)
    for step in steps:
        getattr(world, step)()
    check(world)


def test_a_dead_socket_goes_back_to_what_was_confirmed():
    """After `rewind_all` everything beyond the confirmed cursor is delivered again."""
    session, transcript = make(ack=False)
    transcript.events += [b"t0", b"t1"]
    session.collect(1 << 20)
    session.hand_out(session.written_through())
    session.confirm(None)
    transcript.events.append(b"t2")
    session.collect(1 << 20)
    session.rewind_all()
    assert session.collect(1 << 20).frames == [b"t2"]


def test_bounds():
    """The outbox says when it has outgrown its bounds, in messages or bytes (decision 14)."""
    session, _ = make(ack=False)
    session.enqueue(b"x" * 10)
    assert not session.overflow(1, 10)
    session.enqueue(b"x")
    assert session.overflow(1, 100)
    assert session.overflow(10, 10)


def test_a_delivery_stops_growing_but_takes_at_least_one_source():
    """`max_bytes` leaves later sources for the next delivery."""
    session, transcript = make(ack=False)
    second = Transcript()
    session.sources.append(second)
    transcript.events, second.events = [b"t" * 10], [b"u"]
    assert session.collect(5).frames == [b"t" * 10]
    assert session.collect(5).frames == [b"u"]
