"""The test kit: one handler alone with :func:`given`, several entities in virtual time with :class:`TestRuntime`.

:func:`simulate` is loaded when it is first used, since most test modules do not use it.
"""

import importlib
from typing import TYPE_CHECKING, Final

from statefun_actors.assembly.views import Ask, Schedule
from statefun_actors.testing.faults import Faults, LogEntry
from statefun_actors.testing.given import Given, Result, given
from statefun_actors.testing.runtime import TestRuntime
from statefun_actors.testing.seen import Delayed, Sent
from statefun_actors.testing.virtual_time import TestClock

if TYPE_CHECKING:
    from statefun_actors.testing.simulation import SimulationError, simulate

__all__ = [
    "Ask",
    "Delayed",
    "Faults",
    "Given",
    "LogEntry",
    "Result",
    "Schedule",
    "Sent",
    "SimulationError",
    "TestClock",
    "TestRuntime",
    "given",
    "simulate",
]

_SIMULATION: Final = ("SimulationError", "simulate")


def __getattr__(name: str) -> object:
    if name not in _SIMULATION:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.simulation"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
