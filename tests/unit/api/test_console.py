"""Logging in to the console: cookie, forgery, throttling, end of sessions (targets: identity and rights)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_stand import DeskStand
from flask.testing import FlaskClient

from gateway.bayeux import Peer
from gateway.chat.directory import AccountChanges

PASSWORD = "correct horse battery"
ORIGIN = {"Origin": "http://localhost"}
HANDSHAKE = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[DeskStand]:
    stand = DeskStand(tmp_path)
    stand.gateway.directory.create("Eve", "agent", AccountChanges(password=PASSWORD))
    yield stand
    stand.gateway.close()


def login(client: FlaskClient, password: str = PASSWORD, name: str = "Eve", **kwargs):
    headers = kwargs.pop("headers", ORIGIN)
    body = {"name": name, "password": password}
    return client.post("/agent/v1/login", json=body, headers=headers, **kwargs)


def logged_in(stand: DeskStand) -> tuple[FlaskClient, dict[str, str]]:
    client = stand.app.test_client()
    return client, ORIGIN | {"X-CSRF-Token": login(client).json["csrfToken"]}


def test_the_cookie(stand: DeskStand) -> None:
    """HttpOnly, SameSite=Strict, Path=/; with https also Secure and the name `__Host-`."""
    plain = login(stand.app.test_client()).headers["Set-Cookie"]
    assert plain.startswith("console=gwc_")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(plain.split("; "))
    secure = login(
        stand.app.test_client(), headers={"Origin": "https://localhost"}, base_url="https://localhost"
    ).headers["Set-Cookie"]
    assert secure.startswith("__Host-console=gwc_")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(secure.split("; "))


def test_nothing_secret_is_stored(stand: DeskStand) -> None:
    """argon2id instead of the password, a fingerprint instead of the cookie."""
    cookie = login(stand.app.test_client()).headers["Set-Cookie"].split(";")[0].split("=", 1)[1]
    stand.gateway.store.flush()
    content = b"".join(path.read_bytes() for path in stand.directory.glob("gateway.sqlite3*"))
    assert b"$argon2id$" in content
    assert PASSWORD.encode() not in content
    assert cookie.encode() not in content


@pytest.mark.parametrize(("name", "password"), [("Eve", "wrong password"), ("Nobody", PASSWORD), ("Eve", "")])
def test_a_wrong_name_or_password(stand: DeskStand, name: str, password: str) -> None:
    """One answer for both."""
    answer = login(stand.app.test_client(), password, name)
    assert (401, "unknown name or wrong password") == (answer.status_code, answer.json["detail"])


def test_the_sixth_attempt_in_a_minute_is_refused(stand: DeskStand) -> None:
    """Five per address and name, also with the right password; another name is not affected."""
    client = stand.app.test_client()
    assert [401] * 5 == [login(client, "wrong password").status_code for _ in range(5)]
    refused = login(client)
    assert (429, "60") == (refused.status_code, refused.headers["Retry-After"])
    assert 401 == login(client, name="Ben").status_code
    stand.clock.advance(60)
    assert 200 == login(client).status_code


def test_passwords_tried_on_many_names_count_as_bad_keys(stand: DeskStand) -> None:
    """Ten wrong ones of one address in a minute, whatever the names; not another address or who was here."""
    client = stand.app.test_client()
    stand.gateway.directory.create("Ben", "agent", AccountChanges(password=PASSWORD))
    assert 200 == login(client, name="Ben").status_code
    assert [401] * 10 == [login(client, name=f"Name {number}").status_code for number in range(10)]
    refused = login(client)
    assert (429, "60") == (refused.status_code, refused.headers["Retry-After"])
    assert 200 == login(client, name="Ben").status_code
    assert 200 == login(client, environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code
    stand.clock.advance(60)
    assert 200 == login(client).status_code


def test_a_session_id_cannot_be_planted(stand: DeskStand) -> None:
    """Fixation: a login ignores the id that the browser brought, and ends that session."""
    client, _ = logged_in(stand)
    old = client.get_cookie("console").value
    login(client)
    assert old != client.get_cookie("console").value
    thief = stand.app.test_client()
    thief.set_cookie("console", old)
    assert 401 == thief.get("/agent/v1/me").status_code


@pytest.mark.parametrize(
    "broken",
    [
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "csrf_guessed"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_forged_request_changes_nothing(stand: DeskStand, broken: dict[str, str]) -> None:
    """An unsafe method needs the token of this session and our own origin; reading needs neither."""
    client, headers = logged_in(stand)
    body = {"ready": True}
    assert 403 == client.put("/agent/v1/duty", json=body, headers=headers | broken).status_code
    without_origin = {"X-CSRF-Token": headers["X-CSRF-Token"]}
    assert 403 == client.put("/agent/v1/duty", json=body, headers=without_origin).status_code
    assert client.get("/agent/v1/duty").json["ready"] is False
    assert 200 == client.put("/agent/v1/duty", json=body, headers=headers).status_code


def test_a_login_from_another_page_is_refused(stand: DeskStand) -> None:
    """Login forgery: no cookie for a foreign origin."""
    answer = login(stand.app.test_client(), headers={"Origin": "https://evil.example"})
    assert (403, None) == (answer.status_code, answer.headers.get("Set-Cookie"))


def test_idle_and_absolute_end(stand: DeskStand) -> None:
    """30 minutes without a request, or 12 hours in all."""
    client, _ = logged_in(stand)
    stand.clock.advance(29 * 60)
    assert 200 == client.get("/agent/v1/session").status_code
    stand.clock.advance(30 * 60)
    assert 401 == client.get("/agent/v1/session").status_code
    client, _ = logged_in(stand)
    for _ in range(25):
        stand.clock.advance(29 * 60)
        client.get("/agent/v1/session")
    assert 401 == client.get("/agent/v1/session").status_code


def live(stand: DeskStand, token: str):
    """A Bayeux session of this token, or None when it is refused."""
    gateway = stand.gateway
    message = HANDSHAKE | {"ext": {"agent": {"token": token}}}
    result = gateway.exchange.process([message], Peer(transport="long-polling"))
    gateway.exchange.written(result)
    return result.opened


def test_a_ticket_opens_live_events_once(stand: DeskStand) -> None:
    """One handshake within a minute."""
    client, headers = logged_in(stand)
    ticket = client.post("/agent/v1/ticket", headers=headers).json["token"]
    assert live(stand, ticket) is not None
    assert live(stand, ticket) is None
    ticket = client.post("/agent/v1/ticket", headers=headers).json["token"]
    stand.clock.advance(61)
    assert live(stand, ticket) is None


@pytest.mark.parametrize("how", ["logout", "disable", "revoke", "disable token's", "password"])
def test_the_end_of_a_credential_ends_live_events(stand: DeskStand, how: str) -> None:
    """The next look (at most half a second later) takes the Bayeux session away; others stay."""
    gateway = stand.gateway
    client, headers = logged_in(stand)
    bystander = live(stand, gateway.accounts.create("agent", "Ben"))
    if how in ("revoke", "disable token's"):
        token = gateway.accounts.create("agent", "Eve")
        session = live(stand, token)
        if how == "revoke":
            gateway.accounts.revoke(gateway.accounts.of_token(token).fingerprint)
        else:
            gateway.directory.change("Eve", AccountChanges(disabled=True))
    else:
        session = live(stand, client.post("/agent/v1/ticket", headers=headers).json["token"])
        if how == "logout":
            assert 200 == client.post("/agent/v1/logout", headers=headers).status_code
        elif how == "disable":
            gateway.directory.change("Eve", AccountChanges(disabled=True))
        else:
            gateway.directory.change("Eve", AccountChanges(password="another password"))
    assert session.closed is False
    stand.sweep()
    assert (True, False) == (session.closed, bystander.closed)


def test_a_disabled_account_cannot_send(stand: DeskStand) -> None:
    """The message before is kept, the one after is refused: by cookie and by token."""
    client, headers = logged_in(stand)
    token = stand.person("Eve")
    chat = stand.customer().chat_id
    url = f"/agent/v1/chats/{chat}"
    assert 200 == client.post(f"{url}/accept", headers=headers).status_code
    assert 200 == client.post(f"{url}/messages", json={"text": "a"}, headers=headers).status_code
    stand.gateway.directory.change("Eve", AccountChanges(disabled=True))
    assert 401 == client.post(f"{url}/messages", json={"text": "b"}, headers=headers).status_code
    assert 401 == token.post(f"/chats/{chat}/messages", {"text": "c"}).status_code
    assert 401 == login(client).status_code
    events = stand.gateway.store.events(chat, 1, limit=10)
    assert [b'"text":"a"'] == [b'"text":"a"' for event in events if b'"text":"a"' in event.wire]
    assert 3 == len(events)


def test_accounts_over_the_api(stand: DeskStand) -> None:
    """Create (the generated password works once shown), list in pages, change, disable; names are unique."""
    admin = stand.person("Root", "admin")
    made = admin.post("/admin/v1/accounts", {"name": "Ben", "role": "agent", "endpoints": ["a:b"]})
    assert (200, ["a:b"]) == (made.status_code, made.json["endpoints"])
    assert 200 == login(stand.app.test_client(), made.json["password"], "Ben").status_code
    assert 409 == admin.post("/admin/v1/accounts", {"name": "Ben", "role": "agent"}).status_code
    listed = admin.get("/admin/v1/accounts?limit=1&offset=0").json
    assert (["Ben"], 2) == ([item["name"] for item in listed["items"]], listed["total"])
    assert "password" not in listed["items"][0]
    changed = admin.call("PATCH", "/admin/v1/accounts/Ben", {"disabled": True, "capacity": 2})
    assert (2, True) == (changed.json["capacity"], changed.json["disabledAt"] is not None)
    assert 404 == admin.get("/admin/v1/accounts/Nobody").status_code
    for body in ({"name": "X", "role": "agent", "password": "short"}, {"name": "X", "role": "king"}):
        assert 422 == admin.post("/admin/v1/accounts", body).status_code


def test_tokens_over_the_api(stand: DeskStand) -> None:
    """Made and shown once, listed without their text, revoked."""
    admin = stand.person("Root", "admin")
    made = admin.post("/admin/v1/tokens", {"name": "Robot", "role": "bot"}).json
    assert "bot" == stand.gateway.accounts.authenticate(made["token"]).role
    assert made["token"] not in admin.get("/admin/v1/tokens").text
    gone = admin.call("DELETE", f"/admin/v1/tokens/{made['fingerprint']}")
    assert gone.json["revokedAt"] is not None
    assert 404 == admin.call("DELETE", f"/admin/v1/tokens/{made['fingerprint']}").status_code
