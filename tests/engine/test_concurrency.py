"""``concurrency=`` in the engine: at most this number of batches of a type run, and the others wait."""

from __future__ import annotations

import asyncio

import pytest

from statefun_actors import Address, Entity, StatefulFunctions, handles, persisted
from statefun_actors.engine import EngineOptions
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.engine.engines import running, send, until

SOON = 30


class Site:
    """Where handlers wait."""

    running = most = 0
    order: list[str]


class Limited(Entity, typename="test/limited", concurrency=3):
    done: int = persisted(default=0)

    @handles(int)
    async def work(self, message: int) -> None:
        Site.running += 1
        Site.most = max(Site.most, Site.running)
        Site.order.append(self.id)
        for _ in range(message):
            await asyncio.sleep(0)
        Site.running -= 1
        self.done += 1


class Free(Entity, typename="test/free"):
    done: int = persisted(default=0)

    @handles(int)
    def work(self, message: int) -> None:
        self.done += 1


@pytest.fixture(autouse=True)
def _site() -> None:
    Site.running = Site.most = 0
    Site.order = []


class Many(Entity, typename="test/many"):
    @handles(int)
    def send_all(self, message: int) -> None:
        for n in range(message):
            self.send(Limited.at(f"{n:03}"), n % 4)
            self.send(Free.at(f"{n}"), 1)


@pytest.mark.parametrize("options", [EngineOptions(), EngineOptions(slice_steps=2, epoch_steps=5, suspended=2)])
@pytest.mark.parametrize("count", [1, 50])
async def test_no_more_run_at_once_and_all_run(options: EngineOptions, count: int) -> None:
    async with asyncio.timeout(SOON), TestRuntime(Limited, Free, Many, options=options) as runtime:
        await runtime.tell(Many.at("a"), count)
        await runtime.tell(Many.at("a"), count)

        assert Site.most <= 3
        assert {runtime.state(Limited.at(f"{n:03}")).done for n in range(count)} == {2}
        assert {runtime.state(Free.at(f"{n}")).done for n in range(count)} == {2}
    assert Site.running == 0


async def test_those_that_wait_run_in_the_order_in_which_they_came() -> None:
    async with asyncio.timeout(SOON), TestRuntime(Limited, Many, Free) as runtime:
        await runtime.tell(Many.at("a"), 30)

    assert sorted(Site.order) == Site.order


async def test_newcomers_do_not_pass_those_that_wait_where_a_slice_begins_few_batches() -> None:
    class Gated(Entity, typename="test/gated", concurrency=4):
        @handles(int)
        async def work(self, message: int) -> None:
            Site.order.append(self.id)
            await gate.wait()

    gate = asyncio.Event()
    async with running(Gated, options=EngineOptions(slice_steps=2)) as engine:
        for number in range(12):
            send(engine, Gated.at(f"{number:02}"), pack(number))
        await until(lambda: len(Site.order) == 4)
        gate.set()
        for number in range(12, 20):
            send(engine, Gated.at(f"{number:02}"), pack(number))
        await engine.idle()

    assert Site.order == [f"{number:02}" for number in range(20)]


async def test_after_some_have_ended_together_as_many_run_again() -> None:
    class Gated(Entity, typename="test/gated", concurrency=3):
        @handles(int)
        async def work(self, message: int) -> None:
            Site.order.append(self.id)
            await gates[message].wait()

    gates = [asyncio.Event(), asyncio.Event()]
    async with running(Gated) as engine:
        for number in range(7):
            send(engine, Gated.at(f"{number}"), pack(int(number > 2)))
        await until(lambda: len(Site.order) == 3)
        gates[0].set()
        await until(lambda: len(Site.order) == 6)
        gates[1].set()
        await engine.idle()

    assert len(Site.order) == 7


async def test_handlers_that_end_at_once_take_no_place() -> None:
    functions = StatefulFunctions()

    @functions.bind("test/fn", concurrency=1)
    def fn(context: object, message: int) -> None: ...

    async with asyncio.timeout(SOON), TestRuntime(functions) as runtime:
        for n in range(5):
            await runtime.tell(_at(n), n)


def _at(n: int) -> Address:
    return Address("test/fn", f"{n}")


async def test_a_failure_gives_the_place_back() -> None:
    class Failing(Entity, typename="test/failing", concurrency=1):
        done: int = persisted(default=0)

        @handles(int)
        async def work(self, message: int) -> None:
            await asyncio.sleep(0)
            if message == 13:
                raise ValueError("thirteen")
            self.done += 1

    async with asyncio.timeout(SOON), TestRuntime(Failing) as runtime:
        with pytest.raises(ValueError, match="thirteen"):
            await runtime.tell(Failing.at("a"), 13)
        await runtime.tell(Failing.at("b"), 1)

        assert runtime.state(Failing.at("b")).done == 1
