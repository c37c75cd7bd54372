"""What the flights came to, read from the store: while the run goes on, or afterwards.

    python examples/flights/report.py [STORE]

STORE is ``.statefun/flights.db`` unless given, which is where ``statefun-actors run examples/flights`` puts it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from flights import Aircraft, Airport, Carrier
from rich.console import Console
from rich.table import Table

from statefun_actors.embedded import StoreError, read_entities

TOP = 5


def table(title: str, *columns: str) -> Table:
    """A table whose first column is text and whose others are numbers."""
    made = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        made.add_column(column, justify="left" if index == 0 else "right")
    return made


def report(store: Path) -> list[Table]:
    """The tables, biggest first."""
    carriers = sorted(read_entities(store, Carrier), key=lambda item: -item[1].flights)
    airports = sorted(read_entities(store, Airport), key=lambda item: -(item[1].departures + item[1].arrivals))
    aircraft = sorted(read_entities(store, Aircraft), key=lambda item: -item[1].minutes)

    by_carrier = table(f"{len(carriers)} carriers", "carrier", "flights", "cancelled", "late", "hours", "miles")
    for code, carrier in carriers:
        numbers = (carrier.flights, carrier.cancelled, carrier.late, carrier.minutes // 60, carrier.miles)
        by_carrier.add_row(code, *(f"{number:,}" for number in numbers))
    by_airport = table(f"{len(airports)} airports, the busiest", "airport", "departures", "arrivals", "cancelled")
    for code, airport in airports[:TOP]:
        movements = (airport.departures, airport.arrivals, airport.cancelled)
        by_airport.add_row(code, *(f"{number:,}" for number in movements))
    by_aircraft = table(f"{len(aircraft):,} aircraft, the most flown", "aircraft", "flights", "hours", "worst delay")
    for tail, plane in aircraft[:TOP]:
        by_aircraft.add_row(tail, f"{plane.flights:,}", f"{plane.minutes // 60:,}", f"{plane.worst_delay} min")

    planes = [plane for _, plane in aircraft]
    totals = table("Altogether", "what", "how many")
    for what, number in (
        ("flights flown", sum(plane.flights for plane in planes)),
        ("flights cancelled", sum(plane.cancelled for plane in planes)),
        ("hours in the air", sum(plane.minutes for plane in planes) // 60),
        ("miles", sum(plane.miles for plane in planes)),
        ("inspections done", sum(plane.inspections for plane in planes)),
    ):
        totals.add_row(what, f"{number:,}")
    return [by_carrier, by_airport, by_aircraft, totals]


def main(arguments: list[str]) -> None:
    """Print the tables, or why there are none."""
    store = Path(arguments[0] if arguments else ".statefun/flights.db")
    try:
        tables = report(store)
    except StoreError as error:
        sys.exit(f"{error}\nFirst: statefun-actors run examples/flights --input flights.jsonl.gz --until-idle")
    for made in tables:
        Console().print(made)


if __name__ == "__main__":
    main(sys.argv[1:])
