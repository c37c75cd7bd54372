"""The flights example against figures computed from its source in another way, undisturbed and after kills."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from statefun_actors.embedded import read_entities

FLIGHTS = Path(__file__).parents[2] / "examples" / "flights"
DEADLINE = 120.0
RUN = [
    sys.executable,
    "-m",
    "statefun_actors",
    "run",
    str(FLIGHTS),
    "--input",
    "flights.jsonl.gz",
    "--until-idle",
    "-q",
]


@pytest.fixture(scope="module")
def app() -> ModuleType:
    spec = importlib.util.spec_from_file_location("flights", FLIGHTS / "flights.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["flights"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with gzip.open(FLIGHTS / "flights-2013-01.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flights")
    subprocess.run([sys.executable, str(FLIGHTS / "make_input.py")], cwd=folder, check=True, capture_output=True)
    subprocess.run(RUN, cwd=folder, check=True, timeout=DEADLINE)
    return folder


def everything(store: Path, app: ModuleType) -> dict[str, dict[str, Any]]:
    """Every field of every entity."""
    found = {}
    for cls in (app.Aircraft, app.Airport, app.Carrier):
        for id_, entity in read_entities(store, cls):
            found[f"{cls.__name__} {id_}"] = {name: getattr(entity, name) for name in cls.__function_type__.by_name}
    return found


def test_the_totals_are_those_of_the_source(undisturbed: Path, app: ModuleType, rows: list[dict[str, str]]) -> None:
    flown = [row for row in rows if row["dep_time"] != "NA"]
    store = undisturbed / ".statefun" / "flights.db"
    aircraft = dict(read_entities(store, app.Aircraft))
    airports = dict(read_entities(store, app.Airport))
    carriers = dict(read_entities(store, app.Carrier))

    assert (len(aircraft), len(airports), len(carriers)) == (3_149, 94 + 3, 16)
    assert {tail: plane.flights for tail, plane in aircraft.items() if plane.flights} == Counter(
        row["tailnum"] for row in flown
    )
    assert sum(plane.miles for plane in aircraft.values()) == sum(int(row["distance"]) for row in flown)
    assert sum(carrier.minutes for carrier in carriers.values()) == sum(
        int(row["air_time"]) for row in flown if row["air_time"] != "NA"
    )
    assert {code: carrier.cancelled for code, carrier in carriers.items() if carrier.cancelled} == Counter(
        row["carrier"] for row in rows if row["dep_time"] == "NA"
    )
    assert {code: airport.arrivals for code, airport in airports.items() if airport.arrivals} == Counter(
        row["dest"] for row in flown
    )
    worst: dict[str, int] = {}
    for row in flown:
        if row["arr_delay"] != "NA":
            worst[row["tailnum"]] = max(worst.get(row["tailnum"], -10_000), int(row["arr_delay"]))
    assert {tail: plane.worst_delay for tail, plane in aircraft.items() if plane.worst_delay is not None} == worst
    assert aircraft["NA"].flights == 0
    assert aircraft["NA"].cancelled == 155


def test_killed_again_and_again_it_comes_to_the_same(undisturbed: Path, tmp_path: Path, app: ModuleType) -> None:
    (tmp_path / "flights.jsonl.gz").symlink_to(undisturbed / "flights.jsonl.gz")
    store = tmp_path / ".statefun" / "flights.db"
    seed = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
    print(f"SEED={seed}")
    choose = random.Random(seed)
    kills = 0
    for goal in sorted(choose.sample(range(1, 3_000), 4)):
        process = subprocess.Popen(RUN, cwd=tmp_path)
        until = time.monotonic() + DEADLINE
        while process.poll() is None and aircraft_stored(store) < goal:
            assert time.monotonic() < until
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait(DEADLINE)
    subprocess.run(RUN, cwd=tmp_path, check=True, timeout=DEADLINE)

    assert kills >= 2
    assert everything(store, app) == everything(undisturbed / ".statefun" / "flights.db", app)


def aircraft_stored(store: Path) -> int:
    if not store.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
            ((count,),) = db.execute("SELECT count(*) FROM entity WHERE type = 'flights/aircraft'")
    except sqlite3.Error:
        return 0
    return int(count)


def test_the_report_shows_them_and_says_what_to_do_without_a_store(undisturbed: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(FLIGHTS / "report.py")]
    shown = subprocess.run(command, cwd=undisturbed, check=True, capture_output=True, text=True).stdout
    missing = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)

    assert "3,149 aircraft, the most flown" in shown
    assert "26,483" in shown
    assert missing.returncode == 1
    assert "First: statefun-actors run examples/flights" in missing.stderr
