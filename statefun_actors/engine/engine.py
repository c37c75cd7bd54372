"""``Engine``: mailboxes in, epochs out. One core for the command line, the runtimes, and the test kit.

A *step* runs one batch of one address by dispatch, and merges the outcome into the open epoch. The open epoch is sealed
when nothing is left to do or when it is full, and is committed in one write; meanwhile the next one is open. Nothing of
an epoch is visible outside before it is durable.

Its parts share a :class:`~.core.Core`: :class:`~.intake.Intake` takes messages from outside, :class:`~.loop.Loop` does
the work, :class:`~.view.EngineView` reads it, :class:`~.operator_changes.OperatorChanges` makes changes of operators.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

from statefun_actors.address import Address
from statefun_actors.dispatch import Application
from statefun_actors.engine.clock import Clock
from statefun_actors.engine.commits import Commits
from statefun_actors.engine.core import Core
from statefun_actors.engine.epoch import Counters
from statefun_actors.engine.evolution.store_check import Check, check, move_renamed
from statefun_actors.engine.intake import Intake
from statefun_actors.engine.loop import Loop
from statefun_actors.engine.merge import Merge
from statefun_actors.engine.operator_changes import OperatorChanges
from statefun_actors.engine.options import EngineOptions
from statefun_actors.engine.paused import describe_pause
from statefun_actors.engine.ports import Sink, Source
from statefun_actors.engine.recording import RecordingMerge
from statefun_actors.engine.refusals import refusals
from statefun_actors.engine.refused_commits import Isolation
from statefun_actors.engine.replies import take_reply
from statefun_actors.engine.served_states import ServedStates
from statefun_actors.engine.view import EngineView
from statefun_actors.ingress import Cancel, IngressMessage, OnAnswer, ReplyMessage
from statefun_actors.store import Store
from statefun_actors.text import describe_error


class Engine:
    """Runs one application over one store. It is a :class:`~statefun_actors.ingress.Backend`.

    Args:
        app: the application to run.
        store: recovered and written; its opener closes it.
        clock: time and randomness.
        sources: ingresses, read as fast as messages are handled.
        sinks: by egress name; records of other egresses stay in the store. A sink that is added to this mapping later
            gets the records from then on, of an egress that has none in the store.
        options: its limits.
        check_changes: options of the check of changed classes.
        on_failure: called with each failure of a message without a policy, before its retry.

    Raises:
        StoredTwiceError: was= can't move stored data.
        IncompatibleStateError: the classes of *app* can't read some stored data.
        LossRefusedError: they would lose stored data, and *check_changes* refuses that.
        StoreMovedError: the store was moved to a Flink job, and *check_changes* does not accept that.
        StoreError: the store can't be read.
    """

    def __init__(
        self,
        app: Application,
        store: Store,
        clock: Clock,
        *,
        sources: Mapping[str, Source] | None = None,
        sinks: Mapping[str, Sink] | None = None,
        options: EngineOptions | None = None,
        on_failure: Callable[[Address, BaseException], None] | None = None,
        check_changes: Check | None = None,
    ) -> None:
        self.app, self.store, self.clock = app, store, clock
        check(app, store, clock.now_ms(), check_changes if check_changes is not None else Check())
        move_renamed(app, store)
        news, counters, shape = asyncio.Event(), Counters(), ServedStates(app)
        sources = dict(sources or {})
        options = options if options is not None else EngineOptions()
        isolation = Isolation(sources, clock.now_ms, news.set)
        self._core = core = Core(
            app,
            store,
            clock,
            options,
            sources,
            sinks if sinks is not None else {},
            shape,
            (RecordingMerge if options.history else Merge)(app, shape, on_failure),
            isolation,
            Commits(store, clock, counters, isolation, app.instruments, news.set),
            news,
        )
        self._intake = Intake(core)
        self._loop = Loop(core)
        self.view = EngineView(core, counters)
        self.changes = OperatorChanges(core)

    # --- life

    async def run(self) -> None:
        """Run until :meth:`stop`. A failing store does not end it: it resumes from the last commit.

        At the end all callers have their answers.

        Raises:
            DamagedStoreError: the file of the store is damaged, so a retry can't help.
        """
        await self._loop.run()

    async def stop(self, *, drain: float = 8.0) -> None:
        """Refuse new messages, give running batches *drain* seconds to end, and commit. The store stays open.

        A handler that still runs is then cancelled, and abandoned after another second.

        Egress records that are not written within that time stay in the store for the next run.
        """
        await self._loop.stop(drain)

    async def idle(self) -> None:
        """Wait until nothing is left to do now: inputs read, mailboxes empty, no message due, everything durable.

        Egress records are written, too, except those of a sink that can't write at present.
        """
        await self._loop.waiters.idle()

    async def settled(self) -> None:
        """As :meth:`idle`, but without waiting for backoffs, since the clock of a test does not move by itself."""
        await self._loop.waiters.settled()

    @property
    def at_rest(self) -> bool:
        """Whether :meth:`settled` would return at once."""
        return self._loop.at_rest

    async def next_rest(self) -> bool:
        """Wait until the engine is at rest again, after something has woken it. Returns whether it still runs."""
        return await self._loop.waiters.next_rest()

    def release(self) -> None:
        """Make :meth:`idle` and :meth:`settled` return now, even if something is left to do."""
        self._loop.waiters.release()

    def wake(self) -> None:
        """Wake the engine: a source has news, or the clock was set. Call it on the thread of the event loop."""
        self._core.news.set()

    # --- messages and changes from outside

    def take(self, message: IngressMessage | ReplyMessage, on_answer: OnAnswer, /) -> Cancel:
        """See :meth:`~statefun_actors.ingress.Backend.take`."""
        if type(message) is ReplyMessage:  # no subclasses, and faster than isinstance()
            return take_reply(message, on_answer, self.store, self.clock.now_ms(), self._intake.take)
        return self._intake.take(message, on_answer)

    def take_all(self, messages: Sequence[IngressMessage], on_answer: OnAnswer, /) -> None:
        """See :meth:`~statefun_actors.ingress.Backend.take_all`."""
        self._intake.take_all(messages, on_answer)

    def when_handed_over(self, call: Callable[[], None]) -> None:
        """Call *call* once all messages for other partitions that are durable now have arrived there.

        Also at once if there are no other partitions, and at the end of the engine.
        """
        self._core.working_set.outbox.when_handed_over(call)

    async def apply(self, change: Callable[[], object]) -> None:
        """Call *change*, which changes the open epoch by :attr:`changes`, and wait until that is durable.

        The call may be delayed until its turn, and repeated if its epoch is lost because of another message.

        Raises:
            EpochLostError: the store failed, and nothing was changed. A retry can help.
            NotStorableError: the store refuses the change, and a retry can't help.
            Exception: *change* raised it.
        """
        await self._intake.apply(change)
        self.view.changes += 1

    async def durable(self) -> None:
        """Wait until all messages taken so far are durable. Raises as :meth:`apply` does."""
        await self._intake.apply(_nothing)

    def unready(self) -> str | None:
        """See :meth:`~statefun_actors.ingress.Backend.unready`."""
        error = self.view.error
        return None if error is None else describe_error(error)

    def notices(self) -> Sequence[str]:
        """See :meth:`~statefun_actors.ingress.Backend.notices`."""
        now_ms = self.clock.now_ms()
        egresses = sorted(self.view.failing_egress.items())
        return [
            *refusals(self._core),
            *(failing.describe(now_ms) for failing in self.view.failing_addresses()),
            *(failure.describe(name) for name, failure in egresses),
            *self._paused(),
        ]

    def _paused(self) -> Iterator[str]:
        if not self.view.pauses:
            return
        waiting, parked = self.view.paused_messages(), self.view.parked
        for target, since in self.view.pauses.items():
            typename = target if isinstance(target, str) else target.typename
            if kept := parked.get(typename):  # they are counted by type only, and have no mailboxes
                what = f"nothing here serves {typename}; messages kept for it: {kept:,}"
            else:
                what = f"messages waiting: {waiting.get(target, 0):,}"
            yield f"{describe_pause(target, since)}; {what}"

    def failing(self, target: Address, /) -> str | None:
        """See :meth:`~statefun_actors.ingress.Backend.failing`."""
        target = self.app.current(target)
        if (message := self.view.failing_message(target)) is not None:
            return message.describe(self.clock.now_ms())
        pauses = self.view.pauses
        for each in (target, target.typename):
            if (since := pauses.get(each)) is not None:
                return f"{describe_pause(each, since)}; its messages wait until it is resumed"
        return None


def _nothing() -> None:
    """Changes nothing."""
