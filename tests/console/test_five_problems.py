"""A shop with five problems at once. The console alone names the cause of each: no log, no code, no command is read."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from html import unescape

from statefun_actors import AsyncRuntime, Entity, NoAnswer, answers, handles, message, persisted
from tests.console.served import Site, query
from tests.console.test_overview import rows


@message("shop/pay")
class Pay:
    cents: int


@message("shop/quote")
class Quote:
    sku: str


@message("shop/price")
class Price:
    cents: int


class Cart(Entity, typename="shop/cart"):
    items: int = persisted(default=0)
    price: int | None = persisted()

    @handles(int)
    def add(self, message: int) -> None:
        self.items += message

    @handles
    def pay(self, message: Pay) -> None:
        self.price = message.cents // self.items  # the first problem: a cart without items blocks its mailbox

    @handles
    def price_of(self, message: Quote) -> None:
        self.ask(Supplier.at("north"), message, then=self.priced, timeout=timedelta(hours=4))

    @answers
    def priced(self, answer: Price | NoAnswer) -> None:
        self.price = answer.cents if isinstance(answer, Price) else None


class Supplier(Entity, typename="shop/supplier"):
    @handles
    def quote(self, message: Quote) -> None:
        if message.sku != "glass":  # the second: an ask that nobody answers
            self.reply(Price(250))


class Till(Entity, typename="shop/till"):
    @handles
    def print(self, message: int) -> None:
        self.send_egress("shop/receipts", message)  # the third: nothing listens where receipts are sent


gates: list[asyncio.Event] = []
"""The last one lets visitors of pages pass."""


class Page(Entity, typename="shop/page"):
    @handles
    async def view(self, message: str) -> None:
        await gates[-1].wait()  # the fourth: all look at one page, which takes too long


class Report(Entity, typename="shop/report"):
    @handles
    def render(self, message: str) -> str:
        end = time.monotonic() + 0.15
        while time.monotonic() < end:  # the fifth: it holds the event loop
            pass
        return message


@asynccontextmanager
async def shop() -> AsyncGenerator[Site]:
    """The console of the shop, once all problems have occurred."""
    with closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        receipts = f"http://127.0.0.1:{closed.getsockname()[1]}/receipts"
        async with AsyncRuntime(
            Cart, Supplier, Till, Page, Report, bind="127.0.0.1:0", egress={"shop/receipts": receipts}
        ) as runtime:
            gates.append(asyncio.Event())
            site = Site(runtime)
            await site.get("/console/")
            await runtime.tell(Cart.at("ada"), Pay(900))
            for number in range(3):
                await runtime.tell(Cart.at("ada"), number)
            for cart, sku in (("bob", "pen"), ("eve", "glass")):
                await runtime.tell(Cart.at(cart), Quote(sku))
            for number in range(5):
                await runtime.tell(Till.at("1"), number)
            for number in range(20):
                await runtime.tell(Page.at("home" if number % 5 else f"p{number}"), "x")
            await runtime.ask(Report.at("daily"), "x")
            yield site
            gates[-1].set()


def plain(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", "", text)).split())


async def test_the_overview_names_four_causes_and_one_click_shows_the_fifth() -> None:
    async with shop() as site:
        text = await site.until("", lambda text: "ZeroDivisionError" in text and "be written" in text)
        (failing,) = rows(text, "Failing")
        assert (failing["address"], failing["type"], failing["value"]) == ("shop/cart/ada", "shop/pay", '{"cents":900}')
        assert failing["error"] == "ZeroDivisionError: integer division or modulo by zero"
        assert failing["waiting behind"] == "3"
        assert failing["since"].endswith(" ago")
        assert re.search(
            r"Egress shop/receipts can't be written: no connection: [^(]+ \(first failure: [^)]+ ago\)", plain(text)
        )
        assert '<dt><a href="egress">egress backlog</a></dt><dd>5</dd>' in text
        assert "Report.render held the event loop for " in plain(text)
        waiting = [(row["entity"], row["messages waiting"]) for row in rows(text, "Most messages waiting")]
        assert waiting == [("shop/page/home", "16"), ("shop/cart/ada", "4")]

        asks = await site.until("asks", lambda text: "shop/cart/eve" in text)
        assert "shop/cart/bob" not in asks
        found = plain(asks)
        assert 'shop/cart/eveshop/supplier/northshop/quote{"sku":"glass"}priced' in found, found


async def test_an_entity_with_many_messages_says_that_not_all_are_shown() -> None:
    async with AsyncRuntime(Page, bind="127.0.0.1:0") as runtime:
        gates.append(asyncio.Event())
        for _ in range(60):
            await runtime.tell(Page.at("home"), "x")
        text = (await Site(runtime).get(f"/console/entity{query(type='shop/page', id='home')}")).text
        gates[-1].set()
    assert "Only the first 50 are shown; more wait behind them." in plain(text)
