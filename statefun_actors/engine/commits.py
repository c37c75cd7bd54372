"""Commits: sealed epochs on their way into the store, one at a time; and what is lost when one doesn't get there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from statefun_actors.backoff import Backoff
from statefun_actors.engine.clock import Clock
from statefun_actors.engine.epoch import Counters, Epoch, EpochLostError, Lost
from statefun_actors.engine.isolation import Isolation
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.store import Commit, CommitRefusedError, Store, StoreError
from statefun_actors.text import describe

logger: Final = logging.getLogger("statefun_actors.engine")

_MOST_TURNS: Final = 4
"""Of the event loop, for which an epoch waits for more to come in."""
_BACKOFF: Final = Backoff(0.1, 5.0)


class Commits:
    """Writes epochs to *store*. *ended* is called whenever a commit has succeeded or failed."""

    def __init__(
        self, store: Store, clock: Clock, counters: Counters, isolation: Isolation, ended: Callable[[], None]
    ) -> None:
        self._isolation = isolation
        self.error: BaseException | None = None
        """Why the store failed last; None once a commit has succeeded again."""
        self.fatal: BaseException | None = None
        """Why the engine can't go on: an error of its own, or a store that no retry mends."""
        self._store, self._clock, self._counters, self._tell_ended = store, clock, counters, ended
        self._writing: asyncio.Task[None] | None = None
        self._failures = 0
        """Attempts to recover since the last commit that succeeded."""
        self._turns = self._steps = self._last_steps = 0

    @property
    def writing(self) -> bool:
        """Whether a commit is being written."""
        return self._writing is not None

    @property
    def refused(self) -> bool:
        """Whether the last commit was refused for what was in it: the store itself works."""
        return isinstance(self.error, CommitRefusedError)

    def more_to_come(self, memory: WorkingSet) -> bool:
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

    def begin(self, memory: WorkingSet) -> None:
        """Seal the open epoch and write it."""
        assert self._writing is None
        self._turns, self._steps, self._last_steps = 0, 0, memory.epoch.steps
        sealed = memory.seal()
        try:
            commit = memory.commit(sealed)
        except _UNFIT as error:
            self._refused(memory, sealed, _refusal(error))
            return
        self._writing = asyncio.get_running_loop().create_task(self._write(memory, sealed, commit))

    async def ended(self) -> None:
        """Return once nothing is being written any more, whatever came of it."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    async def recover(self) -> None:
        """Wait, longer each time until a commit succeeds, then see whether the store takes commits again.

        Nobody else may find out: while it fails nothing is taken.

        Raises:
            StoreError: it doesn't.
        """
        self._failures += 1
        await self._clock.sleep(_BACKOFF.seconds(self._failures))
        await self._store.commit(Commit(next_seq=self._store.recover().next_seq + 1))
        self.error = None

    def failed(self, error: StoreError) -> None:
        """The store could not be read or written."""
        self.error = error
        if not error.retryable:
            self.fatal = error

    def lose(self, memory: WorkingSet, error: StoreError) -> None:
        """The store failed: the open epoch is lost, and those who wait for it are told.

        What is being written may still become durable, and is heard of first.
        """
        self.failed(error)
        memory.lost, memory.direct = True, False
        if self.fatal is None:
            logger.error("the store failed; going on from the last commit that succeeded: %s", error)
        if self._writing is None:
            self._tell_lost(memory, EpochLostError(str(error)))

    def _refused(self, memory: WorkingSet, sealed: Epoch, error: CommitRefusedError) -> None:
        """The store refuses *sealed* for good: it is lost, and so is the open epoch."""
        self.error = error
        memory.lost, memory.direct = True, False
        loss = self._isolation.refused(error, sealed.steps + memory.epoch.steps)
        self.fatal = self._isolation.fatal
        self._tell_lost(memory, loss, sealed)
        self._tell_ended()

    def _tell_lost(self, memory: WorkingSet, lost: Lost, *sealed: Epoch) -> None:
        for epoch in (*sealed, memory.epoch):
            for tell in epoch.on_end:
                tell(lost)
            epoch.on_end.clear()
        memory.tickets.lose(lost)

    async def _write(self, memory: WorkingSet, sealed: Epoch, commit: Commit) -> None:
        try:
            await self._store.commit(commit)
        except CommitRefusedError as error:
            self._refused(memory, sealed, error)
        except StoreError as error:
            self.lose(memory, error)
            self._tell_lost(memory, EpochLostError(str(error)), sealed)
        except _UNFIT as error:
            self._refused(memory, sealed, _refusal(error))
        except BaseException as error:
            self.fatal = error
            raise
        else:
            self._counters.take(sealed.counters)
            memory.durable(sealed)
            if memory.lost:
                self._tell_lost(memory, EpochLostError(str(self.error)))
            else:
                self.error = None
                self._failures = 0
        finally:
            self._writing = None
            self._tell_ended()


_UNFIT: Final = (ValueError, TypeError, OverflowError)
"""What encoders raise for values that they can't write. UnicodeEncodeError is a ValueError."""


def _refusal(error: Exception) -> CommitRefusedError:
    return CommitRefusedError("of this engine", f"something can't be encoded: {describe(error)}")
