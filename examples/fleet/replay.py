"""Eighteen sensors send what they measured in October 2013, many hours in a second, and the alarms are printed.

    python examples/fleet/replay.py [--first 24] [--last 26] [--speed 10]

Runs the fleet in this process, on ``.statefun/fleet.db``; meanwhile the console is at the address that is printed. The
alarms are in ``.statefun/alarms.jsonl``. Stop it, or kill it, and start it again: it resumes at the last hour
that is stored. In the night after October 25 all three stations are silent.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

from fleet import Device, Reading, Station
from readings import Measurement, measurements

from statefun_actors import Runtime

FOLDER: Final = Path(".statefun")
HOUR: Final = timedelta(hours=1)


def replay(runtime: Runtime, alarms: NewAlarms, first: int, last: int, speed: float) -> None:
    """Send the readings of these days of October, from the last hour that is stored. *speed* is hours in a second."""
    every = timedelta(seconds=1 / speed)
    stored = [state.measured for state in (runtime.state(it) for it in runtime.entities(Device)) if state.measured]
    begin = max([datetime(2013, 10, first, tzinfo=UTC), *stored])  # the devices ignore what they have had of that hour
    end = datetime(2013, 10, last, tzinfo=UTC) + timedelta(days=1)
    due = time.monotonic()
    for hour, sent in hours(begin, end):
        for device, measured, value in sent:
            runtime.tell(Device.at(device), Reading(value, measured, every))
        due += every.total_seconds()
        time.sleep(max(0.0, due - time.monotonic()))
        alarms.show(hour)


def hours(begin: datetime, end: datetime) -> Iterator[tuple[datetime, list[Measurement]]]:
    """Each hour from *begin* until *end* with what was measured in it: nothing where all devices were silent."""
    measured = {hour: list(sent) for hour, sent in groupby(measurements(), key=lambda it: it.measured)}
    while begin < end:
        yield begin, measured.get(begin, [])
        begin += HOUR


class NewAlarms:
    """The records of the file *path* that come after those that it has now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shown = len(self._lines())

    def show(self, hour: datetime) -> None:
        """Print a line for each record that has not been shown."""
        lines = self._lines()
        for line in lines[self._shown :]:
            alarm = json.loads(line)["value"]
            last = alarm["last_reading"]
            since = f", last reading {datetime.fromisoformat(last):%b %d %H:%M}" if last else ""
            print(f"{hour:%b %d %H:%M}  {alarm['of']} {alarm['state']}{since}", flush=True)
        self._shown = len(lines)

    def _lines(self) -> list[str]:
        """The whole lines: the last one may still be being written."""
        if not self._path.exists():
            return []
        return self._path.read_text(encoding="utf-8").split("\n")[:-1]


def summary(runtime: Runtime) -> Iterator[str]:
    for address in sorted(runtime.entities(Device), key=lambda it: it.id):
        device = runtime.state(address)
        assert isinstance(device, Device)
        yield f"{address.id:<22}{device.readings:>5} readings{device.outages:>4} outages"


def main() -> None:
    """Replay, then print a line for each device."""
    parser = argparse.ArgumentParser(description="Replay the sensors of October 2013.")
    parser.add_argument("--first", type=int, default=24, help="first day of October [24]")
    parser.add_argument("--last", type=int, default=26, help="last day of October [26]")
    parser.add_argument("--speed", type=float, default=10.0, help="hours in a second [10]")
    options = parser.parse_args()
    file = FOLDER / "alarms.jsonl"
    FOLDER.mkdir(exist_ok=True)
    alarms = NewAlarms(file)  # before the engine starts: devices may have fallen silent since the last run
    with Runtime(
        *(Device, Station),
        store=str(FOLDER / "fleet.db"),
        egress={"fleet/alarms": str(file)},
        bind="127.0.0.1:0",
    ) as runtime:
        print(f"Console: {runtime.urls[0]}")
        replay(runtime, alarms, options.first, options.last, options.speed)
        print(*summary(runtime), sep="\n")


if __name__ == "__main__":
    main()
