"""No check of the specifications is without a test that bears its number."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
# spec/chat-api-v2.md 16 and spec/push.md 11.
SPECIFIED = {"check": 34, "push_check": 12}


def numbers(kind: str) -> set[int]:
    """The numbers in the names of test functions: `test_check_09_...`, `test_check_29_and_34_...`."""
    name = re.compile(rf"test_{kind}_(\d\d)(?:_and_(\d\d))?(?!\d)")
    found: set[int] = set()
    for path in TESTS.rglob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            match = name.match(node.name) if isinstance(node, ast.FunctionDef) else None
            if match is not None:
                found |= {int(number) for number in match.groups() if number}
    return found


@pytest.mark.parametrize("kind", SPECIFIED)
def test_every_check_has_a_test(kind: str) -> None:
    """Each number from 1 to the last, and no other."""
    assert set(range(1, SPECIFIED[kind] + 1)) == numbers(kind)
