"""One order on every channel: REST, long-polling, websocket and customhttp (targets/reliability.md R7).

The load of `test_kill`, without its kills (a lease outlives them), on a chat whose customer has a device; the
receiver is the fourth observer.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from faults.test_kill import loaded
from support.clients import Message, Rest
from support.gateway import QUIET, RunningGateway
from support.history import Entry, seen, violations
from support.waiting import eventually
from unit.push.receiver import Receiver

ACKS, CONTROL_ACKS = 300, 60
KEYS = {
    "GCTI_Chat_PushSubscribe": "true",
    "GCTI_GMS_NodeGroup": "gms-cluster",
    "GCTI_GMS_PushDeviceId": "device-1",
    "GCTI_GMS_PushDeviceType": "customhttp",
    "GCTI_GMS_PushIncludePayload": "true",
}


class DisorderlyGateway(RunningGateway):
    """The negative control: wake-ups do not keep the order of the commits."""

    app = "tests.faults.disorderly_wsgi:app"


def ini(port: int) -> str:
    """Both channels, the receiver on loopback."""
    return f"{QUIET}[push]\npushEnabled=comet,customhttp\ncustomhttp.url=http://127.0.0.1:{port}/\n"


def pushed(receiver: Receiver) -> list[Message]:
    """The events that arrived at the receiver, in order of arrival."""
    bodies = [json.loads(request.body) for request in list(receiver.requests)]
    return [event for body in bodies for event in body["message"]["messages"]]


def out_of_order(entries: Sequence[Entry]) -> list[str]:
    """Every index that came behind a higher one."""
    pairs = zip(entries, entries[1:], strict=False)
    return [
        f"{later.index} behind {earlier.index}" for earlier, later in pairs if later.index < earlier.index
    ]


def test_four_kinds_of_observers_see_one_order(tmp_path: Path):
    """Under eleven threads the stored order is gapless but for typing, and all four channels show it."""
    with Receiver() as receiver, RunningGateway(tmp_path, ini(receiver.port)) as gateway:
        customer = Rest(gateway.url, **{f"userData[{key}]": value for key, value in KEYS.items()})
        with loaded(gateway, customer) as load:
            load.acks(ACKS)
            final = load.stop_writing()
            observers = load.stop_observing(final[-1].index)
        # A device is not told of its own customer's messages.
        messages = [entry for entry in final if entry.key.startswith("agent-")]
        eventually(
            lambda: {entry.index for entry in messages} <= {e.index for e in seen(pushed(receiver))},
            timeout=40,
            what="every message of the agent at the receiver",
        )
        device = seen(pushed(receiver))
    gaps = load.gaps(final)
    assert [] == violations(load.recorder.operations, final, observers, typing=gaps)
    assert gaps >= set(load.typing)
    assert [] == out_of_order(device)
    assert messages == [entry for entry in device if entry.type == "Message"]


def test_the_same_load_finds_changes_that_are_published_out_of_order(tmp_path: Path):
    """Negative control: without the order of the commits some observer misses an event or sees it late."""
    with DisorderlyGateway(tmp_path, QUIET) as gateway, loaded(gateway) as load:
        load.acks(CONTROL_ACKS)
        final = load.stop_writing()
        observers = load.close()
    gaps = load.gaps(final)
    assert [] == violations(load.recorder.operations, final, {}, typing=gaps), "what is stored is right"
    assert violations(load.recorder.operations, final, observers, typing=gaps)


def test_the_order_check_finds_an_inversion():
    """Negative control: two swapped events are seen."""
    entries = [Entry(1, "Message", "a"), Entry(3, "Message", "c"), Entry(2, "Message", "b")]
    assert ["2 behind 3"] == out_of_order(entries)
