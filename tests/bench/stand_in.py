"""A tiny chat server with built-in mistakes: the load generator's negative test, never a benchmark subject.

It speaks just enough of the wire (REST start/send/refresh, Bayeux over websocket and long-polling) to satisfy
`loadgen`, and commits exactly one chosen fault, so that a test can prove that the generator sees it.
Used by tests/unit/bench and by hand while working on the generator.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

Message = dict[str, Any]
FaultKind = Literal["none", "drop", "duplicate", "swap", "misroute", "refuse"]
HOLD_SECONDS = 2.0
"""How long a long-polling connect is held; short, because a stopped test must not wait for it."""
OVERTAKERS = 2
"""Messages that pass a swapped one: with two members that take turns, one of them has its publisher."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and at which chat message (counted per delivery for Bayeux, per send for REST)."""

    kind: FaultKind = "none"
    at: int = 7


@dataclass
class Session:
    """One Bayeux session; frames wait in `queue` until its transport takes them."""

    id: str
    wake: threading.Condition = field(default_factory=threading.Condition)  # guards `queue`
    queue: list[Message] = field(default_factory=list)
    subscriptions: set[str] = field(default_factory=set)
    connected: bool = False
    withheld: Message | None = None
    overtakers: int = 0

    def put(self, *frames: Message) -> None:
        with self.wake:
            self.queue.extend(frames)
            self.wake.notify_all()

    def take(self, timeout: float) -> list[Message]:
        with self.wake:
            self.wake.wait_for(lambda: self.queue, timeout)
            frames, self.queue = self.queue, []
            return frames


@dataclass
class Chat:
    """A transcript and the sessions attached to it."""

    key: str
    events: list[Message] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    def append(self, event_type: str, text: str = "") -> Message:
        sender = {"nickname": "bench", "participantId": 1, "type": "Client"}
        event = {
            "index": len(self.events) + 1,
            "type": event_type,
            "from": sender,
            "utcTime": 0,
            "text": text,
        }
        self.events.append(event)
        return event

    def answer(self, events: list[Message], *, status: int = 0) -> Message:
        """The chat response object (chat API section 4)."""
        return {
            "statusCode": status,
            "chatId": self.key,
            "userId": "u",
            "alias": "0",
            "secureKey": self.key,
            "chatEnded": False,
            "nextPosition": len(self.events) + 1,
            "messages": events,
        }


class StandIn:
    """All chats and sessions of one server."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._lock = threading.RLock()  # guards everything below, and the order of deliveries
        self._numbers = itertools.count(1)
        self._acts = itertools.count(1)
        self._chats: dict[str, Chat] = {}
        self._sessions: dict[str, Session] = {}

    def _start_chat(self) -> Chat:
        chat = Chat(f"key{next(self._numbers)}")
        chat.append("ParticipantJoined")
        self._chats[chat.key] = chat
        return chat

    # ---- REST

    def rest(self, path: list[str], form: dict[str, str]) -> Message:
        """Answers /2/chat/{service}[/{chatId}/{operation}]."""
        with self._lock:
            if len(path) == 3:
                chat = self._start_chat()
                return chat.answer(chat.events)
            chat = self._chats[path[3]]
            if path[4] == "send":
                return self._rest_send(chat, form["message"])
            return chat.answer(chat.events[int(form["transcriptPosition"]) - 1 :])

    def _rest_send(self, chat: Chat, text: str) -> Message:
        wrong = self._fault.kind if next(self._acts) == self._fault.at else "none"
        if wrong == "refuse":
            return chat.answer([], status=1)
        for _ in range({"drop": 0, "duplicate": 2}.get(wrong, 1)):
            chat.append("Message", text)
        if wrong == "swap":
            last, before = chat.events[-1], chat.events[-2]
            last["text"], before["text"] = before["text"], last["text"]
        return chat.answer([])

    # ---- Bayeux

    def bayeux(self, message: Message) -> tuple[Session | None, list[Message]]:
        """Processes one message other than a held connect; returns its session and the replies."""
        with self._lock:
            channel = message["channel"]
            reply = {"channel": channel, "id": message["id"], "successful": True}
            if channel == "/meta/handshake":
                session = Session(f"s{next(self._numbers)}")
                self._sessions[session.id] = session
                return session, [reply | {"clientId": session.id}]
            session = self._sessions[message["clientId"]]
            if channel.startswith("/service/"):
                self._operate(session, channel, message["data"])
            elif not channel.startswith("/meta/"):
                for other in self._sessions.values():
                    if channel in other.subscriptions:
                        self._deliver(other, {"channel": channel, "data": message["data"]})
            elif channel == "/meta/subscribe":
                session.subscriptions.add(message["subscription"])
            return session, [reply]

    def _operate(self, session: Session, channel: str, data: Message) -> None:
        operation = data["operation"]
        chat = self._start_chat() if operation == "requestChat" else self._chats[data["secureKey"]]
        if operation == "sendMessage":
            frame = {"channel": channel, "data": chat.answer([chat.append("Message", data["message"])])}
            for member in chat.sessions:
                self._deliver(member, frame)
            return
        chat.sessions.append(session)
        session.put({"channel": channel, "data": chat.answer(chat.events[:])})

    def _deliver(self, session: Session, frame: Message) -> None:
        wrong = self._fault.kind if next(self._acts) == self._fault.at else "none"
        if wrong == "drop":
            return
        if wrong == "swap":
            session.withheld = frame
            return
        if wrong == "misroute":
            session = self._stranger(session, frame["channel"])
        session.put(frame, *([frame] if wrong == "duplicate" else []))
        session.overtakers += session.withheld is not None
        if session.withheld is not None and session.overtakers == OVERTAKERS:
            session.put(session.withheld)
            session.withheld = None

    def _stranger(self, session: Session, channel: str) -> Session:
        """Somebody whom this message does not concern."""
        others = [s for c in self._chats.values() for s in c.sessions if session not in c.sessions]
        return next(s for s in others or self._sessions.values() if channel not in s.subscriptions)


def _websocket_handler(stand_in: StandIn) -> Callable[[ServerConnection], None]:
    """One thread reads; a second one writes what other sessions publish."""

    def write(socket: ServerConnection, session: Session, closed: threading.Event) -> None:
        while not closed.is_set():
            for frame in session.take(0.1):
                socket.send(json.dumps([frame]))

    def read(socket: ServerConnection) -> None:
        closed = threading.Event()
        try:
            for text in socket:
                for message in json.loads(text):
                    session, replies = stand_in.bayeux(message)
                    if message["channel"] == "/meta/handshake":
                        threading.Thread(target=write, args=(socket, session, closed), daemon=True).start()
                    if message["channel"] != "/meta/connect" or "advice" in message:
                        socket.send(json.dumps(replies))
        except ConnectionClosed:
            pass
        finally:
            closed.set()

    return read


def _http_handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: object) -> None:
            """Quiet: a test's output is not an access log."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            path = self.path.strip("/").split("/")[1:]  # without the mount prefix
            answer = self._bayeux(json.loads(body)) if path[0] == "cometd" else self._rest(path, body)
            raw = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def _rest(self, path: list[str], body: str) -> Message:
            return stand_in.rest(path, {name: values[0] for name, values in parse_qs(body).items()})

        def _bayeux(self, messages: list[Message]) -> list[Message]:
            answers: list[Message] = []
            for message in messages:
                session, replies = stand_in.bayeux(message)
                if session and message["channel"] == "/meta/connect":
                    answers += session.take(HOLD_SECONDS if session.connected else 0)
                    session.connected = True
                answers += replies
            return answers

    return Handler


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A generator that has what it wants just goes away; that is no error here."""


@contextmanager
def http_stand_in(fault: Fault) -> Iterator[str]:
    """Serves REST and long-polling on a free port while the block runs; yields the base URL."""
    server = _QuietServer(("127.0.0.1", 0), _http_handler(StandIn(fault)))
    with _served(lambda: server.serve_forever(poll_interval=0.02), server.shutdown):
        yield f"http://127.0.0.1:{server.server_address[1]}/genesys"
    server.socket.close()


@contextmanager
def websocket_stand_in(fault: Fault) -> Iterator[str]:
    """Serves Bayeux over websocket on a free port while the block runs; yields the base URL."""
    server = serve(_websocket_handler(StandIn(fault)), "127.0.0.1", 0, compression=None)
    with _served(server.serve_forever, server.shutdown):
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/genesys"


@contextmanager
def _served(run: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(5)
