"""100,000 entities in a real browser: lists, searches by id and by a field, and pages."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from statefun_actors import Entity, Runtime, handles, persisted
from tests.benchmarks.growth import TYPE, fill, id_of
from tests.console.browser import DESKTOP, PHONE, Browser
from tests.console.served import query
from tests.last_use import BROWSER

pytestmark = pytest.mark.xdist_group(BROWSER)

MANY = 100_000


class Counter(Entity, typename=TYPE):
    total: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> int:
        self.total += message
        return self.total


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Generator[Runtime]:
    path = tmp_path_factory.mktemp("many") / "store.db"
    asyncio.run(fill(Path(path), MANY))
    with Runtime(Counter, store=path, bind="127.0.0.1:0") as runtime:
        yield runtime


def _ids(browser: Browser) -> list[str]:
    return [*browser.texts("td[data-label=id]")]


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_entities_are_listed_paged_and_found_by_id(browser: Browser, runtime: Runtime, scripts: bool) -> None:
    with browser.seen(DESKTOP, scripts=scripts):
        browser.open(f"{runtime.urls[0]}/console/")
        browser.until_seen(f"{MANY:,}")
        browser.click(By.LINK_TEXT, TYPE)
        browser.until_seen(id_of(49))
        browser.click(By.LINK_TEXT, "Next page")
        browser.until_seen(id_of(99))
        assert _ids(browser) == [id_of(number) for number in range(50, 100)]
        browser.write(By.NAME, "prefix", "000999")
        browser.press("Show")
        browser.until_seen(id_of(99_949))
        assert _ids(browser) == [id_of(number) for number in range(99_900, 99_950)]


def test_an_entity_is_found_by_the_value_of_a_field_among_all(browser: Browser, runtime: Runtime) -> None:
    runtime.ask(Counter.at(id_of(99_123)), 41)
    with browser.seen(PHONE):
        browser.open(f"{runtime.urls[0]}/console/entities{query(type=TYPE)}")
        browser.write(By.NAME, "field", "total")
        browser.write(By.NAME, "value", "42")
        browser.press("Show")
        browser.until_seen(f"{MANY:,} entities read, 1 found.", 120)
        assert _ids(browser) == [id_of(99_123)]
        assert (browser.overflow(), browser.barriers()) == (0, [])


def test_a_search_shows_its_progress_and_is_cancelled(browser: Browser, runtime: Runtime) -> None:
    with browser.seen(DESKTOP):
        browser.open(f"{runtime.urls[0]}/console/entities{query(type=TYPE, field='total', value='-1', scan='1')}")
        browser.until_seen(f"of {MANY:,} read, 0 found so far.")
        browser.press("Cancel the search")
        browser.until_seen("The search was cancelled: ")
        assert browser.barriers() == []
