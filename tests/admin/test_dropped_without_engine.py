"""A message that is dropped from a stopped store: whoever waits for its answer is told, as by a running engine."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from statefun_actors import Address, Entity, NoAnswer, answers, handles, persisted
from statefun_actors.admin import Control, EngineControl, StoreControl
from statefun_actors.engine import Engine, SystemClock
from statefun_actors.ingress import Answer, GivenUp, IngressMessage, Taken, Wait
from statefun_actors.partitions import Partition
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack, value_of
from tests.engine.engines import running
from tests.partitions.systems import id_in, system
from tests.partitions.test_links import until

STOCK, BUYER = "test/stock", "test/buyer"


class Buyer(Entity, typename=BUYER):
    got: str = persisted(default="")

    @handles(str)
    def buy(self, what: str) -> None:
        self.ask(Stock.at(what), 1, then=self.done, timeout=timedelta(hours=1))

    @answers
    def done(self, answer: int | NoAnswer) -> None:
        self.got = f"{answer.reason}: {answer.error}" if isinstance(answer, NoAnswer) else "an answer"


class Stock(Entity, typename=STOCK):
    @handles(int)
    def reserve(self, number: int) -> int:
        raise RuntimeError(f"no {number}")


PEN, ADA = Stock.at("pen"), Buyer.at("ada")
DROPPED = "DroppedError: dropped by `statefun-actors failing drop`"


def got(engine: Engine, buyer: Address) -> object:
    value = engine.view.state(buyer)["got"]
    return None if value is None else value_of(value)


@pytest.mark.parametrize("discard", [False, True])
async def test_an_ask_of_a_dropped_question_ends(discard: bool) -> None:
    store = MemoryStore()
    async with running(Buyer, Stock, store=store, clock=SystemClock()) as engine:
        engine.take(IngressMessage(ADA, pack("pen")), lambda _: None)
        await until(lambda: list(engine.view.failing_messages()))
    await StoreControl(store, SystemClock()).drop_failing([PEN], discard=discard)
    assert [letter.message.target for letter in store.dead_letters()] == ([] if discard else [PEN])
    async with running(Buyer, Stock, store=store, clock=SystemClock()) as engine:
        await until(lambda: got(engine, ADA) == f"failed: {DROPPED}")
        await until(lambda: not any(store.counts()[kind] for kind in ("messages", "timers")))


@pytest.mark.parametrize("wait", [Wait.HANDLED, Wait.REPLY])
async def test_a_request_under_a_key_has_its_answer(wait: Wait) -> None:
    """As by a running engine, a repeat gets that answer."""
    store, message = MemoryStore(), IngressMessage(PEN, pack(1), wait=wait, key="k")
    other = IngressMessage(PEN, pack(2), wait=wait, key="other")
    async with running(Buyer, Stock, store=store, clock=SystemClock()) as engine:
        engine.take(message, lambda _: None)
        await until(lambda: list(engine.view.failing_messages()))
        engine.take(other, lambda _: None)
        await until(lambda: store.counts()["messages"] == 2)
    await StoreControl(store, SystemClock()).drop_failing([PEN])
    assert {row.key: row.pending for row in store.requests()} == {"k": False, "other": True}
    async with running(Buyer, Stock, store=store, clock=SystemClock()) as engine:
        answers: list[Answer] = []
        engine.take(message, answers.append)
        assert answers == [GivenUp(DROPPED)]


async def test_a_caller_whose_answer_nobody_keeps_is_no_obstacle() -> None:
    store = MemoryStore()
    async with running(Buyer, Stock, store=store, clock=SystemClock()) as engine:
        engine.take(IngressMessage(PEN, pack(1), wait=Wait.HANDLED), lambda _: None)
        await until(lambda: list(engine.view.failing_messages()))
    before = store.recover().next_seq
    await StoreControl(store, SystemClock()).drop_failing([PEN])
    assert store.counts()["messages"] == 0
    assert store.recover().next_seq == before + 1  # that of its dead letter


@pytest.mark.parametrize("runs", [False, True])
async def test_an_ask_of_another_partition_ends(tmp_path: Path, runs: bool) -> None:
    """*runs*: whether the partition of the question does."""
    here, there = id_in(0, BUYER), id_in(1, STOCK)
    async with system(tmp_path, Buyer, Stock) as both:
        member = both.members[1]
        assert await both.ask(Buyer.at(here), pack(there), wait=Wait.TAKEN) == Taken()
        await until(lambda: list(member.engine.view.failing_messages()))
        if not runs:
            await member.stop()
        control: Control = StoreControl(member.store, SystemClock(), Partition(1, 2))
        if runs:
            control = EngineControl(member.engine)
        await control.drop_failing([Stock.at(there)])
        if not runs:
            await member.start()
        error = "RuntimeError: no 1" if runs else DROPPED
        await until(lambda: got(both.members[0].engine, Buyer.at(here)) == f"failed: {error}")
        async with asyncio.timeout(30):
            await both.members[0].engine.settled()
