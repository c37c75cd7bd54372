"""``Commits``: writes sealed epochs to the store, one at a time, and handles commits that fail."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Coroutine
from typing import Any as Untyped
from typing import Final

from statefun_actors.backoff import Backoff
from statefun_actors.dispatch import Instruments, resumed, run_without_task
from statefun_actors.engine.clock import Clock
from statefun_actors.engine.epoch import Counters, Epoch, EpochLostError, Lost
from statefun_actors.engine.mailboxes import Mailboxes
from statefun_actors.engine.observing import committed
from statefun_actors.engine.refused_commits import Isolation
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.own_logger import own_logger
from statefun_actors.store import Commit, CommitRefusedError, Store, StoreError
from statefun_actors.text import describe

logger: Final = own_logger("statefun_actors.engine")

_MOST_TURNS: Final = 4
"""Turns of the event loop for which an epoch stays open to wait for more messages."""
_NOTHING: Final = Counters()
_BACKOFF: Final = Backoff(0.1, 5.0)


class Commits:
    """Writes epochs to *store*. *ended* is called after each commit that succeeded or failed."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        counters: Counters,
        isolation: Isolation,
        instruments: Instruments,
        ended: Callable[[], None],
    ) -> None:
        self._isolation = isolation
        self._committed = instruments.epoch_committed
        self.error: BaseException | None = None
        """The last error of the store; None after a commit has succeeded again."""
        self.fatal: BaseException | None = None
        """The error that ends the engine: one of its own, or one of the store that no retry resolves."""
        self._store, self._clock, self._counters, self._on_ended = store, clock, counters, ended
        self.writing = False
        """Whether a commit is being written."""
        self._rest: asyncio.Task[None] | None = None
        """What remains of it, if the store did not write it at once."""
        self._failures = 0
        """The number of attempts to recover since the last successful commit."""
        self._turns = self._steps = self._expected = 0

    @property
    def refused(self) -> bool:
        """Whether the store refused the content of the last commit; the store itself works."""
        return isinstance(self.error, CommitRefusedError)

    def more_to_come(self, working_set: WorkingSet) -> bool:
        """Whether the open epoch, which has no work left, should stay open for another turn of the event loop.

        A commit costs as much as some messages. Callers that were answered together after the last one send their next
        messages one after the other: as long as each turn brings some of these, and until all have, they share one
        commit. A single caller does not wait for that.
        """
        steps = working_set.epoch.steps
        if steps <= self._steps or self._turns >= _MOST_TURNS or steps == (self._expected or 1):
            return False
        self._turns += 1
        self._steps = steps
        return True

    def begin(self, working_set: WorkingSet) -> None:
        """Seal the open epoch and write it: a store that writes it at once has done so on return."""
        assert not self.writing
        self._turns = self._steps = 0
        sealed = working_set.seal()
        try:
            commit = working_set.commit(sealed)
        except _UNFIT as error:
            self._refused(working_set, sealed, _refusal(error))
            return
        self.writing = True
        write = self._write(working_set, sealed, commit)
        try:
            pending = run_without_task(functools.partial(write.send, None))
        except StopIteration:
            return
        self._rest = asyncio.get_running_loop().create_task(_resume(write, pending))

    def count(self, epoch: Epoch, mailboxes: Mailboxes) -> None:
        """Add the counters of *epoch*, which has nothing to write."""
        if self._committed.heard and epoch.counters != _NOTHING:
            self._committed(committed(epoch, mailboxes, 0.0, {}))
        self._counters.take(epoch.counters)

    async def ended(self) -> None:
        """Wait until no commit is being written, whether it succeeds or fails."""
        if self._rest is not None:
            await asyncio.wait([self._rest])

    async def recover(self) -> None:
        """Wait with increasing pauses, then probe whether the store accepts commits again.

        Only this detects it: while the store fails, no message is taken.

        Raises:
            StoreError: it still fails.
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

    def lose(self, working_set: WorkingSet, error: StoreError) -> None:
        """The store failed: the open epoch is lost, with all that waits for it.

        A commit that is being written may still become durable, and ends first.
        """
        self.failed(error)
        working_set.lost, working_set.direct = True, False
        if self.fatal is None:
            logger.error("the store failed; resuming from the last successful commit: %s", error)
        if not self.writing:
            self.report_lost(working_set, EpochLostError(str(error)))

    def _refused(self, working_set: WorkingSet, sealed: Epoch, error: CommitRefusedError) -> None:
        """The store refuses *sealed*, and a retry can't help: it is lost, with the open epoch."""
        self.error = error
        working_set.lost, working_set.direct = True, False
        loss = self._isolation.refused(error, sealed.steps + working_set.epoch.steps)
        self.fatal = self._isolation.fatal
        self.report_lost(working_set, loss, sealed)
        self._on_ended()

    def report_lost(self, working_set: WorkingSet, lost: Lost, *sealed: Epoch) -> None:
        """Answer the callers of *sealed* and of the open epoch with *lost*."""
        for epoch in (*sealed, working_set.epoch):
            epoch.end(lost)
            epoch.on_end.clear()
        working_set.callers.lose(lost)

    async def _write(self, working_set: WorkingSet, sealed: Epoch, commit: Commit) -> None:
        try:
            began = time.monotonic()
            try:
                await self._store.commit(commit)
            except CommitRefusedError as error:
                self._refused(working_set, sealed, error)
            except StoreError as error:
                self.lose(working_set, error)
                self.report_lost(working_set, EpochLostError(str(error)), sealed)
            except _UNFIT as error:
                self._refused(working_set, sealed, _refusal(error))
            else:
                self._written(working_set, sealed, time.monotonic() - began)
        except BaseException as error:
            self.fatal = error
            raise
        finally:
            self.writing, self._rest = False, None
            self._expected = sealed.steps + working_set.epoch.steps
            self._on_ended()

    def _written(self, working_set: WorkingSet, sealed: Epoch, seconds: float) -> None:
        """*sealed* is in the store, after *seconds*."""
        if self._committed.heard:
            waiting = working_set.outbox.waiting(sealed.egress)
            self._committed(committed(sealed, working_set.mailboxes, seconds, waiting, working_set.open_asks))
        self._counters.take(sealed.counters)
        working_set.durable(sealed)
        if working_set.lost:
            self.report_lost(working_set, EpochLostError(str(self.error)))
        else:
            self.error = None
            self._failures = 0


async def _resume(write: Coroutine[Untyped, Untyped, None], pending: object) -> None:
    """Continue *write*, whose first step yielded *pending*."""
    await resumed(write, pending)


_UNFIT: Final = (ValueError, TypeError, OverflowError)
"""The errors of encoders for values that they can't write. UnicodeEncodeError is a ValueError."""


def _refusal(error: Exception) -> CommitRefusedError:
    return CommitRefusedError("of this engine", f"a value can't be encoded: {describe(error)}")
