"""``Engine``: mailboxes in, epochs out. One core for the command line, the runtimes, and the test kit.

A *step* hands one batch of one address to dispatch and merges the outcome into the open epoch. The open epoch is
sealed when nothing is left to do, or when it is full, and committed in one write; meanwhile the next one is open.
Nothing of an epoch is shown outside before it is durable.

Its parts share a :class:`~.core.Core`: :class:`~.intake.Intake` takes messages from outside, :class:`~.loop.Loop` does
the work, :class:`~.view.EngineView` reads it, :class:`~.operator_changes.OperatorChanges` makes changes of operators.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

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
from statefun_actors.engine.ports import Sink, Source
from statefun_actors.engine.refused_commits import Isolation
from statefun_actors.engine.replies import take_reply
from statefun_actors.engine.view import EngineView
from statefun_actors.engine.working_set import ServedStates
from statefun_actors.ingress import Cancel, IngressMessage, OnAnswer, ReplyMessage
from statefun_actors.store import Store
from statefun_actors.text import describe_error


class Engine:
    """Runs one application over one store. It is a :class:`~statefun_actors.ingress.Backend`.

    Args:
        app: what is served.
        store: recovered and written; its opener closes it.
        clock: where time comes from.
        sources: ingresses that are read as fast as messages are handled.
        sinks: egress name → where its records go; records of other egresses stay in the store.
        options: what bounds it.
        check_changes: how classes that have changed since the last run are looked for.
        on_failure: called with each failure of a message that has no policy, before it is retried.

    Raises:
        StoredTwiceError: was= can't move what is stored.
        IncompatibleStateError: the store holds what the classes of *app* can't read.
        LossRefusedError: they would lose some of it, and *check_changes* refuses that.
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
        isolation = Isolation(sources, clock.now_ms, news.set)
        self._core = core = Core(
            app,
            store,
            clock,
            options if options is not None else EngineOptions(),
            sources,
            dict(sinks or {}),
            shape,
            Merge(shape, on_failure),
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
        """Work until :meth:`stop`. A store that fails does not end it: it resumes from the last commit.

        At the end every caller has its answer.

        Raises:
            DamagedStoreError: the file of the store is damaged, so that trying again can't help.
        """
        await self._loop.run()

    async def stop(self, *, drain: float = 8.0) -> None:
        """Take nothing new, let what is in flight end within *drain* seconds, and commit. The store stays open.

        A handler that does not end, and does not within a second of being cancelled, is abandoned.

        Egress records that don't get through within that time stay in the store, for the next run.
        """
        await self._loop.stop(drain)

    async def idle(self) -> None:
        """Return once nothing is left to do now: inputs read, mailboxes empty, no message due, everything durable.

        Egress records are written, too, except those of a sink that can't be written at present.
        """
        await self._loop.idle()

    async def settled(self) -> None:
        """As :meth:`idle`, but messages that wait out a backoff count as settled: time does not move by itself."""
        await self._loop.settled()

    def release(self) -> None:
        """Return from :meth:`idle` and :meth:`settled` now, although something may be left to do."""
        self._loop.release()

    def wake(self) -> None:
        """Something outside has changed: a source has news, or the clock. From the thread of the event loop."""
        self._core.news.set()

    # --- what comes from outside

    def take(self, message: IngressMessage | ReplyMessage, on_answer: OnAnswer, /) -> Cancel:
        """See :meth:`~statefun_actors.ingress.Backend.take`."""
        if isinstance(message, ReplyMessage):
            return take_reply(message, on_answer, self.store, self.clock.now_ms(), self._intake.take)
        return self._intake.take(message, on_answer)

    def take_all(self, messages: Sequence[IngressMessage], on_answer: OnAnswer, /) -> None:
        """See :meth:`~statefun_actors.ingress.Backend.take_all`."""
        self._intake.take_all(messages, on_answer)

    async def apply(self, change: Callable[[], object]) -> None:
        """Call *change*, which changes the open epoch by :attr:`changes`, and return once that is durable.

        It may be called later, where it has to wait for its turn, and again, where its epoch is lost to the fault of
        another message.

        Raises:
            EpochLostError: the store has failed, and nothing of it happened. A retry can help.
            NotStorableError: the store refuses it, and a retry can't help.
            Exception: what *change* raised.
        """
        await self._intake.apply(change)

    async def durable(self) -> None:
        """Return once everything that was taken so far is durable. Raises as :meth:`apply` does."""
        await self._intake.apply(_nothing)

    def unready(self) -> str | None:
        """See :meth:`~statefun_actors.ingress.Backend.unready`."""
        error = self.view.error
        return None if error is None else describe_error(error)

    def notices(self) -> Sequence[str]:
        """See :meth:`~statefun_actors.ingress.Backend.notices`."""
        now_ms = self.clock.now_ms()
        failing = [message.describe(now_ms) for message in self.view.failing_messages()]
        egresses = sorted(self.view.failing_egress.items())
        return failing + [f"egress {name} can't be written: {why}" for name, why in egresses]

    def failing(self, target: Address, /) -> str | None:
        """See :meth:`~statefun_actors.ingress.Backend.failing`."""
        message = self.view.failing_message(target)
        return None if message is None else message.describe(self.clock.now_ms())


def _nothing() -> None:
    """Changes nothing."""
