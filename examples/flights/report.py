"""What the flights came to, read from the store: afterwards, or while a run goes on.

    python examples/flights/report.py [STORE]

STORE is ``.statefun/flights.db`` unless given, which is where ``statefun-actors run examples/flights`` keeps it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from flights import INSPECTION_NOTICES, UNKNOWN_TAIL_NUMBER, Aircraft, Airport, Carrier
from rich import box
from rich.console import Console
from rich.table import Table

from statefun_actors.admin import read_entities
from statefun_actors.store import StoreError

TOP = 5


def report(store: Path) -> Iterator[Table]:
    """The tables, each with its biggest rows first."""
    carriers = dict(read_entities(store, Carrier))
    airports = dict(read_entities(store, Airport))
    aircraft = dict(read_entities(store, Aircraft))
    yield of_carriers(carriers)
    yield of_airports(airports)
    yield of_aircraft(aircraft)
    yield of_all(list(carriers.values()), list(airports.values()), list(aircraft.values()))
    yield of_some(aircraft)


def of_carriers(carriers: dict[str, Carrier]) -> Table:
    busiest = sorted(carriers.items(), key=lambda item: -item[1].flights)[:TOP]
    return table(
        f"The busiest of {len(carriers)} carriers",
        ["", "flights", "cancelled", "diverted", "late", "hours", "miles"],
        [(code, it.flights, it.cancelled, it.diverted, it.late, it.minutes // 60, it.miles) for code, it in busiest],
    )


def of_airports(airports: dict[str, Airport]) -> Table:
    busiest = sorted(airports.items(), key=lambda item: -(item[1].departures + item[1].arrivals))[:TOP]
    return table(
        f"The busiest of {len(airports)} airports; delays are minutes a flight",
        ["", "departures", "delay", "arrivals", "delay", "cancelled"],
        [
            (
                code,
                it.departures,
                average(it.departure_delay, it.departures),
                it.arrivals,
                average(it.arrival_delay, it.arrivals),
                it.cancelled,
            )
            for code, it in busiest
        ],
    )


def of_aircraft(aircraft: dict[str, Aircraft]) -> Table:
    hardest = sorted(aircraft.items(), key=lambda item: -item[1].minutes)[:TOP]
    return table(
        f"The hardest-flown of {len(aircraft):,} aircraft",
        ["", "flights", "hours", "miles", "worst delay"],
        [(tail_number, it.flights, it.minutes // 60, it.miles, it.worst_delay) for tail_number, it in hardest],
    )


def of_all(carriers: Sequence[Carrier], airports: Sequence[Airport], aircraft: Sequence[Aircraft]) -> Table:
    """Sums, on which all three kinds agree once a run is done: each flight reached everyone whom it concerns."""
    counters = (carriers, aircraft)
    took_off, diverted, cancelled, minutes = (
        [sum(getattr(it, name) for it in counter) for counter in counters]
        for name in ("flights", "diverted", "cancelled", "minutes")
    )
    arrived = [flights - lost for flights, lost in zip(took_off, diverted, strict=True)]
    return table(
        "Altogether, as counted by",
        ["", "carriers", "aircraft", "airports"],
        [
            ("took off", *took_off, sum(it.departures for it in airports)),
            ("arrived", *arrived, sum(it.arrivals for it in airports)),
            ("were cancelled", *cancelled, sum(it.cancelled for it in airports)),
            ("hours in the air", *(total // 60 for total in minutes), None),
        ],
    )


def of_some(aircraft: dict[str, Aircraft]) -> Table:
    unknown = sum(it.cancelled for tail_number, it in aircraft.items() if tail_number == UNKNOWN_TAIL_NUMBER)
    return table(
        f"Of the {len(aircraft):,} aircraft",
        ["", "how many"],
        [
            ("flew at all", sum(it.flights > 0 for it in aircraft.values())),
            ("are due for an inspection", sum(is_due(it) for it in aircraft.values())),
            (f"cancelled before there was one ({UNKNOWN_TAIL_NUMBER})", unknown),
        ],
    )


def is_due(plane: Aircraft) -> bool:
    """Whether it is to be inspected."""
    return plane.minutes_since_inspection >= INSPECTION_NOTICES[0][0]


def average(total: int, count: int) -> float | None:
    return round(total / count, 1) if count else None


def table(title: str, columns: Sequence[str], rows: Iterable[tuple[str | float | None, ...]]) -> Table:
    """A table whose first column is text and whose others are numbers."""
    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for place, column in enumerate(columns):
        made.add_column(column, justify="right" if place else "left")
    for row in rows:
        made.add_row(*("" if it is None else it if isinstance(it, str) else f"{it:,}" for it in row))
    return made


def main(arguments: list[str]) -> None:
    """Print the tables, or why there are none."""
    if len(arguments) > 1:
        sys.exit("usage: python report.py [STORE]")
    try:
        for made in report(Path(arguments[0] if arguments else ".statefun/flights.db")):
            Console().print(made)
    except StoreError as error:
        sys.exit(f"{error}\n\n    statefun-actors run examples/flights --input flights.jsonl.gz --until-idle")


if __name__ == "__main__":
    main(sys.argv[1:])
