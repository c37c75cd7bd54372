"""Asks and their answers, on the embedded engine in virtual time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from statefun_actors import (
    Address,
    AsyncRuntime,
    DeadLetter,
    DefinitionError,
    Entity,
    MessageRefusedError,
    NoAnswer,
    Runtime,
    TerminalError,
    UnhandledMessageError,
    ValueMismatchError,
    answers,
    handles,
    message,
    persisted,
)
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import TestRuntime, given
from statefun_actors.types import pack
from tests.engine.engines import send


@message("shop/place")
class Place:
    sku: str


@message("shop/reserve")
class Reserve:
    count: int


@message("shop/reserved")
class Reserved:
    left: int


@message("shop/refused")
class Refused:
    sku: str
    why: str


@message("shop/receipt")
class Receipt:
    sku: str
    left: int


class Stock(Entity, typename="shop/stock"):
    left: int = persisted(default=2)

    @handles
    def reserve(self, message: Reserve) -> Reserved | None:
        if message.count > 100:
            raise TerminalError("nobody has so many")
        if message.count > 50:
            return None  # says nothing
        self.left -= message.count
        return Reserved(self.left)


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


def in_test(work: Callable[[TestRuntime], Coroutine[Any, Any, None]], *served: type, **options: Any) -> None:
    async def run() -> None:
        async with TestRuntime(*served, **options) as runtime:
            await work(runtime)

    asyncio.run(run())


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


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.plain), "decorated with @answers, got self.plain"),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=print), "decorated with @answers"),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.taken), "keep=, a `int` for the second parameter"),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.taken, keep="x"), "keep= of Asker.taken as"),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.bare, keep=1), "no keep=, since Asker.bare"),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.bare, timeout=0), "more than zero"),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.bare, timeout=None), "ten years, got None"),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.bare, timeout=math.inf), "ten years, got inf"),
        (lambda self: self.reply_address(then=self.bare, timeout=math.inf), "ten years, got inf"),
        (
            lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.bare, timeout=-1),
            "expected timeout= as a timedelta or seconds, more than zero and at most ten years, got -1",
        ),
        (lambda self: self.ask(Stock.at("a"), Reserve(1), then=self.bare, timeout=timedelta(days=4000)), "ten years"),
        (lambda self: self.ask(Stock.at("a"), 5, then=self.bare), "takes Reserve"),
        (lambda self: self.ask("shop/stock/a", 5, then=self.bare), "an address"),
    ],
)
def test_an_ask_that_can_not_work_fails_at_the_call(call: Any, problem: str) -> None:
    class Asker(Entity, typename="test/asker"):
        @handles
        def go(self, message: str) -> None:
            call(self)

        def plain(self) -> None: ...

        @answers
        def taken(self, answer: Reserved | NoAnswer, kept: int) -> None: ...

        @answers
        def bare(self, answer: Reserved | NoAnswer) -> None: ...

    with pytest.raises((ValueMismatchError, UnhandledMessageError)) as caught:
        given(Asker, "a").when("go")
    assert problem in str(caught.value)


def test_everything_wrong_with_a_method_that_takes_answers_is_reported_at_once() -> None:
    with pytest.raises(DefinitionError) as caught:

        class Wrong(Entity, typename="test/wrong"):  # pyright: ignore[reportUnusedClass]
            @answers
            def never(self, answer: Reserved) -> None: ...

            @answers
            def alone(self, answer: NoAnswer) -> None: ...

            @answers
            def many(self, answer: Reserved | NoAnswer, one: int, two: int) -> None: ...

            @answers
            def odd(self, answer: Reserved | NoAnswer, kept: object) -> None: ...

            @answers
            def bare(self, answer) -> None: ...  # type: ignore[no-untyped-def]

    text = str(caught.value)
    for part in (
        "Wrong.never: an answer may not arrive; write `answer: Reserved | NoAnswer`",
        "Wrong.alone: it takes only NoAnswer",
        "many: it takes the answer and, at most, the kept value",
        "Wrong.odd: its second parameter is the value of `keep=`",
        "bare: annotate its parameters",
    ):
        assert part in text


def test_a_reply_address_is_answered_once_by_any_holder() -> None:
    class Desk(Entity, typename="test/desk"):
        state: str = persisted(default="")
        link: Address | None = persisted(default=None)

        @handles
        def open(self, message: str) -> Address:
            self.link = self.reply_address(then=self.decided, timeout=timedelta(days=3), keep=message)
            return self.link

        @answers
        def decided(self, answer: bool | NoAnswer, what: str) -> None:
            self.state += f"{what}: {answer if isinstance(answer, bool) else (answer.reason, answer.target)};"

    async def work(runtime: TestRuntime) -> None:
        desk = Desk.at("d")
        link = await runtime.ask(desk, "loan", Address)
        send(runtime.engine, link, pack(True))
        await runtime.settled()
        send(runtime.engine, link, pack(False))
        await runtime.settled()
        assert runtime.state(desk).state == "loan: True;"
        await runtime.ask(desk, "car", Address)
        await runtime.clock.advance(timedelta(days=3))
        assert runtime.state(desk).state == "loan: True;car: ('timeout', None);"

    in_test(work, Desk)


def test_a_wait_ends_with_what_then_returns_and_422_where_it_is_given_up() -> None:
    class Front(Entity, typename="test/front"):
        @handles
        def go(self, message: int) -> None:
            self.ask(Stock.at("a"), Reserve(message), then=self.done)

        @answers
        def done(self, answer: Reserved | NoAnswer) -> str:
            if isinstance(answer, NoAnswer):
                raise TerminalError("no stock")
            return f"left {answer.left}"

    async def work() -> None:
        async with AsyncRuntime(Front, Stock) as runtime:
            assert await runtime.ask(Front.at("f"), 1) == "left 1"
            assert await runtime.ask(Front.at("f"), 1, str) == "left 0"
            with pytest.raises(MessageRefusedError, match="no stock"):
                await runtime.ask(Front.at("f"), 101)

    asyncio.run(work())


def test_recurring_messages_fire_in_virtual_time_until_they_are_cancelled() -> None:
    class Reminder(Entity, typename="test/reminder"):
        fired: list[str] = persisted(factory=list)

        @handles
        def go(self, message: str) -> None:
            if message == "stop":
                self.cancel_every("daily")
            elif message == "tick":
                assert self.caller is not None
                self.fired.append(f"{self.now:%d %H:%M} {self.caller.typename}")
            else:
                self.send_every("0 9 * * *", self.address, "tick", name="daily", tz="Europe/Paris")

    async def work(runtime: TestRuntime) -> None:
        r = Reminder.at("r")
        await runtime.tell(r, "begin")
        await runtime.clock.advance(timedelta(hours=12))
        await runtime.tell(r, "begin")  # the same again changes nothing
        await runtime.clock.advance(timedelta(days=2))
        await runtime.tell(r, "stop")
        await runtime.clock.advance(timedelta(days=5))
        assert runtime.state(r).fired == [f"0{day} 08:00 statefun-actors/schedule" for day in (1, 2, 3)]

    in_test(work, Reminder)


def test_a_cancelled_recurring_message_leaves_no_state(tmp_path: Path) -> None:
    class Reminder(Entity, typename="test/reminder"):
        @handles
        def go(self, message: str) -> None:
            if message == "stop":
                self.cancel_every("daily")
            else:
                self.send_every("0 9 * * *", self.address, "tick", name="daily")

    path = tmp_path / "reminders.db"
    for message_, schedules in [("begin", 1), ("stop", 0), ("begin", 1), ("stop", 0)]:
        with Runtime(Reminder, store=path) as runtime:
            runtime.ask(Reminder.go, "r", message_)

        store = SqliteStore(path)
        assert store.counts().get("statefun-actors/schedule", 0) == schedules
        assert len(store.timers_after(0, 0, 10)) == schedules
        store.close()
