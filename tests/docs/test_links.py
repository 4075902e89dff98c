"""The documents hang together: links lead somewhere, and named commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.markdown import ROOT

from docs import markdown


@pytest.mark.parametrize("path", markdown.files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_resolve(path: Path) -> None:
    """Every link inside the repository leads to a file, and its anchor to a heading."""
    broken = [
        target for target in markdown.links(path.read_text(encoding="utf-8")) if not resolves(path, target)
    ]
    assert [] == broken


def resolves(source: Path, target: str) -> bool:
    """Whether a link's target exists; addresses outside of the repository are not looked at."""
    if re.match(r"https?://|mailto:", target):
        return True
    name, _, anchor = target.partition("#")
    found = (source.parent / name).resolve() if name else source
    if not found.exists():
        return False
    return not anchor or anchor in markdown.anchors(found.read_text(encoding="utf-8"))


def test_every_document_is_in_the_index() -> None:
    """docs/index.md names all documents beside it."""
    named = set(markdown.links(markdown.text("index.md")))
    assert set() == {path.name for path in markdown.DOCS.glob("*.md")} - named - {"index.md"}


def test_make_commands_exist() -> None:
    """Every `make ...` that the documents name is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = [path.read_text(encoding="utf-8") for path in markdown.files()]
    commands = [
        found for page in pages for found in re.findall(r"(?:^|`)make ((?:[a-z]+ ?)+)", page, re.MULTILINE)
    ]
    named = {word for command in commands for word in command.split()}
    assert {"run", "test", "lint", "setup"} <= named
    assert set() == named - targets
