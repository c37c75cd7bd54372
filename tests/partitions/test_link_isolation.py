"""A link does not wait for the link of another partition, whatever that one brings."""

from __future__ import annotations

import asyncio
from pathlib import Path

from statefun_actors.connectors.partitions.frames import Hello, Records, frame, read_frame, read_welcome
from statefun_actors.partitions import link, write_envelope
from statefun_actors.store import Commit, EgressRecord, MemoryStore
from statefun_actors.types import pack
from tests.partitions.systems import id_in, system
from tests.partitions.test_links import CELL, Cell, PassOn, kept, seen, until
from tests.partitions.test_refused import REFUSED, RefusingStore

RECEIVING, BUSY, CALM = (id_in(number, CELL, 3) for number in range(3))
OTHER = id_in(0, CELL, 3, after=int(RECEIVING) + 1)
"""Another entity of the partition of :data:`RECEIVING`."""


async def test_a_link_with_a_backlog_does_not_stop_another_one(tmp_path: Path) -> None:
    stores = [MemoryStore(), MemoryStore(), MemoryStore()]
    backlog = 30_000
    value = write_envelope(Cell.at(OTHER), pack(PassOn([], 0)), Cell.at(BUSY))
    records = [EgressRecord(n, link(0), value) for n in range(1, backlog + 1)]
    await stores[1].commit(Commit(egress=records, next_seq=backlog + 1))
    async with system(tmp_path, Cell, stores=stores) as all:
        for number in range(5):
            await all.ask(Cell.at(CALM), pack(PassOn([RECEIVING], number)))
        await until(lambda: len(seen(all, RECEIVING)) == 5)
        assert kept(all) > backlog / 2
        assert seen(all, RECEIVING) == list(range(5))


async def test_a_link_that_brings_half_a_frame_does_not_stop_another_one(tmp_path: Path) -> None:
    async with system(tmp_path, Cell, stores=[MemoryStore() for _ in range(3)]) as all:
        await all.members[1].stop()
        reader, writer = await asyncio.open_unix_connection(tmp_path / "0.link")
        writer.write(frame(Hello("test", 1, 0, "start")))
        await read_frame(reader, read_welcome)
        whole = frame(Records([(1, write_envelope(Cell.at(OTHER), pack(PassOn([], 1)), Cell.at(BUSY)).value)]))
        writer.write(whole[:10])
        await writer.drain()
        for number in range(5):
            await all.ask(Cell.at(CALM), pack(PassOn([RECEIVING], number)))
        await until(lambda: seen(all, RECEIVING) == list(range(5)))
        assert seen(all, OTHER) == []
        writer.write(whole[10:])
        await until(lambda: seen(all, OTHER) == [1])
        writer.close()


async def test_a_refused_message_of_one_link_does_not_stop_another_one(tmp_path: Path) -> None:
    """Those before and after it arrive, too, in the order of their senders."""
    async with system(tmp_path, Cell, stores=[RefusingStore(), MemoryStore(), MemoryStore()]) as all:
        asked = [
            all.ask(Cell.at(sender), pack(PassOn([target], number)))
            for number in range(10)
            for sender, target in ((BUSY, OTHER), (CALM, RECEIVING))
        ]
        asked.insert(10, all.ask(Cell.at(BUSY), pack(PassOn([OTHER], REFUSED))))
        await asyncio.gather(*asked)
        await until(lambda: len(seen(all, OTHER)) == len(seen(all, RECEIVING)) == 10 and not kept(all))
        assert seen(all, OTHER) == seen(all, RECEIVING) == list(range(10))
        assert [letter.message.value for letter in all.members[0].store.dead_letters()] == [pack(PassOn([], REFUSED))]
