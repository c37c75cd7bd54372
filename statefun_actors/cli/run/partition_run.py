"""One process of ``run --partitions``: the run of one partition, under a supervisor."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable

import attrs

from statefun_actors.assembly import Service
from statefun_actors.assembly.partitions import ForwardedHttpService, LinkService, Neighbours
from statefun_actors.cli.processes import at_the_end_of_the_supervisor
from statefun_actors.cli.signals import Stop
from statefun_actors.connectors.partitions import LinkSource
from statefun_actors.store import Store
from statefun_actors.store.partitioned import open_partition


@attrs.frozen
class PartitionRun:
    """What the run of one partition has that other runs don't have.

    Args:
        neighbours: the partition, and where the others are.
        ready: called once messages are taken.
    """

    neighbours: Neighbours
    ready: Callable[[], None]

    def open_store(self) -> Store:
        """Its store. Raises StoreError: it is in use, or not that of this partition."""
        return open_partition(self.neighbours.store, self.neighbours.own, self.neighbours.system)

    def services(self, sources: Iterable[LinkSource]) -> list[Service]:
        """The services for the other partitions."""
        return [LinkService(self.neighbours, sources), ForwardedHttpService(self.neighbours)]

    @contextlib.contextmanager
    def started(self, stop: Stop) -> Generator[None]:
        """Messages are taken. Until the block ends, the death of the supervisor requests a stop."""
        with at_the_end_of_the_supervisor(stop.wanted.set):
            self.ready()
            yield
