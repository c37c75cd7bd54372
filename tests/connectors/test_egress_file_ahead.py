"""Egress files that hold more than the store knows: it is older, or a write was interrupted."""

from __future__ import annotations

import copy
import os

from statefun_actors.store import Commit, EgressRecord
from statefun_actors.types import pack
from tests.connectors.desk import LINE, OUT, Desk, send, values
from tests.engine.engines import failing_egress, until


async def test_a_store_that_is_older_than_its_file_repeats_and_skips_no_record(desk: Desk) -> None:
    async with desk.engine() as engine:
        await send(engine, 1, 2)
    backup = copy.deepcopy(desk.store)
    async with desk.engine() as engine:
        await send(engine, 3, 4)
    desk.store = backup
    async with desk.engine() as engine:
        assert "the store is older than the file, as after restoring a backup" in failing_egress(engine)[OUT]
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
        assert "it holds what this store did not write" in failing_egress(engine)[OUT]
        assert desk.kept == 1

    assert desk.path.read_bytes() == whole + whole.replace(b"1", b"2") + b"mine\n"
