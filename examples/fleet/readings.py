"""The readings of weather-2013-10.csv.gz: eighteen sensors at three airports, one value an hour, with gaps."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

SOURCE: Final = Path(__file__).with_name("weather-2013-10.csv.gz")
ABSENT: Final = "NA"
SENSORS: Final = {
    "temp": "thermometer",  # degrees Fahrenheit
    "humid": "hygrometer",  # per cent
    "wind_speed": "anemometer",  # miles an hour
    "precip": "raingauge",  # inches
    "pressure": "barometer",  # millibars
    "visib": "transmissometer",  # miles
}
"""The columns that a device sends, and its name."""


class Measurement(NamedTuple):
    device: str
    measured: datetime
    value: float


def measurements(source: Path = SOURCE) -> Iterator[Measurement]:
    """What the devices sent, in the order of the hours."""
    with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["time_hour"])
    for row in rows:
        measured = datetime.fromisoformat(row["time_hour"])
        for column, sensor in SENSORS.items():
            if row[column] != ABSENT:
                yield Measurement(f"{row['origin']}-{sensor}", measured, float(row[column]))
