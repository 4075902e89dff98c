"""The agents' API: what each operation does, seen by its callers."""

from __future__ import annotations

import pytest
from agent_stand import make_stand


@pytest.fixture
def stand():
    return make_stand()


@pytest.fixture
def anna(stand):
    return stand.caller("agent", "Anna")


def ids_of(response):
    return [item["chatId"] for item in response.json["items"]]


def test_me_names_the_account_and_the_live_channel(anna):
    """A client learns from its token alone who it is and where events come from."""
    expected = {"name": "Anna", "role": "agent", "cometd": "/genesys/cometd", "channel": "/service/agent"}
    assert expected == anna.get("/me").json


def test_waiting_chats_are_listed_oldest_first(stand, anna):
    """`state=waiting` shows every chat that nobody took, `mine` none of them, no state all."""
    chats = [stand.start_chat(name).session.id for name in ("Ann", "Bob")]
    assert chats == ids_of(anna.get("/chats?state=waiting"))
    assert ids_of(anna.get("/chats?state=mine")) == []
    assert chats == ids_of(anna.get("/chats"))


def test_a_chat_item_says_who_waits_since_when(stand, anna):
    """The item carries everything a list of waiting chats shows."""
    chat_id = stand.start_chat("Ann", text="hi").session.id
    stand.clock.advance(75)
    item = anna.get(f"/chats/{chat_id}").json
    assert (
        item["service"],
        item["state"],
        item["nickname"],
        item["subject"],
        item["email"],
        item["waitingSeconds"],
        item["me"],
    ) == ("demo", "waiting", "Ann", "Help", "ann@shop.example", 75, None)
    assert (
        item["createdAt"],
        item["userData"],
        item["lastIndex"],
        item["nextPosition"],
    ) == ("2019-09-16T19:32:41.000Z", {"tier": "gold"}, 2, 3)
    assert item["participants"] == [
        {
            "participantId": 1,
            "nickname": "Ann",
            "type": "Client",
            "style": None,
            "present": True,
            "mode": "open",
        }
    ]


def test_the_first_to_accept_wins_and_the_loser_is_told_by_whom(stand, anna):
    """A second agent gets 409 with the winner's name; the winner may repeat the call."""
    chat_id = stand.start_chat().session.id
    ben = stand.caller("agent", "Ben")
    first = anna.post(f"/chats/{chat_id}/accept")
    assert (
        first.status_code,
        first.json["state"],
        first.json["me"],
        first.json["waitingSeconds"],
    ) == (200, "active", 2, None)
    lost = ben.post(f"/chats/{chat_id}/accept")
    assert (lost.status_code, lost.json["by"], lost.content_type) == (409, "Anna", "application/problem+json")
    assert anna.post(f"/chats/{chat_id}/accept").status_code == 200
    assert ([], [chat_id]) == (ids_of(ben.get("/chats")), ids_of(anna.get("/chats?state=mine")))


@pytest.mark.parametrize(
    ("role", "kind", "state"),
    [
        ("agent", "Agent", "active"),
        ("supervisor", "Supervisor", "active"),
        ("bot", "External", "waiting"),
    ],
)
def test_the_participant_type_follows_the_role(stand, role, kind, state):
    """Customers see what joined; a bot does not take the chat out of the waiting list."""
    chat_id = stand.start_chat().session.id
    item = stand.caller(role, "Robin").post(f"/chats/{chat_id}/accept").json
    assert (kind, state) == (item["participants"][1]["type"], item["state"])


def test_everything_said_is_in_the_transcript(stand, anna):
    """Message, notice and web address become events that are read back from any position."""
    chat_id = stand.start_chat().session.id
    anna.post(f"/chats/{chat_id}/accept")
    attributes = {"general-properties": {"related-event-id": "1"}}
    sent = anna.post(
        f"/chats/{chat_id}/messages",
        {"text": "Hello", "messageType": "text", "eventAttributes": attributes},
    ).json
    anna.post(f"/chats/{chat_id}/notices", {"text": "note", "userData": {"k": "v"}})
    anna.post(f"/chats/{chat_id}/push-url", {"url": "https://shop.example/track"})
    message = {
        "from": {"nickname": "Anna", "participantId": 2, "type": "Agent"},
        "index": 3,
        "type": "Message",
        "utcTime": 1568662361000,
        "text": "Hello",
        "messageType": "text",
        "eventAttributes": attributes,
    }
    assert {"chatId": chat_id, "items": [message], "nextPosition": 4} == sent
    read = anna.get(f"/chats/{chat_id}/events?from=3").json
    assert (message, 6) == (read["items"][0], read["nextPosition"])
    assert [(event["type"], event["text"]) for event in read["items"][1:]] == [
        ("CustomNotice", "note"),
        ("PushUrl", "https://shop.example/track"),
    ]
    assert {"chatId": chat_id, "items": [], "nextPosition": 6} == anna.get(
        f"/chats/{chat_id}/events?from=6"
    ).json
    assert [event["index"] for event in anna.get(f"/chats/{chat_id}/events").json["items"]] == [1, 2, 3, 4, 5]


def test_typing_is_an_event_of_its_own(stand, anna):
    """Typing starts by default and stops on request."""
    chat_id = stand.start_chat().session.id
    anna.post(f"/chats/{chat_id}/accept")
    bodies = (None, {"state": "stopped"})
    answers = [anna.post(f"/chats/{chat_id}/typing", body).json for body in bodies]
    assert [answer["items"][0]["type"] for answer in answers] == ["TypingStarted", "TypingStopped"]


def test_leaving_puts_the_chat_back_and_closing_ends_it(stand, anna):
    """The last agent's leave makes the chat wait again; close ends it for the customer."""
    party = stand.start_chat()
    chat_id = party.session.id
    anna.post(f"/chats/{chat_id}/accept")
    assert anna.post(f"/chats/{chat_id}/leave").status_code == 200
    assert [chat_id] == ids_of(anna.get("/chats?state=waiting"))
    anna.post(f"/chats/{chat_id}/accept")
    closed = anna.post(f"/chats/{chat_id}/close").json["items"]
    assert [(event["type"], event["from"]["type"]) for event in closed] == [
        ("ParticipantLeft", "Agent"),
        ("ParticipantLeft", "Client"),
    ]
    assert ids_of(anna.get("/chats")) == []
    assert anna.post(f"/chats/{chat_id}/messages", {"text": "late"}).status_code == 409


def test_rights(stand, anna):
    """Only a participant speaks; another's chat is closed to agents and open to supervisors."""
    chat_id = stand.start_chat().session.id
    ben = stand.caller("agent", "Ben")
    boss = stand.caller("supervisor", "Boss")
    assert ben.post(f"/chats/{chat_id}/messages", {"text": "hi"}).status_code == 403
    anna.post(f"/chats/{chat_id}/accept")
    assert (
        ben.get(f"/chats/{chat_id}/events").status_code,
        boss.get(f"/chats/{chat_id}/events").status_code,
    ) == (403, 200)


def test_requests_are_counted(stand, anna):
    """The surface `agent` counts answers by status."""
    anna.get("/me")
    assert stand.metrics.bound("http_requests_total", "agent", "200")._value.get() == 1.0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("messages", {"text": "hi"}),
        ("notices", {"text": "look"}),
        ("push-url", {"url": "https://a.example/"}),
    ],
)
def test_an_idempotency_key_makes_an_operation_happen_once(stand, anna, path, body):
    """The repetition has the bytes of the first answer and says so in a header (R6)."""
    chat_id = stand.start_chat().session.id
    anna.post(f"/chats/{chat_id}/accept")
    url = f"/agent/v1/chats/{chat_id}/{path}"
    headers = anna.headers | {"Idempotency-Key": "k-1"}
    first = anna.client.post(url, json=body, headers=headers)
    anna.post(f"/chats/{chat_id}/messages", {"text": "in between"})
    again = anna.client.post(url, json=body, headers=headers)
    assert (200, first.data) == (again.status_code, again.data)
    assert [None, "1"] == [each.headers.get("Idempotent-Replay") for each in (first, again)]
    refused = anna.client.post(url, json=body, headers=anna.headers | {"Idempotency-Key": "k" * 129})
    assert (422, 101) == (refused.status_code, refused.json["code"])
