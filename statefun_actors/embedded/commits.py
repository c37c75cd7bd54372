"""Commits: sealed epochs on their way into the store, one at a time; and what is lost when one doesn't get there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from statefun_actors.embedded.clock import Clock
from statefun_actors.embedded.epoch import Counters, Epoch, EpochLostError
from statefun_actors.embedded.memory import Memory
from statefun_actors.embedded.store import Commit, Store, StoreError

logger: Final = logging.getLogger("statefun_actors.engine")

_MOST_TURNS: Final = 4
"""Of the event loop, for which an epoch waits for more to come in."""
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0


class Commits:
    """Writes epochs to *store*. *ended* is called whenever a commit has succeeded or failed."""

    def __init__(self, store: Store, clock: Clock, counters: Counters, ended: Callable[[], None]) -> None:
        self.error: BaseException | None = None
        """Why the store failed last; None once a commit has succeeded again."""
        self.fatal: BaseException | None = None
        """Why the engine can't go on: an error of its own, or a store that no retry mends."""
        self._store, self._clock, self._counters, self._tell_ended = store, clock, counters, ended
        self._writing: asyncio.Task[None] | None = None
        self._pause = _FIRST_PAUSE
        self._turns = self._steps = self._last_steps = 0

    @property
    def writing(self) -> bool:
        """Whether a commit is being written."""
        return self._writing is not None

    def more_to_come(self, memory: Memory) -> bool:
        """Whether the open epoch, in which nothing is left to do, should stay open for another turn of the event loop.

        A commit costs as much as some messages. Those who were told together of the last one send their next messages
        one after the other: as long as each turn brings some of these, they are for one commit. Nobody waits for that
        who is alone.
        """
        steps = memory.epoch.steps
        if steps <= self._steps or self._turns >= _MOST_TURNS or (steps == 1 and self._last_steps <= 1):
            return False
        self._turns += 1
        self._steps = steps
        return True

    def begin(self, memory: Memory) -> None:
        """Seal the open epoch and write it."""
        assert self._writing is None
        self._turns, self._steps, self._last_steps = 0, 0, memory.epoch.steps
        self._writing = asyncio.get_running_loop().create_task(self._write(memory, *memory.seal()))

    async def ended(self) -> None:
        """Return once nothing is being written any more, whatever came of it."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    async def pause(self) -> None:
        """Wait before the store is tried again: longer each time until a commit succeeds."""
        await self._clock.sleep(self._pause)
        self._pause = min(_LONGEST_PAUSE, self._pause * 2)

    def failed(self, error: StoreError) -> None:
        """The store could not be read or written."""
        self.error = error
        if not error.retryable:
            self.fatal = error

    def lose(self, memory: Memory, error: StoreError) -> None:
        """The store failed: the open epoch is lost, and those who wait for it are told.

        What is being written may still become durable, and is heard of first.
        """
        self.failed(error)
        memory.lost = True
        if self.fatal is None:
            logger.error("the store failed; going on from the last commit that succeeded: %s", error)
        if self._writing is None:
            self._tell_lost(memory)

    def _tell_lost(self, memory: Memory, *sealed: Epoch) -> None:
        lost = EpochLostError(str(self.error))
        for epoch in (*sealed, memory.epoch):
            for tell in epoch.on_end:
                tell(lost)
            epoch.on_end.clear()
        memory.tickets.lose(lost)

    async def _write(self, memory: Memory, sealed: Epoch, commit: Commit) -> None:
        try:
            await self._store.commit(commit)
        except StoreError as error:
            self.lose(memory, error)
            self._tell_lost(memory, sealed)
        except BaseException as error:
            self.fatal = error
            raise
        else:
            self._counters.take(sealed.counters)
            memory.durable(sealed)
            if memory.lost:
                self._tell_lost(memory)
            else:
                self.error = None
                self._pause = _FIRST_PAUSE
        finally:
            self._writing = None
            self._tell_ended()
