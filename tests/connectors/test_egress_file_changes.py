"""Egress files that others remove, rotate, truncate or append to, while an engine runs and between two of them."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from statefun_actors import Entity, handles
from statefun_actors.connectors.files import JsonLinesSink
from statefun_actors.engine import Engine
from statefun_actors.store import Commit, EgressRecord, MemoryStore
from statefun_actors.types import pack
from tests.engine.engines import running, until
from tests.engine.engines import send as post

OUT = "test/out"
LINE = 44
"""Bytes of a line for a number of one digit."""


class Sender(Entity, typename="test/sender"):
    @handles
    def send_out(self, message: int) -> None:
        self.send_egress(OUT, message)


class Desk:
    """A store and an egress file, and the engines that run on them one after another."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "logs" / "out.jsonl"
        self.store = MemoryStore()

    @asynccontextmanager
    async def engine(self) -> AsyncGenerator[Engine]:
        sink = JsonLinesSink(self.path)
        try:
            async with running(Sender, store=self.store, sinks={OUT: sink}) as engine:
                await engine.idle()
                yield engine
        finally:
            sink.close()

    @property
    def kept(self) -> int:
        return self.store.counts()["egress"]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def send(engine: Engine, *numbers: int) -> None:
    """They are written, or the sink is failing."""
    for number in numbers:
        post(engine, Sender.at("a"), pack(number))
    await engine.idle()


def values(path: Path) -> list[object]:
    return [json.loads(line)["value"] for line in path.read_text().splitlines()]


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


def truncate(path: Path) -> None:
    os.truncate(path, 0)


def truncate_in_a_line(path: Path) -> None:
    os.truncate(path, LINE + 3)


def append(path: Path) -> None:
    with path.open("a") as file:
        file.write('{"mine":1}\n')


def append_part_of_a_line(path: Path) -> None:
    with path.open("a") as file:
        file.write('{"type":"io.statefun.types/int"')


def overwrite(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def refill(path: Path) -> None:
    path.write_bytes(b"x" * 2 * path.stat().st_size)


AFTER = "Move it away, and a new file is begun"
OLDER = "Another program has written to it, or the store is older than the file, as after restoring a backup."
CUT = "(with logrotate: `create`, not `copytruncate`); or put it back as it was."
CHANGES = [
    pytest.param(truncate, f"it was truncated: expected 88 bytes, found 0. {AFTER} {CUT}", id="truncated"),
    pytest.param(truncate_in_a_line, f"it was truncated: expected 88 bytes, found 47. {AFTER} {CUT}", id="cut"),
    pytest.param(
        append,
        f"it holds what this store did not write: expected 88 bytes, found 99. {OLDER} {AFTER}; or remove what it "
        "holds beyond byte 88.",
        id="appended to",
    ),
    pytest.param(
        append_part_of_a_line,
        f"it holds what this store did not write: expected 88 bytes, found 119. {OLDER} {AFTER}; or remove what it "
        "holds beyond byte 88.",
        id="part of a line appended",
    ),
    *(
        pytest.param(
            change,
            "another program has changed it: its bytes before byte 88 are not those that were written. "
            f"{AFTER}; or put it back as it was.",
            id=change.__name__,
        )
        for change in (overwrite, refill)
    ),
]


def move_away(path: Path) -> None:
    path.rename(path.with_suffix(".2"))


def put_back(path: Path) -> None:
    path.write_bytes(path.with_suffix(".copy").read_bytes())


def put_back_a_copy(path: Path) -> None:
    path.with_suffix(".copy").replace(path)


@pytest.mark.parametrize("mend", [move_away, put_back, put_back_a_copy])
@pytest.mark.parametrize(("change", "reason"), CHANGES)
@pytest.mark.parametrize("live", [True, False], ids=["while it runs", "between two runs"])
async def test_a_file_changed_by_others_is_left_alone_and_records_wait(
    desk: Desk, caplog: pytest.LogCaptureFixture, change: object, reason: str, mend: object, live: bool
) -> None:
    assert callable(change)
    assert callable(mend)
    async with desk.engine() as engine:
        await send(engine, 1, 2)
        shutil.copy(desk.path, desk.path.with_suffix(".copy"))
        if live:
            change(desk.path)
            await send(engine, 3)
            await send(engine, 4)
            await check_left_alone_and_mend(desk, engine, reason, mend)
    if not live:
        change(desk.path)
        async with desk.engine() as engine:
            assert engine.view.failing_egress == {OUT: f"{desk.path}: {reason}"}  # before anything is to be written
            await send(engine, 3)
            await send(engine, 4)
            await check_left_alone_and_mend(desk, engine, reason, mend)

    assert values(desk.path) == ([3, 4] if mend is move_away else [1, 2, 3, 4])
    assert desk.kept == 0
    reported = [record.getMessage() for record in caplog.records]
    assert reported.count(f"egress {OUT} can't be written, its records are kept: {desk.path}: {reason}") == 1


async def check_left_alone_and_mend(desk: Desk, engine: Engine, reason: str, mend: object) -> None:
    changed = desk.path.read_bytes()
    assert engine.view.failing_egress == {OUT: f"{desk.path}: {reason}"}
    assert desk.kept == 2
    assert callable(mend)
    if mend is move_away:
        mend(desk.path)
        await until(lambda: desk.path.exists() and not desk.kept)
        assert desk.path.with_suffix(".2").read_bytes() == changed
    else:
        mend(desk.path)
        await until(lambda: not desk.kept)
    assert engine.view.failing_egress == {}


async def test_a_failing_file_that_is_mended_while_nothing_is_to_be_written_is_no_longer_failing(desk: Desk) -> None:
    async with desk.engine() as engine:
        await send(engine, 1)
    append(desk.path)
    async with desk.engine() as engine:
        assert engine.view.failing_egress
        os.truncate(desk.path, LINE)
        await until(lambda: not engine.view.failing_egress)
        await send(engine, 2)

    assert values(desk.path) == [1, 2]


async def test_a_device_in_place_of_a_file_is_not_written(desk: Desk) -> None:
    async with desk.engine() as engine:
        await send(engine, 1)
        desk.path.unlink()
        os.mkfifo(desk.path)
        await send(engine, 2)
        failing = dict(engine.view.failing_egress)
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


async def test_a_store_that_is_older_than_its_file_repeats_and_skips_no_record(desk: Desk) -> None:
    async with desk.engine() as engine:
        await send(engine, 1, 2)
    backup = copy.deepcopy(desk.store)
    async with desk.engine() as engine:
        await send(engine, 3, 4)
    desk.store = backup
    async with desk.engine() as engine:
        assert "the store is older than the file, as after restoring a backup" in engine.view.failing_egress[OUT]
        await send(engine, 3, 5)  # no longer what came after 2
        assert (desk.kept, values(desk.path)) == (2, [1, 2, 3, 4])
        os.truncate(desk.path, 2 * LINE)
        await until(lambda: not desk.kept)

    assert values(desk.path) == [1, 2, 3, 5]


async def test_a_store_that_is_older_than_its_file_and_does_the_same_again_counts_it_once(desk: Desk) -> None:
    async with desk.engine() as engine:
        await send(engine, 1)
    backup = copy.deepcopy(desk.store)
    async with desk.engine() as engine:
        await send(engine, 2, 3)
    desk.store = backup
    async with desk.engine() as engine:
        await send(engine, 2)
        await send(engine, 3)
        await send(engine, 4)
        await until(lambda: not desk.kept)

    assert values(desk.path) == [1, 2, 3, 4]


async def test_part_of_a_line_after_records_that_an_interrupted_write_left_is_removed(desk: Desk) -> None:
    async with desk.engine() as engine:
        await send(engine, 1)
        whole = desk.path.read_bytes()
    next_seq = desk.store.recover().next_seq
    await desk.store.commit(Commit(egress=[EgressRecord(next_seq, OUT, pack(2))], next_seq=next_seq + 1))
    desk.path.write_bytes(whole + whole.replace(b"1", b"2") + b'{"type":"io.sta')
    async with desk.engine():
        await until(lambda: not desk.kept)

    assert values(desk.path) == [1, 2]


async def test_whole_lines_after_records_that_an_interrupted_write_left_are_not_ours(desk: Desk) -> None:
    async with desk.engine() as engine:
        await send(engine, 1)
        whole = desk.path.read_bytes()
    next_seq = desk.store.recover().next_seq
    await desk.store.commit(Commit(egress=[EgressRecord(next_seq, OUT, pack(2))], next_seq=next_seq + 1))
    desk.path.write_bytes(whole + whole.replace(b"1", b"2") + b"mine\n")
    async with desk.engine() as engine:
        await until(lambda: not desk.kept)
        await send(engine, 3)
        assert "it holds what this store did not write" in engine.view.failing_egress[OUT]
        assert desk.kept == 1

    assert desk.path.read_bytes() == whole + whole.replace(b"1", b"2") + b"mine\n"
