"""How a run of several partitions finds out that nothing is left to do, although none of them sees all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import attrs

Link: TypeAlias = tuple[int, str | None]
"""The other partition, and the egress whose records the link hands over; None: it hands over messages."""


@attrs.frozen(kw_only=True)
class Rest:
    """A partition reports that it has nothing to do until something comes from outside, or becomes due.

    All its links have handed over what they had.

    Args:
        until: when its next delayed message or attempt is due, in milliseconds since 1970; None: there is none.
        idle: whether no message waits for another attempt either.
        pending: whether a delayed message is pending that does not recur; only with ``--fire-timers``.
        failing: a line about its messages that keep failing, if no others wait.
        failed: whether an input could not be read to its end.
        handed_over: the number of the last record that was handed over by each link.
        taken: the number of the last record that has come by each link.
    """

    until: int | None
    idle: bool
    pending: bool
    failing: str | None
    failed: bool
    handed_over: Mapping[Link, int]
    taken: Mapping[Link, int]


@attrs.frozen
class Jump:
    """The supervisor says that the clock has jumped to a time at which something of a partition is due."""


@attrs.frozen
class Busy:
    """A partition reports that it has something to do again, so its last :class:`Rest` is no longer true."""


def all_at_rest(reports: Sequence[Rest | None], now_ms: int) -> bool:
    """Whether nothing is left to do in any partition, or on the way between two, at *now_ms*.

    Each of *reports*, the last ones, was true at a time of its own. Nothing has become due since. If each partition has
    taken what the others report as handed over, all are true together. Otherwise there would be a first one that got a
    record after its report. Its sender has handed that over after its own report, for which it must have got a record
    after that, even earlier.

    A request or a command that wakes a partition makes it report :class:`Busy`. One that comes at the very end may be
    left for the next run.

    Args:
        reports: by partition; None: it has something to do, or has not reported yet.
        now_ms: in milliseconds since 1970.
    """
    found = [report for report in reports if report is not None]
    if len(found) < len(reports) or any(rest.until is not None and rest.until <= now_ms for rest in found):
        return False
    return all(
        found[receiver].taken.get((sender, egress), 0) == number
        for sender, report in enumerate(found)
        for (receiver, egress), number in report.handed_over.items()
    )
