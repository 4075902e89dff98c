"""Small chat clients for tests against a real gateway: REST, long-polling, websocket, agents' API.

They speak as deployed clients do (spec/chat-api-v2.md 6 and 7), block, and hide nothing: a lost connection is
an OSError (websocket-client's own exceptions are turned into ConnectionError), every notification is kept.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
import websocket

SERVICE = "support"
# Longer than any held poll of a test, shorter than the patience of the test runner.
PATIENCE_S = 20.0

Message = dict[str, Any]


class Rest:
    """A customer over REST; the constructor starts the chat unless `identity` names one."""

    def __init__(
        self, url: str, *, service: str = SERVICE, identity: Message | None = None, **fields: str
    ) -> None:
        self.http = requests.Session()
        self.base = f"{url}/genesys/2/chat/{service}"
        if identity is None:
            answer = self.http.post(self.base, data={"nickname": "Ann", **fields}, timeout=PATIENCE_S)
            identity = answer.json()
            assert (200, 0) == (answer.status_code, identity["statusCode"]), answer.text
        self.started = identity
        self.chat_id: str = identity["chatId"]
        self.secure_key: str = identity["secureKey"]
        self.identity = {name: identity[name] for name in ("userId", "secureKey", "alias")}

    def post(self, operation: str, **fields: Any) -> requests.Response:
        """One operation as the HTTP response."""
        return self.http.post(
            f"{self.base}/{self.chat_id}/{operation}", data=self.identity | fields, timeout=PATIENCE_S
        )

    def call(self, operation: str, **fields: Any) -> Message:
        """One operation as its chat response; HTTP errors are a failure of the test."""
        answer = self.post(operation, **fields)
        assert 200 == answer.status_code, answer.text
        return dict(answer.json())

    def send(self, text: str) -> Message:
        """A message."""
        return self.call("send", message=text)

    def upload(self, name: str, content: bytes) -> Message:
        """A file; the chat response."""
        form = {"file": (name, content)}
        url = f"{self.base}/{self.chat_id}/file"
        return dict(self.http.post(url, data=self.identity, files=form, timeout=PATIENCE_S).json())

    def events(self, position: int = 1) -> list[Message]:
        """The transcript from `position` on."""
        return list(self.call("refresh", transcriptPosition=position)["messages"])

    def twin(self) -> Rest:
        """The same customer with a connection of its own, for another thread."""
        service = self.base.rsplit("/", 1)
        return Rest(service[0].removesuffix("/genesys/2/chat"), service=service[1], identity=self.started)


@dataclass(frozen=True, slots=True)
class Published:
    """The answer to a publish: its acknowledgement and the notifications that came with it."""

    ack: Message
    notifications: tuple[Message, ...]

    @property
    def done(self) -> bool:
        """Acknowledged, and no error notification beside it (spec/chat-api-v2.md 7.2)."""
        return bool(self.ack["successful"]) and all(data["statusCode"] == 0 for data in self.notifications)


class UnknownClient(Exception):
    """The gateway answered 402: the Bayeux session is gone."""


class Bayeux:
    """What both transports share; subclasses have `exchange` and `poll`.

    `notifications` holds every chat notification as it arrived, `data` only.
    """

    transport = ""

    def __init__(self, service: str = SERVICE) -> None:
        self.channel = f"/service/chatV2/{service}"
        self.client_id = ""
        self.notifications: list[Message] = []
        self._ids = itertools.count(1)

    def exchange(self, message: Message) -> list[Message]:
        """Send one message; all messages of the answer that holds its reply."""
        raise NotImplementedError

    def poll(self, timeout_s: float = PATIENCE_S) -> list[Message]:
        """Wait for what comes next; at most about `timeout_s`. UnknownClient when the session is gone."""
        raise NotImplementedError

    def handshake(self, **ext: Any) -> Message:
        """Open a session and connect once; the handshake's reply."""
        types = ["websocket", "long-polling"]
        message: Message = {
            "channel": "/meta/handshake",
            "version": "1.0",
            "supportedConnectionTypes": types,
        }
        reply = self._reply(message | ({"ext": ext} if ext else {}))
        self.client_id = reply.get("clientId", "")
        if reply["successful"]:
            self.connect_now()
        return reply

    def connect_now(self) -> Message:
        """A connect that is answered at once; also adopts the session on a fresh connection."""
        return self._reply(self._connect(0))

    def publish(self, operation: str, **data: Any) -> Published:
        """One chat operation."""
        message = {"channel": self.channel, "data": {"operation": operation, **data}}
        sent = self._stamped(message)
        messages = self.exchange(sent)
        ack = next(reply for reply in messages if reply.get("id") == sent["id"])
        if str(ack.get("error", "")).startswith("402"):
            raise UnknownClient(ack["error"])
        own = [item["data"] for item in messages if item["channel"] == self.channel and "data" in item]
        return Published(ack, tuple(own))

    def request_chat(self, **data: Any) -> Message:
        """Start a chat; its first notification, which carries the secureKey."""
        answer = self.publish("requestChat", **{"nickname": "Ann", **data})
        assert answer.done, answer
        return answer.notifications[0]

    def events(self) -> list[Message]:
        """Every event received so far, in order of arrival, repetitions included."""
        return [event for data in list(self.notifications) for event in data["messages"]]

    def _connect(self, timeout_ms: int) -> Message:
        return {
            "channel": "/meta/connect",
            "connectionType": self.transport,
            "advice": {"timeout": timeout_ms},
        }

    def _stamped(self, message: Message) -> Message:
        own = {"clientId": self.client_id} if self.client_id else {}
        return message | own | {"id": str(next(self._ids))}

    def _reply(self, message: Message) -> Message:
        sent = self._stamped(message)
        return next(reply for reply in self.exchange(sent) if reply.get("id") == sent["id"])

    def _took(self, messages: list[Message]) -> list[Message]:
        """Keep the notifications; 402 on a connect means that the session is gone."""
        for message in messages:
            if message["channel"] == self.channel and "data" in message:
                self.notifications.append(message["data"])
            elif message["channel"] == "/meta/connect" and message.get("error", "").startswith("402"):
                raise UnknownClient(message["error"])
        return messages


class LongPoll(Bayeux):
    """A customer over long-polling. `poll` may run in a thread of its own beside publishes."""

    transport = "long-polling"

    def __init__(self, url: str, service: str = SERVICE) -> None:
        super().__init__(service)
        self.http = requests.Session()
        self.url = f"{url}/genesys/cometd"

    def exchange(self, message: Message) -> list[Message]:
        answer = self.http.post(self.url, json=[message], timeout=PATIENCE_S * 2)
        if answer.status_code >= 500:
            raise ConnectionError(f"HTTP {answer.status_code}")
        assert 200 == answer.status_code, answer.text
        return self._took(answer.json())

    def poll(self, timeout_s: float = PATIENCE_S) -> list[Message]:
        return self.exchange(self._stamped(self._connect(int(timeout_s * 1000))))

    def raw_poll(self, timeout_s: float = PATIENCE_S) -> bytes:
        """Like `poll`, but the answer's bytes; its notifications are not kept."""
        message = self._stamped(self._connect(int(timeout_s * 1000)))
        return self.http.post(self.url, json=[message], timeout=PATIENCE_S * 2).content


class WebSocket(Bayeux):
    """A customer over a websocket; `open` again after a loss and go on with the same session."""

    transport = "websocket"

    def __init__(self, ws_url: str, service: str = SERVICE) -> None:
        super().__init__(service)
        self.url = f"{ws_url}/genesys/cometd"
        self.socket: websocket.WebSocket | None = None
        self._held: str | None = None  # id of the connect that the gateway holds
        self.open()

    def open(self) -> None:
        """Connect the socket (again)."""
        self.close()
        self._held = None
        try:
            self.socket = websocket.create_connection(self.url, timeout=PATIENCE_S)
        except websocket.WebSocketException as error:
            raise ConnectionError(str(error)) from error

    def close(self) -> None:
        """Drop the socket without a word."""
        if self.socket is not None:
            self.socket.shutdown()

    def exchange(self, message: Message) -> list[Message]:
        self.write(message)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            messages = self.frame(PATIENCE_S)
            if any(reply.get("id") == message["id"] for reply in messages):
                return messages
        raise TimeoutError(f"no answer to {message}")

    def poll(self, timeout_s: float = PATIENCE_S) -> list[Message]:
        """The next frame, with a connect held all the time; nothing after `timeout_s`."""
        if self._held is None:
            message = self._stamped(self._connect(int(PATIENCE_S * 1000)))
            self._held = message["id"]
            self.write(message)
        try:
            return self.frame(timeout_s)
        except websocket.WebSocketTimeoutException:
            return []

    def write(self, message: Any) -> None:
        """One frame: an array of this message, or text as it is."""
        assert self.socket is not None
        text = message if isinstance(message, str) else json.dumps([message])
        try:
            self.socket.send(text)
        except websocket.WebSocketException as error:
            raise ConnectionError(str(error)) from error

    def frame(self, timeout_s: float) -> list[Message]:
        """The messages of the next frame; ConnectionError when the socket is closed."""
        assert self.socket is not None
        self.socket.settimeout(timeout_s)
        try:
            text = self.socket.recv()
        except websocket.WebSocketTimeoutException:
            raise
        except websocket.WebSocketException as error:
            raise ConnectionError(str(error)) from error
        if not text:
            raise ConnectionError("closed")
        messages = json.loads(text)
        if any(message.get("id") == self._held for message in messages if message.get("id")):
            self._held = None
        return self._took(messages)


class Agent:
    """An agent, bot or administrator on /agent/v1."""

    def __init__(self, url: str, token: str) -> None:
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Bearer {token}"
        self.base = f"{url}/agent/v1"

    def get(self, path: str, **query: Any) -> requests.Response:
        """A read."""
        return self.http.get(self.base + path, params=query, timeout=PATIENCE_S)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> requests.Response:
        """A change; a body is sent as JSON."""
        return self.http.post(self.base + path, json=body, timeout=PATIENCE_S)

    def waiting(self) -> list[Message]:
        """The waiting list, page by page."""
        page = self.get("/chats", state="waiting").json()
        items = list(page["items"])
        while page["cursor"]:
            page = self.get("/chats", state="waiting", cursor=page["cursor"]).json()
            items += page["items"]
        return items

    def find(self, nickname: str) -> str:
        """The id of the waiting chat of this customer."""
        return next(str(chat["chatId"]) for chat in self.waiting() if chat["nickname"] == nickname)

    def accept(self, chat_id: str) -> None:
        """Take a chat; it must work."""
        answer = self.post(f"/chats/{chat_id}/accept")
        assert 200 == answer.status_code, answer.text

    def send(self, chat_id: str, text: str) -> None:
        """A message; it must work."""
        answer = self.post(f"/chats/{chat_id}/messages", {"text": text})
        assert 200 == answer.status_code, answer.text
