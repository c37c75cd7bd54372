"""The flights example starts from the right data, and turns all of it into input."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

FLIGHTS = Path(__file__).parents[2] / "examples" / "flights"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with gzip.open(FLIGHTS / "flights-2013-01.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def make_input(out: Path) -> str:
    """Run the script as a user does; return its output."""
    command = [sys.executable, str(FLIGHTS / "make_input.py"), out.name]
    return subprocess.run(command, cwd=out.parent, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The input without compression."""
    out = tmp_path_factory.mktemp("input") / "flights.jsonl"
    make_input(out)
    return out


@pytest.fixture(scope="module")
def lines(plain: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in plain.read_text(encoding="utf-8").splitlines()]


def test_the_data_is_january_2013_with_every_column_of_its_source(rows: list[dict[str, str]]) -> None:
    assert len(rows) == 27_004
    assert {(row["year"], row["month"]) for row in rows} == {("2013", "1")}
    assert ",".join(rows[0]) == (
        "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,"
        "origin,dest,air_time,distance,hour,minute,time_hour"
    )


def test_the_figures_of_the_example_are_those_of_the_data(rows: list[dict[str, str]]) -> None:
    cancelled = [row for row in rows if row["dep_time"] == "NA"]
    nameless = [row for row in rows if row["tailnum"] == "NA"]

    assert len(cancelled) == 521
    assert len(nameless) == 155
    assert all(row in cancelled for row in nameless)
    assert len({row["tailnum"] for row in rows} - {"NA"}) == 3_148
    assert len({row["tailnum"] for row in rows if row["dep_time"] != "NA"}) == 3_141
    assert sum(row["dep_time"] != "NA" and row["air_time"] == "NA" for row in rows) == 85
    assert len({row["carrier"] for row in rows}) == 16
    assert len({row["origin"] for row in rows} | {row["dest"] for row in rows}) == 97


def test_every_flight_becomes_one_line_for_its_aircraft(
    rows: list[dict[str, str]], lines: list[dict[str, Any]]
) -> None:
    assert [line["to"] for line in lines] == [f"flights/aircraft/{row['tailnum']}" for row in rows]
    assert {line["type"] for line in lines} == {"flights/flight"}
    assert Counter(line["to"] for line in lines)["flights/aircraft/NA"] == 155


def test_the_input_says_of_each_flight_what_the_data_says(
    rows: list[dict[str, str]], lines: list[dict[str, Any]]
) -> None:
    for row, line in zip(rows, lines, strict=True):
        value = line["value"]
        assert value["date"] == f"2013-01-{int(row['day']):02}"
        assert value["sched_dep"] == f"{value['date']}T{int(row['hour']):02}:{int(row['minute']):02}:00-05:00"
        assert value["cancelled"] == (row["dep_time"] == "NA")
        for text in ("carrier", "origin", "dest"):
            assert value[text] == row[text]
        for number in ("flight", "distance", "air_time", "dep_delay", "arr_delay"):
            assert str("NA" if value[number] is None else value[number]) == row[number]


def test_a_cancelled_flight_has_no_delays_and_no_time_in_the_air(lines: list[dict[str, Any]]) -> None:
    [line, *_] = [line for line in lines if line["value"]["cancelled"] and line["value"]["carrier"] == "AA"]

    assert line["value"].items() >= {"cancelled": True, "dep_delay": None, "arr_delay": None, "air_time": None}.items()


def test_the_same_data_always_gives_the_same_bytes(tmp_path: Path, plain: Path) -> None:
    one, other = tmp_path / "one.jsonl.gz", tmp_path / "other.jsonl.gz"

    reported = make_input(one)
    make_input(other)

    assert reported == (
        "one.jsonl.gz: 27,004 flights for 3,149 aircraft; 521 were cancelled, "
        "155 of these before they had an aircraft (NA)\n"
    )
    assert one.read_bytes() == other.read_bytes()
    assert gzip.decompress(one.read_bytes()) == plain.read_bytes()
