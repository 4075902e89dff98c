"""The chat operations: errors, odd clients, implicit attachment, outages (spec/chat-api-v2.md 7.3-7.6)."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.chat.engine import ALICE, PUSH_KEYS
from unit.comet.comet_stand import CHANNEL, NAMES, Poller, Socket, Stand, events, texts

from gateway.bayeux import Peer
from gateway.comet.batch import decode

OPERATIONS = [
    "requestNotifications",
    "refresh",
    "sendMessage",
    "send",
    "startTyping",
    "stopTyping",
    "disconnect",
    "pushUrl",
    "updateNickname",
    "updateData",
    "customNotice",
    "readReceipt",
]


def error_of(messages: list[dict[str, Any]]) -> tuple[int, bool, list[tuple[int, str]]]:
    """statusCode, chatEnded and (code, advice) pairs of the notification behind an ack."""
    ack, notification = messages
    assert "data" not in ack
    assert "successful" not in notification
    data = notification["data"]
    assert (data["messages"], data["chatId"], data["alias"]) == ([], "deprecated", "0")
    assert not {"userId", "secureKey"} & set(data)
    errors = [(error["code"], error["advice"]) for error in data.get("errors", [])]
    return data["statusCode"], data["chatEnded"], errors


GONE = (2, True, [(249, "Media server was not able to execute request. referenceId[8201]")])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_wrong_key_is_one_answer(poller: Poller, operation: str):
    """Whatever the operation: statusCode 2, chatEnded, 249; the ack is positive (7.2)."""
    messages = poller.operation(operation, secureKey="wrong", message="x", transcriptPosition=1)
    assert messages[0]["successful"] is True
    assert error_of(messages) == GONE


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("key", ["", None])
def test_an_empty_key_never_ends_the_chat(poller: Poller, operation: str, key: object):
    """RAKBANK always sends one with an empty key right after requestChat's ack: 101, the chat goes on."""
    assert error_of(poller.operation(operation, secureKey=key)) == (2, False, [(101, "secureKey")])


@pytest.mark.parametrize("operation", sorted(set(OPERATIONS) - {"disconnect"}))
def test_after_the_end(poller: Poller, operation: str):
    """An ended chat is gone for every operation but a repeated disconnect and reading (6.3, 9.3)."""
    poller.operation("disconnect")
    poller.connect(), poller.connect()
    fields = {"message": "x", "pushUrl": "http://a.example/", "nickname": "N", "userData": {"a": "b"}}
    messages = poller.operation(operation, transcriptPosition=1, **fields)
    if operation == "refresh":
        data = messages[1]["data"]
        assert (data["statusCode"], data["chatEnded"]) == (0, True)
        assert events(messages) == [(1, "ParticipantJoined"), (2, "ParticipantLeft")]
    elif operation == "readReceipt":
        assert len(messages) == 1
    else:
        assert error_of(messages) == GONE


def test_disconnect_twice(poller: Poller):
    """Idempotent: the second answers like the first (6.5)."""
    poller.operation("disconnect")
    poller.connect(), poller.connect()
    messages = poller.operation("disconnect")
    assert (messages[1]["data"]["statusCode"], messages[1]["data"]["chatEnded"]) == (0, True)


@pytest.mark.parametrize(
    ("operation", "data", "code", "advice"),
    [
        ("sendMessage", {}, 101, "message"),
        ("sendMessage", {"message": ""}, 101, "message"),
        ("sendMessage", {"message": {"a": 1}}, 101, "message"),
        ("sendMessage", {"message": "x" * 10_001}, 204, "message"),
        ("sendMessage", {"message": "x", "eventAttributes": [1]}, 101, "eventAttributes"),
        ("pushUrl", {}, 101, "pushUrl"),
        ("pushUrl", {"pushUrl": "javascript:alert(1)"}, 101, "pushUrl"),
        ("updateNickname", {}, 101, "nickname"),
        ("updateNickname", {"nickname": "x" * 101}, 101, "nickname"),
        ("updateData", {}, 101, "userData"),
        ("updateData", {"userData": [1]}, 101, "userData"),
        ("customNotice", {}, 101, "message"),
        ("readReceipt", {}, 101, "transcriptPosition"),
        ("readReceipt", {"transcriptPosition": "x"}, 101, "transcriptPosition"),
        ("readReceipt", {"transcriptPosition": -1}, 101, "transcriptPosition"),
        ("refresh", {"transcriptPosition": "x"}, 101, "transcriptPosition"),
        ("requestNotifications", {"transcriptPosition": []}, 101, "transcriptPosition"),
        ("transfer", {}, 101, "operation"),
        (None, {}, 101, "operation"),
        (["send"], {}, 101, "operation"),
    ],
)
def test_malformed_requests(poller: Poller, operation: Any, data: dict[str, Any], code: int, advice: str):
    """statusCode 2 with the parameter's name; the chat goes on."""
    assert error_of(poller.operation(operation, **data)) == (2, False, [(code, advice)])
    assert poller.operation("refresh", transcriptPosition=1)[1]["data"]["statusCode"] == 0


@pytest.mark.parametrize("data", [None, 7, "x", [], True])
def test_data_that_is_no_object(poller: Poller, data: object):
    """Any JSON value as `data` is answered with 101."""
    assert error_of(poller.send(CHANNEL, data=data)) == (2, False, [(101, "data")])


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ({}, 161),
        ({"firstName": "Ann"}, 103),
        ({"lastName": "Lee"}, 102),
        ({**NAMES, "emailAddress": "nobody"}, 364),
        ({**NAMES, "text": "x" * 10_001}, 204),
        ({**NAMES, "userData": "x"}, 101),
    ],
)
def test_request_chat_refusals(stand: Stand, names: dict[str, Any], code: int):
    """The codes of REST, as a notification (9.2)."""
    client = Poller(stand)
    client.handshake()
    status, ended, errors = error_of(client.operation("requestChat", **names))
    assert (status, ended, errors[0][0]) == (2, False, code)


def test_user_data_of_any_kind_becomes_text(stand: Stand):
    """Booleans, numbers and objects are converted; push keys are understood (7.3)."""
    client = Poller(stand)
    client.handshake()
    client.request_chat(userData={"GCTI_LanguageCode": False, "n": 1, "o": {"a": 1}, **PUSH_KEYS})
    profile = stand.engine.customers.by_key(client.secure_key).session.profile
    assert {"GCTI_LanguageCode": "false", "n": "1", "o": '{"a":1}'}.items() <= profile.user_data.items()
    assert profile.subscription is not None
    assert profile.subscription.origin == "comet"


def test_ignored_members(poller: Poller):
    """chatId, userId and alias are accepted and ignored; the key alone decides (check 28)."""
    messages = poller.operation("sendMessage", message="x", chatId="deprecated", userId="?", alias="99")
    assert messages[0]["successful"] is True
    assert texts(poller.connect()) == ["x"]


def test_scala_single_object_with_numeric_id_and_no_session(stand: Stand):
    """A bare object with a numeric id from an unknown client: the reply of its comments (1.3)."""
    body = b'{"channel":"/service/chatV2/svc","id":5,"clientId":"gone","data":{"operation":"customNotice"}}'
    result = stand.exchange.process(decode(body), Peer("long-polling"))
    assert [orjson.loads(message) for message in result.messages] == [
        {"channel": "/service/chatV2/svc", "id": 5, "error": "402::Unknown client", "successful": False}
    ]


def test_rakbank_sends_without_a_message(poller: Poller):
    """An error event lets that client go on; its next message arrives."""
    assert error_of(poller.operation("sendMessage"))[0] == 2
    poller.operation("sendMessage", message="now")
    assert texts(poller.connect()) == ["now"]


@pytest.mark.parametrize(
    "auth",
    [{"encoded": base64.b64encode(b"gms:secret").decode()}, {"username": "gms", "password": "secret"}],
)
def test_basic_authentication_inside_data(auth: dict[str, str]):
    """Both forms of `auth` open a service that demands credentials; nothing else does (7.3)."""
    stand = Stand("[chat.customer-support]\nbasic_auth=gms:secret\n")
    client = Poller(stand)
    client.handshake()
    assert "secureKey" in client.request_chat(auth=auth)
    for wrong in (
        None,
        "x",
        {},
        {"encoded": "!!!"},
        {"encoded": "/w=="},
        {"username": "gms", "password": "x"},
    ):
        assert error_of(client.operation("requestChat", **NAMES, auth=wrong))[2][0][0] == 101


@pytest.mark.parametrize("operation", sorted(set(OPERATIONS) - {"refresh", "disconnect"}))
def test_implicit_attachment(poller: Poller, operation: str):
    """Every publish with a valid key but refresh and disconnect attaches an unattached session (7.6 c)."""
    other = Poller(poller.stand)
    other.handshake()
    other.secure_key = poller.secure_key
    other.operation(operation, message="x", transcriptPosition=1, nickname="N", userData={"a": "b"})
    assert poller.stand.hub.is_attached(other.session, poller.chat_id)


def test_refresh_and_disconnect_do_not_attach(poller: Poller):
    """The async restore relies on refresh not attaching (check 21, Q-20)."""
    other = Poller(poller.stand)
    other.handshake()
    other.secure_key = poller.secure_key
    messages = other.operation("refresh", transcriptPosition=-1)
    assert events(messages) == [(1, "ParticipantJoined")]
    assert not poller.stand.hub.is_attached(other.session, poller.chat_id)
    assert other.operation("disconnect")[1]["data"]["chatEnded"] is True
    assert other.session.sources == []


def test_implicit_attachment_goes_on_from_the_resume_point(poller: Poller):
    """What the lost session had confirmed is not repeated, everything later is delivered."""
    stand = poller.stand
    stand.engine.agents.accept(ALICE, poller.chat_id)
    poller.connect(), poller.connect()
    stand.engine.agents.send(ALICE, poller.chat_id, "missed")
    stand.hub.drop(poller.session, "test")
    poller.handshake()
    poller.operation("sendMessage", message="mine")
    assert texts(poller.connect()) == ["missed", "mine"]


def test_implicit_attachment_can_be_switched_off():
    """implicit_attach=false."""
    stand = Stand("[chat]\nimplicit_attach=false\n")
    client, other = Poller(stand), Poller(stand)
    client.handshake(), other.handshake()
    client.request_chat()
    other.secure_key = client.secure_key
    other.operation("sendMessage", message="x")
    assert other.session.sources == []


def test_check_20_request_notifications_twice(poller: Poller):
    """Each is answered by one batch; live delivery is not doubled."""
    for _ in range(2):
        messages = poller.operation("requestNotifications", transcriptPosition="1")
        assert events(messages) == [(1, "ParticipantJoined")]
    poller.stand.engine.agents.accept(ALICE, poller.chat_id)
    assert events(poller.connect()) == [(2, "ParticipantJoined")]


def test_request_notifications_answers_also_with_nothing(poller: Poller):
    """Empty messages, chatEnded false, with the key (client-compatibility 2.4)."""
    data = poller.operation("requestNotifications", transcriptPosition=2)[1]["data"]
    assert (data["statusCode"], data["chatEnded"], data["messages"]) == (0, False, [])
    assert data["secureKey"] == poller.secure_key


def test_check_24_an_outage_and_back(poller: Poller):
    """While the store is down acks are negative and statusCode is 1; afterwards the session is usable."""
    store = poller.stand.engine.store
    store.down = True
    for _ in range(6):
        messages = poller.operation("sendMessage", message="x")
        assert messages[0]["successful"] is False
        assert messages[0]["error"] == "503::temporarily_unavailable"
        assert error_of(messages) == (1, False, [])
    store.down = False
    assert poller.operation("sendMessage", message="back")[0]["successful"] is True
    assert texts(poller.connect()) == ["back"]


def test_answers_of_ack_sessions_are_acknowledged_too(stand: Stand):
    """With the ack extension the answer to an operation comes with the connect that numbers it."""
    client = Poller(stand)
    client.handshake(ack=True)
    assert len(client.operation("requestChat", **NAMES)) == 1
    first = client.connect(ext={"ack": 0})
    assert events(first) == [(1, "ParticipantJoined")]
    assert events(client.connect(ext={"ack": 0})) == [(1, "ParticipantJoined")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**6) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
MEMBERS = [
    "message",
    "messageType",
    "transcriptPosition",
    "eventAttributes",
    "userData",
    "nickname",
    "pushUrl",
]
DATA = st.fixed_dictionaries(
    {},
    optional={
        "operation": st.sampled_from([*OPERATIONS, "requestChat"]) | JSON,
        "secureKey": st.just("own") | JSON,
        "auth": JSON,
        **dict.fromkeys(MEMBERS, JSON),
    },
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=DATA)
def test_any_data_is_answered(data: dict[str, Any]):
    """Ack without data; then at most one answer, whose statusCode is 0 or 2, never a failure of ours."""
    stand = Stand()
    client = Socket(stand)
    client.handshake()
    client.request_chat()
    if data.get("secureKey") == "own":
        data = {**data, "secureKey": client.secure_key}
    ack, *rest = client.send(CHANNEL, data=data)
    assert ack["successful"] is True
    assert [message["data"]["statusCode"] for message in rest] in ([], [0], [2], [0, 0])
    assert stand.engine.store.session(stand.engine.customers.by_key(client.secure_key).session.id) is not None


def test_a_chat_that_ends_while_it_is_read_is_told_as_ended(stand: Stand, monkeypatch: pytest.MonkeyPatch):
    """The end between reading the session and its events: the answer carries it with chatEnded true."""
    client = Poller(stand)
    client.handshake()
    client.request_chat()
    chat_id, store = client.chat_id, stand.engine.store
    stand.engine.agents.accept(ALICE, chat_id)
    recent = store.recent

    def end_first(*arguments: object, **options: object) -> object:
        monkeypatch.setattr(store, "recent", recent)
        stand.engine.agents.close(ALICE, chat_id)
        return recent(*arguments, **options)

    monkeypatch.setattr(store, "recent", end_first)
    _, answer = client.operation("requestNotifications", transcriptPosition=2)
    assert answer["data"]["chatEnded"] is True
    assert "ParticipantLeft" in [event["type"] for event in answer["data"]["messages"]]


@pytest.mark.parametrize("client", [Poller, Socket])
def test_a_repeated_message_id_brings_the_same_event_again(stand: Stand, client: type):
    """Over CometD the acknowledgement is positive and the event comes once more, with its index (R6)."""
    sender = client(stand)
    sender.handshake()
    sender.request_chat()
    messages = sender.operation("sendMessage", message="hi", messageId="m-1")
    if client is Poller:
        messages += sender.connect()
    again = sender.operation("sendMessage", message="other", messageId="m-1")
    first_frames = [each["data"] for each in messages if "data" in each]
    assert [(2, "Message")] == events(messages) == events(again)
    assert first_frames == [each["data"] for each in again if "data" in each]
    assert again[0]["successful"] is True
    refused = sender.operation("sendMessage", message="hi", messageId=["m"])
    assert (2, False, [(101, "messageId")]) == error_of(refused)


def test_a_repeated_request_chat_takes_up_the_chat(stand: Stand):
    """A page that was reloaded gets the same chat under its start's name, and what came meanwhile."""
    first, second, stranger = Poller(stand), Poller(stand), Poller(stand)
    for client in (first, second, stranger):
        client.handshake()
    first.request_chat(startKey="k" * 32)
    stand.engine.agents.accept(ALICE, first.chat_id)
    stand.engine.agents.send(ALICE, first.chat_id, "hello")
    answer = second.request_chat(startKey="k" * 32)
    assert [1] == [event["index"] for event in answer["messages"]]
    assert first.secure_key == second.secure_key
    assert texts(second.connect() + second.connect()) == ["hello"]
    stranger.request_chat(startKey="s" * 32)
    assert stranger.chat_id != second.chat_id
