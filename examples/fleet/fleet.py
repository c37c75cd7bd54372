r"""A fleet of sensors: each reading is a heartbeat, a silent sensor raises one alarm, and its next reading ends it.

    python examples/fleet/replay.py                                                # the sensors of three airports
    statefun-actors run examples/fleet/fleet.py --egress fleet/alarms=alarms.jsonl   # or devices of your own:

    curl 'localhost:8080/ingress/fleet/device/cellar-thermometer?type=fleet/reading' \
        -H 'Content-Type: application/json' -d '{"value": 11.5, "measured": "2026-01-31T12:00:00Z", "every": "PT10S"}'

A device is named STATION-SENSOR. Its timer is stored with its state, so a device that falls silent while the engine is
down or restarts is still missed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from statefun_actors import Entity, TerminalError, handles, message, persisted

PATIENCE: Final = 3.5
"""A device is silent after this many of its intervals without a reading: it has missed three."""

SILENCE: Final = "silence"
"""The name of a device's one pending check."""


@message("fleet/reading")
class Reading:
    """One measurement, which is a heartbeat, too.

    Attributes:
        value: in the unit of the sensor.
        measured: when, by the clock of the device; each reading is later than the one before.
        every: the time in which the device sends its next one.
    """

    value: float
    measured: datetime
    every: timedelta


@message("fleet/check")
class Check:
    """Sent by a device to itself: is the reading of this number still the last one?"""

    reading: int


@message("fleet/status")
class Status:
    device: str
    silent: bool


@message("fleet/alarm")
class Alarm:
    """A record of the egress ``fleet/alarms``. ``last_reading`` is by the clock of the device, None for a station."""

    of: str
    state: Literal["silent", "recovered"]
    last_reading: datetime | None = None


class Device(Entity, typename="fleet/device"):
    value: float | None = persisted()
    measured: datetime | None = persisted()
    readings: int = persisted(default=0)
    silent: bool = persisted(default=False)
    outages: int = persisted(default=0)

    @handles
    def read(self, message: Reading) -> None:
        if self.measured is not None and message.measured <= self.measured:
            return  # a repeat
        if message.every <= timedelta(0):
            raise TerminalError(f"expected an interval above 0, got {message.every}")
        if self.silent:
            self.silent = False
            self.send_egress("fleet/alarms", Alarm(self.id, "recovered", self.measured))
            self._report()
        elif not self.readings:
            self._report()
        self.value, self.measured = message.value, message.measured
        self.readings += 1
        self.send_after(PATIENCE * message.every, self.address, Check(self.readings), cancellation_token=SILENCE)

    @handles(Check, internal=True)
    def check(self, message: Check) -> None:
        if message.reading != self.readings or self.silent:
            return  # a reading came while this message was on its way
        self.silent = True
        self.outages += 1
        self.send_egress("fleet/alarms", Alarm(self.id, "silent", self.measured))
        self._report()

    def _report(self) -> None:
        station, _, device = self.id.rpartition("-")
        self.send(Station.at(station or "none"), Status(device, self.silent))


class Station(Entity, typename="fleet/station"):
    """The devices in one place. When all of them are silent, it has lost its power or its line: an alarm, too."""

    silent_devices: dict[str, bool] = persisted(factory=dict[str, bool])
    silent: bool = persisted(default=False)

    @handles(Status, internal=True)
    def status(self, message: Status) -> None:
        self.silent_devices[message.device] = message.silent
        silent = len(self.silent_devices) > 1 and all(self.silent_devices.values())
        if silent != self.silent:
            self.silent = silent
            self.send_egress("fleet/alarms", Alarm(self.id, "silent" if silent else "recovered"))
