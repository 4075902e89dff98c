"""Phases and deadlines of one connection, on a real socket pair with a clock that the test moves."""

import socket
from types import SimpleNamespace

import pytest

from gateway.worker.application import DefaultLimits
from gateway.worker.connection import NEVER, Connection, PacedAnswer, Phase, TruncatedBody

LIMITS = DefaultLimits(header_timeout_s=10, body_timeout_s=20, write_timeout_s=30)
KEEPALIVE = 75


class Time:
    """A clock that stands still until told otherwise."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def pair(time):
    """The peer's socket and our connection over it, in the shape of a gevent socket."""
    ours, peer = socket.socketpair()
    for one in (ours, peer):
        one.settimeout(5)
    shaped = SimpleNamespace(recv=ours.recv, _sock=ours)
    yield peer, Connection(shaped, limits=LIMITS, keepalive=KEEPALIVE, clock=time, encrypted=False)
    ours.close()
    peer.close()


def test_the_first_head_is_timed_from_accept(pair, time):
    """Trickling the first head does not extend its deadline."""
    peer, connection = pair
    time.now += 4
    peer.send(b"GET")
    connection.chunk()

    assert (connection.phase, connection.deadline) == (Phase.HEAD, 1010.0)


def test_a_later_head_is_timed_from_its_first_byte(pair, time):
    """Between requests the keep-alive deadline applies, with the first byte the head's begins."""
    peer, connection = pair
    connection.await_request()
    waiting = (connection.phase, connection.deadline)
    time.now += 40
    peer.send(b"G")
    connection.chunk()
    time.now += 4
    peer.send(b"E")
    connection.chunk()

    assert waiting == (Phase.IDLE, 1000.0 + KEEPALIVE)
    assert (connection.phase, connection.deadline) == (Phase.HEAD, 1050.0)


def test_a_pipelined_head_is_timed_at_once(pair):
    """Bytes that were read together with the last request start the deadline of the next."""
    _, connection = pair
    connection.unread(b"GET")
    connection.await_request()

    assert (connection.phase, connection.deadline) == (Phase.HEAD, 1010.0)


def test_the_application_has_no_deadline(pair):
    """A held poll or a websocket is never overdue."""
    _, connection = pair
    connection.run_application()

    assert (connection.phase, connection.deadline) == (Phase.APPLICATION, NEVER)


def body_deadline(connection):
    """The deadline that is in force while the application waits for body bytes."""
    seen = []
    receive = connection.sock.recv

    def spy(size):
        seen.append((connection.phase, connection.deadline))
        return receive(size)

    connection.sock.recv = spy
    connection.chunk()
    connection.sock.recv = receive
    return seen[0]


def test_a_body_must_come_within_its_time_or_fast_enough(pair, time):
    """20 s at first; received bytes earn time at 500 B/s, but never more than 20 s of silence."""
    peer, connection = pair
    connection.run_application()
    peer.send(b"x" * 5000)
    first = body_deadline(connection)
    time.now += 15
    peer.send(b"x")
    second = body_deadline(connection)
    time.now += 10
    peer.send(b"x")
    third = body_deadline(connection)

    assert first == (Phase.BODY, 1020.0)
    assert second == (Phase.BODY, 1030.0)
    assert (Phase.BODY, pytest.approx(1030.002)) == third
    assert (connection.phase, connection.deadline) == (Phase.APPLICATION, NEVER)


def test_half_a_body_is_an_error_and_not_a_whole_one(pair):
    """The end of the stream inside a body raises, so no truncated form is taken for complete."""
    peer, connection = pair
    connection.run_application()
    peer.close()

    with pytest.raises(TruncatedBody):
        connection.chunk()


def test_every_piece_of_an_answer_has_the_write_deadline(pair, time):
    """Producing a piece takes as long as it takes, writing it has a deadline; the answer is closed."""
    _, connection = pair
    connection.run_application()
    seen = []

    class Pieces:
        def __iter__(self):
            for piece in (b"a", b"b"):
                seen.append(connection.deadline)
                time.now += 100
                yield piece

        def close(self):
            seen.append("closed")

    answer = PacedAnswer(Pieces(), connection)
    for _ in answer:
        seen.append(connection.deadline)
    answer.close()

    assert seen == [NEVER, 1130.0, NEVER, 1230.0, "closed"]
    assert connection.phase is Phase.ANSWER


def test_a_parked_poll_waits_for_its_answer(pair):
    """ALREADY_HANDLED parks without a deadline; `answered` starts the wait for the next request."""
    _, connection = pair
    connection.run_application()
    connection.park()
    parked = (connection.phase, connection.deadline)
    connection.answered()

    assert parked == (Phase.PARKED, NEVER)
    assert (connection.phase, connection.deadline) == (Phase.IDLE, 1000.0 + KEEPALIVE)


def test_a_request_after_a_parked_one_has_the_deadline_of_a_head(pair):
    """Even if nobody reported the answer, the next head on the connection is timed."""
    peer, connection = pair
    connection.run_application()
    connection.park()
    peer.send(b"GET")
    connection.chunk()

    assert (connection.phase, connection.deadline) == (Phase.HEAD, 1010.0)


def test_an_answer_may_come_before_the_view_has_returned(pair):
    """A poll answered by another greenlet before it was parked is not parked at all."""
    _, connection = pair
    connection.run_application()
    connection.answered()
    connection.park()

    assert connection.phase is Phase.IDLE


def test_cutting_off_a_half_sent_head_says_408(pair):
    """Who began a request is told why the connection ends."""
    peer, connection = pair
    peer.send(b"GET / HT")
    connection.chunk()
    connection.cut_off()

    assert peer.recv(100).startswith(b"HTTP/1.1 408 ")
    assert peer.recv(100) == b""
    assert connection.chunk() == b""


def test_cutting_off_a_silent_or_idle_connection_says_nothing(pair):
    """A browser's spare connection gets no answer to a question that it never asked."""
    peer, connection = pair
    connection.cut_off()

    assert peer.recv(100) == b""


def test_cutting_off_after_the_answer_began_adds_nothing(pair):
    """A second status line never lands in an answer."""
    peer, connection = pair
    peer.send(b"POST")
    connection.chunk()
    connection.run_application()
    connection.write()
    connection.cut_off()

    assert peer.recv(100) == b""


def test_stop_reading_still_delivers_what_had_arrived(pair):
    """A request that crossed the stop is read; after it the stream ends."""
    peer, connection = pair
    connection.await_request()
    peer.send(b"GET / HTTP/1.1\r\n\r\n")
    connection.stop_reading()

    assert connection.chunk().startswith(b"GET / ")
    assert connection.chunk() == b""
