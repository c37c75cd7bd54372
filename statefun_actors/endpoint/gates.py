"""``concurrency=`` in an endpoint: limits the batches of a function type that run at once, over all threads and loops.

A batch above the limit waits before its handlers and their timeouts start.
"""

from __future__ import annotations

import threading
from typing import Final
from weakref import WeakKeyDictionary

from statefun_actors.definition import FunctionType
from statefun_actors.dispatch import Places
from statefun_actors.own_logger import own_logger

logger: Final = own_logger("statefun_actors.endpoint")

PATIENCE: Final = 30.0
"""Seconds after which a wait is logged. Flink gives up after its call timeout."""


class Gate(Places):
    """Admits at most *places* batches of the function type *name* at once; the others wait in order of arrival."""

    def __init__(self, name: str, places: int, patience: float = PATIENCE) -> None:
        super().__init__(places, patience, self._warn)
        self._name = name
        self._warned = False

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "%s: a batch has waited %g s for one of %d places (concurrency=%d). Flink counts that towards its call "
                "timeout; raise concurrency=, or make the handlers shorter (logged once)",
                self._name,
                self.patience,
                self.number,
                self.number,
            )


_gates: Final[WeakKeyDictionary[FunctionType, Gate]] = WeakKeyDictionary()
_making: Final = threading.Lock()


def gate_of(function: FunctionType) -> Gate | None:
    """The gate of *function*, one for the whole process; None without ``concurrency=``."""
    places = function.options.concurrency
    if places is None:
        return None
    with _making:
        gate = _gates.get(function)
        if gate is None:
            gate = _gates[function] = Gate(function.typename, places)
        return gate
