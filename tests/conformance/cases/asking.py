"""Asking: a question to any function, its answer as a message, and NoAnswer in place of an answer."""

from __future__ import annotations

import attrs

from statefun_actors import Address, Entity, NoAnswer, answers
from statefun_actors.asking import REPLY, Open, order
from tests.conformance.cases.asking_entities import ONE, STOCK, Chain, Order, Stock, replies, seen
from tests.conformance.cases.vocabulary import ASKER, PROBE, Point, problems_of
from tests.conformance.engine import Start
from tests.conformance.sections import ASKING as A

LONG, WRAPPED_LONG = "io.statefun.types/long", "type.googleapis.com/google.protobuf.Int64Value"


@A.case("A1", "ask sends a message, whose caller is a reply address, and the answer comes as a message to `then`")
async def answered(start: Start) -> None:
    async with start(Order, Stock) as engine:
        await engine.tell(ONE, 7)

        assert seen(engine) == ["7: 8"]
        assert engine.state(STOCK) == {"asked": 1, "caller_type": REPLY}


@A.case("A2", "nothing is suspended: the entity takes other messages while it waits for an answer")
async def not_suspended(start: Start) -> None:
    async with start(Order, Stock) as engine:
        await engine.tell(ONE, 0)
        await engine.tell(ONE, "meanwhile")
        await engine.advance(6)

        assert seen(engine) == ["meanwhile", "0: conf/stock/s timeout"]


@A.case("A3", "the first message that reaches the reply address is the answer; a later one is dropped")
async def first(start: Start) -> None:
    async with start(Order, Stock) as engine:
        await engine.tell(ONE, 2)

        assert seen(engine) == ["2: 102"]


@A.case("A4", "`then` is a method decorated with @answers, and `keep` fits its second parameter; else the ask fails")
async def checked(start: Start) -> None:
    async with start(Order, Stock) as engine:
        for message in ("wrong then", "wrong keep"):
            await engine.tell(Order.at(message), message)

        assert engine.failures == ["ValueMismatchError"] * 2
        assert "decorated with @answers, got self.go" in engine.reasons[0]
        assert "no keep=, since Order.counted takes only the answer" in engine.reasons[1]


@A.once("A5", "a `then` whose annotation lacks NoAnswer, or has nothing else, is a definition error")
def definition() -> None:
    def without() -> None:
        class Wrong(Entity, typename="conf/wrong"):  # pyright: ignore[reportUnusedClass]
            @answers
            def lacks(self, answer: int) -> None: ...

            @answers
            def alone(self, answer: NoAnswer) -> None: ...

    assert problems_of(without) == [
        "Wrong.lacks: an answer may not arrive; write `answer: int | NoAnswer`, and handle NoAnswer",
        "Wrong.alone: it takes only NoAnswer; add the types of the answers",
    ]


@A.case("A6", "what `keep` keeps may be whatever a field may hold")
async def kept(start: Start) -> None:
    async with start(Order, Stock) as engine:
        await engine.tell(ONE, "point")

        assert engine.state(ONE)["point"] == attrs.asdict(Point(1, 2))


@A.case("A7", "`Any | NoAnswer` takes an answer of any type")
async def anything(start: Start) -> None:
    async with start(Order, Stock) as engine:
        await engine.tell(ONE, "anything")

        assert seen(engine) == ["Any"]


@A.case("A8", "`then` runs with the undo and the policy of any message")
async def undone(start: Start) -> None:
    async with start(Order, Stock) as engine:
        await engine.tell(ONE, "undone")

        assert (seen(engine), engine.sent, engine.failures) == (None, [], [])


@A.case("A9", "an answer of a type that `then` does not take is a message that no handler takes")
async def unhandled(start: Start) -> None:
    async with start(Order, Stock) as engine:
        await engine.tell(ONE, "wrong type")

        assert engine.failures == ["UnhandledMessageError"]
        assert engine.reasons[0].startswith("Order.counted ")


@A.case("A10", "so is one whose `then` is no longer there")
async def gone(start: Start) -> None:
    token = Address(REPLY, "a" * 32)
    async with start(Order, Stock) as engine:
        await engine.tell(token, order(Open(ONE, "renamed", None, None, 5_000, 0)), caller=ONE)
        await engine.tell(token, 5, caller=PROBE)

        assert engine.failures == ["UnhandledMessageError"]
        reason = engine.reasons[0]
        typename = next(name for name in (LONG, WRAPPED_LONG) if name in reason)  # 2.x sends the wrapper
        assert reason == (
            "conf/order takes answers for counted, pointed, reserved, undone, whatever, got an answer of type "
            f"{typename} for 'renamed', which it does not have. Restore that method, or write @answers(name='renamed') "
            "on the one that replaces it."
        )


@A.case("A11", "in `then`, the caller is who called the handler that asked, and what `then` returns is the reply to it")
async def replied(start: Start) -> None:
    async with start(Order, Stock) as engine:
        await engine.tell(ONE, 7, caller=ASKER)

        assert replies(engine) == ["7: 8"]


@A.case("A12", "asks may be nested: the answer of the innermost comes back through all of them")
async def nested(start: Start) -> None:
    async with start(Chain) as engine:
        await engine.tell(Chain.at("20"), 20, caller=ASKER)

        assert replies(engine) == [20]


@A.case("A13", "where no answer comes in time, `then` gets NoAnswer with the target and the reason timeout")
async def timeout(start: Start) -> None:
    async with start(Order, Stock) as engine:
        await engine.tell(ONE, 0)
        await engine.advance(4)
        before = seen(engine)
        await engine.advance(2)

        assert (before, seen(engine)) == (None, ["0: conf/stock/s timeout"])


@A.case("A14", "the timeout is a minute unless it is given")
async def everyday(start: Start) -> None:
    async with start(Order, Stock) as engine:
        await engine.tell(ONE, "everyday")
        await engine.advance(58)
        before = seen(engine)
        await engine.advance(4)

        assert (before, seen(engine)) == (None, ["conf/stock/s timeout"])


@A.case("A15", "a target of this library that gives the message up tells so at once: failed, with the error's text")
async def failed(start: Start) -> None:
    async with start(Order, Stock) as engine:
        await engine.tell(ONE, 13)

        assert seen(engine) == ["13: conf/stock/s failed TerminalError: not thirteen"]


@A.case("A16", "a `then` that is given up is told to its own caller, where that is a reply address")
async def given_up(start: Start) -> None:
    async with start(Chain) as engine:
        await engine.tell(Chain.at("outer"), "go", caller=ASKER)

        assert replies(engine) == ["failed: TerminalError: given up"]


@A.case("A17", "the timeout of an answered ask does nothing")
async def no_timeout(start: Start) -> None:
    async with start(Order, Stock) as engine:
        await engine.tell(ONE, 7)
        await engine.advance(10)

        assert seen(engine) == ["7: 8"]
