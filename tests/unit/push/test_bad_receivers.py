"""Receivers that misbehave: each gets its defined outcome in time, and hurts nobody else (R12)."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from support.bad_receivers import BadReceivers, dripping_tls, full_backlog, refused_port
from unit.push.receiver import Receiver
from unit.push.rig import Rig, row
from unit.push.sending import LOOPBACK, destination, post

from gateway.clock import SystemClock
from gateway.model.deliveries import DeliveryState
from gateway.push.customhttp import Outcome, Reply, Sender, classify

TOTAL_S = 1.0
FAILED, AGAIN, OFF, DONE = Outcome.PERMANENT, Outcome.RETRYABLE, Outcome.GONE, Outcome.DELIVERED

# mode: (status, error, what it means)
OUTCOMES: dict[str, tuple[int | None, str | None, Outcome]] = {
    "ok": (200, None, DONE),
    "drip-head": (None, "timeout", AGAIN),
    "drip-body": (200, None, DONE),
    "500": (500, None, AGAIN),
    "503-retry-after": (503, None, AGAIN),
    "429-retry-after": (429, None, AGAIN),
    "410": (410, None, OFF),
    "404": (404, None, FAILED),
    "rst-in-body": (200, None, DONE),
    "rst-before-answer": (None, "connection failed", AGAIN),
    "hang": (None, "timeout", AGAIN),
    "endless-body": (200, None, DONE),
    "huge-length": (200, None, DONE),
    "gzip-bomb": (200, None, DONE),
    "endless-headers": (None, "connection failed", AGAIN),
    "endless-header-line": (None, "connection failed", AGAIN),
    "endless-chunk-size": (200, None, DONE),
    "redirect": (302, None, FAILED),
    "half-answer": (None, "connection failed", AGAIN),
    "garbage": (None, "connection failed", AGAIN),
    "empty": (None, "connection failed", AGAIN),
    "interim-for-ever": (None, "connection failed", AGAIN),
    "other-interim": (None, "connection failed", AGAIN),
    "two-answers": (200, None, DONE),
}


# Ended by a bound on what is read, or by the total time where that is reached first (a busy machine).
TALKATIVE = ("endless-headers", "endless-header-line", "interim-for-ever")


@pytest.fixture(scope="module")
def bad() -> Iterator[BadReceivers]:
    """The server of all modes."""
    with BadReceivers() as running:
        yield running


def meaning(reply: Reply) -> tuple[int | None, str | None, Outcome]:
    """A reply in the terms of OUTCOMES."""
    return reply.status, reply.error, classify(reply.status, reply.error)


def send(url: str) -> tuple[Reply, float]:
    """One POST with a short total time, and how long it took."""
    clock = SystemClock()
    started = clock.monotonic()
    reply = post(destination(url, total_timeout_s=TOTAL_S, connect_timeout_s=TOTAL_S))
    return reply, clock.monotonic() - started


@pytest.mark.parametrize("mode", OUTCOMES)
def test_outcome_in_time(bad: BadReceivers, mode: str) -> None:
    """Each mode means what it should, and no attempt outlasts its total time by more than a second."""
    reply, took_s = send(bad.url(mode))
    if mode in TALKATIVE:
        assert meaning(reply) in (OUTCOMES[mode], (None, "timeout", AGAIN))
    else:
        assert OUTCOMES[mode] == meaning(reply)
    assert took_s < TOTAL_S + 1.0
    assert len(reply.head) <= 20_000


def test_no_server_at_all() -> None:
    """Refused port, full backlog, unknown host, impossible host: no connection, and it may pass."""
    with full_backlog() as full:
        urls = [
            f"http://127.0.0.1:{refused_port()}/",
            f"http://127.0.0.1:{full}/",
            "http://nobody.invalid/",
            f"http://{'a' * 70}.invalid/",
        ]
        replies = [send(url)[0] for url in urls]
    assert [Reply(error=error, connected=False) for error in ("connection failed", "timeout")] == replies[:2]
    assert [False, False] == [reply.connected for reply in replies[2:]]
    assert {None} == {reply.status for reply in replies}


def test_plain_text_on_a_tls_port_and_tls_that_drips(bad: BadReceivers) -> None:
    """A handshake with something that does no TLS fails at once, one that drips ends with the total time."""
    with dripping_tls() as port:
        drip, took_s = send(f"https://127.0.0.1:{port}/")
    plain, _ = send(bad.url("ok").replace("http:", "https:"))
    assert ("timeout", True) == (drip.error, took_s < TOTAL_S + 1.0)
    assert plain.error in ("TLS failed", "timeout")  # whoever speaks first gives up first


def test_redirect_target_is_never_asked(bad: BadReceivers) -> None:
    """A 302 to this machine is a failure and nothing else."""
    send(bad.url("redirect"))
    assert 0 == bad.hits["target"]


def test_answers_of_one_connection_are_not_mixed_up(bad: BadReceivers) -> None:
    """A receiver that answers twice has its connection replaced, so no answer counts for another request."""
    sender = Sender(LOOPBACK, SystemClock())
    for mode, expected in (("two-answers", 200), ("404", 404), ("two-answers", 200), ("500", 500)):
        assert expected == sender.send(row(), destination(bad.url(mode)), attempt=1).status
    sender.close_idle(0)


def test_memory_stays(bad: BadReceivers) -> None:
    """R12: floods and bombs make the process grow by less than 32 MiB."""
    floods = ("endless-body", "huge-length", "gzip-bomb", "endless-headers", "endless-chunk-size")
    for mode in floods:
        send(bad.url(mode))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(5):
        for mode in floods:
            send(bad.url(mode))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024


def test_good_receivers_are_not_disturbed(bad: BadReceivers, receiver: Receiver) -> None:
    """Beside every bad receiver at once, each with more rows than threads, good ones get all their rows."""
    modes = [mode for mode in OUTCOMES if mode != "ok"]
    config = "[push]\npushEnabled=comet,customhttp\ncustomhttp.total_timeout=1\n" + "".join(
        f"[push.provider.{mode}]\ncustomhttp.url={bad.url(mode)}\n" for mode in modes
    )
    config += f"[push.provider.good]\ncustomhttp.url={receiver.url('/good')}\n"
    rig = Rig(receiver)
    rig.clock = SystemClock()  # type: ignore[assignment]
    with ExitStack() as stack:
        stack.callback(rig.stop)
        node = rig.node(config=config)
        rig.add(*[row(1, chat=f"{mode}{n}", provider=mode) for mode in modes for n in range(4)])
        good = [row(number, chat="good", provider="good") for number in range(1, 21)]
        rig.add(*good)
        node.worker.start()
        node.wait(lambda: all(node.state(one) is DeliveryState.DELIVERED for one in good))
        node.wait(lambda: 0 == rig.store.pending_count())
    assert [one.id for one in good] == [post.headers["webhook-id"] for post in receiver.got("/good")]
    assert 0 == bad.hits["target"]
