"""The summary of a run: a table for people, or one JSON object for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

import attrs

from statefun_actors.cli.output import write
from statefun_actors.cli.run.counts import Count
from statefun_actors.text import one_line

MOST_FAILING: Final = 20
"""The most failing messages that a summary names."""
_FEW: Final = 3
_ALIKE: Final = 0.8
"""The likeness of two names above which one may be a misspelling of the other: 1 is the same name."""


@attrs.frozen
class PartitionCounts:
    """What one partition has done in a run.

    Args:
        handled: messages.
        restarts: how often it was started again.
        exact: whether all that it has done is counted: a process that is killed does not report what it did last.
    """

    handled: int
    restarts: int = 0
    exact: bool = True


@attrs.frozen
class FailingAddress:
    """An address whose first message keeps failing without a failure policy."""

    address: str
    attempts: int
    error: str


@attrs.frozen(kw_only=True)
class Summary:
    """The summary of a run.

    Args:
        ended: ``"idle"``, ``"error"``, or the name of the signal that stopped it.
        records: read from Kafka in this run, by ingress; *bad_records* of them were not messages.
        egress: counts by name; their targets are in *targets*.
        parked: messages kept for function types that nothing here serves, by type.
        ahead_seconds: the lead of virtual time (``--fire-timers``).
    """

    app: str
    store: str | None
    ended: str
    error: str | None
    bad_line: bool
    """Whether the error is an invalid line."""
    seconds: float
    lines: Count
    skipped: Count
    records: Mapping[str, int]
    bad_records: int
    handled: int
    timers: Count
    timers_fired: int
    waiting: int
    egress: Mapping[str, Count]
    targets: Mapping[str, str]
    kept: int
    kept_names: Sequence[str]
    dead_letters: Count
    discarded: int
    entities: Mapping[str, int]
    parked: Mapping[str, int]
    failing: Sequence[FailingAddress]
    failing_egress: Mapping[str, str]
    """The egresses that could not be written at the end of the run, with the reason."""
    paused: Sequence[str] = ()
    """The paused entities and function types, whose messages wait."""
    ahead_seconds: float = 0.0
    partitions: Sequence[PartitionCounts | None] | None = None
    """By partition; None for one that has not begun to work. None: there are no partitions."""

    def as_object(self) -> dict[str, object]:
        """The JSON object for programs."""
        each = {} if self.partitions is None else {"partitions": [*map(_partition, self.partitions)]}
        return {
            "app": self.app,
            "store": self.store,
            "ended": self.ended,
            "error": self.error,
            "seconds": round(self.seconds, 3),
            "lines": _pair(self.lines),
            "lines_per_second": round(_rate(self.lines.run or 0, self.seconds)),
            "bad_lines_skipped": _pair(self.skipped),
            "records": dict(self.records),
            "bad_records": self.bad_records,
            "messages_handled": self.handled,
            "messages_per_second": round(_rate(self.handled, self.seconds)),
            "messages_waiting": self.waiting,
            "messages_parked": dict(self.parked),
            "timers_fired": self.timers_fired,
            "timers_pending": self.timers.all,
            "virtual_seconds": round(self.ahead_seconds, 3),
            "egress": {name: {"to": self.targets[name], **_pair(count)} for name, count in self.egress.items()},
            "egress_kept": self.kept,
            "dead_letters": _pair(self.dead_letters),
            "discarded": self.discarded,
            "entities": dict(self.entities),
            "failing": [attrs.asdict(failing) for failing in self.failing],
            "failing_egress": dict(self.failing_egress),
            "paused": list(self.paused),
            **each,
        }  # fmt: skip

    def print_table(self) -> None:
        """The table, on standard output; on standard error if records go to standard output."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        file = sys.stderr if "-" in self.targets.values() else sys.stdout
        console = Console(file=file, highlight=False, soft_wrap=not file.isatty())
        title = Text(one_line(self._title()))
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 3, 0, 0))
        table.add_column("")
        table.add_column("this run", justify="right")
        table.add_column("in all", justify="right")
        for label, count in self._rows():
            table.add_row(Text(one_line(label)), _figure(count.run), _figure(count.all))
        # Rich itself would silently end the process if the output has no reader.
        with console.capture() as captured:
            console.print(table)
            for note in self._notes():
                console.print(Text(one_line(note)))
        write(captured.get().removesuffix("\n"), err=file is sys.stderr)

    def _target(self, egress: str) -> str:
        target = self.targets[egress]
        return "standard output" if target == "-" else target

    def _title(self) -> str:
        what = {"idle": "everything is done", "error": "stopped by an error"}.get(
            self.ended, f"stopped by {self.ended}"
        )
        where = self.store if self.store is not None else "memory"
        return f"{self.app}: {what}, after {self.seconds:,.1f} s; state in {where}"

    def _rows(self) -> Iterator[tuple[str, Count]]:
        yield "lines read", self.lines
        if self.skipped.all:
            yield "  bad lines skipped", self.skipped
        for name, records in self.records.items():
            yield f"records read from {name}", Count(records)
        if self.bad_records:
            yield "  no messages, kept for egress statefun-actors/bad-records", Count(self.bad_records)
        yield "messages handled", Count(self.handled)
        for number, each in enumerate(self.partitions or ()):
            yield f"  by partition {number}", Count(None if each is None else each.handled)
        if self.waiting:
            yield "messages waiting", Count(None, self.waiting)
        if self.discarded:
            yield "messages discarded", Count(self.discarded)
        if self.dead_letters.run or self.dead_letters.all:
            yield "dead letters", self.dead_letters
        if self.timers_fired or self.timers.all:
            yield "delayed messages fired", Count(self.timers_fired)
            yield "delayed messages pending", Count(None, self.timers.all)
        for name, count in self.egress.items():
            yield f"written from {name} to {self._target(name)}", count
        if self.kept:
            yield f"kept for egress {', '.join(self.kept_names)}", Count(None, self.kept)
        for typename, messages in self.parked.items():
            yield f"kept for {typename}, which is not served", Count(None, messages)
        for typename, count_all in self.entities.items():
            yield f"entities {typename}", Count(None, count_all)
        yield "lines per second", Count(round(_rate(self.lines.run or 0, self.seconds)))
        yield "messages per second", Count(round(_rate(self.handled, self.seconds)))

    def _notes(self) -> Iterator[str]:
        for number, each in enumerate(self.partitions or ()):
            if each is not None and each.restarts:
                times = "once" if each.restarts == 1 else f"{each.restarts:,} times"
                yield f"Partition {number} was started again {times}."
        if not all(each is None or each.exact for each in self.partitions or ()):
            yield "This run's counts may lack what a partition did in the last second before its process died."
        if self.ahead_seconds >= 1:
            yield f"Virtual time has run {self.ahead_seconds / 86_400:,.1f} days ahead."
        if self.kept and (unmapped := sorted(set(self.kept_names) - self.targets.keys())):
            yield "Kept records are written once their egress has a target: --egress NS/NAME=FILE.jsonl"
            for name, count in self.egress.items():
                if not (count.run or count.all) and (meant := get_close_matches(name, unmapped, 1, _ALIKE)):
                    yield (
                        f"No record was sent to {name} in this run. If {meant[0]} is meant: "
                        f"--egress {meant[0]}={self.targets[name]}"
                    )
        if self.paused:
            names, more = ", ".join(self.paused[:_FEW]), len(self.paused) - _FEW
            yield f"Paused, so messages wait: {names}{f' and {more} more' if more > 0 else ''}"
        for name, reason in self.failing_egress.items():
            yield f"Failing: egress {name}: {reason}"
        for failing in self.failing:
            yield f"Failing: {failing.address}, {failing.attempts} attempts: {failing.error}"
        if self.failing:
            yield "They are tried again by the next run. To give up on such messages: --dead-letters NS/NAME"


def unwritten_error(egresses: Sequence[str]) -> str:
    """The error of a run that could not write the records of *egresses*."""
    return (
        f"the records of {', '.join(egresses)} could not be written, and are kept: run again once their target is "
        "available."
    )


def _partition(counts: PartitionCounts | None) -> dict[str, object]:
    if counts is None:
        return {"messages_handled": None, "restarts": 0, "exact": True}
    return {"messages_handled": counts.handled, "restarts": counts.restarts, "exact": counts.exact}


def _pair(count: Count) -> dict[str, int | None]:
    return {"this_run": count.run, "in_all": count.all}


def _figure(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _rate(count: int, seconds: float) -> float:
    return count / seconds if seconds > 0 else 0.0
