"""The golden tables are complete: no operation and no error code without a row or a test that names it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from wire.cometd.cometd_golden import CASES as COMETD
from wire.rest.golden import CASES as REST

from docs import markdown
from gateway.api.gms_operations import ChatApi
from gateway.comet.service import ChatService

HERE = Path(__file__).parent
# Codes of uploads and of bodies that are no form: their requests are no line of text, so tests hold them.
TESTED_WITH_BODIES = {100, 201, 202, 203, 205}
# Leaving twice is no error, and limits are told to everybody who has a key.
WITHOUT_A_BAD_ROW = {"disconnect", "file/limits"}
# A store that cannot write: tests/faults/test_store_trouble.py.
CAUSED_BY_FAULTS = {"503::temporarily_unavailable"}


def codes(answers: list[dict[str, Any]]) -> set[int]:
    """The error codes in these answers."""
    return {error["code"] for answer in answers for error in answer.get("errors", [])}


def documented() -> set[int]:
    """The codes of docs/errors.md, which tests/docs holds equal to those that the gateway raises."""
    section = markdown.text("errors.md").split("## Chat API v2")[1].split("\n## ")[0]
    return {int(code) for code in re.findall(r"^\| (\d{3}) \|", section, re.MULTILINE)}


def literals(folder: Path) -> set[Any]:
    """All constants in the tests of a folder."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("test_*.py"))]
    return {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}


def test_every_rest_operation_has_a_good_row_and_a_bad_one():
    """Each operation of the table of operations, and starting a chat."""
    paths = {
        wrong: {case.path.partition("/{id}/")[2] for case in REST if bool(codes([case.answer])) is wrong}
        for wrong in (False, True)
    }
    operations = set(ChatApi(None, None)._operations)
    assert set() == operations - paths[False]
    assert set() == operations - paths[True] - WITHOUT_A_BAD_ROW


def test_every_cometd_operation_has_a_good_row_and_a_bad_one():
    """Each operation of the table of operations, and starting a chat."""
    rows = {
        wrong: {case.data["operation"] for case in COMETD if bool(codes(case.notifications)) is wrong}
        for wrong in (False, True)
    }
    operations = {*ChatService(None, None, None)._operations, "requestChat"}
    assert set() == operations - rows[False]
    assert set() == operations - rows[True]


def test_every_error_code_has_a_row():
    """Those that a line of text can cause in the table, the others in a test that names the code."""
    in_rows = codes([case.answer for case in REST])
    assert documented() - TESTED_WITH_BODIES == in_rows
    assert literals(HERE / "rest") >= TESTED_WITH_BODIES


def test_every_bayeux_error_has_a_test():
    """Each error of docs/errors.md is expected somewhere here, with the argument that fits the request."""
    section = markdown.text("errors.md").split("## Bayeux")[1].split("\n## ")[0]
    told = set(re.findall(r"`(\d{3}:[^`]*)`", section)) - CAUSED_BY_FAULTS
    words = {text for text in literals(HERE / "cometd") if isinstance(text, str)}
    assert len(told) > 20
    assert set() == {error for error in told if not any(_fits(error, word) for word in words)}


def _fits(error: str, word: str) -> bool:
    code, _, text = error.split(":", 2)
    return re.fullmatch(rf"{code}:[^:]*:{re.escape(text)}", word) is not None
