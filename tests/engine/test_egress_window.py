"""A sink that is slower than its egress: records in memory and in the store, their order, and the log."""

from __future__ import annotations

import asyncio

import pytest

from statefun_actors import Entity, handles
from statefun_actors.engine import EgressQueue, Engine
from statefun_actors.engine.egress_window import WINDOW
from statefun_actors.store import EgressRecord
from statefun_actors.types import pack, value_of
from tests.engine.engines import inbox_of, running, until

OUT = "test/out"
MEGABYTE = b"x" * 1_000_000


class Nobody(Entity, typename="test/nobody"):
    @handles(int)
    def take(self, message: int) -> None: ...


class SteppedSink:
    """Takes, and marks as through, when a test lets it."""

    def __init__(self) -> None:
        self.takes: asyncio.Queue[int] = asyncio.Queue()
        """How many of the records taken are to be through before the next take."""
        self.taken: list[EgressRecord] = []
        self.sizes: list[int] = []
        self.broken = False

    def resume(self, position: str | None) -> str | None:
        return None

    async def run(self, outlet: EgressQueue) -> None:
        waiting: list[EgressRecord] = []
        while True:
            through = await self.takes.get()
            if self.broken:
                raise OSError("the disk is full")
            outlet.done(waiting[:through])
            waiting = waiting[through:]
            await asyncio.sleep(0)
            found = await outlet.take()
            self.sizes.append(len(found))
            self.taken += found
            waiting += found


def emit(engine: Engine, *values: object) -> None:
    for value in values:
        inbox_of(engine).emit(OUT, pack(value))


async def test_records_that_come_while_a_sink_is_behind_come_after_those_before_them() -> None:
    sink, count = SteppedSink(), WINDOW + 500
    async with running(Nobody, sinks={OUT: sink}) as engine:
        emit(engine, *range(count))
        await engine.durable()
        sink.takes.put_nowait(0)
        await until(lambda: len(sink.taken) == WINDOW)
        sink.takes.put_nowait(600)  # now there is room, and the next records are in the store
        emit(engine, count)
        await engine.durable()
        for _ in range(3):
            sink.takes.put_nowait(0)
        await until(lambda: len(sink.taken) == count + 1)

        assert [value_of(record.value) for record in sink.taken] == [*range(count + 1)]
        assert sum(sink.sizes) == count + 1


async def test_after_many_large_records_others_come_together_again() -> None:
    sink = SteppedSink()
    async with running(Nobody, sinks={OUT: sink}) as engine:
        for _ in range(100):
            sink.takes.put_nowait(WINDOW)
        for number in range(3):
            emit(engine, *[MEGABYTE] * 10)
            await until(lambda n=number: len(sink.taken) == 10 * (n + 1))  # type: ignore[misc]
        emit(engine, *range(12))
        await until(lambda: len(sink.taken) == 42)

        assert sink.sizes[-1] == 12


async def test_that_a_sink_works_again_is_logged_once_nothing_is_left(caplog: pytest.LogCaptureFixture) -> None:
    sink, logged = SteppedSink(), "egress test/out is written again, and nothing is left"
    async with running(Nobody, sinks={OUT: sink}) as engine:
        sink.broken = True
        emit(engine, 1, 2, 3)
        sink.takes.put_nowait(0)
        await until(lambda: engine.view.failing_egress)
        sink.broken = False
        sink.takes.put_nowait(0)
        await until(lambda: len(sink.taken) == 3)
        sink.takes.put_nowait(2)
        await until(lambda: engine.view.egress_kept == 1)
        while_kept = logged in caplog.messages
        emit(engine, 4)
        await until(lambda: len(sink.taken) == 4)
        sink.takes.put_nowait(2)
        await until(lambda: not engine.view.egress_kept)

    assert not while_kept
    assert caplog.messages.count(logged) == 1
    assert caplog.messages.count("egress test/out can't be written, its records are kept: the disk is full") == 1
