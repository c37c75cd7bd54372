"""``Core``: what the parts of one engine share."""

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
from statefun_actors.engine.ports import Sink, Source
from statefun_actors.engine.refused_commits import Isolation
from statefun_actors.engine.working_set import RenamingWorkingSet, ServedStates, WorkingSet
from statefun_actors.store import Store


@attrs.define(eq=False)
class Core:
    """One engine's store, clock and bounds, and the working set of the moment, which a loss replaces."""

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
    """Whether nothing new is taken any more."""

    def __attrs_post_init__(self) -> None:
        self.recover()

    def recover(self) -> None:
        """Build the working set from the store. Raises StoreError where that can't be read."""
        make = RenamingWorkingSet if self.app.renamed else WorkingSet
        self.working_set = make(self.shape, self.store, self.sources, self.sinks, self.options, self.app.instruments)
        observe(self.working_set, self.app.instruments, self.clock.now_ms)
        self.working_set.direct = not self.isolation.active

    @property
    def lost(self) -> str | None:
        """Why nothing can enter an epoch, the store having failed; None while it can, or will once others have."""
        return str(self.commits.error) if self.working_set.lost and not self.isolation.active else None

    @property
    def backlogged(self) -> bool:
        """Whether sinks are so far behind (``egress_backlog``) that nothing more should come in."""
        return self.working_set.outbox.kept > self.options.egress_backlog
