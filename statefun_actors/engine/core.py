"""``Core``: the shared state of the parts of one engine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import attrs

from statefun_actors.dispatch import Application
from statefun_actors.engine.clock import Clock
from statefun_actors.engine.commits import Commits
from statefun_actors.engine.merge import Merge
from statefun_actors.engine.observing import observe
from statefun_actors.engine.options import EngineOptions
from statefun_actors.engine.partitioned_working_set import PartitionedWorkingSet
from statefun_actors.engine.ports import Sink, Source
from statefun_actors.engine.recording import record_history
from statefun_actors.engine.refused_commits import Isolation
from statefun_actors.engine.renaming_working_set import PartitionedRenamingWorkingSet, RenamingWorkingSet
from statefun_actors.engine.served_states import ServedStates
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.partitions import is_between_partitions
from statefun_actors.store import Store


@attrs.define(eq=False)
class Core:
    """One engine's store, clock and options, and its current working set, which is replaced after a loss."""

    app: Application
    store: Store
    clock: Clock
    options: EngineOptions
    sources: Mapping[str, Source]
    sinks: Mapping[str, Sink]
    shape: ServedStates
    merge: Merge
    isolation: Isolation
    commits: Commits
    news: asyncio.Event
    """Set to wake the loop."""
    working_set: WorkingSet = attrs.field(init=False)
    stopping: bool = False
    """Whether new messages are refused, since the engine stops."""

    def __attrs_post_init__(self) -> None:
        self.recover()

    def recover(self) -> None:
        """Build the working set from the store. Raises StoreError: the store can't be read."""
        self.working_set = self._kind_of_working_set()(
            self.shape, self.store, self.sources, self.sinks, self.options, self.app.instruments, self.clock.now_ms
        )
        if self.options.history:
            record_history(self.working_set, self.store, self.options, self.clock.now_ms)
        observe(self.working_set, self.app.instruments, self.clock.now_ms)
        self.working_set.direct = not self.isolation.active

    def _kind_of_working_set(self) -> type[WorkingSet]:
        if self.options.partition is None:
            return RenamingWorkingSet if self.app.renamed else WorkingSet
        return PartitionedRenamingWorkingSet if self.app.renamed else PartitionedWorkingSet

    @property
    def lost(self) -> str | None:
        """The error of the store because of which no message can enter an epoch; None while they can, or can later."""
        return str(self.commits.error) if self.working_set.lost and not self.isolation.active else None

    @property
    def backlogged(self) -> bool:
        """Whether sinks are too far behind (``egress_backlog``) to take more messages."""
        return self.working_set.outbox.kept > self.options.egress_backlog

    @property
    def readable(self) -> Mapping[str, Source]:
        """The sources that may be read now: all unless :attr:`backlogged`.

        Other partitions are read even if records for partitions wait: two partitions could wait for each other. They
        are not while records wait for what is outside.
        """
        if not self.backlogged:
            return self.sources
        outbox = self.working_set.outbox
        links = sum(outbox.kept_of(name) for name, sink in self.sinks.items() if getattr(sink, "is_link", False))
        if outbox.kept - links > self.options.egress_backlog:
            return {}
        return {name: source for name, source in self.sources.items() if is_between_partitions(name)}
