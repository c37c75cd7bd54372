"""A sender that has lost the marks of records which the receiver has sends them again; each arrives once."""

from __future__ import annotations

from pathlib import Path

import pytest

from statefun_actors.partitions import link, read_link_position, write_envelope
from statefun_actors.store import Commit, EgressRecord, MemoryStore
from statefun_actors.types import pack
from tests.partitions.systems import system
from tests.partitions.test_links import HERE, THERE, Cell, PassOn, kept, seen, until


async def test_records_whose_mark_was_lost_are_dropped_as_repeats(tmp_path: Path) -> None:
    """As after a crash between the receiver's commit and the sender's."""
    async with system(tmp_path, Cell) as both:
        for number in (1, 2):
            await both.ask(Cell.at(HERE), pack(PassOn([THERE], number)))
        await until(lambda: seen(both, THERE) == [1, 2] and not kept(both))
        await both.members[0].stop()
        last = read_link_position(both.members[1].store.recover().positions[f"source:{link(0)}"]).seq
        again = EgressRecord(last, link(1), write_envelope(Cell.at(THERE), pack(PassOn([], 2)), Cell.at(HERE)))
        await both.members[0].store.commit(Commit(egress=[again]))
        await both.members[0].start()
        await both.ask(Cell.at(HERE), pack(PassOn([THERE], 3)))
        await until(lambda: len(seen(both, THERE)) == 3 and not kept(both))
        assert seen(both, THERE) == [1, 2, 3]


@pytest.mark.parametrize("restarts", [False, True])
async def test_records_whose_mark_was_lost_are_dropped_however_many_they_are(tmp_path: Path, restarts: bool) -> None:
    """More than a sender has in memory; with *restarts*, the receiver is started again in the middle."""
    old, new = range(1, 2_501), range(2_501, 2_511)
    value = {n: write_envelope(Cell.at(THERE), pack(PassOn([], n)), Cell.at(HERE)) for n in (*old, *new)}
    stores = [MemoryStore(), MemoryStore()]
    records = [EgressRecord(n, link(1), value[n]) for n in (*old, *new)]
    await stores[0].commit(Commit(egress=records, next_seq=new[-1] + 1))
    await stores[1].commit(Commit(positions={f"source:{link(0)}": str(old[-1])}))
    async with system(tmp_path, Cell, stores=stores) as both:
        if restarts:
            await until(lambda: kept(both) < len(records))
            await both.members[1].stop()
            await both.members[1].start()
        await until(lambda: len(seen(both, THERE)) >= len(new) and not kept(both))
        await both.ask(Cell.at(HERE), pack(PassOn([THERE], 0)))
        await until(lambda: seen(both, THERE)[-1:] == [0])
        assert seen(both, THERE) == [*new, 0]
        await until(lambda: not kept(both) and both.members[0].engine.notices() == [])
