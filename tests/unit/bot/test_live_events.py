"""The bots' Bayeux client and the echo bot woken by it, against the whole gateway over real sockets."""

from __future__ import annotations

import threading
import time

import pytest
from agent_stand import served

from gateway.app import create_app
from gateway.bot import echo, live
from gateway.bot.client import AgentApi
from gateway.bot.live import LiveError, LiveEvents
from gateway.chat.customers import StartRequest
from gateway.clock import SystemClock
from gateway.config import SettingsSource
from gateway.files.directory import FileDirectory
from gateway.ids import Ids
from gateway.observe.metrics import Metrics
from gateway.services import Gateway
from gateway.store.memory import MemoryStore

DEADLINE_SECONDS = 20
CHANNEL = "/service/agent"


@pytest.fixture
def gateway(tmp_path):
    directory = FileDirectory(tmp_path)
    directory.open()
    node = Gateway(
        SettingsSource(None, {}),
        MemoryStore(),
        secret=b"secret",
        push_key="whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
        file_directory=directory,
        clock=SystemClock(),
        ids=Ids(),
        metrics=Metrics(),
    )
    yield node
    node.close()


@pytest.fixture
def token(gateway):
    return gateway.accounts.create("bot", "Echo")


@pytest.fixture
def url(gateway, monkeypatch):
    monkeypatch.setattr(live, "HOLD_SECONDS", 1)
    with served(create_app(gateway)) as address:
        yield address


def start_chat(gateway, text):
    names = ("first_name", "last_name", "subject", "email", "endpoint")
    request = StartRequest(
        service="demo", origin="rest", nickname="Ann", text=text, user_data={}, **dict.fromkeys(names, "")
    )
    return gateway.customers.start(request).party.session.id


def test_a_new_chat_is_news(gateway, url, token):
    """A frame names the chat; the poll returns with it."""
    events = LiveEvents(url + AgentApi(url, token).me()["cometd"], CHANNEL, token)
    events.open()
    chat_id, news, deadline = start_chat(gateway, "hi"), {}, time.monotonic() + DEADLINE_SECONDS
    while chat_id not in news and time.monotonic() < deadline:
        news = events.wait()
    events.close()
    assert chat_id in news


def test_a_refused_token_is_a_failure(url):
    """Without rights the handshake fails; the bot then polls."""
    with pytest.raises(LiveError):
        LiveEvents(f"{url}/genesys/cometd", CHANNEL, "gwb_wrong").open()


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/docs"])
def test_an_address_that_speaks_no_bayeux_is_a_failure(url, token, path):
    """Whatever answers there, it is one exception."""
    with pytest.raises(LiveError):
        LiveEvents(url + path, CHANNEL, token).open()


def test_the_bot_is_woken_by_live_events(gateway, url, token, monkeypatch):
    """With the list looked at only once, a later chat is still joined and answered."""
    monkeypatch.setattr(echo, "SWEEP_LIVE", 1000.0)
    stop = threading.Event()
    bot = echo.EchoBot(AgentApi(url, token), stop)
    thread = threading.Thread(target=bot.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (bot._alarm and bot._alarm.is_live and bot._next_sweep > time.monotonic() + 500):
        assert time.monotonic() < deadline, "the bot never went live"
        time.sleep(0.01)
    chat_id = start_chat(gateway, "hello")
    while not any(b"echo: hello" in event.wire for event in gateway.store.events(chat_id, 1, limit=100)):
        assert time.monotonic() < deadline, "the chat was not answered"
        time.sleep(0.01)
    stop.set()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()
