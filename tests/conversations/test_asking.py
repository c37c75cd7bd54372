"""Asks and their answers, on the embedded engine in virtual time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from statefun_actors import DeadLetter, Entity, NoAnswer, answers, handles, message, persisted
from statefun_actors.testing import TestRuntime
from tests.conversations.reservations import Reserve, Reserved, Stock, in_test


@message("shop/place")
class Place:
    sku: str


@message("shop/refused")
class Refused:
    sku: str
    why: str


@message("shop/receipt")
class Receipt:
    sku: str
    left: int


class Order(Entity, typename="shop/order"):
    state: str = persisted(default="new")
    seen: list[str] = persisted(factory=list)

    @handles
    def place(self, message: Place) -> None:
        count = int(self.id)
        self.ask(
            Stock.at(message.sku), Reserve(count), then=self.reserved, timeout=timedelta(seconds=5), keep=message.sku
        )
        self.state = "asked"

    @answers
    def reserved(self, answer: Reserved | NoAnswer, sku: str) -> Receipt | Refused:
        assert self.state == "asked"
        if isinstance(answer, NoAnswer):
            self.state = answer.reason
            assert answer.target == Stock.at(sku)
            return Refused(sku, answer.error or answer.reason)
        self.state = "reserved"
        return Receipt(sku, answer.left)


@pytest.mark.parametrize("twice", [False, True])
def test_the_result_of_then_is_the_reply_to_the_first_caller(twice: bool) -> None:
    async def work(runtime: TestRuntime) -> None:
        assert await runtime.ask(Order.at("1"), Place("pen"), Receipt) == Receipt("pen", 1)
        assert runtime.state(Order.at("1")).state == "reserved"
        assert runtime.timers == []

    in_test(work, Order, Stock, twice=twice)


def test_an_answer_that_does_not_come_is_a_timeout() -> None:
    async def work(runtime: TestRuntime) -> None:
        await runtime.tell(Order.at("60"), Place("pen"))
        await runtime.clock.advance(timedelta(seconds=4.9))
        assert runtime.state(Order.at("60")).state == "asked"
        await runtime.clock.advance(timedelta(seconds=0.1))
        assert runtime.state(Order.at("60")).state == "timeout"

    in_test(work, Order, Stock)


@pytest.mark.parametrize("policy", [None, DeadLetter("shop/dead", attempts=1)])
def test_a_target_that_gives_up_notifies_its_asker_at_once(policy: DeadLetter | None) -> None:
    class Store(Stock, typename="shop/store", on_failure=policy):
        pass

    class Buyer(Order, typename="shop/buyer"):
        @handles
        def place(self, message: Place) -> None:
            self.ask(Store.at(message.sku), Reserve(int(self.id)), then=self.reserved, keep=message.sku)
            self.state = "asked"

        @answers
        def reserved(self, answer: Reserved | NoAnswer, sku: str) -> Refused:
            assert isinstance(answer, NoAnswer)
            return Refused(sku, f"{answer.target}: {answer.reason}: {answer.error}")

    async def work(runtime: TestRuntime) -> None:
        refused = await runtime.ask(Buyer.at("101"), Place("pen"), Refused)
        assert refused == Refused("pen", "shop/store/pen: failed: TerminalError: nobody has so many")
        assert len(runtime.dead_letters) == 1

    in_test(work, Buyer, Store)


def test_an_answer_that_is_too_large_for_a_message_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.conversations.replying._MOST_IN_ENVELOPE", 100)
    seen: list[object] = []

    class Large(Entity, typename="test/large"):
        @handles(int)
        def answer(self, message: int) -> bytes:
            return bytes(message)

    class Small(Entity, typename="test/small"):
        @handles(int)
        def ask_large(self, message: int) -> None:
            self.ask(Large.at("a"), message, then=self.taken, keep="12345")

        @answers
        def taken(self, answer: bytes | NoAnswer, kept: str) -> None:
            seen.append(answer)

    async def work(runtime: TestRuntime) -> None:
        await runtime.tell(Small.at("s"), 2_000)
        await runtime.tell(Small.at("s"), 50)
        error = "expected an answer of at most 93 bytes, which fit next to keep=, got 2,000"
        assert seen == [NoAnswer(Large.at("a"), "failed", error), bytes(50)]

    in_test(work, Small, Large)


def test_asks_may_be_nested_and_the_innermost_reply_reaches_the_first_caller() -> None:
    class Chain(Entity, typename="test/chain"):
        asked: int = persisted(default=0)

        @handles
        def begin(self, message: int) -> int | None:
            self.asked += 1
            if message == 0:
                return 0
            self.ask(Chain.at(str(message - 1)), message - 1, then=self.deeper)
            return None

        @answers
        def deeper(self, answer: int | NoAnswer) -> int:
            assert isinstance(answer, int)
            return answer + 1

    async def work(runtime: TestRuntime) -> None:
        assert await runtime.ask(Chain.at("200"), 200, int) == 200
        assert runtime.timers == []

    in_test(work, Chain)


def test_keep_none_and_optional_keep_and_fields_of_any_type() -> None:
    class Keeper(Entity, typename="test/keeper"):
        seen: list[str] = persisted(factory=list)

        @handles
        def begin(self, message: str) -> None:
            self.ask(Stock.at("a"), Reserve(1), then=self.optional, keep=None)
            self.ask(Stock.at("a"), Reserve(1), then=self.optional, keep="x")
            self.ask(Stock.at("a"), Reserve(1), then=self.several, keep={"a": [1, 2]})

        @answers
        def optional(self, answer: Reserved | NoAnswer, kept: str | None) -> None:
            self.seen.append(f"optional {kept}")

        @answers(name="many")
        def several(self, answer: Reserved | NoAnswer, kept: dict[str, list[int]]) -> None:
            self.seen.append(f"several {kept}")

    async def work(runtime: TestRuntime) -> None:
        await runtime.tell(Keeper.at("k"), "go")
        assert sorted(runtime.state(Keeper.at("k")).seen) == ["optional None", "optional x", "several {'a': [1, 2]}"]

    in_test(work, Keeper, Stock)
