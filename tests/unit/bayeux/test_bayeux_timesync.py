"""The timesync extension (spec/bayeux.md 10)."""

from __future__ import annotations

import pytest
from unit.bayeux.bayeux_server import TYPES, WALL_MS, Server


def asked(**numbers: object) -> dict[str, object]:
    return {"timesync": numbers}


@pytest.mark.parametrize(
    "channel", ["/meta/handshake", "/meta/subscribe", "/meta/unsubscribe", "/meta/disconnect"]
)
def test_every_meta_reply_answers(channel: str):
    """tc echoed, ts the time of receipt, a = tc + o + l - ts, p the time kept."""
    ext = asked(tc=WALL_MS - 40, l=10, o=5)
    reply = Server().client().reply(channel, ext=ext, subscription="/news", supportedConnectionTypes=TYPES)
    assert reply["ext"]["timesync"] == {"tc": WALL_MS - 40, "ts": WALL_MS, "a": -25, "p": 0}


def test_the_hold_counts():
    """`p` includes the time that a connect was held."""
    client = Server().client()
    held = client.hold(ext=asked(tc=1, l=0, o=0))
    client.server.now += 12.5
    assert client.finish(held)[1]["ext"]["timesync"]["p"] == 12_500


@pytest.mark.parametrize(("lag", "offset", "answered"), [(0, 0, True), (10, -10, False), (10, 15, True)])
def test_silent_once_the_estimate_is_good(lag: int, offset: int, answered: bool):
    """Answered only if l is 0 or |a| >= 25 ms."""
    _, reply = Server().client().poll(ext=asked(tc=WALL_MS, l=lag, o=offset))
    assert ("timesync" in reply.get("ext", {})) is answered


def test_without_lag_there_is_no_accuracy():
    """A request without `l` is answered without `a`."""
    _, reply = Server().client().poll(ext=asked(tc=5))
    assert reply["ext"]["timesync"] == {"tc": 5, "ts": WALL_MS, "p": 0}


@pytest.mark.parametrize(
    "odd", [None, 3, "x", [], {}, {"tc": "1"}, {"tc": True}, {"tc": 1e300}, {"tc": None}]
)
def test_odd_values_are_ignored(odd: object):
    """Nothing that is no number is answered."""
    _, reply = Server().client().poll(ext={"timesync": odd})
    assert "ext" not in reply
