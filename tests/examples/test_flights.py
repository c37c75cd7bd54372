"""The flights example: one aircraft alone, and the whole month against figures computed from its source.

``FLIGHTS_SEED=... python -m pytest tests/examples/test_flights.py`` kills the run at other moments.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from flights import Aircraft, Airport, Arrived, Cancelled, Carrier, Departed, Flight, Inspected, InspectionDue

from statefun_actors import Address, TypedValue
from statefun_actors.admin import read_entities
from statefun_actors.store import StoreError
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import Delayed, Sent, TestRuntime, given

FLIGHTS = Path(__file__).parents[2] / "examples" / "flights"
STORE = Path(".statefun", "flights.db")
SEED = int(os.environ.get("FLIGHTS_SEED", "2013"))
KILLS = 2
DEADLINE = 60.0
"""Seconds within which any run is through."""


# --- one aircraft alone


def flight(
    *, cancelled: bool = False, delays: tuple[int | None, int | None] = (2, 11), air_time: int | None = 227
) -> Flight:
    return Flight(
        date=date(2013, 1, 1), sched_dep=datetime(2013, 1, 1, 10, tzinfo=UTC), carrier="UA", flight=1545,
        origin="EWR", dest="IAH", distance=1400, cancelled=cancelled, dep_delay=delays[0], arr_delay=delays[1],
        air_time=air_time,
    )  # fmt: skip


CANCELLED = flight(cancelled=True, delays=(None, None), air_time=None)
DIVERTED = flight(delays=(2, None), air_time=None)


def test_a_flight_is_noted_and_passed_on_to_everyone_whom_it_concerns() -> None:
    result = given(Aircraft, "N14228").when(flight())

    assert result.entity == Aircraft(flights=1, miles=1400, minutes=227, worst_delay=11, minutes_since_inspection=227)
    assert result.sent == [
        Sent(Carrier.at("UA"), flight()),
        Sent(Airport.at("EWR"), Departed(2)),
        Sent(Airport.at("IAH"), Arrived(11)),
    ]


def test_a_cancelled_flight_is_counted_and_not_flown() -> None:
    result = given(Aircraft, "N14228").when(CANCELLED)

    assert result.entity == Aircraft(cancelled=1)
    assert result.sent == [Sent(Carrier.at("UA"), CANCELLED), Sent(Airport.at("EWR"), Cancelled())]


def test_a_diverted_flight_departs_and_does_not_arrive() -> None:
    result = given(Aircraft, "N14228").when(DIVERTED)

    assert result.entity == Aircraft(flights=1, diverted=1)
    assert result.sent == [Sent(Carrier.at("UA"), DIVERTED), Sent(Airport.at("EWR"), Departed(2))]


def test_the_unknown_aircraft_keeps_cancellations_and_nothing_else() -> None:
    result = given(Aircraft, "NA").when(CANCELLED, flight())

    assert result.entity == Aircraft(cancelled=1)
    assert [sent.target for sent in result.sent] == [
        Carrier.at("UA"), Airport.at("EWR"), Carrier.at("UA"), Airport.at("EWR"), Airport.at("IAH"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "delayed"),
    [
        pytest.param(0, [], id="it has hardly flown"),
        pytest.param(2_999, [(7, 50)], id="it has flown 50 hours"),
        pytest.param(3_300, [], id="it was reminded already"),
        pytest.param(3_599, [(1, 60)], id="it has flown 10 hours more"),
        pytest.param(5_000, [], id="it was reminded urgently"),
    ],
)
def test_a_reminder_is_sent_when(before: int, delayed: list[tuple[int, int]]) -> None:
    result = given(Aircraft, "N1", minutes_since_inspection=before).when(flight(air_time=1))

    target = Aircraft.at("N1")
    assert result.delayed == [
        Delayed(target, InspectionDue("N1", hours), timedelta(days=days), "inspection") for days, hours in delayed
    ]


async def test_an_urgent_reminder_takes_the_place_of_the_first_one() -> None:
    async with TestRuntime(Aircraft, Airport, Carrier) as runtime:
        for _ in range(2):
            await runtime.tell(Aircraft.at("N1"), flight(air_time=1_800))

        [reminder] = runtime.timers
        assert reminder.message == InspectionDue("N1", 60)
        await runtime.clock.advance(timedelta(days=1))
        assert runtime.egress("flights/maintenance") == [InspectionDue("N1", 60)]
        await runtime.clock.advance(timedelta(days=30))
        assert len(runtime.egress("flights/maintenance")) == 1


async def test_once_inspected_no_reminder_comes_and_the_hours_are_counted_anew() -> None:
    async with TestRuntime(Aircraft, Airport, Carrier) as runtime:
        await runtime.tell(Aircraft.at("N1"), flight(air_time=3_000))
        await runtime.tell(Aircraft.at("N1"), Inspected())
        await runtime.tell(Aircraft.at("N1"), flight(air_time=2_999))
        await runtime.clock.advance(timedelta(days=30))

        assert not runtime.egresses
        assert runtime.state(Aircraft.at("N1")).minutes == 5_999


# --- the whole month


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with gzip.open(FLIGHTS / "flights-2013-01.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the input, and the store of one whole run."""
    folder = tmp_path_factory.mktemp("flights")
    subprocess.run([sys.executable, str(FLIGHTS / "make_input.py")], cwd=folder, check=True, capture_output=True)
    run(folder)
    return folder


RUN = [
    sys.executable, "-m", "statefun_actors",
    "run", str(FLIGHTS), "--input", "flights.jsonl.gz", "--until-idle", "--quiet",
]  # fmt: skip


def run(folder: Path) -> None:
    """The run of the README, begun in *folder* or gone on with, to the end."""
    subprocess.run(RUN, cwd=folder, check=True, timeout=DEADLINE)


def run_and_kill(folder: Path, line: int) -> None:
    """The same, killed as soon as it has read *line* lines of its input."""
    with subprocess.Popen(RUN, cwd=folder) as process:
        try:
            deadline = time.monotonic() + DEADLINE
            while lines_read(folder) < line:
                assert process.poll() is None, "it ended before it could be killed"
                assert time.monotonic() < deadline
        finally:
            process.kill()


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


def test_every_field_of_every_entity_is_what_the_source_gives(undisturbed: Path, rows: list[dict[str, str]]) -> None:
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
    for tail_number, expected in aircraft.items():
        expected["worst_delay"] = worst.get(tail_number)
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
    airports = of("origin", at_airports) | of("dest", at_airports)
    assert (len(aircraft), len(airports), len(carriers)) == (3_149, 97, 16)
    assert aircraft["NA"]["cancelled"] == 155
    assert fields(undisturbed, Aircraft) == aircraft
    assert fields(undisturbed, Airport) == airports
    assert fields(undisturbed, Carrier) == carriers


def count(rows: list[dict[str, str]], key: str) -> Counter[str]:
    return Counter(row[key] for row in rows)


def total(rows: list[dict[str, str]], key: str, figure: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        found[row[key]] += int(row[figure])
    return found


def test_one_reminder_is_pending_for_each_aircraft_that_flew_50_hours(undisturbed: Path) -> None:
    flown = {tail_number: plane.minutes for tail_number, plane in read_entities(undisturbed / STORE, Aircraft)}
    due = [Aircraft.at(tail_number) for tail_number, minutes in flown.items() if minutes >= 50 * 60]

    assert len(due) == 290
    assert [timer[0] for timer in timers(undisturbed)] == due


def test_killed_again_and_again_it_comes_to_the_same(undisturbed: Path, tmp_path: Path) -> None:
    (tmp_path / "flights.jsonl.gz").symlink_to(undisturbed / "flights.jsonl.gz")
    print(f"FLIGHTS_SEED={SEED}")
    for line in sorted(random.Random(SEED).sample(range(1, 24_000), KILLS)):
        run_and_kill(tmp_path, line)
    assert lines_read(tmp_path) < 27_004
    run(tmp_path)

    for cls in (Aircraft, Airport, Carrier):
        assert fields(tmp_path, cls) == fields(undisturbed, cls)
    assert timers(tmp_path) == timers(undisturbed)


def test_a_run_that_is_run_again_has_nothing_left_to_do(undisturbed: Path) -> None:
    before = fields(undisturbed, Carrier)

    run(undisturbed)

    assert fields(undisturbed, Carrier) == before


def report(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FLIGHTS / "report.py")]
    environment = {**os.environ, "COLUMNS": "100"}
    return subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)


def test_the_report_shows_what_the_flights_came_to(undisturbed: Path) -> None:
    shown = [line.split() for line in report(undisturbed).stdout.splitlines()]

    assert ["UA", "4,605", "32", "15", "1,004", "16,348", "6,719,274"] in shown
    assert ["took", "off", "26,483", "26,483", "26,483"] in shown
    assert ["arrived", "26,398", "26,398", "26,398"] in shown
    assert ["were", "cancelled", "521", "521", "521"] in shown
    assert ["N328AA", "35", "193", "84,473", "71"] in shown


def test_without_a_store_the_report_says_what_to_do_first(tmp_path: Path) -> None:
    done = report(tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "store .statefun/flights.db: the file does not exist. `statefun-actors run` creates it.\n\n"
        "    statefun-actors run examples/flights --input flights.jsonl.gz --until-idle\n"
    )
