"""``RuntimeView``: what a test reads of its runtime."""

from __future__ import annotations

from typing import Any as Untyped

from statefun_actors.address import Address, check_typename
from statefun_actors.engine import Engine
from statefun_actors.testing.arguments import checked_address
from statefun_actors.testing.conversations import Ask, Schedule
from statefun_actors.testing.environment import Environment
from statefun_actors.testing.faults import LogEntry
from statefun_actors.testing.stored import DeadLetterSeen, FailingSeen, PendingTimer, Stored


class RuntimeView:
    """What a :class:`TestRuntime` holds, as Python values.

    Args:
        environment: where it runs.
        stored: reads its store.
    """

    def __init__(self, environment: Environment, stored: Stored) -> None:
        self._environment, self._stored = environment, stored

    @property
    def engine(self) -> Engine:
        """The engine that runs.

        Raises:
            RuntimeError: none does yet.
        """
        raise NotImplementedError

    def state(self, address: Address) -> Untyped:
        """The entity at *address* as it is now: a detached instance; absent fields read as their defaults.

        For a function: its states by name, as Python values.

        Raises:
            NotServedError: nothing here serves *address*.
            ValueMismatchError: it is no address.
            StateDecodeError: what is stored does not fit a field.
        """
        return self._stored.value(checked_address(address), self.engine.view.state)

    def entities(self, of: type | str, prefix: str = "") -> list[Address]:
        """The addresses of the entities of the class or function type *of* whose ids begin with *prefix*, sorted.

        Raises:
            NotServedError: nothing here serves *of*.
        """
        return self._stored.entities(of, prefix, self._environment.clock.now_ms())

    def egress(self, name: str) -> list[Untyped]:
        """What was sent to the egress *name*: Python values; ``kafka_record`` gives KafkaRecord."""
        check_typename(name, "an egress is <namespace>/<name>")
        return self.egresses.get(name, [])

    @property
    def egresses(self) -> dict[str, list[Untyped]]:
        """Everything that was sent to any egress, by its name."""
        return self._stored.egresses()

    @property
    def log(self) -> list[LogEntry]:
        """What happened so far, oldest first: messages handled, fields changed, egress records, faults."""
        return self._environment.log.entries()

    @property
    def dead_letters(self) -> list[DeadLetterSeen]:
        """Messages that were given up, oldest first."""
        return self._stored.dead_letters()

    @property
    def failing(self) -> list[FailingSeen]:
        """Messages that failed, have no failure policy, and are tried again once time has moved on, by address."""
        return self._stored.failing(self.engine.view.failing_messages())

    @property
    def timers(self) -> list[PendingTimer]:
        """Delayed messages that have not fired yet, the nearest first."""
        return self._stored.timers()

    @property
    def asks(self) -> list[Ask]:
        """Asks and reply addresses whose answer has not come yet, the oldest first."""
        return self._stored.asks()

    @property
    def schedules(self) -> list[Schedule]:
        """Recurring messages, the one that fires next first."""
        return self._stored.schedules()
