"""Content-Disposition: one header that old and new clients read, whatever the name (RFC 6266, RFC 8187)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from gateway.api.downloads import disposition


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.pdf", "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
        ("a b.pdf", "attachment; filename=\"a b.pdf\"; filename*=UTF-8''a%20b.pdf"),
        ("\u20ac.pdf", "attachment; filename=\"_.pdf\"; filename*=UTF-8''%E2%82%AC.pdf"),
        ("100%.pdf", "attachment; filename=\"100_.pdf\"; filename*=UTF-8''100%25.pdf"),
        ("a'b.pdf", "attachment; filename=\"a'b.pdf\"; filename*=UTF-8''a%27b.pdf"),
    ],
)
def test_disposition(name: str, header: str) -> None:
    """Both forms; what the plain one cannot carry becomes an underscore."""
    assert disposition(name) == header


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_no_name_breaks_out_of_the_header(name: str) -> None:
    """Any text stays inside its parameter, in ASCII without controls, and is read back as it was."""
    header = disposition(name)
    assert header.isascii()
    assert header.isprintable()
    kind, options = parse_options_header(header)
    assert (kind, set(options)) == ("attachment", {"filename"})
    assert options["filename"] == name
