"""Each operation of the OpenAPI document, called with each role: who gets in and who does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from desk_stand import DeskStand

ROLES = ("agent", "supervisor", "admin", "bot")
PEOPLE = {"agent", "supervisor", "admin"}
OVERSEERS = {"supervisor", "admin"}
EVERYBODY = frozenset(ROLES)
# operationId -> roles that get in. What is not named here fails the test: a new operation must be decided on.
ALLOWED: dict[str, frozenset[str] | set[str]] = {
    **dict.fromkeys(("me", "list_chats", "get_chat", "read_events", "accept", "send", "typing"), EVERYBODY),
    **dict.fromkeys(("notice", "push_url", "leave", "close", "park", "restore"), EVERYBODY),
    **dict.fromkeys(("list_files", "upload_file", "download_file", "delete_file"), EVERYBODY),
    **dict.fromkeys(("get_duty", "list_agents", "list_queues", "list_offers", "decline"), EVERYBODY),
    **dict.fromkeys(
        ("list_dispositions", "list_replies", "read", "ticket", "withdraw", "transfer"), EVERYBODY
    ),
    **dict.fromkeys(("set_duty", "consult", "whisper", "add_note", "edit_note"), PEOPLE),
    **dict.fromkeys(("drop_note", "dispose", "add_reply", "put_reply", "drop_reply"), PEOPLE),
    **dict.fromkeys(("read_history", "search_chats"), PEOPLE),
    **dict.fromkeys(("monitor", "barge_in"), OVERSEERS),
    **dict.fromkeys(("list_accounts", "create_account", "get_account", "change_account"), {"admin"}),
    **dict.fromkeys(("list_tokens", "create_token", "revoke_token"), {"admin"}),
    **dict.fromkeys(("find_chats", "show_chat", "export_chat"), OVERSEERS),
    **dict.fromkeys(("purge_chat", "purge_customer", "show_config"), {"admin"}),
    **dict.fromkeys(("list_sessions", "list_nodes", "show_figures", "test_destination"), {"admin"}),
    **dict.fromkeys(("list_deliveries", "show_delivery", "replay_delivery", "cancel_delivery"), {"admin"}),
    **dict.fromkeys(("replay_window", "list_destinations", "enable_destination"), {"admin"}),
}
# A login is made of a name and a password, a session of a cookie: neither asks for a role.
WITHOUT_ROLE = {"login", "logout", "session"}
INI = "[limits]\nenabled=false\n[settings]\nsession-restore-extend-by=both\n"
BODIES: dict[str, dict[str, Any]] = {
    "set_duty": {"ready": False},
    "send": {"text": "hi"},
    "typing": {},
    "notice": {"text": "hi"},
    "push_url": {"url": "https://a.example/"},
    "transfer": {"queue": "a:b"},
    "consult": {"agent": "Nobody"},
    "withdraw": {"agent": "Nobody"},
    "whisper": {"text": "hi"},
    "add_note": {"text": "hi"},
    "edit_note": {"text": "hi"},
    "dispose": {"code": "done"},
    "read": {"position": 1},
    "add_reply": {"shortcut": "hi", "text": "Hello"},
    "put_reply": {"shortcut": "hi", "text": "Hello"},
    "create_account": {"name": "Neu", "role": "agent"},
    "change_account": {"capacity": 3},
    "create_token": {"name": "Neu", "role": "agent"},
    "purge_customer": {"email": "nobody@shop.example"},
}


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskStand]:
    stand = DeskStand(tmp_path_factory.mktemp("matrix"), INI)
    yield stand
    stand.gateway.close()


def operations(stand: DeskStand) -> list[tuple[str, str, str]]:
    """(operationId, method, path) of the document."""
    document = stand.app.test_client().get("/openapi.json").json
    return [
        (operation["operationId"], method.upper(), path)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    ]


def path_for(stand: DeskStand, path: str, role: str) -> str:
    """The path with an asynchronous chat in which this role's account takes part, openly."""
    chat = stand.customer(**{"userData[GCTI_Chat_AsyncMode]": "true"}).chat_id
    stand.person(role, role).post(f"/chats/{chat}/accept")
    known = {"chatId": chat, "noteId": "1", "name": "agent", "fingerprint": "0" * 16}
    return re.sub(r"{(\w+)}", lambda found: known.get(found[1], "none"), path).removeprefix("/agent/v1")


def test_every_operation_is_decided_on(stand: DeskStand) -> None:
    """The document and the table name the same operations."""
    named = {operation for operation, _, _ in operations(stand)}
    assert named - WITHOUT_ROLE == set(ALLOWED)


@pytest.mark.parametrize("role", ROLES)
def test_role_and_operation(stand: DeskStand, role: str) -> None:
    """A role gets past the door exactly where the table says so: 403 elsewhere, never 401, never 500."""
    wrong = []
    for operation, method, path in operations(stand):
        if operation in WITHOUT_ROLE:
            continue
        answer = stand.person(role, role).call(method, path_for(stand, path, role), BODIES.get(operation))
        allowed = answer.status_code != 403
        if allowed is not (role in ALLOWED[operation]) or answer.status_code in (401, 500):
            wrong.append((operation, answer.status_code))
    assert [] == wrong


def test_strangers_get_nowhere(stand: DeskStand) -> None:
    """Without a credential, and with a bad one, each operation is 401 (403 where an origin is missing)."""
    client = stand.app.test_client()
    wrong = []
    for operation, method, path in operations(stand):
        for headers in ({}, {"Authorization": "Bearer gwa_wrong"}):
            url = re.sub(r"{\w+}", "1", path)
            answer = client.open(url, method=method, json=BODIES.get(operation), headers=headers)
            if answer.status_code != 401 and operation != "login":
                wrong.append((operation, answer.status_code))
            assert answer.content_type == "application/problem+json"
    assert [] == wrong


def test_the_agent_of_another_chat_gets_nowhere(stand: DeskStand) -> None:
    """An agent in nobody's name: each operation on a chat that somebody else serves is 403 (404, 409)."""
    chat = stand.customer().chat_id
    stand.person("agent", "agent").post(f"/chats/{chat}/accept")
    other = stand.person("other")
    got_in = []
    for operation, method, path in operations(stand):
        if "{chatId}" not in path:
            continue
        url = path.replace("{chatId}", chat).replace("{noteId}", "1").replace("{fileId}", "none")
        url = url.removeprefix("/agent/v1")
        if operation == "upload_file":
            answer = other.upload(url, b"%PDF-1.7", "a.pdf")
        else:
            answer = other.call(method, url, BODIES.get(operation))
        if answer.status_code not in (403, 404, 409):
            got_in.append((operation, answer.status_code))
    assert [] == got_in
