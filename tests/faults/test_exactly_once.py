"""Exactly one effect per message id, whatever dies in between (targets/reliability.md R6).

Every message is sent 1-20 times at once over connections of their own while a nemesis kills the worker; then
everything is restarted and sent again. The negative control keeps the ids in memory and must be found out.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.test_kill import kill_worker
from support.clients import Bayeux, LongPoll, Rest, UnknownClient, WebSocket
from support.gateway import RunningGateway
from support.waiting import eventually

SEED = 20261122
SENDERS, MESSAGES, KILLS = 6, 16, 3


class AmnesiacGateway(RunningGateway):
    """The negative control: forgets message ids when it dies."""

    app = "tests.faults.amnesiac_wsgi:app"


class Sender:
    """Sends messages `<name>-<number>` under that id, each as often as it takes and then some."""

    def __init__(self, name: str, customer: Rest, *, seed: int) -> None:
        self.name = name
        self.answers: dict[str, set[bytes]] = {}
        self._clients = [customer.twin() for _ in range(20)]
        self._random = random.Random(seed)
        self._lock = threading.Lock()  # guards answers

    def run(self) -> None:
        """All messages, in order."""
        for number in range(MESSAGES):
            self.at_once(f"{self.name}-{number}")

    def at_once(self, text: str) -> None:
        """One message on 1-20 connections at the same moment, until one of them has an answer."""
        copies = self._random.randint(1, 20)

        def deliver() -> bool:
            threads = [
                threading.Thread(target=self._once, args=(client, text, copy))
                for copy, client in enumerate(self._clients[:copies])
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
            return bool(self.answers.get(text))

        eventually(deliver, timeout=30, what=f"an answer to {text}")

    def _once(self, client: Rest, text: str, copy: int) -> None:
        try:
            # Copies differ in their text: whichever is first wins, and all get its answer.
            answer = client.post("send", message=f"{text}/{copy}", messageId=text, transcriptPosition=-1)
        except (OSError, ValueError):
            return
        if answer.status_code == 200 and answer.json()["statusCode"] == 0:
            with self._lock:
                self.answers.setdefault(text, set()).add(answer.content)


def lives(kind: Callable[[Path], RunningGateway], directory: Path) -> tuple[list[Sender], Counter[str]]:
    """Senders under kills, a restart, everything once more: the senders and how often each id is stored."""
    with kind(directory) as gateway:
        customer = Rest(gateway.url)
        senders = [Sender(f"s{n}", customer, seed=SEED + n) for n in range(SENDERS)]
        threads = [threading.Thread(target=sender.run) for sender in senders]
        for thread in threads:
            thread.start()
        for kill in range(1, KILLS + 1):
            wanted = kill * SENDERS * MESSAGES // (KILLS + 1)
            eventually(lambda wanted=wanted: sum(len(s.answers) for s in senders) >= wanted, timeout=40)
            kill_worker(gateway)
        for thread in threads:
            thread.join(60)
        gateway.restart()
        for sender in senders:
            for text in list(sender.answers):
                sender.at_once(text)
        stored = [event["text"] for event in customer.twin().events() if event["type"] == "Message"]
    return senders, Counter(text.partition("/")[0] for text in stored)


def test_every_message_is_there_once_and_all_answers_are_equal(tmp_path: Path):
    """After kills, concurrent copies and a restart: one entry each, every answer byte for byte the same."""
    senders, stored = lives(RunningGateway, tmp_path)
    sent = {text for sender in senders for text in sender.answers}
    assert SENDERS * MESSAGES == len(sent)
    assert Counter(dict.fromkeys(sent, 1)) == stored
    assert [] == [text for sender in senders for text, found in sender.answers.items() if len(found) != 1]


def test_the_same_load_finds_ids_that_are_not_stored(tmp_path: Path):
    """Negative control: with the ids in memory the repetition after the restart is a second message."""
    senders, stored = lives(AmnesiacGateway, tmp_path)
    assert [text for text, count in stored.items() if count > 1]
    assert any(len(found) > 1 for sender in senders for found in sender.answers.values())


def published_again(kind: Callable[[Path], RunningGateway], directory: Path) -> tuple[list[int], list[str]]:
    """Over CometD: a message, kill -9, the same once more in a new session, on two connections at once.

    The indexes that the repetitions were told, and the types of the stored events.
    """
    with kind(directory) as gateway:
        socket = WebSocket(gateway.ws_url)
        socket.handshake()
        key = socket.request_chat()["secureKey"]
        data = {"secureKey": key, "message": "hi", "messageId": "m-1"}
        assert socket.publish("sendMessage", **data).done
        gateway.restart()
        with pytest.raises((OSError, UnknownClient)):
            socket.publish("sendMessage", **data)
        told: list[int] = []

        def again(client: Bayeux) -> None:
            answer = client.publish("sendMessage", **data)
            assert answer.done
            told.extend([event["index"] for note in answer.notifications for event in note["messages"]][-1:])

        clients = [WebSocket(gateway.ws_url), LongPoll(gateway.url)]
        for client in clients:
            client.handshake()
        threads = [threading.Thread(target=again, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        refreshed = clients[0].publish("refresh", secureKey=key, transcriptPosition=1)
    return told, [event["type"] for note in refreshed.notifications for event in note["messages"]]


def test_a_lost_acknowledgement_is_repaired_over_cometd(tmp_path: Path):
    """The process dies after the commit; published again in new sessions, each is told the first index."""
    told, stored = published_again(RunningGateway, tmp_path)
    assert [2, 2] == told
    assert ["ParticipantJoined", "Message"] == stored


def test_the_same_repetition_over_cometd_finds_ids_that_are_not_stored(tmp_path: Path):
    """Negative control: with the ids in memory the first repetition after the kill is a second message."""
    _, stored = published_again(AmnesiacGateway, tmp_path)
    assert ["ParticipantJoined", "Message", "Message"] == stored
