"""The cart in virtual time: reservations that expire, and checkouts that are all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from cart import (
    RESERVED_FOR,
    Add,
    Added,
    Cart,
    Checkout,
    Expire,
    Expired,
    Hold,
    Pay,
    Purse,
    Receipt,
    Refund,
    Refused,
    Reserve,
    Sell,
    Stock,
)

from statefun_actors import Address, InternalMessageError
from statefun_actors.testing import TestRuntime, simulate

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
PEN: Final = Stock.at("pen")
ADA, BOB = Cart.at("ada"), Cart.at("bob")


def shop(work: Callable[[TestRuntime], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with TestRuntime(Cart, Stock, Purse, start=NOON) as runtime:
            await work(runtime)

    asyncio.run(run())


def test_what_is_added_is_reserved_and_a_checkout_sells_it() -> None:
    async def work(runtime: TestRuntime) -> None:
        assert await runtime.ask(ADA, Add("pen", 2), Added) == Added("pen", 2, NOON + RESERVED_FOR)
        await runtime.ask(ADA, Add("ink", 1), Added)
        assert runtime.state(PEN).left == 8

        receipt = await runtime.ask(ADA, Checkout("ada"), Receipt)

        assert receipt == Receipt(14_00, {"pen": 2, "ink": 1})
        assert runtime.state(Purse.at("ada")).cents == 86_00
        assert (runtime.state(PEN).left, runtime.state(PEN).sold, runtime.state(PEN).reserved) == (8, 2, {})
        assert runtime.timers == []
        assert await runtime.ask(ADA, Checkout("ada"), Refused) == Refused("empty")

    shop(work)


def test_a_reservation_expires_for_the_stock_and_for_the_cart() -> None:
    async def work(runtime: TestRuntime) -> None:
        await runtime.ask(ADA, Add("pen", 10), Added)
        assert await runtime.ask(BOB, Add("pen", 1), Refused) == Refused("sold out", "pen")
        await runtime.clock.advance(RESERVED_FOR)

        assert runtime.state(ADA).items == {}
        await runtime.ask(BOB, Add("pen", 1), Added)
        assert runtime.state(PEN).left == 9

    shop(work)


def test_each_addition_renews_the_reservation_of_its_article() -> None:
    async def work(runtime: TestRuntime) -> None:
        await runtime.ask(ADA, Add("pen", 1), Added)
        await runtime.ask(ADA, Add("ink", 1), Added)
        await runtime.clock.advance(timedelta(minutes=10))
        added = await runtime.ask(ADA, Add("pen", 1), Added)
        assert added == Added("pen", 2, NOON + timedelta(minutes=25))
        await runtime.clock.advance(timedelta(minutes=10))

        assert [(sku, item.count) for sku, item in runtime.state(ADA).items.items()] == [("pen", 2)]
        await runtime.clock.advance(timedelta(minutes=5))
        assert runtime.state(ADA).items == {}
        assert runtime.state(PEN).left == 10

    shop(work)


def test_news_of_an_old_end_ends_no_renewed_reservation() -> None:
    async def work(runtime: TestRuntime) -> None:
        await runtime.ask(ADA, Add("pen", 1), Added)
        old = runtime.state(ADA).items["pen"].until
        await runtime.clock.advance(timedelta(minutes=1))
        await runtime.ask(ADA, Add("pen", 1), Added)
        await runtime.tell(PEN, Expire("ada", old), caller=PEN)
        await runtime.tell(ADA, Expired("pen", old), caller=PEN)

        assert runtime.state(ADA).items["pen"].count == 2
        assert runtime.state(PEN).left == 8

    shop(work)


def test_a_checkout_without_money_sells_nothing_and_may_be_repeated() -> None:
    async def work(runtime: TestRuntime) -> None:
        await runtime.ask(ADA, Add("pen", 1), Added)
        await runtime.ask(ADA, Add("desk", 1), Added)
        await runtime.clock.advance(timedelta(minutes=10))
        for _ in range(2):
            assert await runtime.ask(ADA, Checkout("ada"), Refused) == Refused("no money")
        await runtime.clock.advance(timedelta(minutes=10))  # the checkout renewed the reservations

        assert [(runtime.state(it).left, runtime.state(it).sold) for it in (PEN, Stock.at("desk"))] == [(9, 0)] * 2
        assert runtime.state(Purse.at("ada")).cents == 100_00
        assert set(runtime.state(ADA).items) == {"pen", "desk"}

        await runtime.clock.advance(timedelta(minutes=5))
        assert runtime.state(ADA).items == {}
        assert runtime.state(PEN).left == 10

    shop(work)


def test_a_checkout_of_what_was_sold_meanwhile_sells_nothing_and_drops_it() -> None:
    async def work(runtime: TestRuntime) -> None:
        await runtime.ask(ADA, Add("ink", 1), Added)
        await runtime.ask(ADA, Add("pen", 10), Added)
        await runtime.tell(PEN, Hold("ada", 0), caller=ADA)  # as if it had just expired
        await runtime.ask(BOB, Add("pen", 1), Added)

        assert await runtime.ask(ADA, Checkout("ada"), Refused) == Refused("sold out", "pen")
        assert await runtime.ask(ADA, Checkout("ada"), Receipt) == Receipt(9_00, {"ink": 1})

    shop(work)


def test_a_refund_counts_before_and_after_its_payment() -> None:
    async def work(runtime: TestRuntime) -> None:
        purse = Purse.at("ada")
        for first, second in ((Pay("1", 5_00), Refund("1")), (Refund("2"), Pay("2", 5_00))):
            await runtime.tell(purse, first, caller=ADA)
            await runtime.tell(purse, second, caller=BOB)
            assert runtime.state(purse).cents == 100_00

    shop(work)


@pytest.mark.parametrize(
    ("message", "refused"),
    [
        (Add("car", 1), Refused("no such article", "car")),
        (Add("pen", 0), Refused("the count is below 1", "pen")),
        (Add("pen", 11), Refused("sold out", "pen")),
        (Checkout("ada"), Refused("empty")),
    ],
)
def test_what_is_refused(message: Add | Checkout, refused: Refused) -> None:
    async def work(runtime: TestRuntime) -> None:
        assert await runtime.ask(ADA, message, Refused) == refused

    shop(work)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (PEN, Reserve("ada", 1)),
        (PEN, Hold("ada", 1)),
        (PEN, Sell("ada", 1)),
        (PEN, Expire("ada", NOON)),
        (ADA, Expired("pen", NOON)),
        (Purse.at("ada"), Pay("1", -100)),
        (Purse.at("ada"), Refund("1")),
    ],
)
def test_stock_and_money_take_messages_of_carts_alone(target: Address, message: object) -> None:
    async def work(runtime: TestRuntime) -> None:
        with pytest.raises(InternalMessageError):
            await runtime.tell(target, message)

    shop(work)


async def _two_carts(runtime: TestRuntime) -> None:
    for cart in ("ada", "bob"):
        for at in range(3):
            await runtime.tell(Cart.at(cart), Add("pen", 2), key=f"{cart}-pen-{at}")
        await runtime.tell(Cart.at(cart), Add("ink", 1), key=f"{cart}-ink")
    await runtime.tell(ADA, Checkout("ada"), key="ada-checkout")
    await runtime.clock.advance(timedelta(minutes=7))
    await runtime.tell(BOB, Checkout("bob"), key="bob-checkout")
    await runtime.clock.advance(2 * RESERVED_FOR)


def _nothing_is_lost(runtime: TestRuntime) -> None:
    prices = {"pen": 2_50, "ink": 9_00}
    sold = 0
    for sku, price in prices.items():
        stock = runtime.state(Stock.at(sku))
        assert stock.left + stock.sold + sum(it.count for it in stock.reserved.values()) == 10
        sold += stock.sold * price
    assert sum(100_00 - runtime.state(it).cents for it in runtime.entities(Purse)) == sold
    assert {runtime.state(it).state for it in runtime.entities(Cart)} == {"open"}


def test_faults_lose_no_article_and_no_cent() -> None:
    simulate(_two_carts, Cart, Stock, Purse, seeds=25, invariant=_nothing_is_lost)
