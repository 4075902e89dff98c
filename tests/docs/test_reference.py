"""The reference is complete: options, metrics, routes, operations and error codes are documented."""

from __future__ import annotations

import ast
import importlib
import operator
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs.markdown import ROOT

from docs import markdown
from gateway.api import chat_ntf
from gateway.app import GatewayApp, create_app
from gateway.bayeux import errors as bayeux_errors
from gateway.config import docs as option_reference
from gateway.config.registry import OPTIONS
from gateway.observe.metrics import METRICS
from gateway.services import Gateway, Installation

DEMO = {"GATEWAY__DEMO__ENABLED": "true"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayApp]:
    """The application with everything registered, not serving."""
    gateway = Gateway.build(
        Installation.from_environment({"DATA_DIR": str(tmp_path_factory.mktemp("data")), **DEMO})
    )
    yield create_app(gateway)
    gateway.close()


def test_option_reference_is_fresh() -> None:
    """docs/options.md is what the registry renders."""
    assert option_reference.render() == markdown.text("options.md")


def test_options_are_documented() -> None:
    """Every option of the registry has a row in docs/options.md."""
    page = markdown.text("options.md")
    assert [] == [f"{option.section}.{option.name}" for option in OPTIONS if f"| `{option.name}`" not in page]


def test_metrics_are_documented() -> None:
    """The table of docs/operations.md names exactly the metrics that exist, with their labels."""
    section = markdown.text("operations.md").partition("## Metrics")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]*?) ?\|", section, re.MULTILINE)
    documented = {name: tuple(filter(None, labels.split(", "))) for name, labels in rows}
    assert {spec.name: spec.labels for spec in METRICS} == documented


def test_routes_are_documented(app: GatewayApp) -> None:
    """Every route of the application is named in some document; a sub-tree by its beginning."""
    rules = {_documented_form(rule.rule) for rule in app.url_map.iter_rules()}
    assert "/genesys/cometd" in rules
    manual = markdown.manual()
    assert [] == [rule for rule in sorted(rules) if not re.search(re.escape(rule) + r"(?![\w{-])", manual)]


def _documented_form(rule: str) -> str:
    """As the documents write a rule: {chatId} for <chatId>, a sub-tree without its rest, no final slash."""
    return re.sub(r"<(\w+)>", r"{\1}", re.sub(r"<\w+:\w+>", "", rule)).rstrip("/") or "/"


def test_rest_operations_are_documented() -> None:
    """docs/rest-api.md names every operation of Chat API v2 and of chat-ntf."""
    page = markdown.text("rest-api.md")
    names = _string_keys(ROOT / "gateway/api/gms_operations.py") | _string_keys(Path(chat_ntf.__file__))
    assert {"send", "fileGetLimits"} <= names | {chat_ntf.LIMITS}
    assert [] == [name for name in sorted(names) if name not in page]


def test_comet_operations_are_documented() -> None:
    """docs/cometd.md names every operation that can be published."""
    page = markdown.text("cometd.md")
    names = _string_keys(ROOT / "gateway/comet/service.py")
    assert "requestNotifications" in names
    assert [] == [name for name in sorted(names | {"requestChat"}) if f"`{name}`" not in page]


def _string_keys(path: Path) -> set[str]:
    """The keys of all dictionaries in a module that are plain words: its tables of operations."""
    keys = [
        key.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    ]
    return {key for key in keys if re.fullmatch(r"[a-zA-Z/]+", key)}


def test_error_codes_are_documented() -> None:
    """The table of docs/errors.md holds exactly the codes that the gateway answers with."""
    section = markdown.text("errors.md").partition("## Bayeux")[0]
    documented = {int(code) for code in re.findall(r"^\| (\d{3}) \|", section, re.MULTILINE)}
    assert {code for path in sorted((ROOT / "gateway").rglob("*.py")) for code in _codes(path)} == documented


def _codes(path: Path) -> Iterator[int]:
    """The codes that a module raises (`Rejected`) or renders (`failure`, `_failed`)."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
            "Rejected",
            "failure",
            "_failed",
        ):
            yield from _constants(name, node.args)


def _constants(module: str, arguments: list[ast.expr]) -> Iterator[int]:
    """Which of a call's arguments are three-digit numbers, written as such or as a module's constant."""
    for argument in arguments:
        if isinstance(argument, ast.Constant):
            value = argument.value
        elif (name := ast.unparse(argument)).split(".")[-1].isupper():
            value = operator.attrgetter(name)(importlib.import_module(module))
        else:
            continue
        if isinstance(value, int) and 100 <= value <= 999:
            yield value


def test_bayeux_errors_are_documented() -> None:
    """docs/errors.md names every fixed error text of the protocol engine."""
    texts = [value for name, value in vars(bayeux_errors).items() if name.isupper()]
    assert "402::Unknown client" in texts
    assert [] == [text for text in texts if f"`{text}`" not in markdown.text("errors.md")]
