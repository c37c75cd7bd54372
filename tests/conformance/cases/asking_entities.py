"""Entities that ask, answer, pass questions on, and take what is forged."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any

from statefun_actors import Address, Discard, Entity, NoAnswer, TerminalError, answers, handles, persisted
from tests.conformance.cases.vocabulary import ASKER, PROBE, Point
from tests.conformance.engine import Engine


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


ONE = Order.at("1")
STOCK = Stock.at("s")


def seen(engine: Engine, address: Address = ONE) -> object:
    return engine.state(address).get("seen")


def replies(engine: Engine, target: Address = ASKER) -> list[object]:
    return [sent.value for sent in engine.sent if sent.target == target]
