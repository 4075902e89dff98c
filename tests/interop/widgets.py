"""A customer that behaves like Genesys Widgets 9, written from spec/chat-api-v2.md 6, 7.2-7.6 and 13.

What matters about it: it never subscribes, it takes the results of operations from notifications and ignores
acknowledgements, it drops events by index, it remembers {secureKey, alias, userId, chatId} as its cookie
does, and it knows exactly one error text: `402::Unknown client`.
"""

from __future__ import annotations

import time
from typing import Any

import requests
from support.waiting import eventually

Envelope = dict[str, Any]
# Seconds. Widgets give a REST request 3 s (`ajaxTimeout`); a held poll is as long as the gateway wants.
AJAX_TIMEOUT = 3
HELD_TIMEOUT = 10
# Widgets poll every 0.5 to 3 s; only the order of requests matters here.
POLL_PAUSE = 0.1
PATIENCE = 20
UNKNOWN_CLIENT = "402::Unknown client"


class Screen:
    """What the visitor sees: each event once, by index."""

    def __init__(self) -> None:
        self.events: dict[int, dict[str, Any]] = {}
        self.repeated: list[int] = []
        self.ended = False
        self.keys: dict[str, str] = {}
        self.error_codes: list[int] = []

    @property
    def position(self) -> int:
        """The `transcriptPosition` to ask for: last index seen plus one."""
        return max(self.events, default=0) + 1

    def texts(self) -> list[str]:
        """Messages in the order of their indexes."""
        messages = [event for _, event in sorted(self.events.items()) if event["type"] == "Message"]
        return [event["text"] for event in messages]

    def take(self, envelope: Envelope) -> None:
        """Show an answer or notification; nothing is stored from one with errors."""
        # Absent means ended to the code that restores a session.
        self.ended = envelope.get("chatEnded", True)
        if "errors" in envelope:
            self.error_codes += [error["code"] for error in envelope["errors"]]
            return
        for name in ("secureKey", "userId", "alias", "chatId"):
            if envelope.get(name):
                self.keys[name] = envelope[name]
        for event in envelope["messages"]:
            if event["index"] in self.events:
                self.repeated.append(event["index"])
            self.events.setdefault(event["index"], event)


class RestWidget:
    """The REST mode: form posts, and a poll loop that the caller turns."""

    def __init__(self, data_url: str) -> None:
        self._url = data_url.rstrip("/")
        self._http = requests.Session()
        self.screen = Screen()

    def start(self) -> None:
        """Request a chat: trailing slash, empty identity, empty text; the answer's events are not shown."""
        form = {"nickname": "", "firstName": "Ann", "lastName": "Lee", "subject": "Help", "text": ""}
        form |= {"alias": "", "secureKey": "", "userId": "", "userData[_genesys_source]": "web"}
        answer = self._post("/", form)
        assert answer["statusCode"] == 0, answer
        self.screen.keys = {name: answer[name] for name in ("chatId", "userId", "secureKey", "alias")}

    def operate(self, operation: str, **fields: str) -> Envelope:
        """One operation on the chat."""
        identity = {name: self.screen.keys[name] for name in ("alias", "secureKey", "userId")}
        return self._post(f"/{self.screen.keys['chatId']}/{operation}", identity | fields)

    def send(self, text: str) -> None:
        """Send a message and show what came with the answer."""
        position = str(self.screen.position)
        self.screen.take(self.operate("send", message=text, messageType="text", transcriptPosition=position))

    def poll(self) -> None:
        """One turn of the poll loop; a failed request or statusCode 1 only means to try again."""
        try:
            answer = self.operate("refresh", transcriptPosition=str(self.screen.position), message="")
        except requests.RequestException:
            return
        if answer["statusCode"] != 1:
            self.screen.take(answer)

    def poll_until(self, text: str) -> None:
        """Turn the loop until a message is on the screen."""

        def shown() -> bool:
            self.poll()
            return text in self.screen.texts()

        eventually(shown, timeout=PATIENCE, every=POLL_PAUSE, what=text)

    def _post(self, path: str, form: dict[str, str]) -> Envelope:
        return dict(self._http.post(self._url + path, data=form, timeout=AJAX_TIMEOUT).json())


class CometWidget:
    """The CometD mode over long-polling; the caller turns the connect loop."""

    def __init__(self, comet_url: str, channel: str, *, screen: Screen | None = None) -> None:
        self._url = comet_url
        self._channel = channel
        self._http = requests.Session()
        self._ids = iter(range(1, 1_000_000))
        self._client_id = ""
        self._lost = False
        # A reloaded page starts with the keys and the last index of its cookies.
        self.screen = screen or Screen()
        self.errors: list[str] = []

    def open(self) -> None:
        """Shake hands; go on with the chat of the cookies, or request one."""
        self._handshake()
        if self.screen.keys:
            self._attach()
        else:
            identity = {"chatId": "", "alias": "", "secureKey": "", "userId": ""}
            names = {"nickname": "", "firstName": "Ann", "lastName": "Lee", "subject": "Help", "text": ""}
            user_data = {"GCTI_LanguageCode": False, "_genesys_source": "web"}
            self.publish("requestChat", **identity, **names, userData=user_data)

    def publish(self, operation: str, **fields: object) -> None:
        """Publish; acknowledgements are ignored, an unknown client is remembered for the connect loop."""
        data = {"operation": operation, **self.screen.keys, **fields}
        self._exchange("", {"channel": self._channel, "data": data})

    def connect(self) -> None:
        """One turn of the connect loop, as cometd.js and the widget's listeners do it."""
        message = {"channel": "/meta/connect", "connectionType": "long-polling"}
        try:
            reply = self._exchange("/connect", message)
        except (requests.RequestException, ValueError):
            self._lost = True
            return
        if reply["successful"]:
            if self._lost:
                self._lost = False
                self._attach()
            return
        self.errors.append(reply["error"])
        assert reply["advice"]["reconnect"] == "handshake", reply
        self._handshake()
        self._attach()

    def connect_until(self, text: str) -> None:
        """Turn the loop until a message is on the screen."""

        def shown() -> bool:
            if text in self.screen.texts():
                return True
            self.connect()
            return False

        eventually(shown, timeout=PATIENCE, every=POLL_PAUSE, what=text)

    def connect_until_ended(self) -> None:
        """Turn the loop until the chat is over."""
        deadline = time.monotonic() + PATIENCE
        while not self.screen.ended and time.monotonic() < deadline:
            self.connect()
        assert self.screen.ended

    def leave(self) -> None:
        """`disconnect` and /meta/disconnect in one request, as a closed widget sends them (7.2)."""
        data = {"operation": "disconnect", **self.screen.keys}
        self._exchange("", {"channel": self._channel, "data": data}, {"channel": "/meta/disconnect"})

    def _attach(self) -> None:
        self.publish("requestNotifications", transcriptPosition=self.screen.position, message="")

    def _handshake(self) -> None:
        self._client_id = ""
        types = ["long-polling", "callback-polling"]
        message = {"channel": "/meta/handshake", "version": "1.0", "minimumVersion": "1.0"}
        reply = self._exchange("/handshake", message | {"supportedConnectionTypes": types})
        assert reply["successful"], reply
        self._client_id = reply["clientId"]

    def _exchange(self, suffix: str, *messages: dict[str, object]) -> Envelope:
        """Send messages in one body; shows the notifications and returns the reply to the first message."""
        client = {"clientId": self._client_id} if self._client_id else {}
        body = [message | client | {"id": str(next(self._ids))} for message in messages]
        answer = self._http.post(self._url + suffix, json=body, timeout=HELD_TIMEOUT).json()
        for message in answer:
            if message["channel"] == self._channel and "data" in message:
                assert "successful" not in message
                self.screen.take(message["data"])
        return dict(next(message for message in answer if message.get("id") == body[0]["id"]))
