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
        idle: whether no message waits for another attempt either.
        failing: a line about its messages that keep failing, if no others wait.
        failed: whether an input could not be read to its end.
        handed_over: the number of the last record that was handed over by each link.
        taken: the number of the last record that has come by each link.
    """

    idle: bool
    failing: str | None
    failed: bool
    handed_over: Mapping[Link, int]
    taken: Mapping[Link, int]


def all_at_rest(reports: Sequence[Rest | None]) -> bool:
    """Whether nothing is left to do in any partition, or on the way between two; *reports* are the last ones.

    Each report was true at a time of its own. If each partition has taken what the others report as handed over, all
    are true together. Otherwise there would be a first one that got a record after its report. Its sender has handed
    that over after its own report, for which it must have got a record after that, even earlier.
    """
    found = [report for report in reports if report is not None]
    return len(found) == len(reports) and all(
        found[receiver].taken.get((sender, egress), 0) == number
        for sender, report in enumerate(found)
        for (receiver, egress), number in report.handed_over.items()
    )
