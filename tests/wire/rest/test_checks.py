"""The REST part of the conformance checks of spec/chat-api-v2.md section 16, by their numbers."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest
from marshmallow import Schema, fields, validate
from unit.chat.engine import ALICE, PUSH_KEYS
from wire.rest.rest_client import PDF, Rest, multipart

from gateway.chat.customers import TypingState
from gateway.model.events import EventType

TRICKY = "1 + 1 = 2 & 100% \u00e9\U0001f600 \ud55c\nsecond line\r\nthird\ttab <b>\"'\\ %2B %00"
NAMES = {"firstName": "Ann", "lastName": "Lee"}
EMPTY = {"alias": "", "secureKey": "", "userId": "", "text": ""}


@pytest.mark.parametrize("path", ["chat/svc/", "chat/svc"])
def test_check_01_start_with_and_without_trailing_slash(rest, path):
    """Widgets post to the slash form with empty identity fields; both forms answer directly."""
    response = rest.post(path, {**NAMES, **EMPTY})
    assert (response.status_code, response.json["statusCode"]) == (200, 0)


def test_check_02_types_of_the_start_answer(rest):
    """Identity as strings, statusCode and nextPosition as integers, chatEnded false, own join first."""
    answer = rest.post("chat/svc", NAMES).json
    for name in ("chatId", "userId", "secureKey", "alias"):
        assert isinstance(answer[name], str)
        assert answer[name]
    assert (answer["statusCode"], answer["chatEnded"], type(answer["nextPosition"])) == (0, False, int)
    (joined,) = answer["messages"]
    assert (joined["type"], joined["index"], joined["from"]["participantId"]) == ("ParticipantJoined", 1, 1)


def test_check_03_positions_of_refresh(chat):
    """1 returns the join again, nextPosition nothing, nextPosition-1 the last event with the same index."""
    first = chat.ok("refresh", {"transcriptPosition": "1"})
    assert [message["type"] for message in first["messages"]] == ["ParticipantJoined"]
    next_position = chat.ok("send", {"message": "hi"})["nextPosition"]
    assert chat.ok("refresh", {"transcriptPosition": next_position})["messages"] == []
    for _ in range(2):
        (last,) = chat.ok("refresh", {"transcriptPosition": next_position - 1})["messages"]
        assert (last["index"], last["text"]) == (next_position - 1, "hi")


@pytest.mark.parametrize("seed", range(5))
def test_check_04_events_of_a_random_conversation(rest, seed):
    """Unique ascending indexes, the 13 types, integer times and participant ids, text values of userData."""
    chat = rest.start()
    chat.accept()
    agents, choice = rest.engine.agents, random.Random(seed)
    acts = [
        lambda: chat.ok("send", {"message": "hi", "eventAttributes": '{"a":{"b":1}}'}),
        lambda: chat.ok("startTyping", {"message": "h"}),
        lambda: chat.ok("updateNickname", {"nickname": f"Ann {choice.random()}"}),
        lambda: chat.ok("pushUrl", {"pushUrl": "https://a.example/"}),
        lambda: chat.ok("customNotice", {"message": "note", "userData[n]": "1"}),
        lambda: agents.send(ALICE, chat.id, "hello"),
        lambda: agents.typing(ALICE, chat.id, TypingState.STARTED, "hel"),
        lambda: agents.notice(ALICE, chat.id, "note", user_data={"k": "v"}),
    ]
    for _ in range(40):
        choice.choice(acts)()
    chat.ok("disconnect")
    messages = chat.ok("refresh", {"transcriptPosition": "1"})["messages"]
    indexes = [message["index"] for message in messages]
    assert indexes == sorted(set(indexes))
    for message in messages:
        assert message["index"] >= 1
        assert message["type"] in set(EventType)
        assert set(message["from"]) == {"nickname", "participantId", "type"}
        assert type(message["from"]["participantId"]) is int
        assert type(message["utcTime"]) is int
        assert message["utcTime"] > 1_500_000_000_000
        assert all(isinstance(value, str) for value in message.get("userData", {}).values())


def test_check_05_send_returns_events_only_with_a_position(chat):
    """Without transcriptPosition `messages` is empty, with it there are the events from there."""
    assert chat.ok("send", {"message": "a"})["messages"] == []
    assert chat.ok("send", {"message": "b", "transcriptPosition": ""})["messages"] == []
    answer = chat.ok("send", {"message": "c", "transcriptPosition": "3"})
    assert [message["text"] for message in answer["messages"]] == ["b", "c"]


def test_check_06_event_attributes_come_back_as_an_object(chat):
    """JSON text in a form, an object in a JSON body: both return as the identical object."""
    attributes = {
        "structured-content": {"genesys-chat": {"content": '{"text":"\u00e9"}'}},
        "n": {"x": [1, 2.5]},
    }
    chat.ok("send", {"message": "a", "eventAttributes": orjson.dumps(attributes).decode()})
    chat.json("send", {"message": "b", "eventAttributes": attributes})
    messages = chat.ok("refresh", {"transcriptPosition": "2"})["messages"]
    assert [message["eventAttributes"] for message in messages] == [attributes, attributes]


def test_check_07_refresh_never_waits(chat):
    """A poll without news is answered at once: the manual clock never moved (short polling)."""
    before = chat.rest.engine.clock.monotonic()
    for _ in range(20):
        chat.ok("refresh", {"transcriptPosition": "2"})
    assert chat.rest.engine.clock.monotonic() == before


@pytest.mark.parametrize(
    ("code", "names"),
    [
        (161, {"subject": "Help"}),
        (103, {"firstName": "Ann"}),
        (102, {"lastName": "Lee"}),
        (364, {**NAMES, "emailAddress": "nonsense"}),
    ],
)
def test_check_08_start_errors_are_readable_across_origins(rest, code, names):
    """HTTP 400 with errors[0].code, and the CORS headers that let a Widget read it."""
    response = rest.post("chat/svc/", names, headers={"Origin": "https://shop.example"})
    assert (response.status_code, response.json["errors"][0]["code"]) == (400, code)
    assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize(
    ("option", "content", "name", "code", "advice"),
    [
        ("upload-max-files=1", PDF, "b.pdf", 201, "1"),
        ("upload-max-file-size=100", b"%PDF-" + b"x" * 96, "b.pdf", 202, "100"),
        (f"upload-max-total-size={len(PDF) + 10}", PDF, "b.pdf", 202, str(len(PDF) + 10)),
        ("upload-file-types=pdf", b"PK\x03\x04", "b.zip", 203, "file type is not allowed"),
    ],
)
@pytest.mark.parametrize("file_first", [False, True])
def test_check_09_uploads_beyond_the_limits(option, content, name, code, advice, file_first):
    """Too many, too big, wrong type: 400 with 201 and 202 (advice in digits) and 203, wherever the key is."""
    chat = Rest(f"[client-file-transfer]\n{option}\n").start()
    assert chat.upload().json["statusCode"] == 0
    response = chat.upload(content, name, file_first=file_first)
    assert (response.status_code, response.json["statusCode"]) == (400, 2)
    assert response.json["errors"] == [{"code": code, "advice": advice}]


def test_check_10_limits_are_ten_strings(chat):
    """A strict string -> string decoder reads exactly the ten keys, and finds in them what was used."""
    chat.upload()
    (message,) = chat.ok("file/limits")["messages"]
    used = {"used-upload-max-files": "1", "used-upload-max-total-size": str(len(PDF))}
    assert len(message["userData"]) == 10
    assert {type(value) for value in message["userData"].values()} == {str}
    assert message["userData"].items() >= used.items()
    assert (message["type"], message["text"], "index" in message) == ("Notice", "file-client-cfg-get", False)


def test_check_11_download_by_a_form(rest, chat):
    """A browser's multipart form post without XHR gets an attachment with the bytes of the upload."""
    file_id = chat.upload(name="R\u00e9sum\u00e9.pdf").json["userData"]["file-id"]
    path = f"chat/customer-support/{chat.id}/file/{file_id}/download"
    response = rest.post(path, **multipart(chat.identity))
    assert (response.status_code, response.data) == (200, PDF)
    assert response.headers["Content-Type"] == "application/pdf"
    assert response.headers["Content-Disposition"] == (
        "attachment; filename=\"R_sum_.pdf\"; filename*=UTF-8''R%C3%A9sum%C3%A9.pdf"
    )


def test_check_12_unknown_chat_and_wrong_key_are_one_answer(rest, chat):
    """200, statusCode 2, chatEnded true, 249; the two differ in nothing but the chatId asked for."""
    unknown = rest.post("chat/customer-support/000unknown000000/refresh", chat.identity)
    wrong = chat.call("refresh", {"secureKey": "wrong"})
    for response in (unknown, wrong):
        answer = response.json
        assert (response.status_code, answer["statusCode"], answer["chatEnded"]) == (200, 2, True)
        assert answer["errors"][0]["code"] == 249
        assert "userId" not in answer
        assert "secureKey" not in answer
    assert {**unknown.json, "chatId": ""} == {**wrong.json, "chatId": ""}
    assert dict(unknown.headers).keys() == dict(wrong.headers).keys()


def test_check_24_a_store_outage_is_status_one_and_the_session_lives_on(chat):
    """HTTP 200 with statusCode 1 as long as the store cannot write; reads go on; then everything works."""
    store = chat.rest.engine.store
    store.down = True
    for _ in range(6):
        response = chat.call("send", {"message": "hi"})
        assert (response.status_code, response.json["statusCode"]) == (200, 1)
        assert (response.json["chatEnded"], response.json["messages"]) == (False, [])
        assert "errors" not in response.json
        assert chat.ok("refresh", {"transcriptPosition": "1", "message": "typing"})["messages"]
    start = chat.rest.post("chat/svc", NAMES)
    assert (start.status_code, start.json["statusCode"]) == (200, 1)
    store.down = False
    assert chat.ok("send", {"message": "hi", "transcriptPosition": "2"})["messages"][0]["index"] == 2


def test_check_25_idle_alert_countdown_and_cancel(chat):
    """The alert is not the customer's, its next-idle-timer-* are text; it counts down until the wake."""
    chat.rest.idle(255)
    answer = chat.ok("refresh", {"transcriptPosition": "2"})
    (alert,) = answer["messages"]
    assert (alert["type"], alert["from"]["type"]) == ("IdleAlert", "External")
    assert alert["userData"] == {"next-idle-timer-type": "CLOSE", "next-idle-timer-secs": "45"}
    assert answer["idleTimerExpire"] == 45
    chat.rest.idle(20)
    assert chat.ok("refresh", {"transcriptPosition": "3"})["idleTimerExpire"] == 25
    wake = chat.ok("customNotice", {"eventAttributes": '{"purpose":"cancel-idle-timer"}'})
    after = chat.ok("refresh", {"transcriptPosition": "3"})
    assert [name for name in (wake, after) if "idleTimerExpire" in name or name["messages"]] == []
    chat.rest.idle(254)
    assert chat.ok("refresh", {"transcriptPosition": "3"})["messages"] == []


def test_check_26_cross_origin_requests(rest):
    """A simple POST gets the origin back; a preflight grants the documented headers only."""
    origin = {"Origin": "https://shop.example"}
    response = rest.post("chat/svc", NAMES, headers=origin)
    assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "apikey, x-evil"}
    preflight = rest.http.options("/genesys/2/chat/svc/", headers={**origin, **asked})
    assert preflight.status_code == 204
    assert preflight.data == b""
    assert preflight.headers["Access-Control-Allow-Headers"] == "apikey"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert preflight.headers["Access-Control-Max-Age"] == "3600"


def test_check_28_the_alias_is_ignored(chat):
    """Wrong or absent alias, and extra identity fields, do not matter."""
    for extra in ({"alias": "no such node"}, {"alias": ""}, {"chatId": "deprecated"}):
        assert chat.ok("refresh", extra)["messages"]


def test_check_30_content_type(rest, chat):
    """Every answer is `application/json;charset=utf-8`, errors of the framework included."""
    answers = [
        rest.post("chat/svc", NAMES),
        rest.post("chat/svc", {}),
        chat.call("refresh", {"secureKey": "wrong"}),
        rest.post("nothing/here"),
        rest.http.get("/genesys/2/chat/svc"),
        rest.post("chat/svc", b"x" * 1_048_577),
        rest.post("chat/svc", b"", headers={"Content-Encoding": "gzip"}),
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 200, 404, 405, 413, 415]
    assert {answer.headers["Content-Type"] for answer in answers} == {"application/json;charset=utf-8"}


def test_check_31_read_receipt(chat):
    """200, statusCode 0, no messages, no new index; the read position is kept."""
    chat.ok("send", {"message": "hi"})
    answer = chat.ok("readReceipt", {"transcriptPosition": "2"})
    assert (answer["messages"], answer["nextPosition"]) == ([], 3)
    session = chat.rest.engine.store.session(chat.id)
    assert session.profile.read_positions == {1: 2}


class _Error(Schema):
    code = fields.Integer(required=True, strict=True)
    advice = fields.String(required=True)


class _From(Schema):
    nickname = fields.String(required=True)
    participantId = fields.Integer(required=True, strict=True)
    type = fields.String(
        required=True, validate=validate.OneOf(["Client", "Agent", "Supervisor", "External"])
    )


class _Message(Schema):
    index = fields.Integer(strict=True, validate=validate.Range(min=1))
    type = fields.String(required=True, validate=validate.OneOf([kind.value for kind in EventType]))
    utcTime = fields.Integer(required=True, strict=True)
    text = fields.String()
    messageType = fields.String()
    userData = fields.Dict(keys=fields.String(), values=fields.String())
    eventAttributes = fields.Dict(keys=fields.String())


_Message._declared_fields["from"] = fields.Nested(_From, required=True)


class _Result(Schema):
    """A strict model of the result, after the OpenAPI-derived client; unknown members are errors."""

    statusCode = fields.Integer(required=True, strict=True, validate=validate.OneOf([0, 1, 2]))
    chatId = fields.String(required=True)
    alias = fields.String(required=True)
    userId = fields.String()
    secureKey = fields.String()
    nextPosition = fields.Integer(strict=True)
    chatEnded = fields.Boolean(required=True, truthy={True}, falsy={False})
    monitored = fields.Boolean(required=True, truthy={True}, falsy={False})
    idleTimerExpire = fields.Integer(strict=True)
    messages = fields.List(fields.Nested(_Message), required=True)
    errors = fields.List(fields.Nested(_Error))


def test_check_32_a_strict_model_decodes_every_answer(rest, chat):
    """Arrays, booleans and integers are what they are, in successes and failures."""
    chat.accept()
    answers: list[Any] = [
        rest.post("chat/svc", {**NAMES, "text": "hi"}),
        rest.post("chat/svc", {}),
        chat.call("send", {"message": "hi", "transcriptPosition": "1", "eventAttributes": '{"a":{"b":"c"}}'}),
        chat.call("customNotice", {"message": "n", "userData[k]": "1"}),
        chat.call("refresh"),
        chat.call("refresh", {"secureKey": "wrong"}),
        chat.call("file/limits"),
        chat.call("file"),
        chat.call("disconnect"),
        chat.call("send", {"message": "late"}),
        rest.http.get("/genesys/2/chat/svc"),
        rest.post("nothing"),
    ]
    for answer in answers:
        assert _Result().validate(answer.json) == {}


def test_check_34_text_stays_intact_from_form_to_refresh(chat):
    """+, %, emoji and line breaks survive urlencoded, multipart, text/plain and JSON bodies."""
    text = TRICKY.replace("\x00", "")
    given = {**chat.identity, "message": text}
    path = f"chat/customer-support/{chat.id}/send"
    chat.ok("send", {"message": text})
    chat.ok("send", {"message": text}, content_type="text/plain;charset=UTF-8")
    chat.rest.post(path, **multipart(given))
    chat.rest.post(path, **multipart(given, part_type="application/octet-stream"))
    chat.rest.post(path, orjson.dumps(given), content_type="application/json")
    chat.rest.post(path, orjson.dumps(given))
    messages = chat.ok("refresh", {"transcriptPosition": "2"})["messages"]
    assert [message["text"] for message in messages] == [text] * 6


def test_check_34_attached_data_stays_intact(rest):
    """Keys and values of userData too, and they are what the push keys are read from."""
    pairs = {f"userData[{key}]": value for key, value in {**PUSH_KEYS, "note": TRICKY}.items()}
    chat = rest.start(**pairs)
    profile = rest.engine.store.session(chat.id).profile
    assert profile.user_data == {**PUSH_KEYS, "note": TRICKY}
    assert profile.subscription.device_id == "device-1"


def test_the_mount_prefix_is_configurable():
    """Proxies map other prefixes, the root included; no absolute URL is ever emitted (2)."""
    for prefix in ("", "/gms/sote/genesys"):
        rest = Rest(f"[server]\nmount_prefix={prefix}\n")
        response = rest.http.post(f"{prefix}/2/chat/svc/", data=NAMES)
        assert (response.status_code, "Location" in response.headers) == (200, False)
        assert b"http" not in response.data
