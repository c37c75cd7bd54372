"""Egress files that are removed or moved away, or are replaced by a link or a device."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from statefun_actors.store import Commit, EgressRecord
from statefun_actors.types import pack
from tests.connectors.desk import OUT, Desk, send, values
from tests.engine.engines import failing_egress, until


def remove(path: Path) -> None:
    path.unlink()


def remove_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def rename(path: Path) -> None:
    path.rename(path.with_suffix(".1"))


def rename_and_create(path: Path) -> None:
    path.rename(path.with_suffix(".1"))
    path.touch()


def rename_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_suffix(".1"))


GONE = [remove, remove_folder, rename, rename_and_create, rename_folder]


@pytest.mark.parametrize("go", GONE)
@pytest.mark.parametrize("live", [True, False], ids=["while it runs", "between two runs"])
async def test_where_a_file_is_gone_a_new_one_is_begun(
    desk: Desk, caplog: pytest.LogCaptureFixture, go: object, live: bool
) -> None:
    assert callable(go)
    async with desk.engine() as engine:
        await send(engine, 1, 2)
        if live:
            go(desk.path)
            await send(engine, 3, 4)
    if not live:
        go(desk.path)
        async with desk.engine() as engine:
            await send(engine, 3, 4)

    assert values(desk.path) == [3, 4]
    assert desk.kept == 0
    moved = [file for file in desk.path.parent.parent.rglob("*") if file.is_file() and file != desk.path]
    assert [values(file) for file in moved] == ([] if go in {remove, remove_folder} else [[1, 2]])
    what = "replaced: records go on in the new file" if go is rename_and_create else "removed: a new file is begun"
    assert [record.getMessage() for record in caplog.records] == [f"egress file {desk.path} was {what}"]


async def test_a_link_that_leads_elsewhere_is_followed(desk: Desk) -> None:
    old, new = desk.path.with_name("old.jsonl"), desk.path.with_name("new.jsonl")
    desk.path.parent.mkdir()
    desk.path.symlink_to(old)
    async with desk.engine() as engine:
        await send(engine, 1)
        desk.path.unlink()
        desk.path.symlink_to(new)
        await send(engine, 2)

    assert (values(old), values(new)) == ([1], [2])


async def test_a_device_in_place_of_a_file_is_not_written(desk: Desk) -> None:
    async with desk.engine() as engine:
        await send(engine, 1)
        desk.path.unlink()
        os.mkfifo(desk.path)
        await send(engine, 2)
        failing = failing_egress(engine)
        desk.path.unlink()
        await until(lambda: not desk.kept)

    assert failing == {OUT: f"{desk.path}: it is no regular file. Choose another file."}
    assert values(desk.path) == [2]


async def test_a_project_that_is_copied_after_a_crash_goes_on_in_the_copy_of_its_file(tmp_path: Path) -> None:
    first, copied = Desk(tmp_path / "here"), Desk(tmp_path / "there")
    async with first.engine() as engine:
        await send(engine, 1)
    next_seq = first.store.recover().next_seq
    await first.store.commit(Commit(egress=[EgressRecord(next_seq, OUT, pack(2))], next_seq=next_seq + 1))
    copied.store = first.store
    shutil.copytree(first.path.parent, copied.path.parent)
    with copied.path.open("ab") as file:
        file.write(b'{"type":"io.statefun.types/long","va')
    async with copied.engine() as engine:
        await send(engine, 3)

    assert values(copied.path) == [1, 2, 3]
