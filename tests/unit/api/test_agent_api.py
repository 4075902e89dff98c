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


def crowd(stand, number):
    """Chats that began one after the other."""
    chats = []
    for _ in range(number):
        stand.clock.advance(1)
        chats.append(stand.start_chat().session.id)
    return chats


def test_me_names_the_account_and_the_live_channel(anna):
    """A client learns from its token alone who it is and where events come from."""
    expected = {"name": "Anna", "role": "agent", "cometd": "/genesys/cometd", "channel": "/service/agent"}
    assert expected == anna.get("/me").json


def test_waiting_chats_are_listed_oldest_first(stand, anna):
    """`state=waiting` shows every chat that nobody took, `mine` none of them, no state all."""
    chats = crowd(stand, 2)
    assert chats == ids_of(anna.get("/chats?state=waiting"))
    assert ids_of(anna.get("/chats?state=mine")) == []
    assert chats == ids_of(anna.get("/chats"))


def test_a_list_is_read_in_pages(stand, anna):
    """`cursor` leads from page to page, and the last one has none; nothing is missing and nothing doubled."""
    chats = crowd(stand, 5)
    found, query = [], "limit=2"
    for size in (2, 2, 1):
        page = anna.get(f"/chats?state=waiting&{query}")
        assert size == len(page.json["items"])
        found += ids_of(page)
        query = f"limit=2&cursor={page.json['cursor']}"
    assert (chats, None) == (found, page.json["cursor"])
    assert anna.get("/chats?limit=5").json["cursor"] is None


def test_a_page_has_a_hundred_chats_unless_told(stand, anna):
    """The default of `limit` bounds the answer in a crowd."""
    chats = crowd(stand, 101)
    assert chats[:100] == ids_of(anna.get("/chats"))
    assert chats == ids_of(anna.get("/chats?limit=200"))


def test_pages_of_a_list_that_moves(stand, anna):
    """Chats that are taken or closed between two pages, the cursor's own too, hide no other chat."""
    chats = crowd(stand, 5)
    cursor = anna.get("/chats?state=waiting&limit=2").json["cursor"]
    ben = stand.caller("agent", "Ben")
    for taken in chats[:2]:
        ben.post(f"/chats/{taken}/accept")
    later = crowd(stand, 1)
    assert chats[2:] + later == ids_of(anna.get(f"/chats?state=waiting&cursor={cursor}"))


def test_pages_of_chats_that_began_at_once(stand, anna):
    """Among chats of one millisecond, too, each is on one page exactly."""
    chats = {stand.start_chat().session.id for _ in range(4)}
    first = anna.get("/chats?limit=2")
    second = anna.get(f"/chats?limit=2&cursor={first.json['cursor']}")
    assert chats == set(ids_of(first) + ids_of(second))


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=many", "cursor=", "cursor=1", "cursor=1-", "cursor=1-..%2f", "cursor=x-y"]
    + ["cursor=" + "9" * 16 + "-a"],
)
def test_pages_that_do_not_exist(anna, query):
    """A limit or cursor that no page ever named is 422."""
    assert 422 == anna.get(f"/chats?{query}").status_code


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
