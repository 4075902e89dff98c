"""The agents' REST API as Python calls: a thin client for bots over `requests`.

One `AgentApi` per bot; it may be used by several threads at once, each with its own connection. Answers are
the JSON objects of /openapi.json, failures are `ApiError`s. Nothing is repeated here: the caller knows what
may be.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import requests

# Seconds to connect and to wait for an answer; the API answers at once, more means trouble.
TIMEOUT = (5, 15)

Json = Mapping[str, Any]


class ApiError(Exception):
    """A call that failed; `status` is the HTTP status, or 0 when no usable answer came."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status

    @property
    def is_refused(self) -> bool:
        """Whether the token is not accepted (any more)."""
        return self.status == 401

    @property
    def is_final(self) -> bool:
        """Whether repeating the call is useless (a 4xx other than "too many requests" and "too slow")."""
        return 400 <= self.status < 500 and self.status not in (408, 425, 429)


class AgentApi:
    """The calls that a bot needs; `base_url` is the gateway's root, for example http://127.0.0.1:8080."""

    def __init__(self, base_url: str, token: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.token = token
        self._local = threading.local()

    def me(self) -> Json:
        """The own account: name, role, and where live events are (cometd, channel)."""
        return self._call("GET", "/me")

    def chats(self) -> list[Json]:
        """Waiting chats and those that the bot takes part in."""
        found: list[Json] = []
        cursor: object = ""
        while isinstance(cursor, str):
            page = self._call("GET", f"/chats?cursor={quote(cursor, safe='')}" if cursor else "/chats")
            found += _objects(page.get("items"))
            cursor = page.get("cursor")
        return found

    def accept(self, chat_id: str) -> Json:
        """Join a chat."""
        return self._post(chat_id, "accept")

    def send(self, chat_id: str, text: str) -> Json:
        """Say something."""
        return self._post(chat_id, "messages", {"text": text})

    def typing(self, chat_id: str, state: str) -> Json:
        """Show (`started`) or hide (`stopped`) the typing indication."""
        return self._post(chat_id, "typing", {"state": state})

    def leave(self, chat_id: str) -> Json:
        """Leave a chat."""
        return self._post(chat_id, "leave")

    def close(self, chat_id: str) -> Json:
        """End a chat for everybody."""
        return self._post(chat_id, "close")

    def events(self, chat_id: str, position: int) -> list[Json]:
        """The transcript from `position` on, in index order."""
        answer = self._call("GET", f"/chats/{quote(chat_id, safe='')}/events?from={position}")
        return _objects(answer.get("items"))

    def _post(self, chat_id: str, action: str, body: Json | None = None) -> Json:
        return self._call("POST", f"/chats/{quote(chat_id, safe='')}/{action}", body)

    def _call(self, method: str, path: str, body: Json | None = None) -> Json:
        url = f"{self.base_url}/agent/v1{path}"
        try:
            response = self._session().request(method, url, json=body, timeout=TIMEOUT, allow_redirects=False)
            if response.status_code != 200:
                raise ApiError(response.status_code, response.reason or "")
            answer = response.json()
        except (requests.RequestException, ValueError) as error:
            raise ApiError(0, type(error).__name__) from error
        if not isinstance(answer, dict):
            raise ApiError(0, "the answer is not an object")
        return answer

    def _session(self) -> requests.Session:
        """This thread's session: `requests` does not promise that one may be shared."""
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.trust_env = False  # a .netrc would replace our Authorization header
            session.headers["Authorization"] = f"Bearer {self.token}"
        return session


def _objects(items: object) -> list[Json]:
    """The JSON objects of a list; of anything else, none."""
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
