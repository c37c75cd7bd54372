"""The test kit: one handler alone with :func:`given`, several entities in virtual time with :class:`TestRuntime`."""

from statefun_actors.testing.conversations import Ask, Schedule
from statefun_actors.testing.faults import Faults, LogEntry
from statefun_actors.testing.given import Given, Result, given
from statefun_actors.testing.runtime import TestRuntime
from statefun_actors.testing.seen import Delayed, Sent
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
    "TestRuntime",
    "given",
    "simulate",
]
