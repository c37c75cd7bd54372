"""Asking: reply addresses, early answers, and what is forged."""

from __future__ import annotations

from statefun_actors import Address
from statefun_actors.asking import REPLY, Answer, Close, Open, answer, order
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.conformance.cases.asking_entities import ONE, STOCK, Catcher, Order, Stock, seen
from tests.conformance.cases.vocabulary import PROBE
from tests.conformance.engine import Engine, Start
from tests.conformance.sections import ASKING as A


async def link(engine: Engine) -> Address:
    """A reply address of ONE, which takes an int."""
    await engine.tell(ONE, "link")
    [token] = [sent.value for sent in engine.sent]
    return Address(REPLY, str(token))


@A.case("A18", "reply_address opens an address that whoever has it answers, once")
async def reply_address(start: Start) -> None:
    async with start(Order) as engine:
        address = await link(engine)
        await engine.tell(address, 5, caller=PROBE)
        await engine.tell(address, 6, caller=PROBE)

        assert seen(engine) == ["5"]


@A.case("A19", "its NoAnswer names no target")
async def unanswered(start: Start) -> None:
    async with start(Order) as engine:
        await link(engine)
        await engine.advance(31)

        assert seen(engine) == ["None timeout"]


@A.case("A20", "an answer that reaches a reply address before its opening is kept for a minute, and then taken")
async def early(start: Start) -> None:
    token = Address(REPLY, "b" * 32)
    async with start(Order) as engine:
        await engine.tell(token, 5, caller=PROBE)
        await engine.advance(50)
        await engine.tell(token, order(Open(ONE, "counted", None, None, 5_000, 0)), caller=ONE)

        assert seen(engine) == ["5"]


@A.case("A21", "or dropped")
async def too_early(start: Start) -> None:
    token = Address(REPLY, "c" * 32)
    async with start(Order) as engine:
        await engine.tell(token, 5, caller=PROBE)
        await engine.advance(61)
        await engine.tell(token, order(Open(ONE, "counted", None, None, 600_000, 0)), caller=ONE)

        assert seen(engine) is None


@A.case("A22", "asks are effects: they are undone with their message")
async def effects(start: Start) -> None:
    async with start(Order, Stock) as engine:
        await engine.tell(ONE, True)
        await engine.advance(70)

        assert (seen(engine), engine.state(STOCK)) == (None, {})


@A.case("A23", "clear() leaves open asks open")
async def cleared(start: Start) -> None:
    async with start(Order, Stock) as engine:
        await engine.tell(ONE, "clear")

        assert seen(engine) == ["2"]


@A.case("A24", "an entity takes answers only from the library's own functions, and never in an Any handler")
async def forged(start: Start) -> None:
    value = pack(5)
    envelope = answer(Answer("answered", None, None, (value.typename, value.value)))
    async with start(Catcher) as engine:
        for number, message in enumerate((envelope, order(Close("no")))):
            await engine.tell(Catcher.at(f"{number}"), message, caller=PROBE)

            assert seen(engine, Catcher.at(f"{number}")) is None
        assert engine.failures == ["UnhandledMessageError"] * 2


@A.case("A25", "they take orders from functions alone, and of an ask's own entity")
async def orders(start: Start) -> None:
    opening = order(Open(ONE, "counted", None, None, 5_000, 0))
    async with start(Order) as engine:
        token = Address(REPLY, "d" * 32)
        await engine.tell(token, opening)
        await engine.tell(token, opening, caller=PROBE)
        await engine.tell(token, opening, caller=Address("statefun-actors/ingress", "1"))
        await engine.advance(10)

        assert (seen(engine), engine.failures) == (None, [])


@A.once("A26", "tokens hold 128 bits that the host gives, and no two are the same", "embedded")
async def tokens() -> None:
    async with TestRuntime(Order, Stock) as runtime:
        for number in range(50):
            await runtime.tell(Order.at(f"{number}"), 0, caller=PROBE)
        found = [ask.address for ask in runtime.asks]

    assert len({address.id for address in found}) == 50
    assert all(len(bytes.fromhex(address.id)) == 16 for address in found)
