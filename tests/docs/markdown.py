"""Reading the repository's Markdown: files, headings, links, fenced blocks. Used by the tests here."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# [text](target), and the image form; targets of ours have no spaces and no parentheses.
_LINK = re.compile(r"\]\(([^()\s]+)\)")


def files() -> list[Path]:
    """Every Markdown file that is ours, the root's and those below docs/ and gateway/."""
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "gateway").rglob("*.md")])


def text(name: str) -> str:
    """The text of one document below docs/."""
    return (DOCS / name).read_text(encoding="utf-8")


def manual() -> str:
    """All documents below docs/ as one text."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md")))


def blocks(source: str, language: str) -> list[str]:
    """The contents of the fenced blocks of one language, in order."""
    return [body for name, body in _FENCE.findall(source) if name == language]


def links(source: str) -> list[str]:
    """The targets of all links outside fenced blocks."""
    return _LINK.findall(_FENCE.sub("", source))


def anchors(source: str) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    return {
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        for heading in _HEADING.findall(_FENCE.sub("", source))
    }
