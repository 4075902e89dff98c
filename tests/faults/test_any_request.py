"""Generated requests to the customers' REST surface, which no OpenAPI document describes.

Any method, any path below `/genesys/2`, any content type; a body of any bytes, any JSON in any member, any
form, any multipart: never a 5xx, always the chat response object of this wire (spec/chat-api-v2.md 4 and 9),
no trace in the log, and the attacked chat goes on.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support import hostile
from support.clients import PATIENCE_S, Agent, Rest
from support.gateway import RunningGateway

INI = "[limits]\nenabled=false\n"
TRACES = ("Traceback", "unhandled_error", "operation_failed", "request_failed")

CHAT, FILE = "{chat}", "{file}"  # replaced by the ids of the attacked chat and of a file in it
# All but `disconnect`: the chat has to be there at the end.
OPERATIONS = (
    *("send", "refresh", "startTyping", "stopTyping", "pushUrl", "updateNickname", "updateData"),
    *("customNotice", "readReceipt", "file", "file/limits", f"file/{FILE}/download", f"file/{FILE}"),
)
MEMBERS = (
    *("alias", "chatId", "emailAddress", "endpoint", "eventAttributes", "fileId", "firstName", "lastName"),
    *("message", "messageId", "messageType", "nickname", "operation", "pushUrl", "secureKey", "subject"),
    *("text", "transcriptPosition", "userId", "userData", "userData[a]", "userData[a][b]", "userData["),
)
# Methods that are none by length are refused by the HTTP parser, before any wire is known.
METHODS = ("POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "FOO")

ANY_SEGMENT = st.text(max_size=12).map(lambda text: quote(text.encode("utf-8", "replace"), safe="")) | (
    st.binary(max_size=6).map(lambda raw: quote(raw, safe=""))
)
SEGMENT = ANY_SEGMENT | st.sampled_from(
    ("", ".", "..", "%2e%2e", "%2F", "%00", "chat", "chat-ntf", "support", CHAT, *OPERATIONS)
)
LIVE_PATH = st.sampled_from(
    ("chat/support", "chat-ntf", *(f"chat/support/{CHAT}/{name}" for name in OPERATIONS))
)
PATH = LIVE_PATH | st.lists(SEGMENT, max_size=6).map("/".join)
QUERY = st.just("") | st.dictionaries(st.sampled_from(MEMBERS), st.text(max_size=8), max_size=3).map(
    lambda pairs: "?" + urlencode(pairs, errors="replace")
)
HEADER_TEXT = st.text(st.characters(max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=40).map(
    str.strip
)
CONTENT_TYPE = st.sampled_from(hostile.CONTENT_TYPES) | HEADER_TEXT

JSON_BODY = hostile.fields(MEMBERS)
FORM_BODY = st.lists(
    st.tuples(st.sampled_from(MEMBERS) | st.text(max_size=6), st.text(max_size=20)), max_size=8
)
PART = st.tuples(
    st.sampled_from((*MEMBERS, "file", "")) | st.text(max_size=6),
    st.none() | st.text(max_size=12),  # the filename, if any
    st.sampled_from(("", "text/plain", "application/octet-stream", "multipart/mixed", "\x00")),
    st.binary(max_size=60),
)


@st.composite
def multiparts(draw: st.DrawFn) -> tuple[str, bytes]:
    """A content type and a multipart body, whole or cut off anywhere."""
    boundary = draw(st.sampled_from(("x", "--", "a b", "b" * 70, "b" * 300)))
    body = b""
    for name, filename, kind, content in draw(st.lists(PART, max_size=5)):
        named = f'name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
        head = f"--{boundary}\r\nContent-Disposition: form-data; {named}\r\nContent-Type: {kind}\r\n\r\n"
        body += head.encode("utf-8", "replace") + content + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    end = draw(st.just(len(body)) | st.integers(0, len(body)))
    return f'multipart/form-data; boundary="{boundary}"', body[:end]


class Attack:
    """A gateway, the chat that is attacked with the right key, and an agent who watches it."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway = gateway
        self.http = requests.Session()
        self.rest = Rest(gateway.url)
        uploaded = self.rest.upload("a.txt", b"hello")
        self.file_id = uploaded["messages"][0]["userData"]["file-id"] if uploaded["messages"] else "F"
        self.agent = Agent(gateway.url, gateway.token("agent", "Alice"))
        self.agent.accept(self.rest.chat_id)

    def request(self, method: str, path: str, content_type: str, body: bytes) -> str | None:
        """Send it exactly so; what is wrong with the answer."""
        path = path.replace(CHAT, self.rest.chat_id).replace(FILE, self.file_id)
        prepared = requests.Request("POST", self.gateway.url, data=body).prepare()
        prepared.method, prepared.url = method, f"{self.gateway.url}/genesys/2/{path}"
        prepared.headers["Content-Type"] = content_type.encode("latin-1", "replace")
        prepared.headers["Content-Length"] = str(len(body))
        answer = self.http.send(prepared, timeout=PATIENCE_S, allow_redirects=False)
        return judged(method, answer)


def judged(method: str, answer: requests.Response) -> str | None:
    """A preflight has no body, an answer to HEAD none either, a file that was fetched is itself."""
    if method == "OPTIONS" and answer.status_code == 204 and not answer.content:
        return None
    if method == "HEAD" or (answer.status_code == 200 and "Content-Disposition" in answer.headers):
        return None if answer.status_code < 500 else f"{answer.status_code} to {answer.request.path_url}"
    return hostile.gms(answer)


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attack]:
    """One gateway for all requests."""
    with RunningGateway(tmp_path_factory.mktemp("any"), INI) as gateway:
        yield Attack(gateway)


@pytest.fixture(autouse=True)
def unharmed(attack: Attack) -> Iterator[None]:
    """Afterwards customer and agent hear each other, and the log has no trace of a mistake of ours."""
    yield
    position = attack.rest.call("refresh")["nextPosition"]
    assert 0 == attack.rest.send("still here")["statusCode"]
    attack.agent.send(attack.rest.chat_id, "me too")
    assert ["still here", "me too"] == [event.get("text") for event in attack.rest.events(position)]
    log = attack.gateway.log()
    assert [] == [line[:2000] for line in log.splitlines() if any(trace in line for trace in TRACES)]


def bounded(examples: int) -> settings:
    """The same examples in every run, so that a failure is a failure of the change."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@bounded(400)
@given(
    method=st.sampled_from(METHODS),
    path=PATH,
    query=QUERY,
    content_type=CONTENT_TYPE,
    body=st.binary(max_size=200) | st.sampled_from([raw for raw in hostile.BROKEN if len(raw) < 10_000]),
)
@example(method="POST", path="", query="", content_type="", body=b"")
@example(method="POST", path="chat//x/send", query="", content_type="", body=b"{}")
def test_any_bytes(attack: Attack, method: str, path: str, query: str, content_type: str, body: bytes):
    """Any bytes under any method, path and content type."""
    assert None is attack.request(method, path + query, content_type, body)


@bounded(400)
@given(path=LIVE_PATH, content_type=CONTENT_TYPE, known=st.booleans(), members=JSON_BODY)
def test_any_json(attack: Attack, path: str, content_type: str, known: bool, members: dict[str, Any]):
    """Any JSON type in any member of any operation, with and without the right key, under any type."""
    body = json.dumps(members | attack.rest.identity if known else members).encode()
    assert None is attack.request("POST", path, content_type, body)


@bounded(300)
@given(path=LIVE_PATH, content_type=CONTENT_TYPE, known=st.booleans(), pairs=FORM_BODY)
def test_any_form(attack: Attack, path: str, content_type: str, known: bool, pairs: list[tuple[str, str]]):
    """Any text in any field of any operation, also fields that are repeated, nested or unknown."""
    whole = pairs + [*attack.rest.identity.items()] if known else pairs
    body = urlencode(whole, errors="replace").encode()
    assert None is attack.request("POST", path, content_type, body)


@bounded(300)
@given(path=LIVE_PATH, known=st.booleans(), typed=multiparts())
def test_any_multipart(attack: Attack, path: str, known: bool, typed: tuple[str, bytes]):
    """Any parts with any names, files, types and contents, cut off anywhere, behind the right key or none."""
    content_type, body = typed
    boundary = content_type.split('"')[1]
    if known:
        head = f"--{boundary}\r\nContent-Disposition: form-data; name="
        fields = (f'{head}"{name}"\r\n\r\n{value}\r\n' for name, value in attack.rest.identity.items())
        body = "".join(fields).encode() + body
    assert None is attack.request("POST", path, content_type, body)
