"""A whole sitting: the generator against the stand-in, further modules, and what reaches the page."""

from __future__ import annotations

import sys
from pathlib import Path

import plot
import pytest
import run
import sitting
from bench.stand_in import Fault, http_stand_in
from figures import Row
from page import page
from pairs import Pair
from servers import Server
from sitting import Sitting, extra_rows, rows_of
from toolchain import NoCompiler, build_loadgen
from workloads import Figure, Workload

RATE = Figure("requests_per_s", "requests/s")
ARGUMENTS = ("-w", "send", "-c", "2", "-d", "0.2", "--warm", "0", "--drain", "2", "--max-seconds", "5")
SEND = Workload("send", "sends", ARGUMENTS, (RATE, Figure("p99_ms", "ms", smaller_is_better=True)))
NO_PROCESS = 0


@pytest.fixture(scope="module")
def loadgen() -> Path:
    """The compiled generator; without a compiler these tests say so and are skipped."""
    try:
        return build_loadgen()
    except NoCompiler as missing:
        pytest.skip(f"DRIVER NOT TESTED: {missing}")


def test_a_workload_gives_a_row_per_figure_with_all_its_runs(loadgen: Path) -> None:
    """Two rounds against a right server are two clean answers, framed by round trips."""
    with http_stand_in(Fault()) as url:
        rows, failures = rows_of(Sitting(loadgen, rounds=2, given=Server(url, NO_PROCESS)), SEND)
    assert (["requests_per_s", "p99_ms"], [2, 2], [{}, {}], []) == (
        [row.figure.key for row in rows],
        [len(row.answers) for row in rows],
        [row.faults for row in rows],
        failures,
    )
    assert {"round_trip_ns", "round_trip_after_ns"} < set(rows[0].answers[0])


def test_a_fault_of_the_server_is_in_the_row(loadgen: Path) -> None:
    """What the generator counts reaches the table."""
    with http_stand_in(Fault("drop")) as url:
        rows, _ = rows_of(Sitting(loadgen, rounds=1, given=Server(url, NO_PROCESS)), SEND)
    assert {"lost": 1} == rows[0].faults


def test_a_run_that_cannot_be_made_is_told_and_the_others_go_on(loadgen: Path) -> None:
    """A server that is not there gives no row and one line per round."""
    given = Server("http://127.0.0.1:1/genesys", NO_PROCESS)
    rows, failures = rows_of(Sitting(loadgen, rounds=2, given=given), SEND)
    assert ([], 2) == (rows, len(failures))


MODULE = """
from figures import Row
from workloads import Figure

NAMES = ("extra-1", "extra-2")


def seconds(sitting, name):
    return 3.0 * sitting.rounds


def rows(sitting, name):
    if name == "extra-2":
        raise RuntimeError("no receiver")
    return [Row(name, "an extra", Figure("per_s", "units/s"), ({"per_s": 5.0},) * sitting.rounds)]
"""


def test_a_further_module_adds_rows_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that exists is asked for each name; its failure is told; a missing module is not."""
    (tmp_path / "bench_extra_example.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sitting, "EXTRAS", ("bench_extra_example", "bench_extra_missing"))
    this = Sitting(tmp_path, rounds=2)
    rows, failures = extra_rows(this, [])
    assert (["extra-1"], ["extra-2: no receiver"], 12.0) == (
        [row.name for row in rows],
        failures,
        sitting.estimate(this, [], []),
    )
    assert ([], []) == extra_rows(this, ["send"])
    assert "extra-1" in run.known_names()


# ---- the page and the plot


def paired(ours: float, theirs: float) -> Row:
    readings = {"round_trip_ns": 75, "round_trip_after_ns": 75}
    pair = Pair({"requests_per_s": ours} | readings, {"requests_per_s": theirs} | readings)
    return Row("x", "sends", RATE, (pair.ours,), {"faye": (pair,)})


def test_the_page_says_what_the_peers_do_not_do() -> None:
    """With peers the page has their table and says that they store nothing; without, neither."""
    settings = {"date": "2026-01-01", "rounds": 1, "quick": False, "with_plot": True}
    beside = page([paired(50, 100)], **settings)
    alone = page([Row("x", "sends", RATE, ({"requests_per_s": 1.0},))], **settings)
    assert ("0.500 (1 of 1)" in beside, "Neither peer stores anything" in beside) == (True, True)
    assert ("faye" in alone.split("## Repeat it")[0], "performance.svg" in alone) == (False, False)


def test_the_plot_shows_rates_only() -> None:
    """A cost beside rates would read the wrong way round."""
    cost = Row(
        "y", "idle", Figure("kb", "KB", smaller_is_better=True), (), {"faye": paired(1, 1).against["faye"]}
    )
    assert [("sends", "faye", "0.500")] == [
        (title, peer, str(ratio)) for title, peer, ratio in plot.bars([paired(50, 100), cost])
    ]


def test_the_plot_is_the_same_for_the_same_figures(tmp_path: Path) -> None:
    """Two drawings of the same rows are the same file, so a page without news makes no difference."""
    pytest.importorskip("matplotlib")
    files = [tmp_path / "a.svg", tmp_path / "b.svg"]
    assert [True, True] == [plot.draw([paired(50, 100)], file) for file in files]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert b"against faye" in files[0].read_bytes()


def test_without_the_plot_library_a_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page is written without the plot."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert not run.drawn([paired(50, 100)], tmp_path / "performance.md")
    assert "no plot" in capsys.readouterr().err


# ---- options


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["--against", "."],
        ["reference", "--against", "."],
        ["churn-ws", "--rate", "5"],
        ["--rounds", "0", "--pairs", "0"],
    ],
)
def test_options_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    """An unknown name, a comparison of nothing or of the yardstick, a rate for a closed loop, no pairs."""
    with pytest.raises(SystemExit) as refusal:
        run.parse_arguments(arguments)
    assert 2 == refusal.value.code


def test_a_run_of_a_part_leaves_the_page_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only everything in full, or an explicit --output, writes the document."""
    monkeypatch.setattr(run, "DEFAULT_PAGE", tmp_path / "page.md")
    rows = [paired(50, 100)]
    for arguments in (["send"], ["--quick"], ["--seconds", "1"], ["--output", "-"]):
        run.show(rows, [], run.parse_arguments(arguments))
    assert [] == list(tmp_path.iterdir())
    run.show(rows, [], run.parse_arguments([]))
    assert (tmp_path / "page.md").read_text().startswith("# Performance")
