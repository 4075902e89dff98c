"""The echo bot against the real agents' API over real sockets (without live events: it polls)."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager

import pytest
from agent_stand import make_stand, served

from gateway.bot import echo
from gateway.chat.customers import TypingState
from gateway.model.events import EventType

DEADLINE_SECONDS = 20


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Look often, so that tests do not wait for the pace that suits a demo."""
    monkeypatch.setattr(echo, "SWEEP_POLLING", 0.05)
    monkeypatch.setattr(echo, "SWEEP_LIVE", 0.05)
    monkeypatch.setattr(echo, "BACKOFF_MAX", 0.2)


@pytest.fixture
def stand():
    return make_stand()


@pytest.fixture
def token(stand):
    return stand.accounts.create("bot", "Echo")


@contextmanager
def running(url, token):
    stop, codes = threading.Event(), []
    thread = threading.Thread(target=lambda: codes.append(echo.run(url, token, stop)), daemon=True)
    thread.start()
    try:
        yield codes
    finally:
        stop.set()
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive()


def until(condition):
    """Wait for a condition; the deadline only ends a test that fails."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "condition not met in time"
        time.sleep(0.01)


def events_of(stand, party):
    return [
        (event.type.value, event.author)
        for event in stand.store.recent(party.session.id, 1, limit=1000, now_ms=stand.clock.wall_ms())
    ]


def texts_of(stand, party):
    """The bot's messages, in order."""
    transcript = stand.customers.transcript(party, 1)
    said = [event for event in transcript.events if event.type is EventType.MESSAGE and event.author != 1]
    return [json.loads(event.wire)["text"] for event in said]


def test_it_joins_and_repeats_between_typing_events(stand, token):
    """The customer sees the bot join, type, answer and stop typing; the chat stays in the waiting list."""
    with served(stand.app) as url, running(url, token):
        party = stand.start_chat(text="hello")
        until(lambda: ("TypingStopped", 2) in events_of(stand, party))
    assert events_of(stand, party) == [
        ("ParticipantJoined", 1),
        ("Message", 1),
        ("ParticipantJoined", 2),
        ("TypingStarted", 2),
        ("Message", 2),
        ("TypingStopped", 2),
    ]
    assert texts_of(stand, party) == ["echo: hello"]
    assert stand.store.session(party.session.id).state.value == "waiting"


def test_agent_bye_closes_the_chat(stand, token):
    """The farewell ends the chat for the customer."""
    with served(stand.app) as url, running(url, token):
        party = stand.start_chat(text="agent-bye")
        until(lambda: stand.store.session(party.session.id).ended_for_customer)


def test_many_chats_keep_their_order(stand, token):
    """Each of ten chats gets its five answers in the order of the questions."""
    with served(stand.app) as url, running(url, token):
        parties = [stand.start_chat(f"Ann{number}") for number in range(10)]
        for turn in range(5):
            for party in parties:
                stand.customers.send(party, f"m{turn}")
        expected = [f"echo: m{turn}" for turn in range(5)]
        until(lambda: all(len(texts_of(stand, party)) >= 5 for party in parties))
    assert all(texts_of(stand, party) == expected for party in parties)


def test_it_leaves_when_a_person_takes_the_chat(stand, token):
    """People and bot do not talk at the same time."""
    with served(stand.app) as url, running(url, token):
        party = stand.start_chat()
        until(lambda: ("ParticipantJoined", 2) in events_of(stand, party))
        stand.caller("agent", "Anna").post(f"/chats/{party.session.id}/accept")
        until(lambda: ("ParticipantLeft", 2) in events_of(stand, party))
        stand.customers.send(party, "to Anna")
        other = stand.start_chat(text="meanwhile")
        until(lambda: texts_of(stand, other))
    assert texts_of(stand, party) == []


def test_it_leaves_a_chat_alone_that_is_for_people(stand, token):
    """A customer who wants no bot gets none, also when something is said; others get their answers."""
    with served(stand.app) as url, running(url, token):
        quiet = stand.start_chat("Quiet", text="hello", **{"answered-by": "person"})
        other = stand.start_chat("Ann", text="hello")
        until(lambda: texts_of(stand, other) == ["echo: hello"])
        stand.customers.send(quiet, "anybody?")
        stand.customers.send(other, "again")
        until(lambda: texts_of(stand, other) == ["echo: hello", "echo: again"])
    assert [author for _, author in events_of(stand, quiet)] == [1, 1, 1]


def test_typing_of_the_customer_does_not_disturb(stand, token):
    """Typing events take positions but are no questions."""
    with served(stand.app) as url, running(url, token):
        party = stand.start_chat()
        until(lambda: ("ParticipantJoined", 2) in events_of(stand, party))
        stand.customers.typing(party, TypingState.STARTED, "he")
        stand.customers.send(party, "hello")
        until(lambda: texts_of(stand, party))
    assert texts_of(stand, party) == ["echo: hello"]


def test_a_text_too_long_to_repeat_gets_a_short_answer(stand, token):
    """The longest allowed question does not stop the bot."""
    with served(stand.app) as url, running(url, token):
        party = stand.start_chat(text="x" * 10_000)
        stand.customers.send(party, "next")
        until(lambda: len(texts_of(stand, party)) == 2)
    assert texts_of(stand, party) == ["echo: (too long to repeat)", "echo: next"]


def test_it_survives_a_restart_of_the_gateway(stand, token):
    """What was said while the gateway was away is answered once it is back."""
    with served(stand.app) as url:
        port = int(url.rsplit(":", 1)[1])
        bot = running(url, token)
        codes = bot.__enter__()
        party = stand.start_chat(text="before")
        until(lambda: texts_of(stand, party))
    stand.customers.send(party, "meanwhile")
    with served(stand.app, port=port):
        until(lambda: len(texts_of(stand, party)) == 2)
        bot.__exit__(None, None, None)
    assert (texts_of(stand, party), codes) == (["echo: before", "echo: meanwhile"], [echo.EXIT_OK])


def test_a_new_bot_process_continues_without_repeating(stand, token):
    """Answers are learnt from the transcript, not from memory."""
    party = stand.start_chat(text="one")
    for expected in (1, 2):
        with served(stand.app) as url, running(url, token):
            until(lambda expected=expected: len(texts_of(stand, party)) == expected)
        stand.customers.send(party, "two") if expected == 1 else None
    assert texts_of(stand, party) == ["echo: one", "echo: two"]


def test_an_answer_whose_reply_got_lost_is_not_repeated(stand, token):
    """A 500 after the commit looks like a failure; the transcript tells that it was none."""
    inner, lost = stand.app.wsgi_app, []

    def flaky(environ, start_response):
        if environ["PATH_INFO"].endswith("/messages") and not lost:
            lost.append(True)
            list(inner(environ, lambda *_: lambda _: None))
            start_response("500 Internal Server Error", [("Content-Length", "0")])
            return [b""]
        return inner(environ, start_response)

    stand.app.wsgi_app = flaky
    with served(stand.app) as url, running(url, token):
        party = stand.start_chat(text="one")
        until(lambda: lost)
        stand.customers.send(party, "two")
        until(lambda: "echo: two" in texts_of(stand, party))
    assert texts_of(stand, party) == ["echo: one", "echo: two"]


def test_a_refused_token_ends_it(stand):
    """Without a valid token there is nothing to wait for."""
    with served(stand.app) as url:
        assert echo.run(url, "gwb_wrong", threading.Event()) == echo.EXIT_REFUSED


def test_a_revoked_token_ends_it(stand, token):
    """Also in the middle of the work."""
    with served(stand.app) as url, running(url, token) as codes:
        party = stand.start_chat(text="hi")
        until(lambda: texts_of(stand, party))
        stand.accounts.revoke(stand.accounts.list()[0].fingerprint)
        until(lambda: codes)
    assert codes == [echo.EXIT_REFUSED]


def test_it_waits_for_a_gateway_that_is_not_there():
    """Stopping it then still works."""
    with running("http://127.0.0.1:9", "gwb_x") as codes:
        assert codes == []
    assert codes == [echo.EXIT_OK]


@pytest.mark.parametrize("failures", [1, 2, 5, 50, 5000])
def test_pauses_grow_up_to_a_limit(monkeypatch, failures):
    """Never more than the longest, never less than half of what is due."""
    monkeypatch.setattr(echo, "BACKOFF_MAX", 15.0)
    due = min(15.0, 0.5 * 2 ** min(failures - 1, 10))
    assert due / 2 <= echo.backoff(failures) <= due
