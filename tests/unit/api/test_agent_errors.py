"""The agents' API refuses every bad request with a problem: never 500, never HTML."""

from __future__ import annotations

import functools
import json

import pytest
from agent_stand import make_stand
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Unavailable


@pytest.fixture
def stand():
    return make_stand()


@pytest.fixture
def anna(stand):
    return stand.caller("agent", "Anna")


@pytest.fixture
def chat(stand, anna):
    chat_id = stand.start_chat().session.id
    anna.post(f"/chats/{chat_id}/accept")
    return f"/chats/{chat_id}"


def assert_problem(status, response):
    assert (status, "application/problem+json") == (response.status_code, response.content_type)
    assert status == response.json["status"]


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer gwg_nonsense", "Basic QTpC", "Bearer " + "x" * 600, "\xff"]
)
def test_without_a_valid_token_there_is_a_challenge(stand, header):
    """Absent, malformed and unknown tokens get the same 401."""
    answer = stand.app.test_client().get("/agent/v1/chats", headers={"Authorization": header})
    assert_problem(401, answer)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="gateway"'


def test_a_revoked_token_fails_at_once(stand, anna):
    """Nothing remembers a token."""
    stand.accounts.revoke(stand.accounts.list()[0].fingerprint)
    assert_problem(401, anna.get("/me"))


def test_unknown_things_are_not_found(anna):
    """Unknown chat, unknown path below the API, unknown path of the application."""
    assert_problem(404, anna.get("/chats/nope"))
    assert_problem(404, anna.post("/chats/nope/accept"))
    assert_problem(404, anna.get("/nope"))
    assert_problem(404, anna.client.get("/nowhere"))


def test_a_wrong_method_is_405_with_allow(anna):
    """The answer says what would be allowed."""
    answer = anna.client.delete("/agent/v1/chats", headers=anna.headers)
    assert_problem(405, answer)
    assert {"GET", "HEAD", "OPTIONS"} == set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize("query", ["from=x", "from=-1", "from=99999999999999999999", "from=", "from=1.5"])
def test_a_bad_position_is_422(anna, chat, query):
    """Positions are whole numbers from 0 on."""
    assert_problem(422, anna.get(f"{chat}/events?{query}"))


def test_a_bad_state_is_422(anna):
    """Only the documented states can be listed."""
    assert_problem(422, anna.get("/chats?state=ended"))


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (400, b"{", "application/json"),
        (400, b"\xff\xfe", "application/json"),
        (400, b'{"text": NaN}', "application/json"),
        (400, b'{"text": "\\ud800"}', "application/json"),
        (400, b"[" * 100_000, "application/json"),
        (415, b"text=hi", "application/x-www-form-urlencoded"),
        (415, b'{"text":"hi"}', "text/plain"),
        (422, b"", "application/json"),
        (422, b"[]", "application/json"),
        (422, b"null", "application/json"),
        (422, b'{"text": 7}', "application/json"),
        (422, b'{"text": null}', "application/json"),
        (422, b'{"text": ""}', "application/json"),
        (422, b'{"text": "hi", "surprise": 1}', "application/json"),
        (422, b'{"text": "hi", "messageType": {}}', "application/json"),
        (422, b'{"text": "hi", "eventAttributes": []}', "application/json"),
        (
            422,
            b'{"text": "hi", "eventAttributes": %s}' % (b'{"a":' * 40 + b"1" + b"}" * 40),
            "application/json",
        ),
        (422, b'{"text": "%s"}' % (b"x" * 10_001), "application/json"),
        (413, b'{"text": "%s"}' % (b"x" * 1_100_000), "application/json"),
    ],
)
def test_a_bad_message_is_refused(anna, chat, status, body, content_type):
    """Each way in which a body can be wrong has its status, and nothing is committed."""
    answer = anna.client.post(
        f"/agent/v1{chat}/messages", data=body, headers=anna.headers, content_type=content_type
    )
    assert_problem(status, answer)
    assert anna.get(chat).json["nextPosition"] == 3


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//host/x", "http://u:p@host/", "http://[", "no url", ""]
)
def test_a_bad_push_url_is_refused(anna, chat, url):
    """Only absolute http and https addresses reach a customer."""
    assert_problem(422, anna.post(f"{chat}/push-url", {"url": url}))


def test_a_member_that_fails_is_named(anna, chat):
    """Validation messages come per member."""
    assert anna.post(f"{chat}/messages", {"text": 7}).json["errors"] == {
        "json": {"text": ["Not a valid string."]}
    }


def test_temporary_trouble_is_503_with_retry_after(stand, anna, chat, monkeypatch):
    """A store that cannot write is told as such; the caller knows when to come back."""

    def fail(change):
        raise Unavailable("disk full at /secret/path")

    monkeypatch.setattr(stand.store, "commit", fail)
    answer = anna.post(f"{chat}/messages", {"text": "hi"})
    assert_problem(503, answer)
    assert answer.headers["Retry-After"] == "2"
    assert b"secret" not in answer.data


def test_a_bug_is_500_and_tells_nothing(stand, anna, monkeypatch):
    """The text of an unexpected exception stays in the log."""

    def fail(*_, **__):
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(stand.store, "open_chats", fail)
    answer = anna.get("/chats")
    assert_problem(500, answer)
    assert b"hunter2" not in answer.data


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = ("text", "state", "url", "messageType", "userData", "eventAttributes")


@functools.cache
def open_chat():
    """One chat for all examples: what they send does not depend on what was sent before."""
    stand = make_stand()
    caller = stand.caller("agent", "Anna")
    chat_id = stand.start_chat().session.id
    caller.post(f"/chats/{chat_id}/accept")
    return caller, chat_id


@settings(max_examples=60, deadline=None)
@given(
    action=st.sampled_from(("messages", "typing", "notices", "push-url")),
    body=st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=4) | JSON,
)
def test_any_json_in_any_member_never_fails_the_gateway(action, body):
    """Whatever is sent, the answer is a success or a 4xx."""
    caller, chat_id = open_chat()
    answer = caller.client.post(
        f"/agent/v1/chats/{chat_id}/{action}",
        data=json.dumps(body),
        headers=caller.headers,
        content_type="application/json",
    )
    assert answer.status_code == 200 or 400 <= answer.status_code < 500


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=64), path=st.text(max_size=20))
def test_any_bytes_and_any_path_never_fail_the_gateway(body, path):
    """Raw bytes as body, raw text as chat id."""
    caller, _ = open_chat()
    answer = caller.client.post(
        f"/agent/v1/chats/{path}/messages", data=body, headers=caller.headers, content_type="application/json"
    )
    assert 400 <= answer.status_code < 500 or answer.status_code == 308
