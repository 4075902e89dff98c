"""What a bot works out from a transcript."""

from __future__ import annotations

import pytest

from gateway.bot.conversation import Conversation

CLIENT = {"nickname": "Ann", "participantId": 1, "type": "Client"}
BOT = {"nickname": "Echo", "participantId": 2, "type": "External"}
AGENT = {"nickname": "Anna", "participantId": 3, "type": "Agent"}


def feed(chat, *events):
    for index, (author, kind, text) in enumerate(events, start=chat.position):
        chat.feed({"index": index, "from": author, "type": kind, "text": text})
    return chat


def test_questions_wait_until_each_has_its_answer():
    """The n-th answer belongs to the n-th question, also when they cross."""
    questions = [(CLIENT, "Message", "a"), (CLIENT, "Message", "b")]
    chat = feed(Conversation(me=2), *questions, (BOT, "Message", "echo: a"))
    assert list(chat.unanswered) == ["b"]


def test_a_new_process_finds_the_same():
    """Reading the whole transcript again gives the same questions as having lived through it."""
    events = [(CLIENT, "Message", "a"), (BOT, "Message", "echo: a"), (CLIENT, "Message", "b")]
    lived = Conversation(me=2)
    for event in events:
        feed(lived, event)
    assert lived == feed(Conversation(me=2), *events)


def test_repeated_events_change_nothing():
    """An event below the position was seen."""
    chat = feed(Conversation(me=2), (CLIENT, "Message", "a"))
    chat.feed({"index": 1, "from": CLIENT, "type": "Message", "text": "a"})
    assert (list(chat.unanswered), chat.position) == (["a"], 2)


def test_a_person_takes_over_what_was_asked():
    """While a person is there nothing waits for the bot, and it knows that the person is there."""
    chat = feed(Conversation(me=2), (CLIENT, "Message", "a"), (AGENT, "ParticipantJoined", None))
    assert (list(chat.unanswered), chat.people) == ([], {3})
    feed(chat, (CLIENT, "Message", "b"), (AGENT, "ParticipantLeft", None))
    assert (list(chat.unanswered), chat.people) == ([], set())


def test_the_chat_is_over_when_the_customer_left():
    """Nothing is said to an empty room."""
    assert feed(Conversation(me=2), (CLIENT, "ParticipantLeft", None)).over


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"index": "1", "from": CLIENT, "type": "Message"},
        {"index": 1, "from": None, "type": "Message"},
        {"index": 1, "from": {"type": "Agent", "participantId": []}, "type": []},
        {"index": 1, "from": {"type": {}}, "type": 7},
        {"index": 1, "from": CLIENT, "type": "Unheard"},
    ],
)
def test_odd_events_are_taken_calmly(event):
    """A bot outlives events of a newer gateway."""
    chat = Conversation(me=2)
    chat.feed(event)
    assert (list(chat.unanswered), chat.people) == ([], set())
