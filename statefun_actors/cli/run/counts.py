"""What a run counts, and its sum over several processes that have worked on one store in turn."""

from __future__ import annotations

from collections.abc import Mapping

import attrs


@attrs.frozen
class Count:
    """The counts of this run and of all runs; None = unknown or not applicable."""

    run: int | None = None
    all: int | None = None

    def then(self, later: Count) -> Count:
        """The count of a run whose next process has counted *later*."""
        if self.run is None or later.run is None:
            return later
        if self.all is None or later.all is None:
            return Count(self.run + later.run, later.all)
        # The store has what the process before did, even if that ended before it could report it.
        return Count(self.run + later.all - self.all, later.all)


@attrs.frozen(kw_only=True)
class Counts:
    """What a process has counted since it began.

    Args:
        lines: that were read from files; *skipped* of them were bad.
        records: read from Kafka, by ingress; *bad_records* of them were not messages.
        egress: records written, by egress.
    """

    lines: Count = Count(0)
    skipped: Count = Count(0)
    records: Mapping[str, int] = {}
    bad_records: int = 0
    handled: int = 0
    timers_fired: int = 0
    dead_letters: int = 0
    discarded: int = 0
    egress: Mapping[str, Count] = {}

    def then(self, later: Counts) -> Counts:
        """The counts of a run whose next process has counted *later*."""
        return Counts(
            lines=self.lines.then(later.lines),
            skipped=self.skipped.then(later.skipped),
            records={name: self.records.get(name, 0) + records for name, records in later.records.items()},
            bad_records=self.bad_records + later.bad_records,
            handled=self.handled + later.handled,
            timers_fired=self.timers_fired + later.timers_fired,
            dead_letters=self.dead_letters + later.dead_letters,
            discarded=self.discarded + later.discarded,
            egress={name: self.egress.get(name, Count()).then(count) for name, count in later.egress.items()},
        )
