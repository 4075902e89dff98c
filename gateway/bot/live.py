"""Live events for bots: the smallest useful Bayeux client, long-polling only (Bayeux 1.0, /meta/* messages).

It is used as an alarm clock: a frame says in which chat something happened, the bot then reads that chat's
transcript. So a lost or repeated frame does no harm, and nothing here needs to be delivered exactly once.
"""

from __future__ import annotations

import contextlib
from typing import Any

import requests

# Seconds that the server may hold a poll; short, because a bot that is told to stop waits for it.
HOLD_SECONDS = 5
CONNECT_TIMEOUT_SECONDS = 5
# What the network may add to a held poll.
NETWORK_SECONDS = 10


class LiveError(Exception):
    """The connection does not work at the moment; begin again with `open`."""


class LiveEvents:
    """One Bayeux session on the agents' channel. Used by one thread."""

    def __init__(self, url: str, channel: str, token: str) -> None:
        self._url = url
        self._channel = channel
        self._token = token
        self._http = requests.Session()
        self._http.trust_env = False
        self._client_id = ""
        self._last_id = 0

    def open(self) -> None:
        """Shake hands and subscribe; LiveError when the server does not want to."""
        self._client_id = ""
        reply = self._ask(
            "/meta/handshake",
            version="1.0",
            minimumVersion="1.0",
            supportedConnectionTypes=["long-polling"],
            ext={"agent": {"token": self._token}},
        )
        client_id = reply.get("clientId")
        if not isinstance(client_id, str):
            raise LiveError("no clientId")
        self._client_id = client_id
        self._ask("/meta/subscribe", subscription=self._channel)

    def wait(self) -> dict[str, int]:
        """Hold one poll; returns the chats with news (often none), each with its newest event's index."""
        hold = {"timeout": HOLD_SECONDS * 1000}
        messages = self._exchange("/meta/connect", connectionType="long-polling", advice=hold)
        self._reply(messages, "/meta/connect")
        news: dict[str, int] = {}
        for message in messages:
            frame = message.get("data")
            if message.get("channel") == self._channel and isinstance(frame, dict):
                chat_id, event = frame.get("chatId"), frame.get("event")
                index = event.get("index") if isinstance(event, dict) else None
                if isinstance(chat_id, str):
                    news[chat_id] = max(news.get(chat_id, 0), index if isinstance(index, int) else 0)
        return news

    def close(self) -> None:
        """Say goodbye; trouble does not matter any more."""
        if self._client_id:
            with contextlib.suppress(LiveError):
                self._ask("/meta/disconnect")
        self._http.close()

    def _ask(self, channel: str, **members: Any) -> dict[str, Any]:
        return self._reply(self._exchange(channel, **members), channel)

    def _reply(self, messages: list[dict[str, Any]], channel: str) -> dict[str, Any]:
        """The reply among `messages`; LiveError unless it is a success."""
        reply = next((message for message in messages if message.get("channel") == channel), {})
        if reply.get("successful") is not True:
            raise LiveError(str(reply.get("error", "no reply"))[:200])
        return reply

    def _exchange(self, channel: str, **members: Any) -> list[dict[str, Any]]:
        self._last_id += 1
        message = {"id": str(self._last_id), "channel": channel, **members}
        if self._client_id:
            message["clientId"] = self._client_id
        timeout = (CONNECT_TIMEOUT_SECONDS, HOLD_SECONDS + NETWORK_SECONDS)
        try:
            response = self._http.post(self._url, json=[message], timeout=timeout, allow_redirects=False)
            answer = response.json()
        except (requests.RequestException, ValueError) as error:
            raise LiveError(type(error).__name__) from error
        if response.status_code != 200 or not isinstance(answer, list):
            raise LiveError(f"HTTP {response.status_code}")
        return [item for item in answer if isinstance(item, dict)]
