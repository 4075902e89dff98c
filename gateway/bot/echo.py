"""The echo bot: joins each new chat, repeats what the customer says, and closes the chat on `agent-bye`.

It is the demo's counterpart and the example for people who write bots; it uses the public API only
(docs/bots.md).

Theory of operation. Two questions are asked again and again: which chats are there (`GET /chats`), and what
is new in a chat (`GET /chats/{id}/events?from=N`). Live events over Bayeux only say when to ask; without
them the bot asks every second and works just as well. What to do in a chat follows from its transcript
(`conversation.py`), so no restart, of the bot or of the gateway, makes it lose or repeat an answer. One
chat is handled by one thread at a time, many chats at once.
"""

from __future__ import annotations

import math
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import structlog

from gateway.bot.client import AgentApi, ApiError, Json
from gateway.bot.conversation import Conversation
from gateway.bot.live import LiveError, LiveEvents

EXIT_OK = 0
# The gateway does not accept the token; trying again would not help.
EXIT_REFUSED = 3

FAREWELL = "agent-bye"
# Chats handled at the same time; each takes a few short requests per message.
WORKERS = 8
# Seconds between two looks at the list of chats, with live events (they may get lost) and without.
SWEEP_LIVE = 10.0
SWEEP_POLLING = 1.0
# Seconds until the next try after trouble: doubled each time up to the maximum, half of it random.
BACKOFF_FIRST = 0.5
BACKOFF_MAX = 15.0
# Turns (an answer each) taken in one go before other chats get theirs.
MAX_TURNS = 50
# A chat with this user data, "person", is left to people.
ANSWERED_BY = "answered-by"
TOO_LONG = "echo: (too long to repeat)"

log = structlog.get_logger(__name__)


def run(url: str, token: str, stop: threading.Event) -> int:
    """Run the bot against the gateway at `url` until `stop` is set; returns an exit code.

    Never raises: EXIT_REFUSED when the token is not accepted, EXIT_OK when stopped. A gateway that is not
    there (yet) is waited for.
    """
    return EchoBot(AgentApi(url, token), stop).run()


class EchoBot:
    """The loop and the answers of one bot account."""

    def __init__(self, api: AgentApi, stop: threading.Event) -> None:
        self._api = api
        self._stop = stop
        self._alarm: Alarm | None = None
        self._next_sweep = 0.0
        # Chats of the last sweep. Only the loop's thread adds and removes; a worker changes one value.
        self._chats: dict[str, Conversation] = {}

    def run(self) -> int:
        """See `run` above."""
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="bot") as pool:
            code = self._loop(pool)
        if self._alarm is not None:
            self._alarm.close()
        return code

    def _loop(self, pool: ThreadPoolExecutor) -> int:
        failures = 0
        while not self._stop.is_set():
            try:
                self._round(pool)
                failures = 0
                continue
            except ApiError as error:
                if error.is_refused:
                    log.error("bot_refused")
                    return EXIT_REFUSED
                log.warning("bot_waits", error=str(error), failures=failures)
            except Exception:  # noqa: BLE001 - a bot outlives whatever an answer contained
                log.exception("bot_round_failed", failures=failures)
            failures += 1
            self._stop.wait(backoff(failures))
        return EXIT_OK

    def _round(self, pool: ThreadPoolExecutor) -> None:
        """Find the chats with something new and bring each up to date."""
        alarm = self._alarm or self._start()
        if time.monotonic() >= self._next_sweep:
            changed = self._sweep()
            self._next_sweep = math.inf
        else:
            changed = self._changed(alarm.wait())
            if alarm.look_again:
                alarm.look_again, self._next_sweep = False, 0.0
        # The list waits for every worker: in the next round a chat may be another worker's.
        done = list(pool.map(self._handle, changed))
        pace = SWEEP_LIVE if alarm.is_live and all(done) else SWEEP_POLLING
        self._next_sweep = min(self._next_sweep, time.monotonic() + pace)

    def _start(self) -> Alarm:
        me = self._api.me()
        live = LiveEvents(f"{self._api.base_url}{me.get('cometd')}", str(me.get("channel")), self._api.token)
        self._alarm = Alarm(live, self._stop)
        log.info("bot_started", name=me.get("name"))
        return self._alarm

    def _sweep(self) -> list[str]:
        """Look at the list of chats; returns those with something to do."""
        listed = {str(item["chatId"]): item for item in self._api.chats() if item.get("chatId")}
        self._chats = {
            chat_id: self._chats.get(chat_id) or Conversation(over=_is_for_people(item))
            for chat_id, item in listed.items()
        }
        for chat_id, item in listed.items():
            self._chats[chat_id].me = _participant_id(item)
        return [chat_id for chat_id, item in listed.items() if _has_work(self._chats[chat_id], item)]

    def _changed(self, news: dict[str, int]) -> list[str]:
        """The known chats among the `news` that are not read that far; an unknown one calls for a sweep."""
        if news.keys() - self._chats.keys():
            self._next_sweep = 0.0
        known = [(chat_id, index) for chat_id, index in news.items() if chat_id in self._chats]
        return [chat_id for chat_id, index in known if not index or index >= self._chats[chat_id].position]

    def _handle(self, chat_id: str) -> bool:
        """Bring one chat up to date; False when it has to be tried again soon."""
        try:
            return self._converse(chat_id, self._chats[chat_id])
        except ApiError as error:
            if error.is_refused:
                raise
            log.info("bot_chat_failed", chat_id=chat_id, error=str(error))
            return error.is_final
        except Exception:  # noqa: BLE001 - one odd chat must not stop the others
            log.exception("bot_chat_failed", chat_id=chat_id)
            return True

    def _converse(self, chat_id: str, chat: Conversation) -> bool:
        for _ in range(MAX_TURNS):
            for event in self._api.events(chat_id, chat.position):
                chat.feed(event)
            if chat.over:
                return True
            if chat.people:
                if chat.me is not None:
                    self._api.leave(chat_id)
                    chat.me = None
                return True
            if chat.me is None:
                chat.me = _participant_id(self._api.accept(chat_id))
            elif chat.unanswered:
                self._answer(chat_id, chat.unanswered[0])
            else:
                return True
        return False

    def _answer(self, chat_id: str, text: str) -> None:
        """Say one thing; that it was said is learnt from the transcript, see `conversation.py`."""
        if text.strip() == FAREWELL:
            self._api.close(chat_id)
            return
        self._api.typing(chat_id, "started")
        try:
            self._api.send(chat_id, f"echo: {text}")
        except ApiError as error:
            if error.status not in (413, 422):
                raise
            self._api.send(chat_id, TOO_LONG)
        self._api.typing(chat_id, "stopped")


class Alarm:
    """Says when to look: live events while they work, otherwise a second's pause. For the loop's thread."""

    def __init__(self, live: LiveEvents, stop: threading.Event) -> None:
        self._live = live
        self._stop = stop
        self._failures = 0
        self._try_again = 0.0
        self.is_live = False
        # Set when live events begin: what happened just before them is found by one more look at the list.
        self.look_again = False

    def wait(self) -> dict[str, int]:
        """Chats with news as in `LiveEvents.wait`; empty when it only was time to look."""
        try:
            if self.is_live:
                return self._live.wait()
            if time.monotonic() >= self._try_again:
                self._live.open()
                self.is_live, self._failures = True, 0
                self.look_again = True
                return {}
        except LiveError as error:
            self.is_live = False
            self._failures += 1
            self._try_again = time.monotonic() + backoff(self._failures)
            log.info("bot_live_lost", error=str(error), failures=self._failures)
        self._stop.wait(SWEEP_POLLING)
        return {}

    def close(self) -> None:
        """Give the connection up."""
        self._live.close()


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row; half random, so that bots do not march in step."""
    longest = min(BACKOFF_MAX, math.ldexp(BACKOFF_FIRST, min(failures - 1, 10)))
    return longest * (0.5 + random.random() / 2)  # no secret depends on it


def _participant_id(item: Json) -> int | None:
    value = item.get("me")
    return value if isinstance(value, int) else None


def _is_for_people(item: Json) -> bool:
    """Whether the customer wants no bot."""
    told = item.get("userData")
    return isinstance(told, dict) and told.get(ANSWERED_BY) == "person"


def _has_work(chat: Conversation, item: Json) -> bool:
    if chat.over and chat.me is None:
        return False
    position = item.get("nextPosition")
    unread = not isinstance(position, int) or position > chat.position
    return unread or bool(chat.unanswered) or (chat.me is None and not chat.people)
