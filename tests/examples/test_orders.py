"""The orders example in virtual time: answers that come, come late, come twice and never come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from orders import (
    Accepted,
    Approval,
    Charge,
    Charged,
    Declined,
    Mail,
    Order,
    Place,
    Refused,
    Reserve,
    Stock,
    charge,
)

from statefun_actors import InternalMessageError
from statefun_actors.testing import TestRuntime

PEN = Stock.at("pen")
SMALL, LARGE = Place("pen", 2, 50_00), Place("pen", 2, 500_00)


def shop(
    work: Callable[[TestRuntime], Coroutine[Any, Any, None]],
    bank: Callable[[Charge, str], Charged | Declined] = lambda message, key: Charged(key),
) -> None:
    async def run() -> None:
        start = datetime(2026, 3, 27, 12, tzinfo=UTC)
        async with TestRuntime(Order, Stock, charge.replaced(bank), start=start) as runtime:
            await work(runtime)

    asyncio.run(run())


def mails(runtime: TestRuntime) -> list[str]:
    return [mail.text for mail in runtime.egress("shop/mails")]


def link_of(runtime: TestRuntime) -> str:
    (mail,) = [mail for mail in runtime.egress("shop/mails") if isinstance(mail, Mail) and mail.link]
    return mail.link.removeprefix("/replies/")


def test_a_small_order_is_reserved_and_paid_at_once() -> None:
    async def work(runtime: TestRuntime) -> None:
        assert await runtime.ask(Order.at("1"), SMALL, Accepted) == Accepted()

        assert runtime.state(Order.at("1")).state == "paid"
        assert runtime.state(PEN).left == 98
        assert runtime.schedules == []

    shop(work)


def test_an_order_of_a_sold_out_item_is_refused() -> None:
    async def work(runtime: TestRuntime) -> None:
        assert await runtime.ask(Order.at("1"), Place("pen", 101, 1), Refused) == Refused("sold out")
        assert runtime.state(PEN).left == 100

    shop(work)


@pytest.mark.parametrize(("answer", "state", "left"), [(True, "paid", 98), (False, "cancelled", 100)])
def test_a_large_order_waits_for_a_person(answer: bool, state: str, left: int) -> None:
    async def work(runtime: TestRuntime) -> None:
        await runtime.ask(Order.at("1"), LARGE, Accepted)
        assert runtime.state(Order.at("1")).state == "waiting"
        await runtime.clock.advance(timedelta(days=2))

        await runtime.answer(link_of(runtime), Approval(answer))

        assert runtime.state(Order.at("1")).state == state
        assert runtime.state(PEN).left == left

    shop(work)


def test_an_approval_that_never_comes_cancels_the_order_after_three_days() -> None:
    async def work(runtime: TestRuntime) -> None:
        await runtime.ask(Order.at("1"), LARGE, Accepted)
        await runtime.clock.advance(timedelta(days=3))

        assert runtime.state(Order.at("1")).state == "cancelled"
        assert runtime.state(PEN).left == 100
        assert mails(runtime)[-1] == "cancelled: not approved in time"
        assert runtime.schedules == []

    shop(work)


def test_an_approval_that_comes_twice_or_late_counts_once() -> None:
    async def work(runtime: TestRuntime) -> None:
        await runtime.ask(Order.at("1"), LARGE, Accepted)
        link = link_of(runtime)
        await runtime.answer(link, Approval(True))
        with pytest.raises(LookupError):
            await runtime.answer(link, Approval(False))
        await runtime.clock.advance(timedelta(days=4))

        assert runtime.state(Order.at("1")).state == "paid"

    shop(work)


def test_each_morning_at_nine_in_the_customers_zone_there_is_a_reminder_until_it_is_paid() -> None:
    async def work(runtime: TestRuntime) -> None:
        await runtime.ask(Order.at("1"), LARGE, Accepted)
        await runtime.clock.advance(timedelta(days=2))  # over the night in which clocks go forward

        assert mails(runtime)[1:] == ["still to be paid"] * 2
        (schedule,) = runtime.schedules
        assert schedule.tz == "Europe/Paris"
        await runtime.answer(link_of(runtime), Approval(True))
        await runtime.clock.advance(timedelta(days=5))
        assert mails(runtime).count("still to be paid") == 2

    shop(work)


def test_a_bank_that_is_away_for_a_while_is_asked_again_under_one_key() -> None:
    keys: list[str] = []

    def away(message: Charge, key: str) -> Charged:
        keys.append(key)
        if len(keys) < 4:
            raise ConnectionError("no bank")
        return Charged(key)

    async def work(runtime: TestRuntime) -> None:
        await runtime.ask(Order.at("1"), SMALL, Accepted)
        assert runtime.state(Order.at("1")).state == "paying"
        await runtime.clock.advance(timedelta(minutes=1))

        assert runtime.state(Order.at("1")).state == "paid"
        assert len(keys) == 4
        assert len(set(keys)) == 1

    shop(work, away)


def test_a_bank_that_declines_cancels_the_order() -> None:
    async def work(runtime: TestRuntime) -> None:
        await runtime.ask(Order.at("1"), SMALL, Accepted)

        assert runtime.state(Order.at("1")).state == "cancelled"
        assert runtime.state(PEN).left == 100
        assert mails(runtime) == ["cancelled: no money"]

    shop(work, lambda message, key: Declined("no money"))


def test_the_stock_takes_orders_from_orders_alone() -> None:
    async def work(runtime: TestRuntime) -> None:
        with pytest.raises(InternalMessageError):
            await runtime.tell(PEN, Reserve("x", 1))

    shop(work)
