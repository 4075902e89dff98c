"""Golden requests and answers of every file operation over REST and chat-ntf (spec 6.10, 7.5, 9.3)."""

from __future__ import annotations

import re

import pytest
from unit.chat.engine import ALICE
from wire.rest.golden import ANN, IDENTITY, JOINED, T, event, failed
from wire.rest.rest_client import PDF, SERVICE, Chat, Rest, masked, multipart

FILES = "[client-file-transfer]\n"
NTF = {"alias": "0", "chatId": "deprecated", "userId": "deprecated"}
DATA = {"file-id": "<file-id>", "file-name": "a.pdf", "file-size": str(len(PDF))}
UPLOADED = event(2, "FileUploaded", text="file-uploaded", userData=DATA)
SAFE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def golden(answer):
    """The answer with its file ids masked as well."""
    shown = masked(answer)
    for holder in [shown, *shown["messages"]]:
        file_id = holder.get("userData", {}).get("file-id")
        if file_id is not None:
            assert re.fullmatch(r"[0-9A-F]{32}", file_id)
            holder["userData"] = {**holder["userData"], "file-id": "<file-id>"}
    return shown


def accepted(*messages, next_position=3, identity=IDENTITY):
    return {
        "statusCode": 0,
        **identity,
        "nextPosition": next_position,
        "chatEnded": False,
        "monitored": False,
        "messages": list(messages),
        "userData": {"file-id": "<file-id>"},
    }


def file_id_of(chat: Chat, **options) -> str:
    return chat.upload(**options).json["userData"]["file-id"]


@pytest.mark.parametrize(
    ("fields", "messages"),
    [
        ({}, [UPLOADED]),
        ({"transcriptPosition": "1", "message": "ignored"}, [JOINED, UPLOADED]),
        ({"transcriptPosition": "99"}, []),
        (
            {"userData[file-description]": "my cv", "userData[file-id]": "forged"},
            [event(2, "FileUploaded", text="file-uploaded", userData={**DATA, "file-description": "my cv"})],
        ),
    ],
)
@pytest.mark.parametrize("file_first", [False, True])
def test_upload(chat, fields, messages, file_first):
    """The id on top, the event as asked for; own keys pass, the system's cannot be forged."""
    response = chat.upload(fields=fields, file_first=file_first)
    assert (response.status_code, golden(response.json)) == (200, accepted(*messages))


def test_everybody_sees_the_upload(chat):
    """Refresh and the agent's transcript hold the event, with the same bytes."""
    chat.accept()
    chat.upload()
    (seen,) = chat.ok("refresh", {"transcriptPosition": "3"})["messages"]
    (agent,) = chat.rest.engine.agents.events(ALICE, chat.id, 3)
    assert (seen["type"], seen["from"], seen["utcTime"]) == ("FileUploaded", ANN, T)
    assert b'"index":3' in agent.wire


@pytest.mark.parametrize(
    ("ini", "code", "advice"),
    [
        ("upload-max-files=0", 205, "uploads are not available"),
        ("upload-need-agent=true", 205, "uploads need an agent in the chat"),
        ("upload-max-total-size=0", 202, "0"),
        ("upload-max-file-size=3", 202, "3"),
        ("upload-file-types=png", 203, "file type is not allowed"),
    ],
)
def test_refused_uploads(ini, code, advice):
    """Each refusal is HTTP 400 with its code, makes no event and leaves nothing on the disk."""
    rest = Rest(FILES + ini)
    chat = rest.start()
    response = chat.upload()
    assert (response.status_code, masked(response.json)) == (400, failed(code, advice))
    assert chat.ok("refresh", {"transcriptPosition": "2"})["messages"] == []
    assert [path for path in rest.engine.root.rglob("*") if path.is_file()] == []
    assert rest.engine.directory.used_bytes == 0


def test_an_agent_makes_uploads_possible():
    """`upload-need-agent` looks at who is present."""
    chat = Rest(FILES + "upload-need-agent=true").start()
    chat.accept()
    assert chat.upload().json["statusCode"] == 0


def test_options_are_live(rest, chat):
    """A changed limit counts with the next request."""
    live = f"[limits]\nenabled=false\n{FILES}upload-file-types=png:gif\nupload-max-files=7"
    rest.engine.configure(live)
    assert chat.upload().json["errors"][0]["code"] == 203
    (message,) = chat.ok("file/limits")["messages"]
    changed = {"upload-file-types": "png:gif", "upload-max-files": "7"}
    assert message["userData"].items() >= changed.items()


@pytest.mark.parametrize("wrong", ["key", "user", "chat", "ended"])
@pytest.mark.parametrize("file_first", [False, True])
def test_uploads_of_strangers(rest, chat, wrong, file_first):
    """Wrong key, wrong user, unknown chat, ended chat: one answer, and nothing stays."""
    fields, chat_id = {}, chat.id
    if wrong == "ended":
        chat.ok("disconnect")
    else:
        fields = {"key": {"secureKey": "wrong"}, "user": {"userId": "wrong"}, "chat": {}}[wrong]
        chat_id = "0000000000000000" if wrong == "chat" else chat.id
    body = multipart({**chat.identity, **fields}, file=PDF, filename="a.pdf", file_first=file_first)
    response = rest.post(f"chat/{SERVICE}/{chat_id}/file", **body)
    assert (response.status_code, response.json["errors"][0]["code"]) == (200, 249)
    assert [path for path in rest.engine.root.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (multipart({}), 101),
        ({"fields": b"nonsense", "content_type": "multipart/form-data; boundary=limit"}, 100),
        ({"fields": b"--limit\r\n\r\n", "content_type": "multipart/form-data; boundary=limit"}, 100),
        ({"fields": b"x", "content_type": "multipart/form-data; boundary=" + "x" * 300}, 100),
    ],
)
def test_malformed_uploads(rest, chat, body, code):
    """What is no multipart body is 100, one without a file is 101 for its sender and 249 for all others."""
    response = rest.post(f"chat/{SERVICE}/{chat.id}/file", **body)
    expected = 249 if code == 101 else code
    assert response.json["errors"][0]["code"] == expected
    if code == 101:
        fields = multipart(chat.identity)
        assert rest.post(f"chat/{SERVICE}/{chat.id}/file", **fields).json["errors"][0]["code"] == 101


def test_a_body_that_is_cut_leaves_nothing(rest, chat):
    """A multipart body without its end is 100; the file that had begun is gone."""
    body = multipart(chat.identity, file=PDF, filename="a.pdf")
    body["fields"] = body["fields"][:-20]
    response = rest.post(f"chat/{SERVICE}/{chat.id}/file", **body)
    assert (response.status_code, response.json["errors"][0]["code"]) == (400, 100)
    assert [path for path in rest.engine.root.rglob("*") if path.is_file()] == []


def test_two_files_are_refused(rest, chat):
    """One body, one file: a second part `file` is 101 and the first is not kept."""
    one = multipart(chat.identity, file=PDF, filename="a.pdf")["fields"]
    two = one.removesuffix(b"--limit--\r\n") + multipart({}, file=PDF, filename="b.pdf")["fields"]
    response = rest.post(
        f"chat/{SERVICE}/{chat.id}/file", two, content_type="multipart/form-data; boundary=limit"
    )
    assert (response.status_code, response.json["errors"][0]) == (400, {"code": 101, "advice": "file"})
    assert [path for path in rest.engine.root.rglob("*") if path.is_file()] == []


def test_download(chat):
    """The bytes as an attachment that no browser runs, sniffs, or keeps."""
    response = chat.call(f"file/{file_id_of(chat)}/download")
    assert (response.status_code, response.data) == (200, PDF)
    assert dict(response.headers).items() >= SAFE.items()
    assert response.headers["Content-Length"] == str(len(PDF))
    assert response.headers["Content-Disposition"] == (
        "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"
    )


def test_download_attempts_are_counted(chat):
    """After `download-attempts` (2) it is 403 with code 206; the limits say how many were used."""
    path = f"file/{file_id_of(chat)}/download"
    assert [chat.call(path).status_code for _ in range(3)] == [200, 200, 403]
    assert chat.call(path).json["errors"] == [{"code": 206, "advice": "download attempts are used up"}]
    (message,) = chat.ok("file/limits")["messages"]
    assert message["userData"]["used-download-attempts"] == "2"


def test_files_of_other_chats_are_unknown(rest, chat):
    """A file id is worth nothing without its own chat's key."""
    file_id, other = file_id_of(chat), rest.start()
    for operation in ("download", "delete"):
        response = other.call(f"file/{file_id}/{operation}")
        assert (response.status_code, response.json["errors"][0]["code"]) == (404, 206)


def test_delete(chat):
    """FileDeleted for all; then the file is unknown, its bytes are gone, and the quota stays used."""
    file_id = file_id_of(chat)
    answer = chat.ok(f"file/{file_id}/delete")
    assert (answer["messages"], answer["nextPosition"]) == ([], 4)
    (deleted,) = chat.ok("refresh", {"transcriptPosition": "3"})["messages"]
    assert deleted == event(3, "FileDeleted", text="file-deleted", userData={"file-id": file_id})
    for operation in ("download", "delete"):
        assert chat.call(f"file/{file_id}/{operation}").status_code == 404
    assert [path for path in chat.rest.engine.root.rglob("*") if path.is_file()] == []
    (message,) = chat.ok("file/limits")["messages"]
    assert message["userData"]["used-upload-max-files"] == "1"


@pytest.mark.parametrize("value", ["none", "false"])
def test_delete_may_be_forbidden(value):
    """`delete-file` none or false: 403 with code 206, and the file stays."""
    chat = Rest(FILES + f"delete-file={value}").start()
    file_id = file_id_of(chat)
    response = chat.call(f"file/{file_id}/delete")
    assert (response.status_code, response.json["errors"][0]["code"]) == (403, 206)
    assert chat.call(f"file/{file_id}/download").status_code == 200


def test_a_store_outage_leaves_no_file(chat):
    """When the commit fails the upload is statusCode 1 and its bytes are removed; repeating it works."""
    engine = chat.rest.engine
    engine.store.down = True
    assert chat.upload().json["statusCode"] == 1
    assert [path for path in engine.root.rglob("*") if path.is_file()] == []
    engine.store.down = False
    assert chat.upload().json["statusCode"] == 0


@pytest.mark.parametrize(
    ("fields", "query"),
    [
        ({"operation": "fileUpload"}, ""),
        ({}, ""),
        ({"operation": ""}, ""),
        ({"OPERATION": "fileUpload"}, ""),
        ({}, "?operation=fileUpload"),
        ({}, "?operation="),
    ],
)
@pytest.mark.parametrize("file_first", [False, True])
def test_chat_ntf_upload(rest, chat, fields, query, file_first):
    """With, without and with an empty operation, in the body or the query string; CometD identity."""
    key = {"secureKey": chat.identity["secureKey"]}
    body = multipart(
        {**fields, **key},
        file=PDF,
        filename="a.pdf",
        part_type="application/octet-stream",
        file_first=file_first,
    )
    response = rest.post(f"chat-ntf{query}", **body)
    identity = {**NTF, "secureKey": "<secureKey>"}
    assert (response.status_code, golden(response.json)) == (200, accepted(UPLOADED, identity=identity))


def test_chat_ntf_upload_with_everything_in_the_query_string(rest, chat):
    """The iOS client's data variant: the key stands in the URL, the body holds only the file."""
    response = rest.post(
        f"chat-ntf?operation=&secureKey={chat.identity['secureKey']}",
        **multipart({}, file=PDF, filename="a.pdf"),
    )
    assert response.json["statusCode"] == 0


def test_chat_ntf_download_and_delete(rest, chat):
    """The same rules and answers as over REST."""
    key = {"secureKey": chat.identity["secureKey"], "fileId": file_id_of(chat)}
    found = rest.post("chat-ntf", **multipart({**key, "operation": "fileDownload"}))
    assert (found.status_code, found.data) == (200, PDF)
    deleted = rest.post("chat-ntf", {**key, "operation": "fileDelete"})
    assert (deleted.json["statusCode"], deleted.json["chatId"]) == (0, "deprecated")
    again = rest.post("chat-ntf", {**key, "operation": "fileDownload"})
    assert (again.status_code, again.json["errors"][0]["code"]) == (404, 206)


def test_chat_ntf_refusals(rest, chat):
    """The codes of REST; an unknown key is 249, an unknown operation 101, whatever the body holds."""
    key = {"secureKey": chat.identity["secureKey"]}
    wrong_type = multipart(key, file=b"MZ", filename="a.exe")
    cases = (
        (wrong_type, 400, 203),
        (multipart({"secureKey": "wrong"}, file=PDF, filename="a.pdf"), 200, 249),
        (multipart({}, file=PDF, filename="a.pdf"), 200, 249),
        (multipart({**key, "operation": "fileRename"}, file=PDF, filename="a.pdf"), 400, 101),
        (multipart({**key, "operation": "fileUpload"}), 400, 101),
    )
    for body, status, code in cases:
        response = rest.post("chat-ntf", **body)
        assert (response.status_code, response.json["errors"][0]["code"]) == (status, code)
    assert [path for path in rest.engine.root.rglob("*") if path.is_file()] == []
