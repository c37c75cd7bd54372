"""Egress files that others truncate, overwrite or append to: left alone, and records wait."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from statefun_actors.engine import Engine
from tests.connectors.desk import LINE, OUT, Desk, send, values
from tests.engine.engines import failing_egress, until


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
            assert failing_egress(engine) == {OUT: f"{desk.path}: {reason}"}  # before anything is to be written
            await send(engine, 3)
            await send(engine, 4)
            await check_left_alone_and_mend(desk, engine, reason, mend)

    assert values(desk.path) == ([3, 4] if mend is move_away else [1, 2, 3, 4])
    assert desk.kept == 0
    reported = [record.getMessage() for record in caplog.records]
    assert reported.count(f"egress {OUT} can't be written, its records are kept: {desk.path}: {reason}") == 1


async def check_left_alone_and_mend(desk: Desk, engine: Engine, reason: str, mend: object) -> None:
    changed = desk.path.read_bytes()
    assert failing_egress(engine) == {OUT: f"{desk.path}: {reason}"}
    assert desk.kept == 2
    assert callable(mend)
    if mend is move_away:
        mend(desk.path)
        await until(lambda: desk.path.exists() and not desk.kept)
        assert desk.path.with_suffix(".2").read_bytes() == changed
    else:
        mend(desk.path)
        await until(lambda: not desk.kept)
    assert failing_egress(engine) == {}


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
