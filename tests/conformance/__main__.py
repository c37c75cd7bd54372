"""``python -m tests.conformance``: run every case on every engine, and print the table. Exits 1 where one fails."""

from __future__ import annotations

import asyncio
import logging
import sys

from rich.console import Console
from rich.table import Table

from statefun_actors.deploy import missing_tool
from tests.conformance.suite import ENGINES, cases
from tests.flink.conformance import FLINK


def main() -> int:
    """The exit code."""
    logging.disable()
    lacking = missing_tool()
    engines = [engine for engine in ENGINES if engine is not FLINK or lacking is None]
    table = Table("case", "sentence", *(engine.name for engine in engines), title="conformance", show_lines=False)
    reasons: dict[str, int] = {}
    failed: list[str] = []
    for case in cases():
        row = []
        for engine in engines:
            if (reason := engine.reason(case)) is not None:
                row.append(f"n/a [{reasons.setdefault(reason, len(reasons) + 1)}]".replace("[", "\\["))
                continue
            try:
                asyncio.run(case.function(engine.start))  # type: ignore[arg-type]
                row.append("ok")
            except Exception as error:
                row.append("[red]FAIL")
                failed.append(f"{case.number} on {engine.name}: {type(error).__name__}: {error}")
        table.add_row(case.number, case.sentence, *row)
    console = Console()
    console.print(table)
    for reason, number in reasons.items():
        console.print(f"[{number}] {reason}", markup=False)
    if lacking is not None:
        console.print(f"not on Flink: {lacking}", markup=False)
    for line in failed:
        console.print(line, markup=False, style="red")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
