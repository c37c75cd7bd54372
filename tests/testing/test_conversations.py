"""Asks, answers and recurring messages, as the test kit shows them and runs them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from statefun_actors import (
    Address,
    DeadLetter,
    Entity,
    NoAnswer,
    NotOpenError,
    UnhandledMessageError,
    ValueMismatchError,
    answers,
    handles,
    message,
    persisted,
)
from statefun_actors.store import MemoryStore
from statefun_actors.testing import Ask, Schedule, Sent, TestRuntime, given

DAY = timedelta(days=1)


@message("kit/line")
class Line:
    sku: str
    count: int


class Order(Entity, typename="kit/order"):
    state: str = persisted(default="new")

    @handles(str)
    def go(self, message: str) -> str | None:
        match message:
            case "ask":
                self.ask(Stock.at("pen"), 2, then=self.reserved, timeout=timedelta(seconds=5), keep=Line("pen", 2))
                self.ask(Stock.at("ink"), 1, then=self.counted)
            case "link":
                link = self.reply_address(then=self.counted, timeout=3 * DAY)
                self.send(Address("kit/mail", "ada"), f"/replies/{link.id}")
                return link.id
            case "remind":
                self.send_every("0 9 * *  MON-fri", self.address, "tick", name="daily", tz="Europe/Paris")
                self.send_every(timedelta(hours=1), self.address, "tick", name="hourly")
            case "replace":
                self.send_every(timedelta(hours=1), self.address, "tick", name="a")
                self.send_every(timedelta(hours=2), self.address, "tick", name="a")
                self.send_every(timedelta(hours=3), self.address, "tick", name="b: with: colons")
                self.cancel_every("b: with: colons")
            case "end":
                self.cancel_every("daily")
            case "strict":
                self.state = message
            case "later":
                self.send_after(60, self.address, "tick")
            case _:
                pass
        return None

    @answers
    def reserved(self, answer: int | NoAnswer, line: Line) -> str:
        self.state = f"{line.sku}: {answer if isinstance(answer, int) else answer.reason}"
        return self.state

    @answers(name="count")
    async def counted(self, answer: int | NoAnswer) -> None:
        if self.state == "strict":
            raise TypeError("no answer")
        self.state = str(answer)


class Stock(Entity, typename="kit/stock"):
    @handles(int)
    def reserve(self, message: int) -> None: ...


def test_given_shows_asks_and_no_messages_to_the_library() -> None:
    result = given(Order, "1").when("ask")

    assert result.asks == [
        Ask(Stock.at("pen"), 2, "reserved", timedelta(seconds=5), Line("pen", 2)),
        Ask(Stock.at("ink"), 1, "count"),
    ]
    assert [ask.asker for ask in result.asks] == [Order.at("1")] * 2
    assert result.sent == []
    assert repr(result.asks[1]) == (
        "Ask(target=Address('kit/stock', 'ink'), message=1, then='count', "
        "timeout=datetime.timedelta(seconds=60), keep=None, asker=Address('kit/order', '1'))"
    )


def test_given_shows_a_reply_address_and_where_it_went() -> None:
    result = given(Order, "1").when("link")

    [ask] = result.asks
    assert ask == Ask(None, None, "count", 3 * DAY)
    assert result.sent == [Sent(Address("kit/mail", "ada"), f"/replies/{ask.address.id}")]
    assert result.reply == ask.address.id


def test_given_shows_schedules_as_they_were_written() -> None:
    result = given(Order, "1").when("remind", now=datetime(2026, 1, 1, tzinfo=UTC))

    assert result.schedules == [
        Schedule("0 9 * *  MON-fri", "Europe/Paris", Order.at("1"), "tick", "daily"),
        Schedule(timedelta(hours=1), "UTC", Order.at("1"), "tick", "hourly"),
    ]
    assert [schedule.next.isoformat() for schedule in result.schedules] == [
        "2026-01-01T08:00:00+00:00",
        "2026-01-01T01:00:00+00:00",
    ]
    assert (result.sent, result.delayed) == ([], [])
    assert repr(result.schedules[1]) == (
        "Schedule(schedule=datetime.timedelta(seconds=3600), tz='UTC', target=Address('kit/order', '1'), "
        "message='tick', name='hourly', sender=Address('kit/order', '1'))"
    )


def test_given_shows_started_and_cancelled_schedules() -> None:
    result = given(Order, "1").when("replace", "end")

    assert result.schedules == [Schedule(timedelta(hours=2), "UTC", Order.at("1"), "tick", "a")]
    assert result.cancelled_schedules == ["b: with: colons", "daily"]


def test_an_answer_runs_its_method_with_what_was_kept_for_the_first_caller() -> None:
    bob = Address("kit/service", "bob")

    result = given(Order, "1", state="asked").answered(Order.reserved, 7, keep=Line("pen", 2), caller=bob)
    assert (result.entity.state, result.reply, result.sent) == ("pen: 7", "pen: 7", [])

    late = given(Order, "1").answered(Order.reserved, NoAnswer(Stock.at("pen"), "timeout"), keep=Line("pen", 2))
    assert late.reply == "pen: timeout"

    alone = given(Order, "1").answered(Order.reserved, 7, keep=Line("pen", 2), caller=None)
    assert (alone.reply, alone.entity.state) == (None, "pen: 7")


def test_an_error_of_an_answer_method_is_raised_or_with_a_policy_recorded() -> None:
    class Policed(Order, typename="kit/policed", on_failure=DeadLetter("kit/letters", attempts=1)):
        pass

    with pytest.raises(TypeError, match="no answer"):
        given(Order, "1", state="strict").answered(Order.counted, NoAnswer(None, "timeout"))
    result = given(Policed, "1", state="strict").answered(Policed.counted, NoAnswer(None, "timeout"))
    assert [str(error) for error in result.dead_letters] == ["no answer"]


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda order: order.answered(Order.go, 5), "a method of Order that is decorated with @answers, got <function"),
        (lambda order: order.answered("reserved", 5), "a method of Order that is decorated with @answers, got 'reserv"),
        (lambda order: order.answered(Order.reserved, 5), "expected keep=, a `Line` for the second parameter"),
        (lambda order: order.answered(Order.reserved, 5, keep=5), "expected keep= of Order.reserved as `Line`"),
        (lambda order: order.answered(Order.counted, 5, keep=5), "expected no keep=, since Order.counted takes only"),
        (lambda order: order.answered(Order.counted, 5, caller="ada"), "expected an address"),
    ],
)
def test_an_answer_that_no_ask_could_get_is_refused(call: Any, problem: str) -> None:
    with pytest.raises(ValueMismatchError) as raised:
        call(given(Order, "1"))

    assert problem in str(raised.value)


def test_an_answer_of_a_type_that_the_method_does_not_take_is_unhandled() -> None:
    wrong: Any = "text"
    with pytest.raises(UnhandledMessageError):
        given(Order, "1").answered(Order.counted, wrong)


async def test_a_runtime_shows_what_is_open_and_nothing_of_the_library() -> None:
    async with TestRuntime(Order, Stock) as runtime:
        await runtime.tell(Order.at("1"), "ask")
        await runtime.tell(Order.at("2"), "ask")
        await runtime.tell(Order.at("1"), "remind")
        await runtime.tell(Order.at("1"), "later")

        asks = given(Order, "1").when("ask").asks
        assert runtime.asks == [*asks, *asks]
        assert [ask.asker.id for ask in runtime.asks] == ["1", "1", "2", "2"]
        assert [schedule.name for schedule in runtime.schedules] == ["hourly", "daily"]
        assert [timer.message for timer in runtime.timers] == ["tick"]

        await runtime.clock.advance(timedelta(hours=8))
        assert runtime.asks == []
        assert [(schedule.name, schedule.next.isoformat()) for schedule in runtime.schedules] == [
            ("hourly", "2026-01-01T09:00:00+00:00"),
            ("daily", "2026-01-02T08:00:00+00:00"),
        ]
        assert runtime.timers == []


async def test_a_person_answers_a_reply_address_once() -> None:
    async with TestRuntime(Order) as runtime:
        token = await runtime.ask(Order.at("1"), "link", str)
        wrong: Any = "text"
        with pytest.raises(UnhandledMessageError) as refused:
            await runtime.answer(token, wrong)
        assert str(refused.value) == (
            "Order.counted takes io.statefun.types/long, got io.statefun.types/string. Send an answer of such a type, "
            "or add the type to the annotation of the method."
        )
        [ask] = runtime.asks
        await runtime.answer(ask.address, 5)

        assert runtime.state(Order.at("1")).state == "5"
        assert runtime.asks == []
        for address in (token, ask.address, "0" * 32):
            with pytest.raises(NotOpenError) as raised:
                await runtime.answer(address, 5)
        assert str(raised.value) == (
            "the reply address 00000000... takes no answer: it has been answered, its time is over, or it never was. "
            "`statefun-actors asks APP` lists the open ones."
        )
        for nothing in ("", Order.at("1")):
            with pytest.raises(ValueMismatchError, match=r"^expected what self.reply_address\(...\) returned, or its"):
                await runtime.answer(nothing, 5)


async def test_the_tokens_of_a_second_run_over_a_store_are_not_those_of_the_first() -> None:
    class Kept(MemoryStore):
        def close(self) -> None:
            """It is used again."""

    store = Kept()
    for runs in (1, 2):
        async with TestRuntime(Order, store=store) as runtime:
            await runtime.ask(Order.at("1"), "link", str)

            assert len(runtime.asks) == runs


async def test_the_dead_letter_of_an_answer_shows_the_answer() -> None:
    class Policed(Order, typename="kit/policed", on_failure=DeadLetter("kit/letters", attempts=1)):
        pass

    async with TestRuntime(Policed) as runtime:
        await runtime.ask(Policed.at("1"), "link", str)
        await runtime.tell(Policed.at("1"), "strict")
        await runtime.clock.advance(3 * DAY)

        assert [letter.message for letter in runtime.dead_letters] == [NoAnswer(None, "timeout")]
