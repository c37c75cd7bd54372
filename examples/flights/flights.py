"""A month of flights out of New York, as durable actors: an entity for each aircraft, airport and carrier.

Each flight arrives at its aircraft, which notes it and passes it on to the two airports and to the carrier. After every
50 hours in the air an aircraft is due for an inspection: a delayed message to itself, twelve hours ahead.

521 of the 27,004 flights were cancelled and never departed. Most of these had an aircraft, which counts them without
flying them. 155 had none yet: the source writes ``NA`` for their tail number, and so the entity ``flights/aircraft/NA``
stands for "no aircraft was assigned" and has nothing but cancellations. It is the 3,149th.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from statefun_actors import Entity, handles, message, persisted

INSPECTION_EVERY = timedelta(hours=50)
INSPECTION_NOTICE = timedelta(hours=12)


@message("flights/flight")
class Flight:
    """One scheduled flight. Delays and time in the air are minutes, None where it never departed or wasn't recorded."""

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


@message("flights/departure")
class Departure:
    """For the airport of origin."""

    cancelled: bool
    delay: int | None = None


@message("flights/arrival")
class Arrival:
    """For the airport of destination."""

    delay: int | None = None


@message("flights/inspect")
class Inspect:
    """The reminder that an aircraft sends to itself."""

    minutes_flown: int


class Aircraft(Entity, typename="flights/aircraft"):
    """One aircraft, by tail number."""

    flights: int = persisted(default=0)
    cancelled: int = persisted(default=0)
    minutes: int = persisted(default=0)
    miles: int = persisted(default=0)
    worst_delay: int | None = persisted(default=None)
    inspected_at: int = persisted(default=0)
    inspections: int = persisted(default=0)

    @handles(Flight)
    def fly(self, flight: Flight) -> None:
        self.send(Carrier.at(flight.carrier), flight)
        self.send(Airport.at(flight.origin), Departure(cancelled=flight.cancelled, delay=flight.dep_delay))
        if flight.cancelled:
            self.cancelled += 1
            return
        self.send(Airport.at(flight.dest), Arrival(delay=flight.arr_delay))
        self.flights += 1
        self.miles += flight.distance
        self.minutes += flight.air_time or 0
        if flight.arr_delay is not None and (self.worst_delay is None or flight.arr_delay > self.worst_delay):
            self.worst_delay = flight.arr_delay
        if timedelta(minutes=self.minutes - self.inspected_at) >= INSPECTION_EVERY:
            # One that is still pending is replaced, so there is never more than one.
            reminder = Inspect(minutes_flown=self.minutes)
            self.send_after(INSPECTION_NOTICE, self.address, reminder, cancellation_token="inspection")  # noqa: S106 - a name, no secret

    @handles(Inspect)
    def inspect(self, reminder: Inspect) -> None:
        self.inspections += 1
        self.inspected_at = reminder.minutes_flown


class Airport(Entity, typename="flights/airport"):
    """One airport, by its code."""

    departures: int = persisted(default=0)
    arrivals: int = persisted(default=0)
    cancelled: int = persisted(default=0)
    departed_late: int = persisted(default=0)
    arrived_late: int = persisted(default=0)

    @handles(Departure)
    def depart(self, departure: Departure) -> None:
        if departure.cancelled:
            self.cancelled += 1
            return
        self.departures += 1
        self.departed_late += departure.delay is not None and departure.delay > 0

    @handles(Arrival)
    def arrive(self, arrival: Arrival) -> None:
        self.arrivals += 1
        self.arrived_late += arrival.delay is not None and arrival.delay > 0


class Carrier(Entity, typename="flights/carrier"):
    """One airline, by its code."""

    flights: int = persisted(default=0)
    cancelled: int = persisted(default=0)
    minutes: int = persisted(default=0)
    miles: int = persisted(default=0)
    late: int = persisted(default=0)

    @handles(Flight)
    def count(self, flight: Flight) -> None:
        if flight.cancelled:
            self.cancelled += 1
            return
        self.flights += 1
        self.miles += flight.distance
        self.minutes += flight.air_time or 0
        if flight.arr_delay is not None and flight.arr_delay > 0:
            self.late += 1
