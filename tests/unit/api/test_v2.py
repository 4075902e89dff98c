"""The HTTP face of Chat API v2: methods, paths, sizes, origins, credentials, hostile input (9, 10)."""

from __future__ import annotations

import base64
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.chat.engine import ALICE
from wire.rest.rest_client import FORM, Rest

NAMES = {"nickname": "Ann"}
OPERATIONS = (
    "send",
    "refresh",
    "startTyping",
    "stopTyping",
    "pushUrl",
    "updateNickname",
    "updateData",
    "customNotice",
    "readReceipt",
    "file",
    "file/limits",
    "file/1/download",
    "file/1/delete",
)


@pytest.fixture
def rest() -> Rest:
    """The REST edge with the default settings."""
    return Rest()


def gms_shaped(response) -> bool:
    """Whether a body has what the iOS client cannot do without."""
    answer = response.json
    return (
        response.headers["Content-Type"] == "application/json;charset=utf-8"
        and type(answer["statusCode"]) is int
        and isinstance(answer["chatId"], str)
        and type(answer["chatEnded"]) is bool
        and isinstance(answer["messages"], list)
    )


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize("path", ["chat/svc", "chat/svc/", "chat/svc/id/send", "chat-ntf"])
def test_other_methods_are_405(rest, method, path):
    """405 with Allow and CORS headers in the GMS shape (2)."""
    response = rest.http.open(f"/genesys/2/{path}", method=method, headers={"Origin": "https://a.example"})
    assert (response.status_code, response.headers["Allow"]) == (405, "POST, OPTIONS")
    assert response.headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert gms_shaped(response)


def test_head_has_no_body(rest):
    """HEAD is refused like the others, without a body."""
    response = rest.http.head("/genesys/2/chat/svc")
    assert (response.status_code, response.data) == (405, b"")


@pytest.mark.parametrize(
    "path",
    ["", "/", "/chat", "/chat/", "/chat//send", "/chat/svc/id", "/chat/svc//send", "/other", "/chat-ntf/x"],
)
def test_unknown_paths_are_404(rest, path):
    """404 below /2 is in the GMS shape, with CORS headers, without a redirect."""
    response = rest.http.post(f"/genesys/2{path}", headers={"Origin": "https://a.example"})
    assert response.status_code == 404
    assert response.headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert gms_shaped(response)


def test_the_whole_prefix_is_answered_in_the_gms_shape(rest):
    """Also beside /2, and for a preflight of an unknown path."""
    origin = {"Origin": "https://a.example"}
    for response in (
        rest.http.post("/genesys/other/path", headers=origin),
        rest.http.options("/genesys/2/other", headers=origin),
    ):
        assert response.status_code == 404
        assert response.headers.getlist("Access-Control-Allow-Origin") == ["https://a.example"]
        assert gms_shaped(response)


def test_every_operation_takes_a_trailing_slash(rest):
    """No redirect anywhere: a redirected POST would lose its body."""
    chat = rest.start()
    for operation in OPERATIONS:
        with_slash, without = chat.call(f"{operation}/"), chat.call(operation)
        assert with_slash.status_code == without.status_code


def test_the_body_limit(rest):
    """1 MiB passes, one byte more is 413; a too large upload gets the answer of uploads (9.3)."""
    chat = rest.start()
    fill = 1_048_576 - len(b"nickname=Ann&alias=")
    assert rest.post("chat/svc", b"nickname=Ann&alias=" + b"x" * fill).status_code == 200
    response = rest.post("chat/svc", b"nickname=Ann&alias=" + b"x" * (fill + 1))
    assert response.status_code == 413
    assert gms_shaped(response)
    upload = rest.post(f"chat/customer-support/{chat.id}/file", b"x" * 1_048_577)
    assert (upload.status_code, upload.json["errors"][0]["code"]) == (400, 202)


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("br", 415), ("identity", 200), ("", 200)])
def test_compressed_bodies_are_415(rest, encoding, status):
    """A bomb is never inflated (reliability 4.3)."""
    response = rest.post("chat/svc", NAMES, headers={"Content-Encoding": encoding})
    assert response.status_code == status
    assert gms_shaped(response)


def test_a_bug_is_a_500_in_the_gms_shape(rest, monkeypatch):
    """Nothing of an unexpected exception reaches the client, and CORS headers are there."""

    def broken(_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(rest.engine.customers, "start", broken)
    response = rest.post("chat/svc", NAMES, headers={"Origin": "https://a.example"})
    assert (response.status_code, response.json["statusCode"]) == (500, 1)
    assert response.headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert b"secret" not in response.data


# -- origins -----------------------------------------------------------------------------------------------


def test_a_list_of_origins_is_enforced():
    """A listed origin and the own one pass, others are 403 without CORS headers; native clients have none."""
    rest = Rest("[server]\ncors_allow_origins=https://shop.example\n")
    for origin, status in (
        (None, 200),
        ("https://shop.example", 200),
        ("http://localhost", 200),
        ("https://evil.example", 403),
        ("null", 403),
    ):
        response = rest.post("chat/svc", NAMES, headers={"Origin": origin} if origin else {})
        assert (origin, response.status_code) == (origin, status)
        assert ("Access-Control-Allow-Origin" in response.headers) is (origin is not None and status == 200)
        assert gms_shaped(response)


def test_a_reload_of_the_origins_counts_at_once(rest):
    """`cors_allow_origins` takes effect immediately."""
    origin = {"Origin": "https://evil.example"}
    assert rest.post("chat/svc", NAMES, headers=origin).status_code == 200
    rest.engine.configure("[server]\ncors_allow_origins=https://shop.example\n")
    assert rest.post("chat/svc", NAMES, headers=origin).status_code == 403


def test_a_refused_preflight_grants_nothing():
    """An origin that is not listed gets no CORS header at all."""
    rest = Rest("[server]\ncors_allow_origins=https://shop.example\n")
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    response = rest.http.options("/genesys/2/chat/svc/id/send", headers=asked)
    assert response.status_code == 204
    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Access-Control-Allow-Methods" not in response.headers


# -- credentials -------------------------------------------------------------------------------------------

SECURED = """
[chat.keys]
apikeys=first,second
[chat.basic]
basic_auth=user:pa:ss
"""


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("service", "headers", "status"),
    [
        ("keys", {}, 401),
        ("keys", {"apikey": "wrong"}, 401),
        ("keys", {"apikey": "second"}, 200),
        ("keys", {"x-api-key": "first"}, 200),
        ("basic", {}, 401),
        ("basic", basic("user:wrong"), 401),
        ("basic", {"Authorization": "Basic %%%"}, 401),
        ("basic", {"Authorization": "Bearer x"}, 401),
        ("basic", basic("user:pa:ss"), 200),
        ("open", {"apikey": "whatever", **basic("a:b")}, 200),
    ],
)
def test_credentials_per_service(service, headers, status):
    """A service that wants credentials gets them with every request; others ignore them (10)."""
    rest = Rest(SECURED)
    response = rest.post(f"chat/{service}", NAMES, headers=headers)
    assert response.status_code == status
    assert ("WWW-Authenticate" in response.headers) is (status == 401)
    assert gms_shaped(response)


def test_credentials_are_needed_for_operations_too():
    """Neither another service's path nor chat-ntf is a way around."""
    rest = Rest(SECURED)
    started = rest.post("chat/keys", NAMES, headers={"apikey": "first"}).json
    fields = {"secureKey": started["secureKey"], "userId": started["userId"]}
    assert rest.post(f"chat/keys/{started['chatId']}/refresh", fields).status_code == 401
    assert rest.post(f"chat/open/{started['chatId']}/refresh", fields).json["statusCode"] == 2
    assert rest.post("chat-ntf", {**fields, "operation": "fileGetLimits"}).status_code == 401


# -- hostile input -----------------------------------------------------------------------------------------

FUZZED = Rest()
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    [
        "message",
        "transcriptPosition",
        "eventAttributes",
        "messageType",
        "nickname",
        "pushUrl",
        "userData",
        "userId",
    ]
)


def alive_after(call) -> None:
    """`call(chat)` must be answered in the GMS shape below 500, and the chat must go on."""
    FUZZED.engine.clock.advance(1)
    chat = FUZZED.start()
    response = call(chat)
    assert response.status_code < 500, response.data
    assert gms_shaped(response)
    assert chat.ok("send", {"message": "still here"})


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(OPERATIONS), st.dictionaries(names, json_values, max_size=4))
def test_any_json_value_in_any_field(operation, fields):
    """Never a 5xx, never a dropped chat, whatever a JSON body holds."""

    def call(chat):
        body = orjson.dumps({**chat.identity, **fields}, default=str, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
        return FUZZED.post(
            f"chat/customer-support/{chat.id}/{operation}", body, content_type="application/json"
        )

    alive_after(call)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(OPERATIONS), st.lists(st.tuples(names, st.binary()), max_size=4))
def test_any_bytes_in_any_form_field(operation, fields):
    """The same for form fields, invalid UTF-8 included."""
    alive_after(lambda chat: chat.call(operation, fields))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.binary(), st.sampled_from(["application/json", "multipart/form-data; boundary=x", "", "text/plain"])
)
def test_any_body_at_all(raw, content_type):
    """The same for whole bodies, and for a start."""
    alive_after(
        lambda chat: FUZZED.post(f"chat/customer-support/{chat.id}/send", raw, content_type=content_type)
    )
    assert FUZZED.post("chat/svc", raw, content_type=content_type).status_code in (200, 400)


@pytest.mark.parametrize("position", ["", "1", "0", "-1", "3", "99"])
def test_a_repeated_message_id_gets_the_same_bytes(position: str):
    """Whatever happened in between, the answer is byte for byte that of the first time, and marked (R6)."""
    chat = Rest().start()
    fields = {"message": "hi", "messageId": "m-1", "transcriptPosition": position}
    first = chat.call("send", fields)
    chat.accept()
    chat.call("startTyping")
    chat.call("send", {"message": "and more"})
    again = chat.call("send", fields | {"message": "another text"})
    chat.call("disconnect")
    late = chat.call("send", fields)
    assert first.data == again.data == late.data
    assert (200, 0, 3) == (first.status_code, first.json["statusCode"], first.json["nextPosition"])
    assert [None, "1", "1"] == [each.headers.get("Idempotent-Replay") for each in (first, again, late)]


def test_the_message_id_is_found_in_every_kind_of_body():
    """Form, JSON text and JSON number name the same message."""
    chat = Rest().start()
    answers = [chat.call("send", {"message": "hi", "messageId": "7"})]
    answers += [chat.json("send", {"message": "hi", "messageId": value}) for value in ("7", 7)]
    assert 1 == len({answer.data for answer in answers})


def test_an_unusable_message_id_is_101():
    """Nothing is sent, and the advice names the parameter."""
    chat = Rest().start()
    answer = chat.call("send", {"message": "hi", "messageId": "x" * 129})
    assert (400, [{"code": 101, "advice": "messageId"}]) == (answer.status_code, answer.json["errors"])


@pytest.mark.parametrize("json", [False, True])
def test_a_start_with_a_name_is_done_once(rest, json):
    """Its repetition gets the answer of the first time, byte for byte, and says so."""
    fields = {**NAMES, "text": "hello", "startKey": "k" * 32}
    body, kind = (orjson.dumps(fields), "application/json") if json else (urlencode(fields).encode(), FORM)
    first, again = [rest.post("chat/svc", body, content_type=kind) for _ in range(2)]
    assert first.data == again.data
    assert [None, "1"] == [each.headers.get("Idempotent-Replay") for each in (first, again)]
    refused = rest.post("chat/svc", {**fields, "startKey": "k" * 31})
    assert (101, "startKey") == tuple(refused.json["errors"][0][name] for name in ("code", "advice"))


def test_a_repeated_start_goes_on_behind_its_own_events(rest):
    """`nextPosition` is that of the first time, so nothing that was said meanwhile is passed over."""
    fields = {**NAMES, "startKey": "k" * 32}
    chat_id = rest.post("chat/svc", fields).json["chatId"]
    rest.engine.agents.accept(ALICE, chat_id)
    again = rest.post("chat/svc", fields).json
    assert ([1], 2) == ([event["index"] for event in again["messages"]], again["nextPosition"])
