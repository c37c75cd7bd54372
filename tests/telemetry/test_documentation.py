"""The tables of telemetry.md are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from statefun_actors import telemetry
from statefun_actors.telemetry.definitions import METRICS

_PACKAGE = Path(telemetry.__file__).parent
_PAGE = (_PACKAGE.parent / "docs" / "telemetry.md").read_text(encoding="utf-8")


def table(header: str) -> list[str]:
    """The names in the first column of the table whose header begins with *header*."""
    rows = _PAGE[_PAGE.index(f"| {header} |") :].split("\n\n")[0].splitlines()[2:]
    return [row.split("`")[1] for row in rows]


def test_the_metrics_are_those_of_the_documentation() -> None:
    named = {name.removeprefix("statefun_actors_").removesuffix("_total"): name for name in table("metric")}
    assert list(named) == [metric.name for metric in METRICS]
    assert all(named[metric.name].endswith("_total") == (metric.kind == "counter") for metric in METRICS)


def test_the_attributes_of_spans_are_those_of_the_documentation() -> None:
    code = (_PACKAGE / "traces.py").read_text(encoding="utf-8")
    used = set(re.findall(r'"((?:messaging|statefun_actors|error)\.[a-z.]+)"', code))
    assert set(table("attribute")) == used
