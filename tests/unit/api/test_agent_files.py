"""Files over the agents' API: multipart in, attachments out, problems for everything else."""

from __future__ import annotations

import io

import pytest
from agent_stand import make_stand

PDF = b"%PDF-1.7\ncontent"


@pytest.fixture
def stand():
    return make_stand()


@pytest.fixture
def chat(stand):
    """A chat that Eve has accepted: its id."""
    return stand.start_chat().session.id


@pytest.fixture
def eve(stand, chat):
    caller = stand.caller("agent", "Eve")
    assert caller.post(f"/chats/{chat}/accept").status_code == 200
    return caller


def upload(caller, chat, content=PDF, name="r\u00e9sum\u00e9.pdf", **fields):
    """POST a file."""
    data = {**fields, "file": (io.BytesIO(content), name, "text/html")}
    return caller.client.post(
        f"/agent/v1/chats/{chat}/files",
        data=data,
        headers=caller.headers,
        content_type="multipart/form-data",
    )


def test_a_file_there_and_back(stand, chat, eve):
    """Upload, list, download with safe headers, delete; events carry what customers get."""
    answer = upload(eve, chat, **{"userData[file-description]": "cv"})
    assert answer.status_code == 200, answer.data
    file = answer.json["file"]
    assert (file["name"], file["type"], file["size"], file["participantId"], file["state"]) == (
        *("r\u00e9sum\u00e9.pdf", "application/pdf", len(PDF), 2, "clean"),
    )
    (event,) = answer.json["items"]
    assert event["userData"] == {
        "file-description": "cv",
        "file-id": file["fileId"],
        "file-name": "r\u00e9sum\u00e9.pdf",
        "file-size": str(len(PDF)),
    }
    listed = eve.get(f"/chats/{chat}/files").json
    assert (listed["items"], listed["maxFileSize"], listed["types"]) == (
        *([file], 2_097_152, ["jpeg", "jpg", "pdf", "png", "zip"]),
    )
    found = eve.get(f"/chats/{chat}/files/{file['fileId']}")
    assert (found.status_code, found.data, found.headers["Content-Type"]) == (200, PDF, "application/pdf")
    assert found.headers["Content-Disposition"].endswith("filename*=UTF-8''r%C3%A9sum%C3%A9.pdf")
    assert found.headers["Content-Security-Policy"].startswith("sandbox")
    path = f"/agent/v1/chats/{chat}/files/{file['fileId']}"
    deleted = eve.client.delete(path, headers=eve.headers)
    assert [item["type"] for item in deleted.json["items"]] == ["FileDeleted"]
    assert eve.client.delete(path, headers=eve.headers).status_code == 404
    assert eve.get(f"/chats/{chat}/files").json["items"] == []


@pytest.mark.parametrize(
    ("content", "name", "status", "code"),
    [
        (PDF, "a.exe", 422, 203),
        (b"MZ", "a.pdf", 422, 203),
        (b"%PDF-" + b"x" * 2_097_152, "a.pdf", 413, None),
        (b"%PDF-" + b"x" * 4_000_000, "a.pdf", 413, None),
    ],
)
def test_refused_files(chat, eve, content, name, status, code):
    """Type 422 with code 203, size 413; always a problem."""
    answer = upload(eve, chat, content, name)
    assert (answer.status_code, answer.json["status"], answer.json.get("code")) == (status, status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_malformed_bodies(chat, eve):
    """No multipart is 415, a broken one 422, one without a file 422 naming it."""
    path = f"/agent/v1/chats/{chat}/files"
    as_json = eve.post(f"/chats/{chat}/files", {"file": "x"})
    broken = eve.client.post(
        path, data=b"--x", headers=eve.headers, content_type="multipart/form-data; boundary=x"
    )
    empty = eve.client.post(path, data={"a": "b"}, headers=eve.headers, content_type="multipart/form-data")
    assert [as_json.status_code, broken.status_code, empty.status_code] == [415, 422, 422]
    assert [broken.json["code"], empty.json["code"]] == [100, 101]


def test_rights(stand, chat, eve):
    """Nobody without a token or a part in the chat reads, writes or learns anything."""
    file_id = upload(eve, chat).json["file"]["fileId"]
    bob, sara = stand.caller("agent", "Bob"), stand.caller("supervisor", "Sara")
    assert upload(bob, chat).status_code == 403
    assert upload(sara, chat).status_code == 403
    assert bob.get(f"/chats/{chat}/files/{file_id}").status_code == 403
    assert sara.get(f"/chats/{chat}/files/{file_id}").status_code == 200
    assert stand.app.test_client().get(f"/agent/v1/chats/{chat}/files/{file_id}").status_code == 401
    assert eve.get(f"/chats/{chat}/files/..%2f..%2fetc%2fpasswd").status_code == 404
    assert upload(eve, "0000000000000000").status_code == 404
    eve.post(f"/chats/{chat}/close")
    assert upload(eve, chat).status_code == 409
