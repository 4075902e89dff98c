"""SIGKILL at any moment loses no acknowledged event (targets/reliability.md R1, R7, R8, R22).

Writers over REST, long-polling and websocket, observers of the same three kinds, one chat, one data
directory; a nemesis kills the worker, or everything, again and again. A negative control runs the same load
against a store that acknowledges before it writes, and must fail.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from support.clients import Agent, Bayeux, LongPoll, Rest, UnknownClient, WebSocket
from support.gateway import RunningGateway
from support.history import Entry, Recorder, Result, seen, violations
from support.waiting import eventually

SEED = 20261122
SCALE = int(os.environ.get("FAULT_SCALE", "1"))
WORKER_KILLS, GROUP_KILLS = 6 * SCALE, 2 * SCALE
# So many acknowledgements lie between two kills: every kill hits a gateway that is busy.
ACKS_PER_KILL = 40
# The pause of a writer between two messages, so that eight of them do not only measure the test's own speed.
THINK_S = 0.004
# Two writers and one observer of each of the two transports.
BAYEUX_CLIENTS = 6
END_ROUNDS = 25


class EndlessGateway(RunningGateway):
    """The negative control of the race with the end: a customer may always speak."""

    app = "tests.faults.endless_wsgi:app"


class LyingGateway(RunningGateway):
    """The negative control: acknowledges before it writes."""

    app = "tests.faults.lying_wsgi:app"


def stored_sessions(gateway: RunningGateway) -> int:
    """How many Bayeux sessions would survive a kill now."""
    connection = sqlite3.connect(gateway.data_dir / "gateway.sqlite3")
    try:
        return int(connection.execute("SELECT count(*) FROM comet_session").fetchone()[0])
    finally:
        connection.close()


def kill_worker(gateway: RunningGateway) -> None:
    """SIGKILL to the worker; the master starts another."""
    for pid in gateway.worker_pids():
        os.kill(pid, signal.SIGKILL)


class Load:
    """Writers and observers of one chat, each in a thread, until `finish`."""

    def __init__(self, gateway: RunningGateway, *, agent_token: str, customer: Rest | None = None) -> None:
        self.gateway = gateway
        self.recorder = Recorder()
        self.customer = customer or Rest(gateway.url)
        self.agent = Agent(gateway.url, agent_token)
        self.agent.accept(self.customer.chat_id)
        self.typing: list[int] = []
        self.unknown_typing = 0
        self.lost_sessions: list[str] = []
        self.shown: dict[str, Callable[[], list[dict]]] = {}
        self.errors: list[BaseException] = []
        self._writing, self._observing = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []

    # --- writers ------------------------------------------------------------------------------------------

    def add_writers(self) -> None:
        """Two of each kind for the customer, and the agent, who also types."""
        for number in range(2):
            rest = self.customer.twin()
            self._writer(f"rest{number}", lambda text, rest=rest: rest.send(text)["statusCode"] == 0)
            self._bayeux_writer(f"poll{number}", LongPoll(self.gateway.url))
            self._bayeux_writer(f"ws{number}", WebSocket(self.gateway.ws_url))
        self._writer("agent", self._agent_says)

    def _writer(self, name: str, send: Callable[[str], bool], repair: Callable[[], None] = lambda: None):
        def work() -> None:
            number = 0
            while not self._writing.wait(THINK_S):
                number += 1
                text = f"{name}-{number}"
                result = self.recorder.attempt(name, text, partial(send, text))
                if result is Result.UNKNOWN:
                    self._until_back(repair, self._writing)

        self._run(f"writer {name}", work)

    def _bayeux_writer(self, name: str, client: Bayeux) -> None:
        client.handshake()

        def send(text: str) -> bool:
            try:
                return client.publish("sendMessage", secureKey=self.customer.secure_key, message=text).done
            except UnknownClient:
                self.lost_sessions.append(name)
                self._again(client)
                return False

        self._writer(name, send, lambda: self._reopen(client))

    def _agent_says(self, text: str) -> bool:
        chat = f"/chats/{self.customer.chat_id}"
        if text.endswith("5"):
            try:
                typed = self.agent.post(f"{chat}/typing", {"state": "started"})
                self.typing += [item["index"] for item in typed.json().get("items", ())]
            except (OSError, ValueError):
                self.unknown_typing += 1
        return self.agent.post(f"{chat}/messages", {"text": text}).status_code == 200

    # --- observers ----------------------------------------------------------------------------------------

    def add_observers(self) -> None:
        """One of each kind; they go on from what they have seen, with the session that they had."""
        polled: list[dict] = []
        rest = self.customer.twin()

        def refresh() -> None:
            polled.extend(rest.events(polled[-1]["index"] + 1 if polled else 1))
            self._observing.wait(0.02)

        self.shown["rest"] = lambda: polled
        self._observer("rest", refresh)
        for name, client in (
            ("poll", LongPoll(self.gateway.url)),
            ("ws", WebSocket(self.gateway.ws_url)),
        ):
            client.handshake()
            client.publish("requestNotifications", secureKey=self.customer.secure_key, transcriptPosition=1)
            self.shown[name] = client.events
            self._observer(name, lambda client=client: client.poll(1.0), client)

    def _observer(self, name: str, look: Callable[[], object], client: Bayeux | None = None) -> None:
        def work() -> None:
            while not self._observing.is_set():
                try:
                    look()
                except UnknownClient:
                    assert client is not None
                    self.lost_sessions.append(name)
                    self._until_back(lambda: self._resume(client, name), self._observing)
                except (OSError, ValueError):
                    self._until_back(lambda: self._reopen(client) if client else None, self._observing)

        self._run(f"observer {name}", work)

    def _resume(self, client: Bayeux, name: str) -> None:
        self._again(client)
        position = max((event["index"] for event in self.shown[name]()), default=0) + 1
        client.publish(
            "requestNotifications", secureKey=self.customer.secure_key, transcriptPosition=position
        )

    # --- losses -------------------------------------------------------------------------------------------

    def _reopen(self, client: Bayeux) -> None:
        """Back with the session that it had."""
        if isinstance(client, WebSocket):
            client.open()
        client.connect_now()

    def _again(self, client: Bayeux) -> None:
        """Back with a new session."""
        if isinstance(client, WebSocket):
            client.open()
        client.client_id = ""
        client.handshake()

    def _until_back(self, repair: Callable[[], object], stop: threading.Event) -> None:
        while not stop.wait(0.02):
            try:
                repair()
                return
            except UnknownClient:
                return  # noticed again, and repaired, by the next operation
            except (OSError, ValueError):
                continue

    def _run(self, name: str, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                self.errors.append(error)
                raise

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    # --- the end ------------------------------------------------------------------------------------------

    def acks(self, more: int) -> None:
        """Wait until so many further messages are acknowledged."""
        wanted = self.recorder.acked + more
        eventually(
            lambda: self.errors or self.recorder.acked >= wanted, timeout=30, what=f"{more} acknowledgements"
        )
        assert [] == self.errors

    def stop_writing(self) -> list[Entry]:
        """Stop the writers; the transcript as it is stored."""
        self._writing.set()
        for thread in self._threads:
            if thread.name.startswith("writer"):
                thread.join(30)
        return seen(self.customer.twin().events())

    def stop_observing(self, last: int) -> dict[str, list[Entry]]:
        """Wait until every observer has been shown index `last`; what each was shown."""
        for name, events in self.shown.items():
            eventually(
                lambda events=events: any(event["index"] == last for event in events()[-50:]),
                timeout=20,
                what=f"{name} sees index {last}",
            )
        return self.close()

    def close(self) -> dict[str, list[Entry]]:
        """Stop everything, whatever state it is in."""
        self._writing.set()
        self._observing.set()
        for thread in self._threads:
            thread.join(10)
        return {name: seen(events()) for name, events in self.shown.items()}

    def gaps(self, final: list[Entry]) -> set[int]:
        """The indexes that are missing in the transcript."""
        return set(range(1, final[-1].index)) - {entry.index for entry in final}


@contextmanager
def loaded(gateway: RunningGateway, customer: Rest | None = None) -> Iterator[Load]:
    """A gateway under load, on this customer's chat or a new one."""
    load = Load(gateway, agent_token=gateway.token("agent", "Alice"), customer=customer)
    try:
        load.add_observers()
        load.add_writers()
        # A Bayeux session is on disk about a second after its attachment; a kill before that costs a 402.
        eventually(lambda: stored_sessions(gateway) == BAYEUX_CLIENTS, what="Bayeux sessions on disk")
        yield load
    finally:
        load.close()


def test_no_acknowledged_event_is_lost(tmp_path: Path):
    """After kills under load nothing acknowledged is missing, and every client saw the same order."""
    rng = random.Random(SEED)
    nemeses = [kill_worker] * WORKER_KILLS + [RunningGateway.restart] * GROUP_KILLS
    rng.shuffle(nemeses)
    with RunningGateway(tmp_path) as gateway, loaded(gateway) as load:
        for nemesis in nemeses:
            load.acks(ACKS_PER_KILL + rng.randrange(ACKS_PER_KILL))
            nemesis(gateway)
        load.acks(ACKS_PER_KILL)
        final = load.stop_writing()
        observers = load.stop_observing(final[-1].index)
        load.recorder.save(tmp_path / "history.jsonl")
    gaps = load.gaps(final)

    assert [] == violations(load.recorder.operations, final, observers, typing=gaps)
    assert set(load.typing) <= gaps, "a typing event's index was used again"
    assert len(gaps) <= len(load.typing) + load.unknown_typing
    assert [] == load.lost_sessions, "402: a Bayeux session did not survive its process"


def test_the_same_load_finds_a_store_that_lies(tmp_path: Path):
    """Negative control: acknowledging before the commit is caught after a single kill."""
    with LyingGateway(tmp_path) as gateway, loaded(gateway) as load:
        load.acks(ACKS_PER_KILL)
        kill_worker(gateway)
        load.acks(ACKS_PER_KILL)
        final = load.stop_writing()
        found = violations(load.recorder.operations, final, load.close(), typing=load.gaps(final))

    assert any(text.startswith("lost: ") for text in found)


def test_nothing_is_added_after_the_end(tmp_path: Path):
    """The agent's close races with customers who send: nobody gets in behind it, and the losers are told."""
    assert [] == _races_with_close(RunningGateway(tmp_path), END_ROUNDS)


def test_the_race_with_the_end_finds_a_missing_check(tmp_path: Path):
    """Negative control: without the check under the chat's lock something stands behind the end."""
    found = _races_with_close(EndlessGateway(tmp_path), 2)
    assert any(text.startswith("after the end: ") for text in found)


def _races_with_close(running: RunningGateway, rounds: int) -> list[str]:
    wrong: list[str] = []
    with running as gateway:
        agent = Agent(gateway.url, gateway.token("agent", "Alice"))
        socket = WebSocket(gateway.ws_url)
        socket.handshake()
        for _ in range(rounds):
            wrong += _race_with_close(Rest(gateway.url), agent, socket)
    return wrong


def _race_with_close(customer: Rest, agent: Agent, socket: WebSocket) -> list[str]:
    """One chat, three writers, one close; every broken promise in words."""
    agent.accept(customer.chat_id)
    recorder, closed = Recorder(), threading.Event()
    refusals: list[int] = []

    def over_rest(text: str) -> bool:
        answer = customer_of[threading.current_thread().name].send(text)
        refusals.extend(error["code"] for error in answer.get("errors", ()))
        return answer["statusCode"] == 0

    def over_socket(text: str) -> bool:
        published = socket.publish("sendMessage", secureKey=customer.secure_key, message=text)
        refusals.extend(error["code"] for n in published.notifications for error in n.get("errors", ()))
        return published.done

    def write(send: Callable[[str], bool]) -> None:
        name = threading.current_thread().name
        for number in range(1000):
            ended = closed.is_set()
            text = f"{name}-{number}"
            recorder.attempt(name, text, partial(send, text))
            if ended:
                return

    customer_of = {"a": customer, "b": customer.twin()}
    sends = {"a": over_rest, "b": over_rest, "ws": over_socket}
    writers = [threading.Thread(target=write, args=(send,), name=name) for name, send in sends.items()]
    for writer in writers:
        writer.start()
    eventually(lambda: recorder.acked >= 5)
    answer = agent.post(f"/chats/{customer.chat_id}/close")
    closed.set()
    for writer in writers:
        writer.join(20)
    final = seen(customer.twin().events())
    end = max(entry.index for entry in final if entry.type == "ParticipantLeft")
    return [
        *violations(recorder.operations, final, {}, closed_at=end),
        *(f"error {code} instead of 249" for code in refusals if code != 249),
        *([] if answer.status_code == 200 else [f"close: {answer.text}"]),
        *([] if refusals else ["nobody raced"]),
    ]
