"""Metrics of several partitions as one text for Prometheus. The text of each is in its format, or in OpenMetrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

_END: Final = "# EOF"
"""The last line of OpenMetrics."""
_UP: Final = "statefun_actors_partition_up"


@attrs.frozen
class _Family:
    """A family of metrics: its lines after ``# HELP``."""

    comments: dict[str, None] = attrs.field(factory=dict)
    samples: list[str] = attrs.field(factory=list)


def merged_metrics(texts: Mapping[int, str | None]) -> str:
    """The metrics in *texts*, by partition, each with the label ``partition``; None: there are none.

    The gauge ``statefun_actors_partition_up`` says whose metrics are there.
    """
    families: dict[str, _Family] = {}
    """By their first lines: a family is in one piece."""
    for partition, text in texts.items():
        family = _Family()
        for line in (text or "").split("\n"):  # not splitlines(): labels may contain other line separators
            if line.startswith("# HELP "):
                family = families.setdefault(line, _Family())
            elif line.startswith("#"):
                family.comments[line] = None
            elif line:
                family.samples.append(_with_label(line, partition))
    up = [f'{_UP}{{partition="{partition}"}} {int(text is not None)}' for partition, text in texts.items()]
    families[f"# HELP {_UP} 1 if the partition's metrics are in this response, else 0."] = _Family(
        {f"# TYPE {_UP} gauge": None}, up
    )
    merged: list[str] = []
    for head, family in families.items():
        family.comments.pop(_END, None)
        merged += [head, *family.comments, *family.samples]
    if any(text is not None and text.rstrip().endswith(_END) for text in texts.values()):
        merged.append(_END)
    return "\n".join(merged) + "\n"


def _with_label(sample: str, partition: int) -> str:
    """The line *sample* with the label ``partition``: it is ``name{labels} value`` or ``name value``."""
    name, _, rest = sample.partition(" ")
    name, brace, labels = name.partition("{")
    label = f'partition="{partition}"'
    return f"{name}{{{label},{labels} {rest}" if brace else f"{name}{{{label}}} {rest}"
