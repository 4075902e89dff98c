"""Every REST operation and error code of Chat API v2 against the golden table."""

from __future__ import annotations

import pytest
from unit.chat.engine import ALICE
from wire.rest.golden import CASES, GONE, Case
from wire.rest.rest_client import Rest, masked


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_golden(case: Case, rest: Rest):
    """The answer to each documented request is exactly the documented one."""
    path, body = case.path, case.body
    if "{id}" in path:
        chat = rest.start()
        for step in case.before:
            take(step, chat)
        keys = "&".join(f"{name}={value}" for name, value in chat.identity.items())
        path, body = path.replace("{id}", chat.id), body.replace("{keys}", keys)
    response = rest.post(path, body.encode())
    assert masked(response.json) == case.answer
    assert response.status_code == case.status
    assert response.headers["Content-Type"] == "application/json;charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def take(step: str, chat) -> None:
    """Do one of the steps that a row may name."""
    if step == "agent":
        chat.accept()
    elif step == "agent says":
        chat.rest.engine.agents.send(ALICE, chat.id, "hello")
    elif step in ("idle alert", "idle"):
        chat.rest.idle(255)
        chat.rest.idle(45 if step == "idle" else 0)
    elif step == "left":
        chat.ok("disconnect")
    else:
        raise ValueError(step)


@pytest.mark.parametrize(
    "operation", [case.path.partition("{id}/")[2] for case in CASES if case.name.endswith(": after the end")]
)
@pytest.mark.parametrize("wrong", ["key", "no key", "user", "chat", "service", "another chat's key"])
def test_what_does_not_fit_is_one_answer(operation: str, wrong: str, rest: Rest):
    """Unknown chat, unknown user, wrong key: the same status and body, whatever the operation (9.3, 4.1)."""
    chat, other = rest.start(), rest.start()
    fields, service, chat_id = dict(chat.identity), "customer-support", chat.id
    match wrong:
        case "key":
            fields["secureKey"] = "wrong"
        case "no key":
            del fields["secureKey"]
        case "user":
            fields["userId"] = other.identity["userId"]
        case "chat":
            chat_id = "0000000000000000"
        case "service":
            service = "another"
        case _:
            fields["secureKey"] = other.identity["secureKey"]
    response = rest.post(f"chat/{service}/{chat_id}/{operation}", {**fields, "message": "hi"})
    assert (response.status_code, masked(response.json)) == (200, GONE)


def test_an_absent_user_id_and_a_wrong_alias_are_tolerated(chat):
    """The pair (chatId, secureKey) is enough; the alias is never looked at (6)."""
    for identity in ({"userId": ""}, {"alias": "9"}, {"alias": ""}):
        assert chat.ok("refresh", identity)["messages"]


def test_chat_ntf(rest, chat):
    """File operations of CometD mode: the key alone, the CometD identity, the documented codes (7.5)."""
    key = {"secureKey": chat.identity["secureKey"]}
    for operation in ("fileGetLimits", "fileGetsLimits"):
        answer = rest.post("chat-ntf", {**key, "operation": operation}).json
        assert (answer["statusCode"], answer["chatId"], answer["userId"], answer["alias"]) == (
            0,
            "deprecated",
            "deprecated",
            "0",
        )
        assert answer["messages"][0]["text"] == "file-client-cfg-get"
    for operation, status, code in (
        ("fileUpload", 400, 101),
        ("fileDownload", 404, 206),
        ("fileDelete", 404, 206),
        ("fileRename", 400, 101),
        ("", 400, 101),
    ):
        response = rest.post("chat-ntf", {**key, "operation": operation, "fileId": "1"})
        assert (response.status_code, response.json["errors"][0]["code"]) == (status, code)
        assert (response.json["chatId"], response.json["alias"]) == ("deprecated", "0")
    gone = rest.post("chat-ntf", {"secureKey": "wrong", "operation": "fileGetLimits"})
    assert (gone.status_code, gone.json["statusCode"], gone.json["errors"][0]["code"]) == (200, 2, 249)
