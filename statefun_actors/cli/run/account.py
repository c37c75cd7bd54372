"""``Account``: what one partition has done in a run, in all its processes, one after the other."""

from __future__ import annotations

from pathlib import Path

import attrs

from statefun_actors.cli.output import echo
from statefun_actors.cli.run.counts import Count, Counts
from statefun_actors.cli.run.stored import Stored
from statefun_actors.cli.run.summary import PartitionCounts, Summary
from statefun_actors.store import StoreError, open_reader


@attrs.define
class Account:
    """The reports of the processes of one partition."""

    restarts: int = 0
    exact: bool = True
    """Whether each process before the last one has reported all that it counted: a killed one has not."""
    counts: Counts | None = None
    """Of all its processes so far; None: no report has come."""
    _summary: Summary | None = None
    """Of its last process, once that has ended."""
    _before: Counts | None = None
    """The counts of the processes before the last one."""

    def counted(self, counts: Counts) -> None:
        """Its process has counted *counts* since it began."""
        self.counts = counts if self._before is None else self._before.then(counts)

    def summed_up(self, summary: Summary) -> None:
        """The last report of its process, after its counts."""
        self._summary = summary

    def begun_again(self) -> None:
        """Its process has ended, and the next one begins."""
        self.restarts += 1
        self.exact = self.exact and self._summary is not None
        self._before, self._summary = self.counts, None

    def summary(self, partition: int, store: Path) -> Summary | None:
        """The summary of this partition, in the folder *store*; None: none of its processes has begun to work.

        The store of one whose last process was killed is read.
        """
        counts, summary = self.counts, self._summary
        if counts is None:
            return None
        if summary is None:
            summary = _of_killed(partition, store)
        return attrs.evolve(
            summary,
            lines=counts.lines,
            skipped=counts.skipped,
            records=counts.records,
            bad_records=counts.bad_records,
            handled=counts.handled,
            timers_fired=counts.timers_fired,
            dead_letters=Count(counts.dead_letters, summary.dead_letters.all),
            discarded=counts.discarded,
            egress=counts.egress,
            partitions=[PartitionCounts(counts.handled, self.restarts, self.exact and self._summary is not None)],
        )


def _of_killed(partition: int, store: Path) -> Summary:
    """What the store of a killed partition has."""
    try:
        reader = open_reader(store / str(partition))
        try:
            stored = Stored.of(reader)
        finally:
            reader.close()
    except StoreError as error:
        echo(f"Warning: the summary lacks what partition {partition} has stored: {error}", err=True)
        stored = Stored()
    return Summary(
        app="",
        store=str(store),
        ended="killed",
        error=None,
        bad_line=False,
        seconds=0.0,
        lines=Count(),
        skipped=Count(),
        records={},
        bad_records=0,
        handled=0,
        timers=Count(None, stored.timers),
        timers_fired=0,
        waiting=stored.waiting,
        egress={},
        targets={},
        kept=stored.kept,
        kept_names=stored.kept_names,
        dead_letters=Count(None, stored.dead_letters),
        discarded=0,
        entities=stored.entities,
        parked={},
        failing=(),
        failing_egress={},
    )
