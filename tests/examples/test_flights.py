"""The flights example: one aircraft alone. The whole month is in test_flights_month.py."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from flights import Aircraft, Airport, Arrived, Cancelled, Carrier, Departed, Flight, Inspected, InspectionDue

from statefun_actors.testing import Delayed, Sent, TestRuntime, given


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


async def test_an_inspection_cancels_the_reminder_and_resets_the_hours() -> None:
    async with TestRuntime(Aircraft, Airport, Carrier) as runtime:
        await runtime.tell(Aircraft.at("N1"), flight(air_time=3_000))
        await runtime.tell(Aircraft.at("N1"), Inspected())
        await runtime.tell(Aircraft.at("N1"), flight(air_time=2_999))
        await runtime.clock.advance(timedelta(days=30))

        assert not runtime.egresses
        assert runtime.state(Aircraft.at("N1")).minutes == 5_999
