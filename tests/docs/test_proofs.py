"""The documents name tests as proofs: each of them exists, and no problem is left without one."""

from __future__ import annotations

import ast
import re

import pytest
from docs.markdown import ROOT

from docs import markdown

# `tests/unit/x/test_y.py::test_z`
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
PROBLEMS = 25


def named() -> list[tuple[str, str]]:
    """(file, test) of every proof in the documents."""
    return sorted(set(PROOF.findall(markdown.manual())))


def test_there_are_proofs() -> None:
    """The expression finds them."""
    assert len(named()) >= PROBLEMS


@pytest.mark.parametrize(("path", "name"), named(), ids=lambda value: value.rsplit("/", 1)[-1])
def test_every_named_test_exists(path: str, name: str) -> None:
    """A function of that name in that file, or a test case that a state machine makes."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    assert name in found
    assert name.startswith(("test_", "Test"))


def test_every_problem_has_a_proof() -> None:
    """docs/bayeux.md answers the 25 problems in their order, each with a test."""
    section = markdown.text("bayeux.md").split("## What users report of other servers")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \|(.*)$", section, re.MULTILINE)
    assert list(range(1, PROBLEMS + 1)) == [int(number) for number, _ in rows]
    assert [] == [number for number, row in rows if not PROOF.search(row)]
