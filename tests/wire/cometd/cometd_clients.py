"""Clients of the Bayeux endpoint over real connections: long-polling, callback-polling, websocket.

They speak as deployed clients do and share one face, so that a test runs over each of them.
"""

from __future__ import annotations

import itertools
import re
from typing import Any

import orjson
import requests
import websocket

SERVICE = "customer-support"
CHANNEL = f"/service/chatV2/{SERVICE}"
TYPES = ["websocket", "long-polling", "callback-polling"]
NAMES = {"firstName": "Ann", "lastName": "Lee"}
Messages = list[dict[str, Any]]
NOW = {"timeout": 0}


class Client:
    """What every transport shares. `url` is the endpoint without a trailing slash, with http or ws scheme."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.id = ""
        self.secure_key = ""
        self._numbers = itertools.count(1)

    def exchange(self, batch: Messages) -> Messages:
        """Send one batch; everything up to the reply of its last message."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of connections."""

    def message(self, channel: str, **members: Any) -> dict[str, Any]:
        message = {"id": str(next(self._numbers)), "channel": channel, **members}
        if self.id and channel != "/meta/handshake":
            message.setdefault("clientId", self.id)
        return message

    def send(self, channel: str, **members: Any) -> Messages:
        return self.exchange([self.message(channel, **members)])

    def handshake(self, **ext: Any) -> dict[str, Any]:
        members: dict[str, Any] = {"ext": ext} if ext else {}
        (reply,) = self.send(
            "/meta/handshake",
            version="1.0",
            minimumVersion="1.0",
            supportedConnectionTypes=TYPES,
            advice={"timeout": 60000, "interval": 0},
            **members,
        )
        self.id = reply.get("clientId", "")
        return reply

    def connect(self, **members: Any) -> Messages:
        """A connect that is answered at once: what was due, and the reply as the last message."""
        return self.send("/meta/connect", connectionType="long-polling", advice=NOW, **members)

    def publish(self, operation: str, channel: str = CHANNEL, **data: Any) -> Messages:
        """Publish an operation: the ack and everything that follows from it."""
        key = {"secureKey": self.secure_key} if self.secure_key else {}
        messages = self.send(channel, data={"operation": operation, **key, **data})
        return messages + [message for message in self.connect() if message["channel"] != "/meta/connect"]

    def request_chat(self, **data: Any) -> dict[str, Any]:
        """Start a chat and remember its key; the first notification's data."""
        answer = self.publish("requestChat", **{**NAMES, **data})[1]["data"]
        self.secure_key = answer["secureKey"]
        return answer


class LongPolling(Client):
    """HTTP with a cookie jar, paths as cometd.js builds them. `cookies=False`: a native client."""

    def __init__(self, url: str, *, cookies: bool = True, headers: dict[str, str] | None = None) -> None:
        super().__init__(url)
        self.http = requests.Session()
        self.http.headers.update(headers or {})
        self._cookies = cookies

    def post(self, body: Any, path: str = "", **options: Any) -> requests.Response:
        if not self._cookies:
            self.http.cookies.clear()
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        headers = {"Content-Type": "application/json;charset=UTF-8", **options.pop("headers", {})}
        return self.http.post(self.url + path, data=data, headers=headers, timeout=40, **options)

    def exchange(self, batch: Messages) -> Messages:
        channel = batch[0]["channel"] if len(batch) == 1 else ""
        suffix = channel[5:] if channel in ("/meta/handshake", "/meta/connect", "/meta/disconnect") else ""
        response = self.post(batch, suffix)
        assert response.status_code == 200, response.text
        return response.json()

    def close(self) -> None:
        self.http.close()


class CallbackPolling(LongPolling):
    """JSONP: GET with `jsonp` and `message`."""

    def exchange(self, batch: Messages) -> Messages:
        parameters = {"jsonp": "cometd._jsonp.f1", "message": orjson.dumps(batch).decode()}
        response = self.http.get(self.url, params=parameters, timeout=40)
        assert response.status_code == 200, response.text
        assert response.headers["Content-Type"] == "text/javascript;charset=UTF-8"
        found = re.fullmatch(r"/\*\*/cometd\._jsonp\.f1\((.*)\)", response.text, re.DOTALL)
        assert found, response.text
        return orjson.loads(found[1])


class WebSocket(Client):
    """One socket for everything; `options` go to the websocket library."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url.replace("http", "ws", 1))
        self.wire = websocket.create_connection(self.url, timeout=40, **options)

    def exchange(self, batch: Messages) -> Messages:
        self.wire.send(orjson.dumps(batch).decode())
        return self.read_to(batch[-1].get("id"))

    def read_to(self, identifier: Any) -> Messages:
        """All messages up to the reply with this id, and what came in its frame."""
        messages: Messages = []
        while not any(message.get("id") == identifier for message in messages):
            messages.extend(self.read())
        return messages

    def read(self) -> Messages:
        """The next frame."""
        text = self.wire.recv()
        assert text, "the server closed the socket"
        return orjson.loads(text)

    def close(self) -> None:
        self.wire.close()


TRANSPORTS = {"long-polling": LongPolling, "websocket": WebSocket}


class AgentApi:
    """The agents' REST API in the hands of one account."""

    def __init__(self, base: str, token: str) -> None:
        self._base = base + "/agent/v1"
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"Bearer {token}"

    def waiting(self) -> list[str]:
        """Ids of the waiting chats, oldest first."""
        chats = self._http.get(f"{self._base}/chats", params={"state": "waiting"}, timeout=10).json()
        return [chat["chatId"] for chat in chats["items"]]

    def accept_last(self) -> str:
        """Accept the newest waiting chat; its id."""
        chat_id = self.waiting()[-1]
        self.act(chat_id, "accept")
        return chat_id

    def act(self, chat_id: str, action: str, **body: Any) -> dict[str, Any]:
        response = self._http.post(f"{self._base}/chats/{chat_id}/{action}", json=body or None, timeout=10)
        assert response.ok, response.text
        return response.json()

    def say(self, chat_id: str, text: str) -> None:
        self.act(chat_id, "messages", text=text)

    def events(self, chat_id: str) -> list[dict[str, Any]]:
        return self._http.get(f"{self._base}/chats/{chat_id}/events", timeout=10).json()["items"]


def indexes(messages: Messages) -> list[int]:
    """Indexes of every event in the notifications, in order of arrival."""
    return [
        event["index"] for message in messages if "data" in message for event in message["data"]["messages"]
    ]


def texts(messages: Messages) -> list[str]:
    """Texts of the Message events, in order of arrival."""
    return [
        event["text"]
        for message in messages
        if "data" in message
        for event in message["data"]["messages"]
        if event["type"] == "Message"
    ]
