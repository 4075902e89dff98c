"""The outbox of a websocket over a real socketpair: order, partial writes, slow readers, closing."""

from __future__ import annotations

import os
import socket
import threading

import pytest
from support.waiting import eventually

from gateway.comet.sockets import SocketOutbox


class Pair:
    """An outbox and the reading end of its socket; `small` fills after a few KiB."""

    def __init__(self, *, max_frames: int = 100, max_bytes: int = 1 << 20, **options: float) -> None:
        self.sock, self.wire = socket.socketpair()
        for end in (self.sock, self.wire):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.sock.settimeout(10)
        self.wire.settimeout(10)
        self.dead: list[str] = []
        self.outbox = SocketOutbox(
            self.sock, max_frames=max_frames, max_bytes=max_bytes, on_dead=self.dead.append, **options
        )

    def read(self, size: int) -> bytes:
        """Exactly so many bytes, or what came before the end."""
        data = b""
        while len(data) < size and (piece := self.wire.recv(size - len(data))):
            data += piece
        return data

    def fill(self) -> bytes:
        """Put frames until something waits; everything that was put."""
        put = b""
        while not self.outbox._backlog:
            frame = os.urandom(3000)
            assert self.outbox.put(frame)
            put += frame
        return put


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_frames_leave_whole_and_in_order_behind_a_backlog(pair: Pair):
    """A reader that takes its time gets every byte in the order of `put`."""
    expected = pair.fill()
    for number in range(50):
        frame = b"%03d" % number * 40
        assert pair.outbox.put(frame)
        expected += frame
    assert pair.read(len(expected)) == expected
    eventually(lambda: not pair.outbox._backlog)
    assert pair.outbox.put(b"again")
    assert pair.read(5) == b"again"


def test_one_byte_at_a_time(pair: Pair):
    """A kernel that takes one byte per call changes nothing but the speed."""

    class Stingy:
        def __init__(self, sock: socket.socket) -> None:
            sock.settimeout(None)
            self._inner, self._sock = sock, self

        def send(self, data: bytes, flags: int = 0) -> int:
            return self._inner.send(data[:1], flags)

        def __getattr__(self, name: str):
            return getattr(self._inner, name)

    outbox = SocketOutbox(
        Stingy(pair.sock),  # type: ignore[arg-type]
        max_frames=100,
        max_bytes=1 << 20,
        on_dead=pair.dead.append,
    )
    expected = b"".join(b"<frame %d>" % number for number in range(30))
    for number in range(30):
        assert outbox.put(b"<frame %d>" % number)
    assert pair.read(len(expected)) == expected


def test_many_writers_never_mix_frames():
    """Frames of concurrent writers arrive whole, each writer's in its order."""
    pair = Pair(max_frames=1000)

    def write(writer: int) -> None:
        for number in range(40):
            pair.outbox.put(b"[%d:%02d%s]" % (writer, number, b"." * 200))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    data = pair.read(4 * 40 * 206)
    for thread in threads:
        thread.join()
    frames = [data[start : start + 206] for start in range(0, len(data), 206)]
    assert all(frame[:1] == b"[" and frame[-1:] == b"]" for frame in frames)
    for writer in range(4):
        mine = [int(frame[3:5]) for frame in frames if frame[1:2] == b"%d" % writer]
        assert mine == list(range(40))


def test_a_slow_reader_is_cut_off(pair: Pair):
    """Beyond the bounds the socket is shut and its owner told; the publisher never waits."""
    pair.outbox._max_frames = 3
    pair.fill()
    results = [pair.outbox.put(b"x" * 3000) for _ in range(5)]
    assert results[-1] is False
    assert (pair.outbox.open, pair.dead) == (False, ["outbox"])
    assert pair.outbox.put(b"late") is False


def test_bytes_are_bounded_as_well():
    """A few large frames are as much as many small ones."""
    pair = Pair(max_bytes=8000)
    pair.fill()
    assert not all(pair.outbox.put(b"x" * 3000) for _ in range(5))
    assert pair.dead == ["outbox"]


def test_an_answer_is_exempt_from_the_bounds(pair: Pair):
    """The answer to one operation may exceed them once (decision 14)."""
    expected = pair.fill()
    answer = b"a" * (2 << 20)
    assert pair.outbox.put(answer, exempt=True)
    assert pair.dead == []
    assert pair.read(len(expected) + len(answer)) == expected + answer


def test_one_frame_above_the_bounds_is_sent(pair: Pair):
    """A single frame that is larger than the bound alone does not kill its socket."""
    frame = b"f" * (2 << 20)
    assert pair.outbox.put(frame)
    assert pair.read(len(frame)) == frame


def test_close_comes_behind_everything_queued(pair: Pair):
    """The close frame is the last thing sent, then the socket ends; later frames are refused."""
    expected = pair.fill()
    pair.outbox.close_after(b"<close>")
    assert pair.outbox.put(b"late") is False
    assert pair.read(len(expected) + 100) == expected + b"<close>"
    eventually(lambda: not pair.outbox.open)


def test_close_of_an_idle_socket_is_immediate(pair: Pair):
    """Without a backlog the close frame leaves at once."""
    pair.outbox.close_after(b"<close>")
    assert not pair.outbox.open
    assert pair.read(100) == b"<close>"


def test_close_does_not_wait_for_ever_behind_a_backlog():
    """A peer that does not read loses its socket, with or without having seen the close frame (R14, R17)."""
    pair = Pair(close_patience_s=0.05)
    pair.fill()
    pair.outbox.close_after(b"close")
    assert pair.outbox.open
    eventually(lambda: not pair.outbox.open)
    assert pair.outbox.clear


def test_a_gone_peer_is_noticed(pair: Pair):
    """A write to a peer that has gone fails and is reported once."""
    pair.wire.close()
    assert not all(pair.outbox.put(b"x" * 1000) for _ in range(20))
    assert pair.dead == ["write"]


def test_abort_stops_a_blocked_drainer(pair: Pair):
    """Cutting the socket ends the thread that waits for the reader."""
    pair.fill()
    pair.outbox.abort()
    eventually(lambda: not pair.outbox._draining)


def test_no_greenlet_switch_inside_put(pair: Pair, monkeypatch: pytest.MonkeyPatch):
    """Starting to drain must not wait for the new thread: the hub's lock cannot keep greenlets out."""
    monkeypatch.setattr(threading.Event, "wait", lambda *_: pytest.fail("waited"))
    pair.fill()
    assert pair.outbox._draining
