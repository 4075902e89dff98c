"""What a content is, and whether its name says the same."""

from __future__ import annotations

import pytest

from gateway.files.kinds import MARKUP, OTHER, TEXT, TYPES, media_type, sniff

SAMPLES = {
    "jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "png": b"\x89PNG\r\n\x1a\n\x00\x00",
    "gif": b"GIF89a\x01\x00",
    "webp": b"RIFF\x00\x00\x00\x00WEBPVP8 ",
    "pdf": b"%PDF-1.4\n",
    "zip": b"PK\x03\x04\x14\x00",
    "docx": b"PK\x03\x04\x14\x00",
    "doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00",
    "heic": b"\x00\x00\x00\x18ftypheic\x00",
    "mp4": b"\x00\x00\x00\x18ftypisom\x00",
    "mp3": b"ID3\x03\x00",
    "txt": "Grüße, 1 < 2 & 3 > 2\n".encode(),
    "csv": b"a;b\r\n1;2\r\n",
    "svg": b"<?xml version='1.0'?><svg/>",
}


@pytest.mark.parametrize("extension", SAMPLES)
def test_genuine_files_fit_their_own_names_only(extension: str) -> None:
    """A real beginning fits its extension and none of another kind."""
    kind = TYPES[extension][0]
    for other, (expected, served) in TYPES.items():
        assert (served if expected == kind else None) == media_type(other, SAMPLES[extension])


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", TEXT),
        (b"plain", TEXT),
        (b"a\x00b", OTHER),
        (b"   <html>", MARKUP),
        (b"hello <script>", MARKUP),
        (b"<!-- x --><svg/onload=alert(1)>", MARKUP),
        (b"MZ\x90", "program"),
        (b"#!/bin/sh\n", "program"),
        (b"<html>%PDF-1.4", MARKUP),
        (b" %PDF-1.4", TEXT),
    ],
)
def test_sniff(content: bytes, kind: str) -> None:
    """Magic bytes count at the first byte only; markup anywhere in a text is markup."""
    assert kind == sniff(content)


def test_unknown_extensions_take_unknown_contents_only() -> None:
    """An operator's own type is served as octet-stream and never hides a program, a page or a known type."""
    assert "application/octet-stream" == media_type("dwg", b"AC1032\x00\x00")
    for content in (*SAMPLES.values(), b"MZ\x90", b"#!/bin/sh"):
        assert media_type("dwg", content) is None


def test_nothing_that_a_browser_runs_is_served_as_such() -> None:
    """No media type of the table is HTML, XML, SVG or script."""
    served = {media for _, media in TYPES.values()}
    assert not [media for media in served if any(word in media for word in ("html", "xml+", "svg", "script"))]
    assert "application/octet-stream" == media_type("svg", SAMPLES["svg"])
