"""``python -m tests.conformance``: run every case on every engine, and print the table. Exits 1 where one fails."""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from collections.abc import Coroutine

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.conformance.cases.ingress import ingress
from tests.conformance.engine import EngineKind
from tests.conformance.gateway import open_gateway
from tests.conformance.sections import Case, DoorCase, Once, Pending, Sentence
from tests.conformance.suite import ENGINES, SECTIONS
from tests.flink.conformance import FLINK


class Report:
    """The cells of the table, and the lines below it."""

    def __init__(self) -> None:
        self.missing = {engine.name: engine.missing() for engine in ENGINES}
        self.reasons: dict[str, int] = {}
        self.failed: list[str] = []
        self.runs = 0

    def row(self, sentence: Sentence) -> list[str]:
        """A cell for each engine."""
        match sentence:
            case Case():
                return [*(self._cell(sentence, engine) for engine in ENGINES), ""]
            case Once():
                return [*(self._once(sentence, engine) for engine in ENGINES), ""]
            case DoorCase():
                return [
                    self._run(sentence.function(ingress), f"{sentence.number} embedded"),  # type: ignore[arg-type]
                    *[""] * (len(ENGINES) - 1),
                    self._at_gateway(sentence),
                ]
            case Pending(_, _, why):
                return [f"[yellow]pending \\[{self._note(why)}]"] * (len(ENGINES) + 1)

    def _cell(self, case: Case, engine: EngineKind) -> str:
        if (reason := engine.reason(case.needs)) is not None:
            return f"[dim]— \\[{self._note(reason)}]"
        if self.missing[engine.name] is not None:
            return "[dim]not here"
        return self._run(case.function(engine.start), f"{case.number} on {engine.name}")  # type: ignore[arg-type]

    def _at_gateway(self, sentence: DoorCase) -> str:
        if self.missing[FLINK.name] is not None:
            return "[dim]not here"
        return self._run(sentence.function(open_gateway), f"{sentence.number} at a gateway")  # type: ignore[arg-type]

    def _once(self, sentence: Once, engine: EngineKind) -> str:
        shown = ENGINES[1] if sentence.where == "wire" else ENGINES[0]
        if engine is not shown:
            return "[dim]〃" if sentence.where == "any" else ""
        told = self._run(sentence.run(), sentence.number)
        return told if sentence.where == "any" else f"{told} [dim](once)"

    def _run(self, work: Coroutine[object, object, None], name: str) -> str:
        self.runs += 1
        try:
            asyncio.run(work)
        except Exception as error:
            at = traceback.extract_tb(error.__traceback__)[-1]
            self.failed.append(f"{name}: {type(error).__name__}: {error} ({at.filename}:{at.lineno}: {at.line})")
            return "[red]FAIL"
        return "[green]ok"

    def _note(self, reason: str) -> int:
        return self.reasons.setdefault(reason, len(self.reasons) + 1)


def main() -> int:
    """The exit code."""
    logging.getLogger().addHandler(logging.NullHandler())
    report, console = Report(), Console()
    for section in SECTIONS:
        columns = (*(engine.name for engine in ENGINES), "HTTP client of a gateway")
        table = Table("", "sentence", *columns, title=section.title, title_justify="left")
        for sentence in section.sentences:
            table.add_row(sentence.number, escape(sentence.sentence), *report.row(sentence))
        console.print(table)
    console.print(
        "〃 no engine has a part in it: tried once. (once): it is about the embedded engine, or the wire, alone."
    )
    for reason, number in report.reasons.items():
        console.print(f"[{number}] {reason}", markup=False)
    for name, lacking in report.missing.items():
        if lacking is not None:
            console.print(f"not on {name}: {lacking}", markup=False)
    for line in report.failed:
        console.print(line, markup=False, style="red")
    count = sum(len(section.sentences) for section in SECTIONS)
    console.print(f"{count} sentences, {report.runs} runs, {len(report.failed)} failed")
    return int(bool(report.failed))


if __name__ == "__main__":
    sys.exit(main())
