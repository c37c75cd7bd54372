"""An engine whose files can't be opened for a moment: a crash without a restart."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from statefun_actors.ingress import Answer, IngressMessage, NotTaken
from statefun_actors.store.sqlite import SqliteStore, open_files
from statefun_actors.store.sqlite.connecting import connect_to_write
from statefun_actors.types import pack
from tests.engine.engines import running, until
from tests.engine.test_faults import Pile, acknowledged, piled

CHECK = "Check the permissions of the file and of its folder."


async def test_an_engine_goes_on_once_the_files_of_its_store_can_be_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, away = tmp_path / "data", tmp_path / "away"
    folder.mkdir()

    def connect(path: Path) -> sqlite3.Connection:
        monkeypatch.undo()
        folder.rename(away)
        return connect_to_write(path)

    store = SqliteStore(folder / "store.db")
    async with running(Pile, store=store) as engine:
        stored = await acknowledged(engine, range(3))
        folder.joinpath("store.db-wal").unlink()
        monkeypatch.setattr(open_files, "connect_to_write", connect)
        answers: list[Answer] = []
        engine.take(IngressMessage(Pile.at("0"), pack(3)), answers.append)
        await until(lambda: "No such file or directory" in str(engine.view.error))
        away.rename(folder)
        await until(lambda: engine.view.error is None)

        assert answers == [NotTaken(f"store {store.path}: it can't be opened: unable to open database file. {CHECK}")]
        stored += await acknowledged(engine, range(4, 6))
        assert piled(engine) == stored == [0, 1, 2, 4, 5]
    store.close()
