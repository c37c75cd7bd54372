"""The console in a real browser: every page on a phone and a desktop, light and dark, with and without JavaScript."""

from __future__ import annotations

import json
from collections.abc import Generator

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from statefun_actors import Runtime
from tests.console.browser import DESKTOP, PHONE, Browser
from tests.console.served import Box, Fail, GiveUp, Put, Start, query
from tests.console.shown import HOSTILE, PAGES, Payment, charge
from tests.last_use import BROWSER

pytestmark = pytest.mark.xdist_group(BROWSER)

ALL = [
    *PAGES,
    *(f"entity{query(type='console/box', id=id)}" for id in ("ada", "stuck", HOSTILE)),
    "entity?address=none",
    "send",
    f"send{query(to='console/box/x', type='console/put', **{'f.text': HOSTILE})}",
    "nothing",
]


@pytest.fixture(scope="module")
def url(browser: Browser) -> Generator[str]:
    """The console of a runtime with something on every page."""
    browser.begin()
    with Runtime(Box, bind="127.0.0.1:0") as runtime:
        for id, message in (("ada", Start()), ("gone", GiveUp("it")), (HOSTILE, Put(HOSTILE)), (HOSTILE, GiveUp("x"))):
            runtime.tell(Box.at(id), message)
        runtime.tell(Box.at("stuck"), Fail("this"))
        runtime.tell(Box.at("stuck"), Put("behind"))
        yield f"{runtime.urls[0]}/console/"


@pytest.mark.parametrize("page", ALL, ids=[page[:40] or "overview" for page in ALL])
def test_a_page_is_readable_by_everyone_at_every_width(browser: Browser, url: str, page: str) -> None:
    browser.errors()  # forget those of an earlier test
    with browser.seen(DESKTOP):
        browser.open(url + page)
        too_wide = browser.overflow()
    with browser.seen(PHONE, dark=True):  # the same page: none of its scripts looks at the width or the theme
        assert (too_wide, browser.overflow()) == (0, 0)
        assert browser.barriers() == []
        # The browser itself logs the status of a page that is not there.
        assert [error for error in browser.errors() if "404" not in error] == []


@pytest.mark.parametrize("width", [PHONE, 680, DESKTOP])
def test_no_word_of_a_type_an_error_or_a_value_is_broken(browser: Browser, width: int) -> None:
    cells = ", ".join(
        f"td[data-label='{name}']" for name in ("type", "class", "question", "value", "error", "attempts")
    )
    with Runtime(Box, Payment, charge, bind="127.0.0.1:0") as runtime, browser.seen(width):
        for address, message in ((Box.at("stuck"), Fail("this")), (Box.at("ada"), Start()), (Payment.at("1"), "bank")):
            runtime.tell(address, message)
        for page, text in (("", "can't take this"), ("asks", "is away")):
            browser.open(f"{runtime.urls[0]}/console/{page}")
            browser.until_seen(text)

            assert browser.broken_words(cells) == []
            assert browser.overflow() == 0


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
    browser.click(By.LINK_TEXT, "console/box/stuck")
    browser.until_seen("Waiting messages")
    browser.click(By.LINK_TEXT, "console/box")
    browser.until_seen("Id begins with")

    browser.until_seen("started")


def test_an_open_page_follows_changes_and_says_when_the_server_is_gone(browser: Browser) -> None:
    with Runtime(Box, bind="127.0.0.1:0") as runtime:
        browser.open(f"{runtime.urls[0]}/console/entities")
        browser.until_seen("No entities")
        runtime.tell(Box.at("new"), Put("a new text"))
        browser.until_seen("a new text")
        browser.until_seen("live")
    browser.until_seen("not connected")
    browser.open("about:blank")
    browser.begin()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_message_is_previewed_and_sent_from_its_entity(browser: Browser, url: str, scripts: bool) -> None:
    with browser.seen(PHONE, scripts=scripts):
        browser.open(url + "entity?address=console/box/sent")
        browser.click(By.LINK_TEXT, "Send a message")
        Select(browser.driver.find_element(By.NAME, "type")).select_by_visible_text("console/put")
        browser.press("Choose")
        browser.write(By.ID, "f-text", f"it's {scripts}")
        browser.press("Preview")
        browser.until_seen(f"""await runtime.tell(Box.at('sent'), Put(text="it's {scripts}"))""")
        assert (browser.overflow(), browser.barriers() if scripts else []) == (0, [])
        browser.press("Send")
        browser.until_seen("Sent console/put to console/box/sent.")
        browser.open(url + "entity?address=console/box/sent")
        browser.until_seen(f"it's {scripts}")


def test_a_dead_letter_is_edited_and_discarded_after_a_question(browser: Browser) -> None:
    with Runtime(Box, bind="127.0.0.1:0") as runtime:
        runtime.tell(Box.at("gone"), GiveUp("it"))
        browser.open(f"{runtime.urls[0]}/console/dead-letters")
        browser.click(By.CSS_SELECTOR, "td a[href^=dead-letter]")
        assert browser.barriers() == []
        browser.write(By.ID, "json", '{"text": "edited"}')
        browser.press("Retry with this value")
        browser.until_seen("with another value")
        browser.open(f"{runtime.urls[0]}/console/dead-letters")
        browser.until_seen("gave up on edited")
        browser.click(By.NAME, "number")
        browser.press("Discard the chosen")
        browser.until_seen("Discard 1 dead letter? It is deleted.")
        assert browser.barriers() == []
        browser.press("Yes")
        browser.until_seen("No dead letters.")


def test_an_ask_is_answered(browser: Browser) -> None:
    with Runtime(Box, bind="127.0.0.1:0") as runtime:
        runtime.tell(Box.at("ada"), Start())
        browser.open(f"{runtime.urls[0]}/console/asks")
        browser.click(By.CSS_SELECTOR, "a[href^='ask?']")
        browser.write(By.ID, "json", '{"text": "by hand"}')
        assert browser.barriers() == []
        browser.press("Answer")
        browser.until_seen("Answered the ask of console/box/ada with console/put.")
        browser.until_seen("No asks are open.")


def test_a_page_does_not_change_under_a_chosen_row(browser: Browser) -> None:
    with Runtime(Box, bind="127.0.0.1:0") as runtime:
        runtime.tell(Box.at("gone"), GiveUp("it"))
        browser.open(f"{runtime.urls[0]}/console/dead-letters")
        browser.click(By.NAME, "number")
        runtime.tell(Box.at("next"), GiveUp("next"))
        script = "const [version, done] = arguments; const source = new EventSource('changes?since=' + version);"
        script += "source.addEventListener('changed', () => { source.close(); setTimeout(done, 200); })"
        version = browser.driver.find_element(By.TAG_NAME, "main").get_attribute("data-version")
        browser.driver.execute_async_script(script, version)  # an event has come, so the page's own has, too

        assert browser.driver.find_element(By.NAME, "number").is_selected()


def test_a_token_opens_the_console_until_the_log_out(browser: Browser) -> None:
    with Runtime(Box, bind="127.0.0.1:0", token="secret") as runtime:
        browser.open(f"{runtime.urls[0]}/console/")
        assert browser.barriers() == []
        for token, then in (("wrong", "That is not the token"), ("secret", "Types")):
            browser.write(By.ID, "token", token)
            browser.click(By.CSS_SELECTOR, "main button")
            browser.until_seen(then)
        browser.click(By.CSS_SELECTOR, "header button")
        browser.until_seen("The token that the server was started with")
    browser.begin()


BROKEN = "a\nb"
"""An id with a line break, which browsers change in fields of forms."""


def test_an_id_with_a_line_break_gets_its_message_and_its_edit(browser: Browser) -> None:
    with Runtime(Box, bind="127.0.0.1:0") as runtime:
        address = Box.at(BROKEN)
        fields = {"f.text": BROKEN}
        browser.open(f"{runtime.urls[0]}/console/send{query(to=str(address), type='console/put', **fields)}")
        browser.press("Preview")
        browser.until_seen(r"await runtime.tell(Box.at('a\nb'), Put(text='a\nb'))")
        browser.press("Send")
        browser.until_seen("Sent console/put to console/box/a")
        browser.until_seen(json.dumps(BROKEN))
        assert (runtime.entities(Box), runtime.state(address).text) == ([address], BROKEN)

        browser.open(f"{runtime.urls[0]}/console/field{query(type='console/box', id=BROKEN, field='text')}")
        browser.write(By.ID, "json", '"edited"')
        browser.press("Set")
        browser.until_seen("Are you sure?")
        browser.press("Yes")
        browser.until_seen("Set text of console/box/a")
        assert (runtime.entities(Box), runtime.state(address).text) == ([address], "edited")


def test_a_failing_message_of_an_id_with_a_line_break_is_dropped(browser: Browser) -> None:
    with Runtime(Box, bind="127.0.0.1:0") as runtime:
        for id in (BROKEN, "a\r\nb"):
            runtime.tell(Box.at(id), Fail(repr(id)))
        browser.open(f"{runtime.urls[0]}/console/failing")
        browser.until_seen(r"can't take 'a\nb'")
        browser.until_seen(r"can't take 'a\r\nb'")
        browser.click(By.XPATH, r"//tr[contains(., '/a\nb')]//input")
        browser.press("Drop the chosen to dead letters")
        browser.until_seen("Are you sure?")
        browser.press("Yes")
        browser.until_seen("Dropped the first message of console/box/a")
        assert [each.target for each in runtime.dead_letters] == [Box.at(BROKEN)]
