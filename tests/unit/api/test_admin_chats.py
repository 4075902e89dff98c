"""`/admin/v1/chats`: who may do what, shapes, search and deletion over HTTP; the command line beside it."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.chat.customers import Party, StartRequest
from gateway.cli import main
from gateway.services import Gateway, Installation

CHATS = "/admin/v1/chats"
PDF = b"%PDF-1.4\n%%EOF\n"


class Stand:
    """A gateway on a file that does not serve; `call` speaks as an account of a role."""

    def __init__(self, directory: Path) -> None:
        self.env = {"DATA_DIR": str(directory), "GATEWAY__LIMITS__ENABLED": "false"}
        self.gateway = Gateway.build(Installation.from_environment(self.env))
        self.http: FlaskClient = create_app(self.gateway).test_client()
        self.tokens = {
            role: self.gateway.accounts.create(role, f"the {role}")
            for role in ("admin", "supervisor", "agent", "bot")
        }

    def call(self, method: str, path: str, role: str = "admin", **kwargs):
        headers = {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
        return self.http.open(CHATS + path, method=method, headers=headers, **kwargs)

    def chat(self, nickname: str = "Ann", text: str = "hello", *, ended: bool = True, **fields) -> Party:
        request = StartRequest(service="demo", origin="rest", nickname=nickname, text=text, **fields)
        party = self.gateway.customers.start(request).party
        if ended:
            self.gateway.customers.leave(party)
        self.gateway.archive.sweep()
        return party

    def content(self, party: Party) -> Path:
        """Where the bytes of the chat's only file lie."""
        (file,) = self.gateway.files.of_chat(party.session.id)
        (path,) = Path(self.env["DATA_DIR"]).rglob(f"{file.id}*")
        return path

    def cli(self, *arguments: str):
        return CliRunner().invoke(main, ["chats", *arguments], env=self.env)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path)
    yield made
    made.gateway.close()


def ids(answer) -> list[str]:
    return [item["chatId"] for item in answer.json["items"]]


READS = [("GET", ""), ("GET", "/{id}"), ("GET", "/{id}/export")]
WRITES = [("POST", "/purge"), ("DELETE", "/{id}")]


@pytest.mark.parametrize(
    ("role", "read", "write"),
    [
        ("admin", {200}, {200, 204}),
        ("supervisor", {200}, {403}),
        ("agent", {403}, {403}),
        ("bot", {403}, {403}),
        ("", {401}, {401}),
    ],
)
def test_each_role_on_each_route(stand: Stand, role: str, read: set[int], write: set[int]):
    """Supervisors read, administrators also delete, nobody else gets in."""
    for routes, wanted in ((READS, read), (WRITES, write)):
        for method, path in routes:
            chat_id = stand.chat().session.id
            body = {"json": {"email": "nobody@shop.example"}} if method == "POST" else {}
            answer = stand.call(method, path.format(id=chat_id), role, **body)
            assert answer.status_code in wanted, (method, path, answer.data)
            if answer.status_code > 400:
                assert "application/problem+json" == answer.content_type


def test_search_over_http(stand: Stand):
    """Each parameter narrows; pages follow the cursor."""
    one = stand.chat("Ann", "my order 4711", email="ann@shop.example").session.id
    two = stand.chat("Eve", "hello", ended=False).session.id
    assert [two, one] == ids(stand.call("GET", ""))
    assert [one] == ids(stand.call("GET", "?text=order&customer=ann"))
    assert [two] == ids(stand.call("GET", "?state=waiting&service=demo"))
    assert ([two], [one]) == tuple(ids(stand.call("GET", f"?state={state}")) for state in ("open", "ended"))
    assert [] == ids(stand.call("GET", "?to=2001-01-01T00:00:00Z"))
    assert [two, one] == ids(stand.call("GET", "?from=2001-01-01T00:00:00Z"))
    page = stand.call("GET", "?limit=1")
    assert [one] == ids(stand.call("GET", f"?limit=1&cursor={page.json['next']}"))
    item = stand.call("GET", f"/{one}").json
    assert ("Ann", "ann@shop.example", "ended") == (item["nickname"], item["email"], item["state"])
    for query in ("?limit=0", "?limit=101", "?state=x", "?from=yesterday", "?cursor=0"):
        assert 422 == stand.call("GET", query).status_code, query


def test_a_listed_chat_has_figures_and_nothing_that_was_said_or_attached(stand: Stand):
    """State, people, times, device and connection; subject, user data and texts stay in the chat itself."""
    secret = "secret subject"
    party = stand.chat("Ann", "my order", ended=False, subject=secret, user_data={"card": secret})
    answer = stand.call("GET", "?state=open", "supervisor")
    (item,) = answer.json["items"]
    assert (party.session.id, "demo", "waiting", "Ann", []) == tuple(
        item[name] for name in ("chatId", "service", "state", "nickname", "agents")
    )
    assert ([], None, False, None) == tuple(
        item[name] for name in ("transports", "push", "reliable", "endedAt")
    )
    assert party.session.next_index - 1 == item["lastIndex"]
    assert [] == re.findall(f"{secret}|my order", answer.text)


def test_a_listed_chat_shows_how_its_customer_is_connected(stand: Stand):
    """The transports of the chat's CometD sessions, each once."""
    hello = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}
    (reply,) = stand.http.post("/genesys/cometd", json=[hello]).json
    request = {"operation": "requestChat", "nickname": "Wanda"}
    channel = "/service/chatV2/customer-support"
    stand.http.post(
        "/genesys/cometd", json=[{"channel": channel, "clientId": reply["clientId"], "data": request}]
    )
    (item,) = stand.call("GET", "?state=open").json["items"]
    assert ("Wanda", ["long-polling"]) == (item["nickname"], item["transports"])


def test_exports_over_http(stand: Stand):
    """JSON and text, as attachments that no browser renders."""
    chat_id = stand.chat(text="<script>").session.id
    as_json = stand.call("GET", f"/{chat_id}/export")
    as_text = stand.call("GET", f"/{chat_id}/export?format=text")
    assert ["<script>"] == [each["text"] for each in as_json.json["events"] if each["type"] == "Message"]
    assert ("text/plain; charset=utf-8", "attachment", "nosniff") == (
        as_text.content_type,
        as_text.headers["Content-Disposition"],
        as_text.headers["X-Content-Type-Options"],
    )
    assert "Ann: <script>" in as_text.text
    assert 422 == stand.call("GET", f"/{chat_id}/export?format=pdf").status_code
    assert 404 == stand.call("GET", "/unknown/export").status_code


def test_deletion_over_http(stand: Stand):
    """One chat, and all of a customer, open ones too; what says nobody is refused."""
    one = stand.chat().session.id
    assert (204, b"") == ((answer := stand.call("DELETE", f"/{one}")).status_code, answer.data)
    assert 404 == stand.call("DELETE", f"/{one}").status_code
    stand.chat(email="ann@shop.example")
    stand.chat(email="ann@shop.example", ended=False)
    stand.chat(user_data={"account": "7"})
    kept = stand.chat(email="eve@shop.example").session.id
    assert {"deleted": 2} == stand.call("POST", "/purge", json={"email": "ann@shop.example"}).json
    assert {"deleted": 1} == stand.call("POST", "/purge", json={"key": "account", "value": "7"}).json
    assert [kept] == ids(stand.call("GET", ""))
    for body in ({}, {"email": ""}, {"key": "account"}, {"value": "7"}, {"email": None}, []):
        assert 422 == stand.call("POST", "/purge", json=body).status_code, body


@pytest.mark.parametrize("way", ["http", "command line"])
def test_deletion_takes_the_contents_of_files(stand: Stand, way: str):
    """However a chat is deleted, the bytes of its files leave the disk, and those of another chat stay."""
    deleted, kept = stand.chat(ended=False), stand.chat(ended=False)
    for party in (deleted, kept):
        incoming = stand.gateway.files.begin(party, "a.pdf")
        incoming.spool.write(PDF)
        stand.gateway.files.finish(party, incoming, {})
    gone, stays = (stand.content(party) for party in (deleted, kept))
    stand.gateway.customers.leave(deleted)
    assert gone.exists()
    if way == "http":
        stand.call("DELETE", f"/{deleted.session.id}")
    else:
        stand.cli("purge", deleted.session.id)
    assert (False, True) == (gone.exists(), stays.exists())


def test_the_command_line_does_the_same(stand: Stand):
    """list, show, export and purge on the file of a running gateway; errors are one line and exit code 1."""
    one = stand.chat("Ann", "my order", email="ann@shop.example").session.id
    two = stand.chat("Eve", ended=False).session.id
    assert [two, one] == [line.split()[0] for line in stand.cli("list").output.splitlines()]
    assert [two] == [line.split()[0] for line in stand.cli("list", "--state", "open").output.splitlines()]
    assert one in stand.cli("list", "--text", "order", "--from", "2001-01-01", "--limit", "1").output
    assert "Ann: my order" in stand.cli("show", one).output
    assert f'"chatId":"{one}"' in stand.cli("export", one).output
    shown, exported = stand.cli("show", one), stand.cli("export", one, "--format", "text")
    assert shown.output.strip() == exported.output.strip()
    for arguments, line in [
        (("show", "unknown"), "gateway: no such chat"),
        (("purge", two), "gateway: the chat is open; end it first, or use the API"),
        (("purge", "--user-data", "", ""), "gateway: 101: email or userData"),
    ]:
        done = stand.cli(*arguments)
        assert (line, "Traceback" in done.output) == (done.output.strip(), False)
    assert "deleted 1\n" == stand.cli("purge", "--email", "ann@shop.example").output
    stand.gateway.store.flush()
    assert [two] == ids(stand.call("GET", ""))
