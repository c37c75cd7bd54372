"""Turn a month of flights (flights-2013-01.csv.gz) into the JSON lines that ``statefun-actors run --input`` reads.

    python examples/flights/make_input.py [OUT]

Writes one line per flight, in the order of the source, to OUT (``flights.jsonl.gz`` in the current folder unless given;
gzipped if its name ends in ``.gz``). The same source always gives the same bytes.

A flight goes to its aircraft, ``flights/aircraft/<tail number>``. 155 of the cancelled ones never got an aircraft; the
source gives their tail number as ``NA``, and so does the address: ``flights/aircraft/NA``.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

SOURCE = Path(__file__).with_name("flights-2013-01.csv.gz")
ABSENT = "NA"
NEW_YORK_IN_JANUARY = "-05:00"


class Flight(TypedDict):
    """The value of a ``flights/flight`` message. Delays and time in the air are minutes, the distance is in miles."""

    date: str
    sched_dep: str
    carrier: str
    flight: int
    origin: str
    dest: str
    distance: int
    cancelled: bool
    dep_delay: int | None
    arr_delay: int | None
    air_time: int | None


class InputLine(TypedDict):
    """One line of input: an address, the typename of the message, and the message."""

    to: str
    type: str
    value: Flight


def input_lines(source: Path = SOURCE) -> Iterator[InputLine]:
    """One line per flight of *source*, in its order."""
    with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {"to": addressee(row), "type": "flights/flight", "value": flight(row)}


def addressee(row: dict[str, str]) -> str:
    """The aircraft that flies, ``NA`` where none was ever assigned."""
    return f"flights/aircraft/{row['tailnum'] or ABSENT}"


def flight(row: dict[str, str]) -> Flight:
    """The message for one row. A flight without a departure time was cancelled."""
    date = f"{row['year']}-{int(row['month']):02}-{int(row['day']):02}"
    hour, minute = divmod(int(row["sched_dep_time"]), 100)
    return {
        "date": date,
        "sched_dep": f"{date}T{hour:02}:{minute:02}:00{NEW_YORK_IN_JANUARY}",
        "carrier": row["carrier"],
        "flight": int(row["flight"]),
        "origin": row["origin"],
        "dest": row["dest"],
        "distance": int(row["distance"]),
        "cancelled": row["dep_time"] == ABSENT,
        "dep_delay": minutes(row["dep_delay"]),
        "arr_delay": minutes(row["arr_delay"]),
        "air_time": minutes(row["air_time"]),
    }


def minutes(text: str) -> int | None:
    """A whole number, or None where the source has none."""
    return None if text == ABSENT else int(text)


def write(lines: list[InputLine], out: Path) -> None:
    """Write *lines* to *out*, without anything (a time, a file name) that would differ from one run to the next."""
    text = b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
    with out.open("wb") as file:
        if out.suffix == ".gz":
            # Not gzip.compress: the header it writes depends on the version of Python.
            with gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
                packed.write(text)
        else:
            file.write(text)


def main(arguments: list[str]) -> None:
    """Write the input and say in one line what it holds."""
    if len(arguments) > 1:
        sys.exit("usage: python make_input.py [OUT]")
    out = Path(arguments[0] if arguments else "flights.jsonl.gz")
    lines = list(input_lines())
    write(lines, out)
    aircraft = {line["to"] for line in lines}
    cancelled = sum(line["value"]["cancelled"] for line in lines)
    unknown = sum(line["to"] == f"flights/aircraft/{ABSENT}" for line in lines)
    print(
        f"{out}: {len(lines):,} flights for {len(aircraft):,} aircraft; {cancelled} were cancelled, "
        f"{unknown} of these before they had an aircraft ({ABSENT})"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
