"""Outages of one broker for several scenarios at once: a start of a broker costs more than most of what they do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from enum import IntEnum
from typing import Final

from tests.kafka.broker import Broker


class Stage(IntEnum):
    """What has happened to the broker, in this order."""

    DOWN = 0
    """It has not been started yet."""
    UP = 1
    SOON_KILLED = 2
    """It is up. Other scenarios have nothing left to do but what they do in the last moment, too."""
    AGAIN = 3
    """It was killed, and started again at once."""
    SOON_GONE = 4
    """As before the first kill."""
    GONE = 5
    """It was killed."""
    BACK = 6


def _killed_and_started(broker: Broker) -> None:
    broker.kill()
    broker.start()


_ACTS: Final[Mapping[Stage, Callable[[Broker], None]]] = {
    Stage.UP: Broker.start,
    Stage.SOON_KILLED: lambda _: None,
    Stage.AGAIN: _killed_and_started,
    Stage.SOON_GONE: lambda _: None,
    Stage.GONE: Broker.kill,
    Stage.BACK: Broker.start,
}


class Outages:
    """The stages of *broker*, which has not been started yet."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._changed = threading.Condition()
        self._stage = Stage.DOWN
        self._waiting: dict[int, Stage] = {}
        self._results: dict[str, Future[None]] = {}

    def run(self, scenarios: Mapping[str, Callable[[], None]]) -> None:
        """Run *scenarios*, each in a thread. A stage begins once all that have not ended wait for it."""
        with ThreadPoolExecutor(len(scenarios), "scenario") as pool:
            for name, scenario in scenarios.items():
                self._results[name] = result = pool.submit(scenario)
                result.add_done_callback(self._look_again)
            try:
                for stage, act in _ACTS.items():
                    with self._changed:
                        while not self._all_wait_for(stage):
                            self._changed.wait()
                    act(self._broker)
                    self._begin(stage)
            finally:
                self._begin(Stage.BACK)  # also where the broker does not start: no scenario waits for ever

    def wait_for(self, stage: Stage) -> None:
        """Return once *stage* has begun. The calling scenario has nothing left to do before."""
        with self._changed:
            self._waiting[threading.get_ident()] = stage
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._stage >= stage)
            del self._waiting[threading.get_ident()]

    def result(self, name: str) -> None:
        """Raise the error of the scenario *name*, if it failed."""
        self._results[name].result()

    def _all_wait_for(self, stage: Stage) -> bool:
        under_way = sum(not result.done() for result in self._results.values())
        return sum(waited_for >= stage for waited_for in self._waiting.values()) >= under_way

    def _begin(self, stage: Stage) -> None:
        with self._changed:
            self._stage = stage
            self._changed.notify_all()

    def _look_again(self, _: Future[None]) -> None:
        with self._changed:
            self._changed.notify_all()
