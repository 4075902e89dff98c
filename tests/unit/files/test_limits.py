"""The rules of an upload, without any file (spec/chat-api-v2.md 6.10, 9.2, 9.3)."""

from __future__ import annotations

import pytest

from gateway.config import Settings
from gateway.errors import Rejected
from gateway.files.limits import Usage, admit_agent, admit_customer


def settings(text: str = ""):
    return Settings.from_text(f"[client-file-transfer]\n{text}").files


@pytest.mark.parametrize(
    ("text", "used", "expected"),
    [
        ("", Usage(), (2_097_152, 202, "2097152")),
        ("", Usage(2, 5_242_879), (1, 202, "5242880")),
        ("upload-max-file-size=10\nupload-max-total-size=10", Usage(), (10, 202, "10")),
    ],
)
def test_admissions(text: str, used: Usage, expected: tuple[int, int, str]) -> None:
    """As many bytes as a file may have, or as the chat has left; the refusal names the limit that binds."""
    found = admit_customer(settings(text), "a.pdf", used, agent_present=False)
    assert expected == (found.max_bytes, found.refusal.code, found.refusal.advice)


@pytest.mark.parametrize(
    ("text", "name", "used", "code", "advice"),
    [
        ("upload-max-files=0", "a.exe", Usage(9, 10**9), 205, "uploads are not available"),
        ("upload-need-agent=true", "a.exe", Usage(9), 205, "uploads need an agent in the chat"),
        ("", "a.exe", Usage(3), 201, "3"),
        ("", "a.exe", Usage(), 203, "file type is not allowed"),
        ("", "a", Usage(), 203, "file type is not allowed"),
        ("", "a.pdf", Usage(1, 5_242_880), 202, "5242880"),
    ],
)
def test_refusals(text: str, name: str, used: Usage, code: int, advice: str) -> None:
    """205 before 201 before 203 before 202; numbers are the limits in digits."""
    with pytest.raises(Rejected) as refused:
        admit_customer(settings(text), name, used, agent_present=False)
    assert (code, advice) == (refused.value.code, refused.value.advice)


def test_extensions_do_not_depend_on_case() -> None:
    """Neither in the option nor in the name (the caller cleans the name)."""
    assert admit_customer(settings("upload-file-types=PDF"), "a.Pdf", Usage(), agent_present=False).max_bytes


def test_agents_may_upload_more_files_but_not_larger_ones() -> None:
    """The count and the need of an agent are for customers; sizes and types are for everybody."""
    strict = settings("upload-max-files=0\nupload-need-agent=true")
    assert 2_097_152 == admit_agent(strict, "a.pdf", Usage(500)).max_bytes
    with pytest.raises(Rejected):
        admit_agent(strict, "a.exe", Usage())
    with pytest.raises(Rejected):
        admit_agent(strict, "a.pdf", Usage(1, 5_242_880))
