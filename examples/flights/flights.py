"""A month of flights out of New York as durable actors: an entity for each aircraft, each airport, each carrier.

    statefun-actors run examples/flights --input flights.jsonl.gz --until-idle

Each flight arrives at its aircraft, which notes it and tells the carrier and the airports. What one flight changes in
these four is exact, however often the run is killed and started again.

What the 27,004 flights of the source are, and what becomes of them:

- 26,398 went from A to B.
- 85 took off and have no time in the air: diverted, nearly all of them. They count as departures and as diverted, but
  not as arrivals, and add neither hours nor miles.
- 521 were cancelled. Their aircraft, carrier and airport of origin count that.

The source gives 155 of the cancelled ones no tail number, but ``NA``: they were cancelled before they had an aircraft.
So the entity ``flights/aircraft/NA`` stands for "nobody knows which". It keeps cancellations and nothing else, and is
the 3,149th beside 3,148 real aircraft.

After 50 hours in the air an aircraft reminds whoever looks after it that an inspection is due: by a message to itself,
a week ahead. Ten more hours without an inspection, and a more urgent reminder takes the place of the first one; once
inspected, none comes. The source knows of no inspections, so in the end 290 reminders are pending. To see them come,
without waiting for a week:

    statefun-actors run examples/flights --until-idle --fire-timers --egress flights/maintenance=maintenance.jsonl
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from statefun_actors import Entity, handles, message, persisted

UNKNOWN_TAIL_NUMBER: Final = "NA"
LATE_MINUTES: Final = 15
"""From which delay on the Bureau of Transportation Statistics calls a flight late."""
INSPECTION: Final = "inspection"
INSPECTION_NOTICES: Final = ((50 * 60, timedelta(days=7)), (60 * 60, timedelta(days=1)))
"""After how many minutes in the air an inspection is due, and how soon."""


@message("flights/flight")
class Flight:
    """A scheduled flight. Times are minutes, the distance is in miles; None is what the source does not know."""

    date: date
    sched_dep: datetime
    carrier: str
    flight: int
    origin: str
    dest: str
    distance: int
    cancelled: bool
    dep_delay: int | None = None
    arr_delay: int | None = None
    air_time: int | None = None

    @property
    def diverted(self) -> bool:
        """Whether it took off, but did not arrive as a flight from its origin to its destination."""
        return not self.cancelled and self.air_time is None


@message("flights/departed")
class Departed:
    """To the airport of origin. A negative delay is a flight ahead of its schedule."""

    delay: int


@message("flights/arrived")
class Arrived:
    """To the airport of destination."""

    delay: int


@message("flights/cancelled")
class Cancelled:
    """To the airport of origin."""


@message("flights/inspection-due")
class InspectionDue:
    """An aircraft's message to itself, and then its record for those who inspect it."""

    tail_number: str
    hours_flown: int


@message("flights/inspected")
class Inspected:
    """To an aircraft that has been inspected."""


class Aircraft(Entity, typename="flights/aircraft"):
    """One aircraft, by its tail number."""

    flights: int = persisted(default=0)
    cancelled: int = persisted(default=0)
    diverted: int = persisted(default=0)
    miles: int = persisted(default=0)
    minutes: int = persisted(default=0)
    worst_delay: int | None = persisted(default=None)
    minutes_since_inspection: int = persisted(default=0)

    @handles(Flight)
    def fly(self, flight: Flight) -> None:
        self.send(Carrier.at(flight.carrier), flight)
        if flight.cancelled:
            self.cancelled += 1
            self.send(Airport.at(flight.origin), Cancelled())
            return
        self.send(Airport.at(flight.origin), Departed(flight.dep_delay or 0))
        if not flight.diverted:
            self.send(Airport.at(flight.dest), Arrived(flight.arr_delay or 0))
        if self.id != UNKNOWN_TAIL_NUMBER:
            self._log(flight)

    @handles(InspectionDue)
    def remind(self, reminder: InspectionDue) -> None:
        self.send_egress("flights/maintenance", reminder)

    @handles(Inspected)
    def inspected(self, _: Inspected) -> None:
        self.minutes_since_inspection = 0
        self.cancel(INSPECTION)

    def _log(self, flight: Flight) -> None:
        self.flights += 1
        if flight.air_time is None:
            self.diverted += 1
            return
        self.miles += flight.distance
        self.minutes += flight.air_time
        if flight.arr_delay is not None and (self.worst_delay is None or flight.arr_delay > self.worst_delay):
            self.worst_delay = flight.arr_delay
        before = self.minutes_since_inspection
        self.minutes_since_inspection += flight.air_time
        for limit, notice in INSPECTION_NOTICES:
            if before < limit <= self.minutes_since_inspection:
                due = InspectionDue(self.id, self.minutes_since_inspection // 60)
                # One token: the urgent reminder replaces the first one, and whichever is pending can be cancelled.
                self.send_after(notice, self.address, due, cancellation_token=INSPECTION)


class Airport(Entity, typename="flights/airport"):
    """One airport, by its code. Its delays are sums of minutes, so that averages can be made of them."""

    departures: int = persisted(default=0)
    departure_delay: int = persisted(default=0)
    arrivals: int = persisted(default=0)
    arrival_delay: int = persisted(default=0)
    cancelled: int = persisted(default=0)

    @handles(Departed)
    def depart(self, departed: Departed) -> None:
        self.departures += 1
        self.departure_delay += departed.delay

    @handles(Arrived)
    def arrive(self, arrived: Arrived) -> None:
        self.arrivals += 1
        self.arrival_delay += arrived.delay

    @handles(Cancelled)
    def cancel_one(self, _: Cancelled) -> None:
        self.cancelled += 1


class Carrier(Entity, typename="flights/carrier"):
    """One carrier, by its code."""

    flights: int = persisted(default=0)
    cancelled: int = persisted(default=0)
    diverted: int = persisted(default=0)
    miles: int = persisted(default=0)
    minutes: int = persisted(default=0)
    arrival_delay: int = persisted(default=0)
    late: int = persisted(default=0)

    @handles(Flight)
    def count(self, flight: Flight) -> None:
        if flight.cancelled:
            self.cancelled += 1
            return
        self.flights += 1
        if flight.air_time is None:
            self.diverted += 1
            return
        delay = flight.arr_delay or 0
        self.miles += flight.distance
        self.minutes += flight.air_time
        self.arrival_delay += delay
        self.late += delay >= LATE_MINUTES
