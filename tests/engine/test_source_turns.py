"""Several sources: one that always has more does not stop the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from statefun_actors import Entity, handles, persisted
from statefun_actors.connectors.files import JsonLinesSource
from statefun_actors.dispatch import Application
from statefun_actors.engine import EngineOptions, Inbox, Source
from statefun_actors.types import pack
from tests.engine.engines import held, running, until
from tests.engine.refusing import POISON, RefusingStore
from tests.engine.test_isolated_sources import Notes, Script


class Counter(Entity, typename="test/counter"):
    count: int = persisted(default=0)

    @handles(int)
    def add(self, number: int) -> None:
        self.count += number


class Endless:
    """A source that always has as many messages as the engine takes."""

    exhausted = False

    def __init__(self) -> None:
        self.at = 0

    def resume(self, position: str | None) -> None:
        self.at = int(position or 0)

    def read(self, most: int, inbox: Inbox) -> str | None:
        for _ in range(most):
            inbox.submit(Counter.at("c"), pack(1))
        self.at += most
        return str(self.at)


@pytest.mark.parametrize("poison", [[], [("now", POISON)]])
async def test_a_source_that_always_has_more_stops_no_other(poison: list[tuple[str, str]]) -> None:
    """Nor does it while the engine searches for a message of another one that the store refuses."""
    first, second, third = Endless(), Endless(), Script(("now", "one"), *poison, ("now", "two"))
    sources: dict[str, Source] = {"first": first, "second": second, "third": third}
    options, store = EngineOptions(epoch_steps=20), RefusingStore(("entity",))
    async with running(Notes, Counter, store=store, sources=sources, options=options) as engine:
        await until(lambda: held(engine, Notes.at("n"), "seen") == ["one", "two"])
        assert first.at > 0 < second.at


async def test_files_are_read_one_after_another(tmp_path: Path) -> None:
    app = Application(Notes)
    files: list[JsonLinesSource] = []
    for number in range(3):
        path = tmp_path / f"{number}.jsonl"
        lines = [f'{{"to": "test/notes/n", "value": "{number}-{line}"}}\n' for line in range(40)]
        path.write_text("".join(lines))
        files.append(JsonLinesSource(path, app, after=files[-1] if files else None))
    sources: dict[str, Source] = {str(number): file for number, file in enumerate(files)}
    async with running(app=app, sources=sources, options=EngineOptions(epoch_steps=7)) as engine:
        await engine.idle()
        assert held(engine, Notes.at("n"), "seen") == [f"{number}-{line}" for number in range(3) for line in range(40)]
    for file in files:
        file.close()
