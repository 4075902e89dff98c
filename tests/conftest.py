"""For all tests: what was not run is said aloud, and with REQUIRE_ALL=1 it is a failure.

Suites skip themselves when something is missing on the machine (node, a browser, a Redis server), so that a
newcomer can run what is there. In CI everything is there; a skip would hide that a suite is gone.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import npm
from support.gateway import ROOT, RunningGateway, free_port

TESTS = Path(__file__).parent
REQUIRE_ALL = os.environ.get("REQUIRE_ALL") == "1"
# Longest reason in the summary line; npm's error output is long.
REASON_LENGTH = 200
# Folders whose files take long; several processes take files in the order in which they were collected.
SLOW = ("acceptance", "browser", "faults", "interop", "wire")
# Added to the demo's configuration; shorter holds, so that a client notices a dead connection within seconds.
DEMO_EXTRA = "\n[cometd]\ntimeout=2000\n[limits]\nenabled=false\n"


@pytest.fixture(scope="module")
def demo_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway with the demo bot, configured as in examples/demo.ini."""
    ini = (ROOT / "examples" / "demo.ini").read_text() + DEMO_EXTRA
    with RunningGateway(tmp_path_factory.mktemp("demo"), ini, port=free_port()) as running:
        yield running


@pytest.fixture(scope="session")
def npm_packages() -> Path:
    """tests/interop with the official clients installed."""
    return npm.packages()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow folders first: the many short files at the end leave no process waiting for another's long one."""
    items.sort(key=lambda item: item.path.relative_to(TESTS).parts[0] not in SLOW)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """A test that skipped itself fails when everything is required."""
    report = yield
    return _demanded(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """The same for a whole module that skipped itself when it was imported."""
    report = yield
    return _demanded(report)


def _demanded(report: pytest.TestReport | pytest.CollectReport) -> pytest.TestReport | pytest.CollectReport:
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but REQUIRE_ALL=1: {_reason(report)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the suites with skipped tests and why, one line each."""
    skipped = Counter(
        (_suite(report.nodeid), _reason(report)) for report in terminalreporter.stats.get("skipped", ())
    )
    for (suite, reason), count in sorted(skipped.items()):
        terminalreporter.write_line(f"NOT RUN {suite}: {count} skipped: {reason}", yellow=True)


def _suite(nodeid: str) -> str:
    """tests/interop for tests/interop/test_x.py::test_y."""
    return str(Path(nodeid.partition("::")[0]).parent)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return " ".join(text.removeprefix("Skipped: ").split())[:REASON_LENGTH]
