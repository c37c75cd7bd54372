"""The device fleet in virtual time: silence, recovery, and a month of real readings with their real gaps."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import defaultdict
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any, Final

import pytest
from fleet import PATIENCE, Alarm, Check, Device, Reading, Station, Status
from readings import SENSORS, SOURCE, measurements
from replay import hours

from statefun_actors import InternalMessageError, TerminalError
from statefun_actors.testing import TestRuntime, simulate

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
CELLAR: Final = Device.at("cellar-thermometer")


def fleet(work: Callable[[TestRuntime], Coroutine[Any, Any, None]], start: datetime = NOON) -> None:
    async def run() -> None:
        async with TestRuntime(Device, Station, start=start) as runtime:
            await work(runtime)

    asyncio.run(run())


async def beat(runtime: TestRuntime, *devices: str) -> None:
    for device in devices or (CELLAR.id,):
        await runtime.tell(Device.at(device), Reading(11.5, runtime.clock.now, HOUR))


def alarms(runtime: TestRuntime) -> list[tuple[str, str]]:
    return [(alarm.of, alarm.state) for alarm in runtime.egress("fleet/alarms")]


def test_a_device_that_sends_in_time_raises_no_alarm() -> None:
    async def work(runtime: TestRuntime) -> None:
        for _ in range(48):
            await beat(runtime)
            await runtime.clock.advance(HOUR)

        assert alarms(runtime) == []
        assert runtime.state(CELLAR).readings == 48
        assert len(runtime.timers) == 1

    fleet(work)


def test_a_silent_device_raises_one_alarm_after_its_timeout_and_its_next_reading_ends_it() -> None:
    async def work(runtime: TestRuntime) -> None:
        await beat(runtime)
        await runtime.clock.advance(PATIENCE * HOUR - timedelta(seconds=1))
        assert alarms(runtime) == []

        await runtime.clock.advance(timedelta(seconds=1))
        assert runtime.egress("fleet/alarms") == [Alarm(CELLAR.id, "silent", NOON)]
        await runtime.clock.advance(timedelta(days=9))
        assert len(alarms(runtime)) == 1

        await beat(runtime)
        await beat(runtime)  # a repeat
        assert runtime.egress("fleet/alarms")[1:] == [Alarm(CELLAR.id, "recovered", NOON)]
        assert runtime.state(CELLAR).outages == 1

        await runtime.clock.advance(timedelta(days=1))
        assert [state for _, state in alarms(runtime)] == ["silent", "recovered", "silent"]

    fleet(work)


def test_a_reading_that_meets_the_check_on_its_way_prevents_the_alarm() -> None:
    async def work(runtime: TestRuntime) -> None:
        await beat(runtime)
        await runtime.clock.advance(HOUR)
        await beat(runtime)
        await runtime.tell(CELLAR, Check(reading=1), caller=CELLAR)

        assert alarms(runtime) == []

    fleet(work)


def test_a_repeated_or_older_reading_is_no_heartbeat() -> None:
    async def work(runtime: TestRuntime) -> None:
        await beat(runtime)
        await runtime.clock.advance(3 * HOUR)
        await runtime.tell(CELLAR, Reading(99.0, NOON - HOUR, HOUR))
        await runtime.tell(CELLAR, Reading(99.0, NOON, HOUR))
        await runtime.clock.advance(HOUR)

        assert alarms(runtime) == [(CELLAR.id, "silent")]
        assert runtime.state(CELLAR).value == 11.5

    fleet(work)


def test_a_station_is_silent_while_all_of_its_devices_are() -> None:
    async def work(runtime: TestRuntime) -> None:
        await beat(runtime, "roof-barometer", "roof-thermometer")
        await runtime.clock.advance(HOUR)
        await beat(runtime, "roof-barometer")
        await runtime.clock.advance(3 * HOUR)
        assert alarms(runtime) == [("roof-thermometer", "silent")]

        await runtime.clock.advance(HOUR)
        assert alarms(runtime)[1:] == [("roof-barometer", "silent"), ("roof", "silent")]

        await beat(runtime, "roof-barometer")
        assert alarms(runtime)[3:] == [("roof-barometer", "recovered"), ("roof", "recovered")]

    fleet(work)


@pytest.mark.parametrize("every", [timedelta(0), timedelta(seconds=-1)])
def test_an_interval_that_is_not_above_0_is_refused(every: timedelta) -> None:
    async def work(runtime: TestRuntime) -> None:
        with pytest.raises(TerminalError, match="expected an interval above 0, got "):
            await runtime.ask(Device.read, CELLAR.id, Reading(1.0, NOON, every))

    fleet(work)


@pytest.mark.parametrize("message", [Check(1), Status("barometer", silent=True)])
def test_a_message_from_outside_cannot_raise_an_alarm(message: Check | Status) -> None:
    async def work(runtime: TestRuntime) -> None:
        with pytest.raises(InternalMessageError):
            await runtime.tell(CELLAR if isinstance(message, Check) else Station.at("roof"), message)

    fleet(work)


def test_the_readings_are_those_of_the_package() -> None:
    text = gzip.decompress(SOURCE.read_bytes())
    found = list(measurements())

    assert hashlib.sha256(text).hexdigest() == "391ef8d1abca85db1ec375e4fc97ffcc9b360f2e0a2957bda6eda00f858bdf1f"
    assert {it.device for it in found} == {f"{at}-{name}" for at in ("EWR", "JFK", "LGA") for name in SENSORS.values()}
    assert len(found) == 13_095
    assert len(set(found)) == len(found)


def test_a_month_raises_an_alarm_for_each_gap_of_its_data_and_no_other() -> None:
    times: dict[str, list[datetime]] = defaultdict(list)
    for device, measured, _ in measurements():
        if device.endswith(("barometer", "thermometer")):  # the other sensors have the gaps of the thermometers
            times[device].append(measured)
    gaps = {device: [a for a, b in pairwise(at) if b - a > PATIENCE * HOUR] for device, at in times.items()}
    first = min(at[0] for at in times.values())
    last = max(at[-1] for at in times.values())

    async def work(runtime: TestRuntime) -> None:
        for _, sent in hours(first, last + HOUR):
            for device, measured, value in (it for it in sent if it.device in times):
                await runtime.tell(Device.at(device), Reading(value, measured, HOUR))
            await runtime.clock.advance(HOUR)

        found = sorted(runtime.egress("fleet/alarms"), key=lambda alarm: alarm.of)
        by_name = {name: list(raised) for name, raised in groupby(found, key=lambda alarm: alarm.of)}
        expected = {
            device: [Alarm(device, state, a) for a in starts for state in ("silent", "recovered")]
            for device, starts in gaps.items()
        }
        stations = {at: [Alarm(at, "silent"), Alarm(at, "recovered")] for at in ("EWR", "JFK", "LGA")}
        assert by_name == expected | stations
        assert {it.id: runtime.state(it).outages for it in runtime.entities(Device)} == {
            device: len(starts) for device, starts in gaps.items()
        }

    fleet(work, first)


async def _an_outage(runtime: TestRuntime) -> None:
    for hour in (0, 1, 2, 7, 8):
        for device in ("roof-barometer", "roof-thermometer"):
            await runtime.tell(Device.at(device), Reading(1.0, NOON + hour * HOUR, HOUR), key=f"{device}-{hour}")
        await runtime.clock.advance((5 if hour == 2 else 1) * HOUR)


def _each_alarm_ends_before_the_next(runtime: TestRuntime) -> None:
    for name in ("roof-barometer", "roof-thermometer", "roof"):
        states = [alarm.state for alarm in runtime.egress("fleet/alarms") if alarm.of == name]
        assert states == [("silent", "recovered")[at % 2] for at in range(len(states))]


def test_faults_double_no_alarm() -> None:
    simulate(_an_outage, Device, Station, seeds=25, invariant=_each_alarm_ends_before_the_next)
