"""The table of all benchmarks, and small forms of those that need nothing but this package."""

from __future__ import annotations

import contextlib
import cProfile
import re
import sys
import time
from pathlib import Path

import pytest

from tests.benchmarks import curves, schedules
from tests.benchmarks.__main__ import figures_of
from tests.benchmarks.figures import (
    CannotMeasureError,
    Figure,
    Unmeasured,
    needed,
    parser_of,
    profiled,
    read_figures,
)
from tests.benchmarks.peers.installed import install_or_refuse


def test_a_ratio_is_the_median_of_those_of_the_rounds() -> None:
    figure = Figure(name="rate", ours=[10, 30, 20], peer="peer", theirs=[10, 10, 10], aim=2)

    assert figure.values == [1, 3, 2]
    assert figure.value == 2
    assert figure.met


def test_of_times_the_ratio_is_inverse_and_an_aim_may_be_the_most() -> None:
    faster = Figure(name="time", ours=[1, 2], peer="peer", theirs=[4, 4], inverse=True, aim=4)
    longer = Figure(name="time", ours=[3], peer="peer", theirs=[2], aim=1.4, at_least=False)

    assert faster.values == [4, 2]
    assert not faster.met
    assert not longer.met


def test_rounds_without_a_counterpart_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        _ = Figure(name="rate", ours=[1, 2], peer="peer", theirs=[1], aim=1).values


def test_a_row_shows_the_spread_the_aim_and_whether_it_is_met() -> None:
    row = Figure(name="memory", ours=[100, 140, 120], aim=150, at_least=False, unit="MB").row()

    assert re.split(r" {2,}", row) == ["memory", "-", "120 MB", "100 to 140", "<= 150", "met"]


def test_what_cannot_be_measured_is_a_row_with_its_reason_and_misses_no_aim(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = parser_of("").parse_args(["--figures", str(tmp_path / "figures.json")])

    with pytest.raises(SystemExit) as raised:
        needed("asks next to a peer", options, lambda: install_or_refuse("Peer 1.0", ["no-such-program", "install"]))

    assert raised.value.code == 0
    (row,) = read_figures(tmp_path / "figures.json")
    assert row == Unmeasured(
        name="asks next to a peer", reason="Peer 1.0 needs no-such-program, which is not installed"
    )
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"{'asks next to a peer':58} not measured: Peer 1.0 needs no-such-program, which is not installed"
    )


def test_a_peer_whose_installation_fails_is_refused_with_the_last_line_of_what_failed() -> None:
    failing = [sys.executable, "-c", "import sys; sys.exit('one\\nno matching distribution')"]

    with pytest.raises(CannotMeasureError) as raised:
        install_or_refuse("Peer 1.0", failing)

    assert str(raised.value) == "Peer 1.0 can't be installed: no matching distribution"


def test_a_benchmark_that_fails_is_named_by_the_last_line_of_its_output() -> None:
    assert figures_of("simulator", "--seeds", "x") == "simulator.py: error: argument --seeds: invalid int value: 'x'"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("simulator", ["--seeds", "2"]),
        ("reminders", ["--entities", "20", "--days", "5", "--rounds", "1"]),
        pytest.param("kit", ["--rounds", "1"], marks=pytest.mark.slow),
        ("ingest", ["--lines", "1000", "--rounds", "1"]),
        ("bytes_written", ["--messages", "500"]),
        pytest.param("undisturbed", ["--rounds", "1", "--seconds", "0.3"], marks=pytest.mark.slow),
        pytest.param("partitions", ["--lines", "1000", "--rounds", "1", "--seconds", "0.2"], marks=pytest.mark.slow),
        pytest.param("growth", ["--population", "2000", "--messages", "2000", "--rounds", "1"], marks=pytest.mark.slow),
        pytest.param("open_asks", ["--asks", "1000"], marks=pytest.mark.slow),
        pytest.param("schedules", ["--schedules", "1000"], marks=pytest.mark.slow),
        pytest.param("asks", [], marks=pytest.mark.slow),
    ],
)
def test_a_small_form_of_a_benchmark_gives_its_figures(name: str, arguments: list[str]) -> None:
    figures = figures_of(name, *arguments)

    assert not isinstance(figures, str), figures
    assert figures
    assert all(isinstance(figure, Figure) and figure.value > 0 for figure in figures)


def test_curves_are_measured_and_plotted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    svg = tmp_path / "c.svg"
    monkeypatch.setattr(curves, "ROUNDS", 1)
    monkeypatch.setattr(sys, "argv", ["curves", "fields", "--smallest", "--svg", str(svg)])

    with contextlib.suppress(SystemExit):  # a busy machine may miss the aim
        curves.main()

    printed = capsys.readouterr().out
    assert re.match(r"fields of an entity +1: \d+ µs +10: \d+ µs +exponent [+-]\d", printed)
    assert "fields of an entity" in svg.read_text(encoding="utf-8")


def test_an_unknown_curve_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["curves", "fields", "field"])

    with pytest.raises(SystemExit) as raised:
        curves.main()

    assert raised.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].partition("error: ")[2] == (
        "unknown curve 'field'; expected one of: entities, fields, state, batch, fan-out, asks, one-asker, timers"
    )


def test_a_block_that_fails_leaves_no_profiler_behind(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), profiled():
        _ = 1 / 0

    profiler = cProfile.Profile()
    profiler.enable()  # raises if another one is active, from Python 3.12 on
    profiler.disable()
    assert "function calls" in capsys.readouterr().out


async def test_each_of_a_thousand_schedules_fires_in_each_minute(tmp_path: Path) -> None:
    store = tmp_path / "schedules.db"
    await schedules.fill(store, 1_000)

    figures = await schedules.start(store, time.time())  # which checks the firings

    assert all(value > 0 for value in figures)
