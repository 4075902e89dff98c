"""The demo's receiver keeps what it is sent, as it is sent, within bounds; its agent is one for everybody."""

from __future__ import annotations

import pytest
from flask import Flask

from gateway.api import demo, problem
from gateway.chat.accounts import AGENT, Accounts
from gateway.clock import ManualClock
from gateway.errors import Forbidden
from gateway.ids import Ids
from gateway.store.memory import MemoryStore


@pytest.fixture
def accounts():
    return Accounts(MemoryStore(), Ids(), ManualClock())


@pytest.fixture
def client(accounts):
    app = Flask("demo")
    problem.install(app)
    blueprint = demo.create_blueprint(clock=ManualClock(), accounts=accounts, inbox=demo.Inbox(capacity=3))
    app.register_blueprint(blueprint)
    return app.test_client()


def bodies(answer):
    return [item["body"] for item in answer.json["items"]]


def test_notifications_are_shown_newest_last(client):
    """Each comes with its number, time and the headers a receiver looks at, but no credentials."""
    headers = {"webhook-id": "msg_1", "Authorization": "Basic secret", "X-Chat-Id": "c1"}
    assert (
        client.post("/demo/receiver", json={"deviceId": "d", "message": "one"}, headers=headers).status_code
        == 204
    )
    client.post("/demo/receiver", json={"deviceId": "d", "message": {"n": 2}})
    answer = client.get("/demo/received")
    assert [body["message"] for body in bodies(answer)] == ["one", {"n": 2}]
    first = answer.json["items"][0]
    assert (first["number"], first["receivedAt"], answer.json["last"]) == (1, "2019-09-16T19:32:41.000Z", 2)
    assert {"content-type": "application/json", "webhook-id": "msg_1", "x-chat-id": "c1"}.items() <= first[
        "headers"
    ].items()
    assert b"secret" not in answer.data


def test_a_page_asks_for_what_is_new(client):
    """`after` leaves out what was seen; the oldest entries make room."""
    for number in range(1, 6):
        client.post("/demo/receiver", json=number)
    assert bodies(client.get("/demo/received")) == [3, 4, 5]
    assert bodies(client.get("/demo/received?after=4")) == [5]
    assert (
        bodies(client.get("/demo/received?after=5")),
        client.get("/demo/received?after=5").json["last"],
    ) == ([], 5)


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (400, b"{", "application/json"),
        (400, b"", "application/json"),
        (400, b"\xef\xbb\xbf{}", "application/json"),
        (415, b"{}", "text/plain"),
        (413, b'"%s"' % (b"x" * 140_000), "application/json"),
    ],
)
def test_anything_else_is_refused(client, status, body, content_type):
    """Only JSON of a bounded size gets in; a page elsewhere cannot fill the list with a simple request."""
    answer = client.post("/demo/receiver", data=body, content_type=content_type)
    assert (status, "application/problem+json") == (answer.status_code, answer.content_type)
    assert bodies(client.get("/demo/received")) == []


def test_deeply_nested_json_is_shown_as_it_came(client):
    """What the parser takes can always be shown: the bytes are not encoded again."""
    nested = b"[" * 900 + b"]" * 900
    assert client.post("/demo/receiver", data=nested, content_type="application/json").status_code == 204
    assert nested in client.get("/demo/received").data


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "9" * 20, "", "\u0663"])
def test_a_bad_number_is_422(client, after):
    """Numbers are ASCII digits."""
    assert client.get("/demo/received", query_string={"after": after}).status_code == 422


def test_without_demo_mode_there_is_no_receiver():
    """An application that does not register the blueprint answers 404, as a problem."""
    app = Flask("plain")
    problem.install(app)
    client = app.test_client()
    answers = [client.get("/demo/received"), client.post("/demo/receiver", json={})]
    assert [(a.status_code, a.content_type) for a in answers] == [(404, "application/problem+json")] * 2


OWN = {"Origin": "http://localhost"}


def test_everybody_is_the_same_demo_agent(client, accounts):
    """Each visitor gets the one token of an agent, so that visits leave nothing behind."""
    first, second = (client.post("/demo/agent", headers=OWN) for _ in range(2))
    assert first.json == second.json
    assert first.headers["Cache-Control"] == "no-store"
    account = accounts.authenticate(first.json["token"])
    assert (account.name, account.role) == (demo.AGENT_NAME, AGENT)
    assert len(accounts.list()) == 1


def test_a_revoked_demo_agent_is_replaced(client, accounts):
    """What an administrator has revoked does not count any more, and the next visitor gets another token."""
    old = client.post("/demo/agent", headers=OWN).json["token"]
    accounts.revoke(accounts.list()[0].fingerprint)
    new = client.post("/demo/agent", headers=OWN).json["token"]
    assert accounts.authenticate(new).name == demo.AGENT_NAME
    with pytest.raises(Forbidden):
        accounts.authenticate(old)


def test_only_one_process_has_a_demo_agent(accounts):
    """A token of an earlier process does not count after the first visitor of this one."""
    tokens = [demo.DemoAgent(accounts).token() for _ in range(2)]
    assert accounts.authenticate(tokens[1])
    with pytest.raises(Forbidden):
        accounts.authenticate(tokens[0])


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_no_page_of_another_site_gets_a_demo_agent(client, accounts, headers):
    """The token is for the gateway's own page."""
    assert client.post("/demo/agent", headers=headers).status_code == 403
    assert len(accounts.list()) == 0
