"""Records of a link whose epoch is lost while their sender begins a new connection: each counts once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from statefun_actors import Address
from statefun_actors.connectors.partitions import LinkSource
from statefun_actors.connectors.partitions.frames import (
    Durable,
    Hello,
    Records,
    Welcome,
    frame,
    read_durable,
    read_frame,
    read_welcome,
)
from statefun_actors.engine import EpochLostError, Lost
from statefun_actors.model import TypedValue
from statefun_actors.partitions import write_envelope
from statefun_actors.store import Commit, CommitRefusedError, MemoryStore
from statefun_actors.types import pack
from tests.connectors.bank_lines import Taken
from tests.engine.engines import HeldStore
from tests.partitions.systems import system
from tests.partitions.test_links import HERE, THERE, Cell, PassOn, seen, until


class Inbox(Taken):
    """An inbox whose epoch a test ends."""

    def __init__(self) -> None:
        super().__init__()
        self._on_end: list[Callable[[Lost | None], object]] = []

    @property
    def numbers(self) -> list[int]:
        return [int(value.value) for _, value, _ in self.messages]

    def when_durable(self, on_end: Callable[[Lost | None], object]) -> None:
        self._on_end.append(on_end)

    def end(self, lost: Lost | None) -> None:
        for on_end in self._on_end:
            on_end(lost)


def records(*numbers: int) -> list[tuple[int, bytes]]:
    values = [write_envelope(Address("a/b", "x"), TypedValue("t/t", b"%d" % n), None).value for n in numbers]
    return list(zip(numbers, values, strict=True))


def connect(source: LinkSource) -> None:
    source.connected(lambda _: None, lambda: None)


def with_an_open_epoch(*numbers: int) -> tuple[LinkSource, Inbox]:
    """A source of which an epoch has read records with *numbers*, and whose sender has a new connection since then."""
    source, taken = LinkSource(0), Inbox()
    source.resume(None)
    connect(source)
    source.offer(records(*numbers), "first")
    source.read(100, taken)
    assert taken.numbers == list(numbers)
    connect(source)
    return source, taken


@pytest.mark.parametrize("before", [0, 2, 4])
def test_records_that_a_new_connection_brings_again_are_read_once(before: int) -> None:
    """*before*: how many of them arrive before the epoch is lost."""
    source, first = with_an_open_epoch(1, 2, 3)
    again = records(1, 2, 3, 4)
    source.offer(again[:before], "second")
    first.end(EpochLostError("the disk is full"))
    source.resume(None)
    source.offer(again[before:], "second")
    taken = Inbox()
    source.read(2, taken)
    source.offer(records(5), "second")
    source.read(100, taken)
    assert taken.numbers == [1, 2, 3, 4, 5]
    assert source.exhausted


def test_records_after_a_second_loss_are_read_once() -> None:
    source, taken = with_an_open_epoch(1, 2, 3)
    for _ in range(2):
        taken.end(EpochLostError("the disk is full"))
        source.resume(None)
        connect(source)
        taken = Inbox()
        source.offer(records(1, 2), "second")
        source.read(100, taken)
        source.offer(records(3, 4), "second")
        source.read(100, taken)
        assert taken.numbers == [1, 2, 3, 4]
    taken.end(None)
    assert source.durable == 4


class RefusingOnce(HeldStore):
    """A store that refuses the next commit if it is told so, and holds the one that follows."""

    refuse = False

    async def commit(self, commit: Commit) -> None:
        await super().commit(Commit())
        if self.refuse:
            self.refuse = False
            self.let_go.clear()
            raise CommitRefusedError("the test", "it refuses the state", "Nothing helps.")
        await MemoryStore.commit(self, commit)


async def test_an_engine_that_searches_for_a_refused_message_while_its_sender_begins_again_handles_each_once(
    tmp_path: Path,
) -> None:
    store = RefusingOnce()
    async with system(tmp_path, Cell, stores=[MemoryStore(), store]) as both:
        await both.members[0].stop()  # its link is played here

        async def connected(name: str = "test") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_unix_connection(tmp_path / "1.link")
            writer.write(frame(Hello(name, 0, 1, "")))
            return reader, writer

        content = [
            (number, write_envelope(Cell.at(THERE), pack(PassOn([], number)), Cell.at(HERE)).value)
            for number in range(1, 5)
        ]
        reader, first = await connected()
        assert await read_frame(reader, read_welcome) == Welcome(0, "")
        store.let_go.clear()
        begun = store.begun
        first.write(frame(Records(content[:3])))
        await until(lambda: store.begun == begun + 1)
        reader, second = await connected()
        assert await read_frame(reader, read_welcome) == Welcome(0, "")
        store.refuse = True
        store.let_go.set()
        await until(lambda: store.begun == begun + 2)  # the search has run the first message, and the others wait
        second.write(frame(Records(content)))
        refused, third = await connected("another system")
        assert await refused.read() == b""  # so the server has read what came before
        store.let_go.set()
        while await read_frame(reader, read_durable) != Durable(4):
            pass
        await until(lambda: both.members[1].engine.at_rest)
        assert seen(both, THERE) == [1, 2, 3, 4]
        for writer in (first, second, third):
            writer.close()
