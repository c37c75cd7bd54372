"""The history of an entity, and the conversation of one of its messages, on pages and in a real browser."""

from __future__ import annotations

import asyncio
import html
import re
import time
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from statefun_actors import AsyncRuntime, DeadLetter, Entity, NoAnswer, Runtime, answers, handles, message, persisted
from tests.console.browser import DESKTOP, PHONE, Browser
from tests.console.served import DEADLINE, Site, query
from tests.console.shown import HOSTILE
from tests.last_use import BROWSER


@message("talk/order")
class Order:
    item: str


@message("talk/price")
class Price:
    item: str


@message("talk/cost")
class Cost:
    cents: int


@message("talk/refuse")
class Refuse:
    text: str


class Shop(Entity, typename="talk/shop"):
    cents: int = persisted(default=0)

    @handles(Order)
    def order(self, message: Order) -> None:
        self.ask(Catalog.at("main"), Price(message.item), then=self.priced)
        self.send_after(timedelta(days=1), self.address, Order("again"), cancellation_token="again")

    @answers
    def priced(self, answer: Cost | NoAnswer) -> None:
        if isinstance(answer, Cost):
            self.cents += answer.cents
            self.send(Ledger.at("2026"), answer)
            self.send_egress("talk/out", f"{answer.cents}")

    @handles(Refuse, on_failure=DeadLetter("talk/dead", attempts=1))
    def refuse(self, message: Refuse) -> None:
        raise ValueError(message.text)


class Catalog(Entity, typename="talk/catalog"):
    asked: int = persisted(default=0)

    @handles(Price)
    def price(self, message: Price) -> Cost:
        self.asked += 1
        return Cost(len(message.item))


class Ledger(Entity, typename="talk/ledger"):
    total: int = persisted(default=0)

    @handles(Cost)
    def add(self, message: Cost) -> None:
        self.total += message.cents


SERVED = (Shop, Catalog, Ledger)


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return str(tmp_path / "store.db") if request.param == "file" else None


async def test_an_entity_shows_what_it_handled_changed_and_sent(store: str | None) -> None:
    async with AsyncRuntime(*SERVED, store=store, history=100, bind="127.0.0.1:0") as runtime:
        console = Site(runtime)
        await runtime.tell(Shop.at("ada"), Order("tea"))
        await _ledger(runtime, 3)
        text = plain((await console.get(f"/console/entity{query(type='talk/shop', id='ada')}")).text)
        ledger = (await console.get(f"/console/entity{query(type='talk/ledger', id='2026')}")).text

    assert "cents: null → 3" in text
    assert "ask talk/price to talk/catalog/main" in text
    assert "delayed message talk/order to talk/shop/ada after 24 h" in text
    assert "egress record" in text
    assert f'href="entity{html.escape(query(type="talk/shop", id="ada"))}"' in ledger


async def test_a_conversation_follows_an_ask_its_answer_and_what_came_of_it(store: str | None) -> None:
    async with AsyncRuntime(*SERVED, store=store, history=100, bind="127.0.0.1:0") as runtime:
        console = Site(runtime)
        await runtime.tell(Shop.at("ada"), Order("tea"))
        await _ledger(runtime, 3)
        page = (await console.get(f"/console/entity{query(type='talk/ledger', id='2026')}")).text
        (link,) = re.findall(r'href="(conversation\?[^"]+)"', page)
        text = (await console.get(f"/console/{html.unescape(link)}")).text

    arrows = [plain(each).split(" {")[0].strip() for each in re.findall(r"<li[^>]*>(.*?)\n", text[text.index("<ol") :])]
    assert [re.sub(r' ".*', "", each) for each in arrows] == [
        "outside → talk/shop/ada: message talk/order",
        "talk/shop/ada → talk/catalog/main: ask talk/price",
        "talk/catalog/main → talk/shop/ada: answer talk/cost",
        "talk/shop/ada → talk/ledger/2026: message talk/cost",
        "talk/shop/ada → egress talk/out: egress record io.statefun.types/string",
        "talk/shop/ada → talk/shop/ada: delayed message talk/order",
    ]
    took = "<bdi>[1-9][0-9,]*([.][0-9])? (µs|ms|s)</bdi>"
    assert re.search(f'data-label="took">{took}</td>', page)
    assert len(re.findall(f"handled</bdi> <time[^>]*>[^<]*</time> in {took}", text)) == 4
    assert text.count('class="chosen"') == 2
    assert "The same as a list" in text


async def test_a_history_has_pages_and_a_hostile_place_is_no_error_of_the_server() -> None:
    async with AsyncRuntime(*SERVED, history=100, bind="127.0.0.1:0") as runtime:
        console = Site(runtime)
        for number in range(70):
            await runtime.ask(Catalog.at("main"), Price("x" * number))
        first = (await console.get(f"/console/history{query(type='talk/catalog', id='main')}")).text
        (link,) = re.findall(r'href="(history\?[^"]+)" rel="next"', first)
        second = (await console.get(f"/console/{html.unescape(link)}")).text
        found = [
            (await console.get(f"/console/{page}{query(type='talk/catalog', id='main', **{name: value})}")).status
            for page, name in (("history", "before"), ("conversation", "place"))
            for value in ("nothing", "1.2", "-1.0.0", f"{1 << 80}.0.0", "9.9.9", HOSTILE, "1.1.\u0661")
        ]

    assert (first.count("conversation?"), second.count("conversation?")) == (50, 20)
    assert 'rel="next"' not in second
    assert set(found) <= {200, 404}


@pytest.mark.parametrize(
    "place", ["nothing", "1.2", "-1.0.0", "1_0.0.0", "1. 1.1", f"{1 << 63}.0.0", "1.1.\u0661", "x" * 90]
)
async def test_of_a_damaged_place_both_pages_say_what_is_expected(place: str) -> None:
    async with AsyncRuntime(*SERVED, history=100, bind="127.0.0.1:0") as runtime:
        console = Site(runtime)
        await runtime.tell(Ledger.at("2026"), Cost(1))
        ledger = {"type": "talk/ledger", "id": "2026"}
        history = (await console.get(f"/console/history{query(**ledger, before=place)}")).text
        conversation = (await console.get(f"/console/conversation{query(**ledger, place=place)}")).text

    shown = place if len(place) < 80 else f"{'x' * 80}…"
    for page in (history, conversation):
        assert f"Expected a place such as 12.0.3, got '{shown}'." in plain(page)


async def test_where_nothing_is_recorded_the_page_says_why() -> None:
    async with AsyncRuntime(*SERVED, bind="127.0.0.1:0") as runtime:
        console = Site(runtime)
        await runtime.tell(Ledger.at("2026"), Cost(1))
        text = (await console.get(f"/console/entity{query(type='talk/ledger', id='2026')}")).text

    assert (
        "No history is recorded. To record one, start the run with --history 100, or the runtime with history=100."
        in text
    )


async def test_values_are_escaped() -> None:
    async with AsyncRuntime(*SERVED, history=10, bind="127.0.0.1:0") as runtime:
        console = Site(runtime)
        await runtime.tell(Shop.at(HOSTILE), Refuse(HOSTILE))
        text = (await console.get(f"/console/history{query(type='talk/shop', id=HOSTILE)}")).text
        (link,) = re.findall(r'href="(conversation\?[^"]+)"', text)
        talk = (await console.get(f"/console/{html.unescape(link)}")).text

    for page in (text, talk):
        assert "<script>alert" not in page
        assert "\u202e" not in page
        assert "\x1b" not in page
        assert "dead letter" in page


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    with Runtime(*SERVED, bind="127.0.0.1:0", history=100) as runtime:
        runtime.tell(Shop.at("ada"), Order("tea"))
        runtime.tell(Shop.at(HOSTILE), Refuse(HOSTILE))
        yield f"{runtime.urls[0]}/console/"


@pytest.mark.xdist_group(BROWSER)
def test_pages_are_readable_by_everyone_at_every_width_and_lead_to_each_other(browser: Browser, url: str) -> None:
    browser.begin()
    for width, dark in ((PHONE, True), (DESKTOP, False)):
        with browser.seen(width, dark=dark):
            for id in ("ada", HOSTILE):
                for page in ("entity", "history"):
                    browser.open(f"{url}{page}{query(type='talk/shop', id=id)}")
                    assert (browser.overflow(), browser.barriers()) == (0, [])
                browser.click(By.CSS_SELECTOR, "a[href^=conversation]")
                browser.until_seen("The same as a list")
                assert (browser.overflow(), browser.barriers()) == (0, [])
            browser.open(f"{url}history{query(type='talk/shop', id='ada')}")
            browser.click(By.CSS_SELECTOR, "td[data-label=sent] a")
            browser.until_seen("History")
    assert browser.errors() == []


@pytest.mark.xdist_group(BROWSER)
def test_a_history_and_a_conversation_are_read_without_javascript(browser: Browser, url: str) -> None:
    with browser.seen(PHONE, scripts=False):
        browser.open(f"{url}history{query(type='talk/shop', id='ada')}")
        browser.click(By.CSS_SELECTOR, "a[href^=conversation]")
        browser.until_seen("talk/catalog/main → talk/shop/ada: answer talk/cost")


async def _ledger(runtime: AsyncRuntime, total: int) -> None:
    """Wait until the ledger has *total*."""
    async with asyncio.timeout(DEADLINE):
        while not runtime.exists(Ledger.at("2026")) or runtime.state(Ledger.at("2026")).total != total:
            await asyncio.to_thread(time.sleep, 0.01)


def plain(page: str) -> str:
    """The text of *page*, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", page)).split())
