"""The test kit: one handler alone with :func:`given`, several entities in virtual time with :class:`TestRuntime`."""

from statefun_actors.testing.conversations import Ask, Schedule
from statefun_actors.testing.given import Given, Result, given
from statefun_actors.testing.runtime import TestRuntime
from statefun_actors.testing.seen import Delayed, Sent

__all__ = ["Ask", "Delayed", "Given", "Result", "Schedule", "Sent", "TestRuntime", "given"]
