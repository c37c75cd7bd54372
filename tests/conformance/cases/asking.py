"""Asking: a question to any function, its answer as a message, and NoAnswer in place of an answer."""

from __future__ import annotations

import attrs
from google.protobuf.any_pb2 import Any

from statefun_actors import Address, Discard, Entity, NoAnswer, TerminalError, answers, handles, persisted
from statefun_actors.asking import REPLY, Answer, Close, Open, answer, order
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.conformance.cases.vocabulary import ASKER, PROBE, Point, problems_of
from tests.conformance.engine import Engine, Start
from tests.conformance.sections import ASKING as A


class Stock(Entity, typename="conf/stock"):
    """A target of asks. It replies with the number of the question plus 1."""

    asked: int = persisted(default=0)
    caller_type: str = persisted(default="")

    @handles(int, on_failure=Discard())
    def reserve(self, message: int) -> int | None:
        self.asked += 1
        self.caller_type = "" if self.caller is None else self.caller.typename
        match message:
            case 0:
                return None
            case 13:
                raise TerminalError("not thirteen")
            case 2:
                self.reply(102)
            case _:
                pass
        return message + 1

    @handles(str)
    def name(self, message: str) -> str:
        return message


class Order(Entity, typename="conf/order"):
    """Asks, and keeps the answers."""

    seen: list[str] = persisted(factory=list)
    point: Point | None = persisted(default=None)

    @handles(int)
    def ask_for(self, message: int) -> None:
        self.ask(Stock.at("s"), message, then=self.reserved, timeout=5, keep=str(message))

    @handles(str)
    def go(self, message: str) -> None:
        match message:
            case "wrong then":
                self.ask(Stock.at("s"), 1, then=self.go)
            case "wrong keep":
                self.ask(Stock.at("s"), 1, then=self.counted, keep=5)  # type: ignore[arg-type]
            case "point":
                self.ask(Stock.at("s"), 1, then=self.pointed, keep=Point(1, 2))
            case "everyday":
                self.ask(Stock.at("s"), 0, then=self.counted)
            case "anything":
                self.ask(Stock.at("s"), "text", then=self.whatever)
            case "wrong type":
                self.ask(Stock.at("s"), "text", then=self.counted)
            case "undone":
                self.ask(Stock.at("s"), 1, then=self.undone)
            case "link":
                self.send(PROBE, self.reply_address(then=self.counted, timeout=30).id)
            case "clear":
                self.ask(Stock.at("s"), 1, then=self.counted)
                self.clear()
            case _:
                self.seen.append(message)

    @handles(bool, on_failure=Discard())
    def fail(self, message: bool) -> None:
        self.ask(Stock.at("s"), 1, then=self.counted)
        raise ValueError("after the ask")

    @answers
    def reserved(self, answer: int | NoAnswer, kept: str) -> str:
        shown = answer if isinstance(answer, int) else f"{answer.target} {answer.reason} {answer.error}".strip()
        self.seen.append(f"{kept}: {shown}")
        return self.seen[-1]

    @answers
    def counted(self, answer: int | NoAnswer) -> None:
        self.seen.append(str(answer) if isinstance(answer, int) else f"{answer.target} {answer.reason}")

    @answers
    def pointed(self, answer: int | NoAnswer, kept: Point) -> None:
        self.point = kept

    @answers
    def whatever(self, answer: Any | NoAnswer) -> None:
        self.seen.append(type(answer).__name__)

    @answers(on_failure=Discard())
    def undone(self, answer: int | NoAnswer) -> None:
        self.seen.append("never")
        self.send(PROBE, "never")
        raise ValueError("as it may")


class Chain(Entity, typename="conf/chain"):
    """Asks the next one before it answers, down to 0, which may fail."""

    @handles(int, on_failure=Discard())
    def begin(self, message: int) -> int | None:
        if message > 0:
            self.ask(Chain.at(str(message - 1)), message - 1, then=self.back)
            return None
        return 0

    @handles(str)
    def refuse(self, message: str) -> None:
        self.ask(Chain.at("inner"), 1.5, then=self.refused)

    @handles(float)
    def inner(self, message: float) -> None:
        self.ask(Chain.at("0"), 0, then=self.give_up)

    @answers
    def back(self, answer: int | NoAnswer) -> int:
        return answer + 1 if isinstance(answer, int) else -1000

    @answers(on_failure=Discard())
    def give_up(self, answer: int | NoAnswer) -> None:
        raise TerminalError("given up")

    @answers
    def refused(self, answer: int | NoAnswer) -> str:
        assert isinstance(answer, NoAnswer)
        return f"{answer.reason}: {answer.error}"


class Catcher(Entity, typename="conf/catcher"):
    """Takes every message, except answers without an ask."""

    seen: list[str] = persisted(factory=list)

    @handles(Any)
    def rest(self, message: Any) -> None:
        self.seen.append(message.type_url)

    @answers
    def answered(self, answer: Any | NoAnswer) -> None:
        self.seen.append("answered")


LONG, WRAPPED_LONG = "io.statefun.types/long", "type.googleapis.com/google.protobuf.Int64Value"
ONE = Order.at("1")
STOCK = Stock.at("s")


def seen(engine: Engine, address: Address = ONE) -> object:
    return engine.state(address).get("seen")


def replies(engine: Engine, target: Address = ASKER) -> list[object]:
    return [sent.value for sent in engine.sent if sent.target == target]


async def link(engine: Engine) -> Address:
    """A reply address of ONE, which takes an int."""
    await engine.tell(ONE, "link")
    [token] = [sent.value for sent in engine.sent]
    return Address(REPLY, str(token))


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
