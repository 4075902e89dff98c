"""Resume by position while a writer runs: nothing is missed between answer and live (R8).

The gateway under test gives the writer its turn inside every subscription. RACE=10000 is the full form.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import os
import threading
from pathlib import Path

from support.clients import Bayeux, LongPoll, Rest, WebSocket
from support.gateway import QUIET, RunningGateway
from support.waiting import eventually

SUBSCRIPTIONS = int(os.environ.get("RACE", "120"))
CLIENTS = 6
# So many events behind the subscription must be seen before it counts.
LIVE = 5


class JoiningGateway(RunningGateway):
    """Subscriptions that take long enough for commits to happen meanwhile."""

    app = "tests.faults.joining_wsgi:app"


def missed(gateway: RunningGateway, subscriptions: int) -> list[str]:
    """Subscribe from changing positions under a writer; every gap and repetition in words."""
    customer = Rest(gateway.url)
    writing, wrong = threading.Event(), []
    newest = [1]

    def write() -> None:
        writer = customer.twin()
        while not writing.is_set():
            newest[0] = writer.send("x")["nextPosition"] - 1

    def subscribe(number: int) -> None:
        kind = WebSocket if number % 2 else LongPoll
        for turn in range(subscriptions // CLIENTS):
            client = kind(gateway.ws_url if number % 2 else gateway.url)
            client.handshake()
            position = max(1, newest[0] - (number * 7 + turn) % 20)
            wrong.extend(_followed(client, customer.secure_key, position))
            client.exchange({"channel": "/meta/disconnect", "clientId": client.client_id, "id": "bye"})

    threads = [threading.Thread(target=subscribe, args=(number,)) for number in range(CLIENTS)]
    writer = threading.Thread(target=write)
    for thread in (writer, *threads):
        thread.start()
    for thread in threads:
        thread.join(100)
    writing.set()
    writer.join(20)
    return wrong


def _followed(client: Bayeux, key: str, position: int) -> list[str]:
    """Take the transcript from `position` and what follows live; what is wrong with it."""
    client.notifications.clear()
    answer = client.publish("requestNotifications", secureKey=key, transcriptPosition=position)
    first_live = answer.notifications[0]["nextPosition"]
    wanted = first_live + LIVE

    def caught_up() -> bool:
        client.poll(1.0)
        return max(event["index"] for event in client.events()) >= wanted

    eventually(caught_up, timeout=20, what=f"index {wanted}")
    indexes = list(dict.fromkeys(event["index"] for event in client.events()))
    expected = list(range(position, indexes[-1] + 1))
    return [] if indexes == expected else [f"from {position}, live from {first_live}: {indexes}"]


def test_a_subscription_misses_nothing(tmp_path: Path):
    """Whenever a client joins, it gets every event from its position on, once and in order."""
    with JoiningGateway(tmp_path, QUIET) as gateway:
        assert [] == missed(gateway, SUBSCRIPTIONS)


def test_the_race_finds_a_join_that_is_not_atomic(tmp_path: Path):
    """Negative control: an attachment that begins at what is newest by then loses what came in between."""
    with JoiningGateway(tmp_path, QUIET, env={"GATEWAY_TEST_JOIN": "leaky"}) as gateway:
        assert missed(gateway, 12)
