"""``RuntimeView``: the content of a test's runtime, as Python values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from statefun_actors.address import Address, check_typename
from statefun_actors.assembly.views import Ask, DeadLetterView, FailingView, PendingTimer, Schedule, StoreViews
from statefun_actors.engine import Engine
from statefun_actors.testing.arguments import checked_address
from statefun_actors.testing.environment import Environment
from statefun_actors.testing.faults import LogEntry


class RuntimeView(ABC):
    """The content of a :class:`TestRuntime`, as Python values.

    Args:
        environment: of its engine.
        views: reads its store.
    """

    def __init__(self, environment: Environment, views: StoreViews) -> None:
        self._environment, self._views = environment, views

    @property
    @abstractmethod
    def engine(self) -> Engine:
        """The running engine.

        Raises:
            RuntimeError: no engine runs yet.
        """

    def state(self, address: Address) -> Any:
        """The entity at *address* as it is now: a detached instance; absent fields read as their defaults.

        For a function: its states by name, as Python values.

        Raises:
            NotServedError: nothing here serves *address*.
            ValueMismatchError: *address* is not an address.
            StateDecodeError: a stored value does not fit its field.
        """
        self._views.served(checked_address(address))
        return self._views.shown(address, self.engine.view.state(address))

    def exists(self, address: Address) -> bool:
        """Whether a field of the entity at *address* is stored.

        Raises:
            NotServedError: nothing here serves *address*.
            ValueMismatchError: *address* is not an address.
        """
        return self._views.exists(checked_address(address))

    def entities(self, of: type | str, prefix: str = "") -> list[Address]:
        """The addresses of the entities of the class or function type *of* whose ids begin with *prefix*, sorted.

        Raises:
            NotServedError: nothing here serves *of*.
        """
        return self._views.entities(of, prefix)

    def egress(self, name: str) -> list[Any]:
        """The records of the egress *name*, as Python values; those of ``kafka_record`` are KafkaRecords."""
        check_typename(name, "an egress is <namespace>/<name>")
        return self.egresses.get(name, [])

    @property
    def egresses(self) -> dict[str, list[Any]]:
        """The records of each egress, by its name."""
        return self._views.egresses(self._environment.written())

    @property
    def log(self) -> list[LogEntry]:
        """The log so far, oldest first: handled messages, changed fields, egress records, faults."""
        return self._environment.log.entries()

    @property
    def dead_letters(self) -> list[DeadLetterView]:
        """The dead letters: messages that were given up, oldest first."""
        return self._views.dead_letters()

    @property
    def failing(self) -> list[FailingView]:
        """Messages without a failure policy that failed, by address. They are retried after the clock has moved."""
        return self._views.failing(self.engine.view.failing_messages())

    @property
    def timers(self) -> list[PendingTimer]:
        """Delayed messages that have not fired yet, the nearest first."""
        return self._views.timers()

    @property
    def asks(self) -> list[Ask]:
        """Open asks and reply addresses, the oldest first."""
        return self._views.asks()

    @property
    def schedules(self) -> list[Schedule]:
        """Recurring messages, ordered by their next firing."""
        return self._views.schedules()
