"""The attack corpus of files, at the wire: names, contents that lie, and sizes (reliability 4.5)."""

from __future__ import annotations

import pytest
from wire.rest.rest_client import PDF, SERVICE, Rest, multipart

NAMES = (
    *("../../etc/passwd.pdf", "..\\..\\windows\\win.pdf", "/etc/a.pdf", "C:\\a.pdf", "\\\\host\\c$\\a.pdf"),
    *("..%2f..%2fa.pdf", "%252e%252e%252fa.pdf", "..\u2215..\u2044a.pdf", "..\uff0f\uff0fa.pdf"),
    *("a\x00.pdf", "a.exe\x00.pdf", "a\u202efdp.pdf", "a\tb.pdf", " .pdf .pdf", "....pdf.pdf"),
    *("x" * 4096 + ".pdf", "\u00e9" * 4096 + ".pdf", "CON.pdf", "a.txt:b.pdf", "<script>.pdf"),
    *("' OR 1=1 --.pdf", "${x}.pdf", "a;filename=b.pdf", "\ud800.pdf", "\U0001f600.pdf"),
)
TYPES = "jpg:gif:pdf:zip:txt:svg:html:xml:dwg"
ANYTHING_GOES = f"[client-file-transfer]\nupload-max-files=1000\nupload-file-types={TYPES}\n"
IDS = ("..", "%2e%2e%2f", "..%2f..%2fetc", "A" * 32, "a" * 32, "0" * 4096, "\x00")
# (name, content): what the name says is not what the content is.
LIES = (
    ("a.jpg", b"GIF89a/*"),
    ("a.gif", b"<script>alert(1)</script>GIF89a"),
    ("a.pdf", b"<html><script>alert(1)</script></html>\n%PDF-1.7"),
    ("a.pdf", b"\n%PDF-1.7"),
    ("a.pdf", b""),
    ("a.zip", b"MZ\x90\x00" + b"\0" * 100 + b"PK\x03\x04"),
    ("a.txt", b"<!doctype html><p>hello"),
    ("a.txt", b"hello <SCRIPT src=//evil>"),
    ("a.txt", b"\x7fELF"),
    ("a.txt", b"binary\x00"),
    ("a.svg", b"\x89PNG\r\n\x1a\n"),
    ("a.dwg", b"<svg onload=alert(1)>"),
    ("a.dwg", b"MZ\x90"),
    ("a", PDF),
    (".pdf", PDF),
    ("a.pdf.exe", PDF),
    ("pdf", PDF),
)
# Contents that are two things at once: stored as what they say they are, and never run.
POLYGLOTS = (
    ("a.gif", b"GIF89a=1;alert(document.domain)//", "image/gif"),
    ("a.pdf", b"%PDF-1.7\n<html><script>alert(1)</script></html>", "application/pdf"),
    ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "application/octet-stream"),
    ("a.html", b"<!doctype html><script>alert(1)</script>", "application/octet-stream"),
    (
        "a.xml",
        b"<?xml version='1.0'?><!DOCTYPE a SYSTEM 'file:///etc'>",
        "application/octet-stream",
    ),
    ("a.jpg", b"\xff\xd8\xff\xe0<?php system($_GET['c']);", "image/jpeg"),
)


@pytest.fixture
def open_house():
    """A gateway that takes many files of dangerous types."""
    return Rest(ANYTHING_GOES)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:20]))
def test_hostile_names(rest, name):
    """Whatever the name, the content lies under a random id, and what is shown is one harmless component."""
    chat = rest.start()
    response = chat.upload(name=name)
    assert response.status_code in (200, 400), response.data
    stored = [path for path in rest.engine.root.rglob("*") if path.is_file()]
    if response.status_code == 400:
        assert response.json["errors"][0]["code"] in (100, 203)
        assert stored == []
        return
    (message,) = response.json["messages"]
    file_id, shown = message["userData"]["file-id"], message["userData"]["file-name"]
    assert stored == [rest.engine.root / file_id[:2] / file_id]
    assert 0 < len(shown.encode()) <= 255
    assert shown.isprintable()
    assert not set(shown) & set('/\\:<>"|?*\u2215\u2044\uff0f\u202e')
    assert not shown.startswith(".")
    disposition = chat.call(f"file/{file_id}/download").headers["Content-Disposition"]
    assert disposition.startswith("attachment; ")
    assert disposition.isascii()
    assert disposition.count('"') == 2


@pytest.mark.parametrize(("name", "content"), LIES)
def test_contents_that_lie(open_house, name, content):
    """Extension and content must agree, from the very first byte: else 203, and nothing stays."""
    response = open_house.start().upload(content, name)
    assert (response.status_code, response.json["errors"][0]["code"]) == (400, 203)
    assert [path for path in open_house.engine.root.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(("name", "content", "media_type"), POLYGLOTS)
def test_polyglots_are_never_run(open_house, name, content, media_type):
    """Always an attachment without scripts, origin or sniffing; markup is only ever octet-stream."""
    chat = open_house.start()
    file_id = chat.upload(content, name).json["userData"]["file-id"]
    response = chat.call(f"file/{file_id}/download")
    assert (response.data, response.headers["Content-Type"]) == (content, media_type)
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"].startswith("sandbox")


@pytest.mark.parametrize("file_id", IDS)
@pytest.mark.parametrize("operation", ["fileDownload", "fileDelete"])
def test_hostile_file_ids(rest, chat, file_id, operation):
    """A file is found through its row only; no id ever becomes a path by itself."""
    fields = {"secureKey": chat.identity["secureKey"], "operation": operation, "fileId": file_id}
    response = rest.post("chat-ntf", fields)
    assert (response.status_code, response.json["errors"][0]["code"]) == (404, 206)


def test_the_type_a_client_claims_is_ignored(chat):
    """`Content-Type: text/html` of the part (the helper's) changes nothing."""
    file_id = chat.upload().json["userData"]["file-id"]
    assert chat.call(f"file/{file_id}/download").headers["Content-Type"] == "application/pdf"


@pytest.mark.parametrize("file_first", [False, True])
def test_sizes_at_the_cap(file_first):
    """Exactly the limit passes, one byte more is 202, declared or not."""
    rest = Rest("[client-file-transfer]\nupload-max-file-size=100000\nupload-max-files=9\n")
    chat = rest.start()
    fits = PDF + b"x" * (100_000 - len(PDF))
    assert chat.upload(fits, file_first=file_first).json["statusCode"] == 0
    response = chat.upload(fits + b"x", file_first=file_first)
    assert response.json["errors"] == [{"code": 202, "advice": "100000"}]
    assert rest.engine.directory.used_bytes == 100_000


def test_a_declared_length_beyond_everything_is_refused_unread(rest, chat):
    """A Content-Length no form around a file can have is 202 before a byte is read."""
    body = multipart(chat.identity, file=PDF, filename="a.pdf")
    response = rest.http.post(
        f"{rest.prefix}/2/chat/{SERVICE}/{chat.id}/file",
        data=body["fields"],
        content_type=body["content_type"],
        environ_overrides={"CONTENT_LENGTH": str(10 * 2**30)},
    )
    assert (response.status_code, response.json["errors"][0]["code"]) == (400, 202)


def test_form_fields_beside_a_file_are_bounded(chat):
    """Text parts share half a megabyte; a flood of parts is refused too."""
    flood = {f"f{number}": "x" for number in range(1500)}
    for fields in ({"message": "x" * 600_000}, flood):
        response = chat.upload(fields=fields)
        assert (response.status_code, response.json["statusCode"]) == (400, 2)
