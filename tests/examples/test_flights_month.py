"""The flights example: the whole month, by the README's commands, and under kills, against figures of its source.

``FLIGHTS_SEED=... python -m pytest tests/examples/test_flights_month.py`` kills the run at other moments.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import attrs
import pytest
from flights import Aircraft, Airport, Carrier
from make_input import input_lines

from statefun_actors import Address, TypedValue
from statefun_actors.admin import read_entities
from statefun_actors.store import StoreError
from statefun_actors.store.sqlite import SqliteStore
from tests.cli.commands import run as run_forked
from tests.cli.commands import started
from tests.test_readme import blocks
from tests.test_readme import run as run_command

EXAMPLES = Path(__file__).parents[2] / "examples"
FLIGHTS = EXAMPLES / "flights"
STORE = Path(".statefun", "flights.db")
SEED = int(os.environ.get("FLIGHTS_SEED", "2013"))
KILLS = 2
DEADLINE = 240.0
"""Seconds within which any run ends; 5 are usual."""


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with gzip.open(FLIGHTS / "flights-2013-01.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@attrs.frozen
class Month:
    """A whole run, by the README's first block of commands. ``printed`` is the output of each of them."""

    folder: Path
    printed: list[str]
    fields: Mapping[type, dict[str, dict[str, object]]]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Month:
    folder = tmp_path_factory.mktemp("flights")
    (folder / "examples").symlink_to(EXAMPLES)
    set_up, *commands = blocks("bash")[0].splitlines()
    assert set_up == "python3 -m venv .venv && . .venv/bin/activate && pip install -e '.[dev]'"
    printed = [run_command(command, folder) for command in commands]
    return Month(folder, printed, {cls: fields(folder, cls) for cls in (Aircraft, Airport, Carrier)})


RUN = ("run", str(FLIGHTS), "--quiet", "--input")


def run(folder: Path, input: str = "flights.jsonl.gz") -> None:
    """The run of the README, started or continued in *folder*, to its end."""
    done = run_forked(*RUN, input, "--until-idle", folder=folder, deadline=DEADLINE)
    assert done.returncode == 0, done.stderr


def run_and_kill(folder: Path, line: int, input: str = "flights.jsonl.gz") -> None:
    """The same, killed as soon as it has read *line* lines of its input. It would not end by itself."""
    with started(*RUN, input, folder=folder) as process:
        deadline = time.monotonic() + DEADLINE
        while lines_read(folder) < line:
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.01)  # between two looks


def fields(folder: Path, cls: Any) -> dict[str, dict[str, object]]:
    """Every field of every entity of *cls*, by id."""
    return {id_: attrs.asdict(entity) for id_, entity in read_entities(folder / STORE, cls)}


def timers(folder: Path) -> list[tuple[Address, TypedValue, str | None]]:
    """The delayed messages that are pending, but for the time at which they are due."""
    with closing(SqliteStore.open_reader(folder / STORE)) as store:
        found = [(timer.target, timer.value, timer.token) for timer in store.timers_after(0, 0, 10_000)]
    return sorted(found, key=lambda timer: timer[0])


def lines_read(folder: Path) -> int:
    """How far the input has been read, as of the last commit."""
    try:
        with closing(SqliteStore.open_reader(folder / STORE)) as store:
            positions = [at for name, at in store.recover().positions.items() if name.startswith("source:")]
    except StoreError:
        return 0  # not there yet
    return max((json.loads(position)["place"]["line"] for position in positions), default=0)


def test_the_commands_of_the_readme_print_what_it_shows(undisturbed: Month) -> None:
    _, run_printed, report_printed = undisturbed.printed
    (report,) = [text for text in blocks("text") if text.startswith("The hardest-flown")]
    shown = [line.split() for line in report.splitlines()]

    assert re.search(r"entities flights/aircraft +3,149\n", run_printed)
    assert [line for line in shown if line not in map(str.split, report_printed.splitlines())] == []


def expected(rows: list[dict[str, str]]) -> dict[type, dict[str, dict[str, object]]]:
    """Every field of every entity, by class and id, once these flights of the source have been handled."""
    flown = [row for row in rows if row["dep_time"] != "NA"]
    cancelled = [row for row in rows if row["dep_time"] == "NA"]
    arrived = [row for row in flown if row["air_time"] != "NA"]
    diverted = [row for row in flown if row["air_time"] == "NA"]
    late = [row for row in arrived if int(row["arr_delay"]) >= 15]

    def of(key: str, figures: dict[str, Counter[str]]) -> dict[str, dict[str, object]]:
        ids = {row[key] for row in rows}
        return {id_: {name: counted[id_] for name, counted in figures.items()} for id_ in ids}

    aircraft = of("tailnum", {
        "flights": count(flown, "tailnum"),
        "cancelled": count(cancelled, "tailnum"),
        "diverted": count(diverted, "tailnum"),
        "miles": total(arrived, "tailnum", "distance"),
        "minutes": total(arrived, "tailnum", "air_time"),
        "minutes_since_inspection": total(arrived, "tailnum", "air_time"),
    })  # fmt: skip
    delays = sorted((row["tailnum"], int(row["arr_delay"])) for row in arrived)
    worst = dict(delays)  # the last one, so the greatest, of each
    for tail_number, figures in aircraft.items():
        figures["worst_delay"] = worst.get(tail_number)
    carriers = of("carrier", {
        "flights": count(flown, "carrier"),
        "cancelled": count(cancelled, "carrier"),
        "diverted": count(diverted, "carrier"),
        "miles": total(arrived, "carrier", "distance"),
        "minutes": total(arrived, "carrier", "air_time"),
        "arrival_delay": total(arrived, "carrier", "arr_delay"),
        "late": count(late, "carrier"),
    })  # fmt: skip
    at_airports = {
        "departures": count(flown, "origin"),
        "departure_delay": total(flown, "origin", "dep_delay"),
        "arrivals": count(arrived, "dest"),
        "arrival_delay": total(arrived, "dest", "arr_delay"),
        "cancelled": count(cancelled, "origin"),
    }
    return {Aircraft: aircraft, Airport: of("origin", at_airports) | of("dest", at_airports), Carrier: carriers}


def overdue(found: Mapping[str, Mapping[str, object]]) -> list[Address]:
    """The aircraft among *found* that have flown 50 hours, in the order of their addresses."""
    return sorted(Aircraft.at(id_) for id_, figures in found.items() if cast("int", figures["minutes"]) >= 50 * 60)


def test_every_field_of_every_entity_is_what_the_source_gives(undisturbed: Month, rows: list[dict[str, str]]) -> None:
    wanted = expected(rows)

    assert [len(found) for found in wanted.values()] == [3_149, 97, 16]
    assert wanted[Aircraft]["NA"]["cancelled"] == 155
    assert undisturbed.fields == wanted


def count(rows: list[dict[str, str]], key: str) -> Counter[str]:
    return Counter(row[key] for row in rows)


def total(rows: list[dict[str, str]], key: str, figure: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        found[row[key]] += int(row[figure])
    return found


def test_one_reminder_is_pending_for_each_aircraft_that_flew_50_hours(undisturbed: Month) -> None:
    due = overdue(undisturbed.fields[Aircraft])

    assert len(due) == 290
    assert [timer[0] for timer in timers(undisturbed.folder)] == due


def test_killed_twice_it_has_the_same_result(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    """The flights of some aircraft: those that flew the most, those that were diverted, and those without a name.

    The input grows between the kills, so that each comes before the end.
    """
    minutes = total([row for row in rows if row["air_time"] != "NA"], "tailnum", "air_time")
    diverted = {row["tailnum"] for row in rows if row["dep_time"] != "NA" and row["air_time"] == "NA"}
    some = {tail_number for tail_number, _ in minutes.most_common(50)} | diverted | {"NA"}
    chosen = [row for row in rows if row["tailnum"] in some]
    lines = [json.dumps(line) + "\n" for line in input_lines() if line["to"].rpartition("/")[2] in some]
    print(f"FLIGHTS_SEED={SEED}")
    chance = random.Random(SEED)
    parts = [len(lines) * part // (KILLS + 1) for part in range(KILLS + 1)]
    for before, end in pairwise(parts):
        (tmp_path / "flights.jsonl").write_text("".join(lines[:end]), encoding="utf-8")
        run_and_kill(tmp_path, chance.randint(before + 1, end), "flights.jsonl")
    (tmp_path / "flights.jsonl").write_text("".join(lines), encoding="utf-8")
    run(tmp_path, "flights.jsonl")

    wanted = expected(chosen)
    assert {cls: fields(tmp_path, cls) for cls in wanted} == wanted
    assert [timer[0] for timer in timers(tmp_path)] == overdue(wanted[Aircraft])


@pytest.mark.slow  # test_killed_twice_it_has_the_same_result is its small form
def test_a_month_that_is_killed_again_and_again_has_the_same_result(undisturbed: Month, tmp_path: Path) -> None:
    (tmp_path / "flights.jsonl.gz").symlink_to(undisturbed.folder / "flights.jsonl.gz")
    print(f"FLIGHTS_SEED={SEED}")
    for line in sorted(random.Random(SEED).sample(range(1, 24_000), KILLS)):
        run_and_kill(tmp_path, line)
    run(tmp_path)

    for cls in (Aircraft, Airport, Carrier):
        assert fields(tmp_path, cls) == undisturbed.fields[cls]
    assert timers(tmp_path) == timers(undisturbed.folder)


def test_a_run_that_is_run_again_has_nothing_left_to_do(undisturbed: Month) -> None:
    run(undisturbed.folder)

    assert fields(undisturbed.folder, Carrier) == undisturbed.fields[Carrier]


def test_the_report_shows_the_sums_of_the_flights(undisturbed: Month) -> None:
    shown = [line.split() for line in undisturbed.printed[-1].splitlines()]

    assert ["UA", "4,605", "32", "15", "1,004", "16,348", "6,719,274"] in shown
    assert ["took", "off", "26,483", "26,483", "26,483"] in shown
    assert ["arrived", "26,398", "26,398", "26,398"] in shown
    assert ["were", "cancelled", "521", "521", "521"] in shown
    assert ["N328AA", "35", "193", "84,473", "71"] in shown


def test_without_a_store_the_report_says_what_to_do_first(tmp_path: Path) -> None:
    command = [sys.executable, str(FLIGHTS / "report.py")]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "store .statefun/flights.db: the file does not exist. `statefun-actors run` creates it.\n\n"
        "    statefun-actors run examples/flights --input flights.jsonl.gz --until-idle\n"
    )
