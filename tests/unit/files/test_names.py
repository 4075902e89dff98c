"""File names are cleaned for people; no name is ever a path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.files.names import display_name, extension


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a.pdf", "a.pdf"),
        (
            "Lebenslauf \u00dc\u00f1\u00ef \u6587\U0001f600.pdf",
            "Lebenslauf \u00dc\u00f1\u00ef \u6587\U0001f600.pdf",
        ),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\a.pdf", "a.pdf"),
        ("C:\\fakepath\\a.pdf", "a.pdf"),
        ("\\\\host\\share\\a.pdf", "a.pdf"),
        ("/etc/shadow", "shadow"),
        ("..%2F..%2fa.pdf", "a.pdf"),
        ("..%252fa.pdf", "a.pdf"),
        ("..\u2215a\u2044b\uff0fc.pdf", "c.pdf"),
        ("a\x00.pdf", "a.pdf"),
        ("a%00.pdf", "a.pdf"),
        ("cod\u202efdp.exe", "codfdp.exe"),
        ("a\r\nSet-Cookie: b.pdf", "aSet-Cookie b.pdf"),
        ('a"b.pdf', "ab.pdf"),
        (".htaccess", "htaccess"),
        ("a.pdf. . ", "a.pdf"),
        ("..", "file"),
        ("", "file"),
        ("\ud800", "file"),
        ("x" * 4096 + ".pdf", "x" * 251 + ".pdf"),
        ("x" * 300, "x" * 255),
        ("a." + "x" * 300, "a." + "x" * 253),
    ],
)
def test_display_name(raw: str, shown: str) -> None:
    """The last component, without controls, separators and tricks of direction, at most 255 bytes."""
    assert shown == display_name(raw)


@given(st.text(st.characters(), max_size=400))
def test_any_text_becomes_a_harmless_name(raw: str) -> None:
    """Never empty, never hidden, no separator, no control, fits a file system, and cleaning again is idle."""
    shown = display_name(raw)
    assert 0 < len(shown.encode()) <= 255
    assert not set(shown) & set('/\\\x00\r\n"')
    assert not shown.startswith(".")


@pytest.mark.parametrize(
    ("name", "expected"), [("a.PDF", "pdf"), ("a.tar.gz", "gz"), ("pdf", ""), (".pdf", ""), ("a.", "")]
)
def test_extension(name: str, expected: str) -> None:
    """What follows the last dot, in lower case; a name that is nothing else has none."""
    assert expected == extension(name)
