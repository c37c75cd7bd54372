"""The console in a real browser: every page on a phone and a desktop, light and dark, with and without JavaScript."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from statefun_actors import Runtime
from tests.console.browser import DESKTOP, PHONE, Browser
from tests.console.served import DEADLINE, Box, Fail, GiveUp, Put, Start, query
from tests.console.test_pages import HOSTILE, PAGES

pytestmark = pytest.mark.xdist_group("browser")

ALL = [
    *PAGES,
    *(f"entity{query(type='console/box', id=id)}" for id in ("ada", "stuck", HOSTILE)),
    "entity?address=none",
    "nothing",
]


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    """The console of a runtime with something on every page."""
    with Runtime(Box, bind="127.0.0.1:0") as runtime:
        for id, message in (("ada", Start()), ("gone", GiveUp("it")), (HOSTILE, Put(HOSTILE)), (HOSTILE, GiveUp("x"))):
            runtime.tell(Box.at(id), message)
        runtime.tell(Box.at("stuck"), Fail("this"))
        runtime.tell(Box.at("stuck"), Put("behind"))
        yield f"{runtime.urls[0]}/console/"


def until_seen(browser: Browser, text: str) -> None:
    WebDriverWait(browser.driver, DEADLINE).until(lambda _: text in browser.text(), f"the page never had {text!r}")


@pytest.mark.parametrize("page", ALL, ids=[page[:40] or "overview" for page in ALL])
def test_a_page_is_readable_by_everyone_at_every_width(browser: Browser, url: str, page: str) -> None:
    browser.errors()  # of earlier tests
    with browser.seen(DESKTOP):
        browser.open(url + page)
        too_wide = browser.overflow()
    with browser.seen(PHONE, dark=True):
        browser.open(url + page)

        assert (too_wide, browser.overflow()) == (0, 0)
        assert browser.barriers() == []
        # The browser itself logs the status of a page that is not there.
        assert [error for error in browser.errors() if "404" not in error] == []


@pytest.mark.parametrize("page", ["", "entities", "egress"])
def test_light_pages_on_a_desktop_are_readable_by_everyone(browser: Browser, url: str, page: str) -> None:
    with browser.seen(DESKTOP):
        browser.open(url + page)

        assert browser.barriers() == []


def test_pages_read_the_same_without_javascript(browser: Browser, url: str) -> None:
    for page in PAGES:
        with browser.seen(DESKTOP, scripts=False):
            browser.open(url + page)

            assert "live" not in browser.driver.find_element(By.TAG_NAME, "header").text
            assert "console/" in browser.driver.find_element(By.TAG_NAME, "main").text


def test_links_lead_from_a_failing_message_to_its_entity_and_type(browser: Browser, url: str) -> None:
    browser.open(url)
    browser.driver.find_element(By.LINK_TEXT, "console/box/stuck").click()
    until_seen(browser, "Waiting messages")
    browser.driver.find_element(By.LINK_TEXT, "console/box").click()
    until_seen(browser, "Id begins with")

    assert "started" in browser.text()


def test_an_open_page_follows_changes_and_says_when_the_server_is_gone(browser: Browser) -> None:
    with Runtime(Box, bind="127.0.0.1:0") as runtime:
        browser.open(f"{runtime.urls[0]}/console/entities")
        until_seen(browser, "No entities")
        runtime.tell(Box.at("new"), Put("a new text"))
        until_seen(browser, "a new text")
        until_seen(browser, "live")
    until_seen(browser, "not connected")
    browser.open("about:blank")
    browser.errors()


def test_a_token_opens_the_console_until_the_log_out(browser: Browser) -> None:
    with Runtime(Box, bind="127.0.0.1:0", token="secret") as runtime:
        browser.open(f"{runtime.urls[0]}/console/")
        assert browser.barriers() == []
        for token, then in (("wrong", "That is not the token"), ("secret", "Types")):
            browser.driver.find_element(By.ID, "token").send_keys(token)
            browser.driver.find_element(By.CSS_SELECTOR, "main button").click()
            until_seen(browser, then)
        browser.driver.find_element(By.CSS_SELECTOR, "header button").click()
        until_seen(browser, "The token that the server was started with")
    browser.errors()
